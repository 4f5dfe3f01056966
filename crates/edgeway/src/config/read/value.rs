//! What each type that may stand in a configuration must be able to say. The editor schema, the
//! reference page, error messages and `/config` all come from these answers.

use schemars::{Schema, SchemaGenerator};

use super::reader::{Node, Reader};

/// A type that may stand on the right of a key.
pub trait Value: Sized + 'static {
    /// What a person writes, after "expected": `an address like "0.0.0.0:80"`.
    fn expected() -> String;

    /// Reads it; `None` when it is not one, with the reason told to `reader`.
    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self>;

    /// What an editor may offer and accept here.
    fn schema(generator: &mut SchemaGenerator) -> Schema;

    /// How `/config` shows it: as it would be written, secrets left out.
    fn show(&self) -> serde_json::Value;

    /// What a missing key means; `None` when the key must be there.
    fn absent() -> Option<Self> {
        None
    }
}
