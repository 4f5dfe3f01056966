//! One file of TOML, read in two steps: text to raw form (`read`, `words`, `raw`), raw form to checked
//! form (`check`, `checked`). Called by the commands `serve`, `check` and by reload.

pub mod check;
pub mod checked;
pub mod diagnostic;
pub mod load;
pub mod nearest;
pub mod raw;
pub mod read;
pub mod reference;
pub mod schema;
pub mod source;
pub mod words;

pub use check::Reach;
pub use checked::{Checked, make};
pub use diagnostic::{Diagnostics, Paint};
pub use load::{Loaded, Unreadable, load, parse};
pub use source::Source;
