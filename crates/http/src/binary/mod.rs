//! What the two binary dialects share: HTTP/2 and HTTP/3 code field sections with the same Huffman code and
//! the same integers, hold messages to the same rules, and rank them by the same priorities. Called by `h2`
//! (and by HTTP/3's field coding); hands the finished heads on to [`crate::semantics`].
//!
//! Read in this order: [`prefix_integer`], [`huffman`], [`field_line`] (one decoded field line, already
//! looked up), then [`request_section`] and [`response_section`] (field lines to heads), [`priority`].

pub mod dynamic_table;
pub mod field_line;
pub mod huffman;
mod huffman_table;
pub(crate) mod indexing;
pub mod limits;
pub mod prefix_integer;
pub mod priority;
pub mod request_section;
pub mod response_section;
pub(crate) mod scheduler;
pub(crate) mod string_literal;
pub(crate) mod trouble;

pub use dynamic_table::DynamicTable;
pub use field_line::{FieldLine, FieldSink, LineName, Malformed};
pub use priority::Priority;
pub use request_section::{RequestRules, RequestSection};
pub use response_section::{ResponseSection, TrailerSection};
