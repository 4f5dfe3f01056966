//! Zones between servers: whole (AXFR, RFC 5936) and as differences (IXFR, RFC 1995), out ([`Outgoing`]) and
//! in ([`Incoming`]), the versions remembered for it ([`Journal`]), and a secondary's timers ([`Refresh`]).

mod incoming;
mod journal;
mod outgoing;
mod refresh;

pub use incoming::{Incoming, Received, TransferError};
pub use journal::{Journal, decode_changes, encode_change};
pub use outgoing::Outgoing;
pub use refresh::{Action, Refresh};

#[cfg(test)]
mod tests;
