//! Switches, numbers and free text.

use schemars::{Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use super::reader::{Node, Reader};
use super::value::Value;

impl Value for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        if let DeValue::Boolean(value) = node.get_ref() {
            return Some(*value);
        }
        reader.mismatch::<Self>(node);
        None
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "boolean"})
    }

    fn show(&self) -> serde_json::Value {
        (*self).into()
    }
}

impl Value for u32 {
    fn expected() -> String {
        "a whole number".to_owned()
    }

    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        let DeValue::Integer(digits) = node.get_ref() else {
            reader.mismatch::<Self>(node);
            return None;
        };
        let number = Self::from_str_radix(digits.as_str(), digits.radix());
        number.map_err(|_| reader.wrong::<Self>(node, "the number must be between 0 and 4294967295")).ok()
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32})
    }

    fn show(&self) -> serde_json::Value {
        (*self).into()
    }
}

impl Value for String {
    fn expected() -> String {
        "a text in quotes".to_owned()
    }

    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        if let DeValue::String(text) = node.get_ref() {
            return Some(text.to_string());
        }
        reader.mismatch::<Self>(node);
        None
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }

    fn show(&self) -> serde_json::Value {
        self.clone().into()
    }
}
