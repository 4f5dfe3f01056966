//! Structured field values (RFC 9651): the grammar that newer fields share (Priority, Cache-Status, CDN-Cache-Control,
//! Signature-Input, RateLimit ...). Called by whoever reads or writes such a field; hands on to nothing.
//!
//! `value` holds what a field can say, `parse` reads it and `serialise` writes it. Nothing is guessed: what the
//! RFC says fails, fails as a whole.

mod parse;
mod serialise;
mod value;

pub use parse::{InvalidStructured, parse_dictionary, parse_item, parse_list};
pub use serialise::{Unserialisable, serialise_dictionary, serialise_item, serialise_list};
pub use value::{BareItem, Decimal, Dictionary, InnerList, Item, List, Member, Parameters};

#[cfg(test)]
mod tests;
