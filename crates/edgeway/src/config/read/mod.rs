//! From TOML to typed values, with the place of every value kept and every mistake collected.
//!
//! A derive of serde stops at the first mistake and cannot say what else one might have written, so
//! the file is parsed to a tree with spans (`toml::de::DeTable`) and each type reads itself from its
//! node. Read [`value`] first (what a type must be able to say), then [`table`] (the macro that makes
//! a struct of documented keys into a type that reads, describes and shows itself).

pub mod collections;
pub mod reader;
pub mod scalars;
pub mod table;
pub mod value;
pub mod word;

pub use collections::{Entries, Located, Or, Section};
pub use reader::{Node, Reader};
pub use table::{Field, Table};
pub use value::Value;
pub use word::Word;
