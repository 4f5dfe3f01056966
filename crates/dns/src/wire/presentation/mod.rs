//! Text that people write and read: the scanner of zone-file syntax (RFC 1035 §5.1), escapes, numbers
//! in base 16, 32 and 64, calendar moments, durations. Called by the zone reader and by whatever reads
//! a single record.

mod calendar;
mod encoding;
mod escaped;
mod scanner;

pub use calendar::{moment_from_text, moment_to_text};
pub use encoding::{base32_decode, base32_encode, base64_decode, base64_encode, hex_decode, hex_encode};
pub use escaped::{Escaped, write_quoted};
pub use scanner::{Scanner, Token, seconds_from_text};
