//! Zones: the text they are written in ([`read_zone`]), the store that answers from them ([`Zone`]), and
//! the checks before one is put to use ([`check`]). A zone never changes: an edit makes a new one that
//! shares what stayed the same, so readers keep what they hold and a swap is one pointer.

mod builder;
mod catalog;
pub mod check;
mod edit;
mod generate;
mod node;
mod order;
mod reader;
mod snapshot;
mod store;
mod walk;

pub use builder::{BuildError, ZoneBuilder};
pub use catalog::{CatalogError, CatalogMember, catalog_members, catalog_zone};
pub use edit::{Change, ZoneEdit};
pub use node::{NodeView, RrsetView};
pub use reader::{Include, Line, ZoneError, ZoneText, read_zone};
pub use snapshot::Zone;
pub use walk::{Found, Path};

use snapshot::{Contents, Denial, owner_name};

#[cfg(test)]
mod tests;
