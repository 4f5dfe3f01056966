//! One file of TOML, read in two steps: text to raw form (`read`, `words`, `raw`), raw form to checked
//! form (`check`, `checked`). Called by the commands `serve`, `check` and by reload.

pub mod diagnostic;
pub mod nearest;
pub mod raw;
pub mod read;
pub mod source;
pub mod words;
