//! Tables of documented keys: one definition gives the struct, its reading, its schema, its page in
//! the reference and its view in `/config`.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json};

use super::value::Value;

/// One key of a table, as the schema and the reference describe it.
pub struct Field {
    /// The word in the file.
    pub key: &'static str,
    /// What it does, as markdown.
    pub documentation: String,
    /// What it is when it is not written, as it would be written.
    pub default: Option<&'static str>,
    /// Whether it may be left out.
    pub optional: bool,
    /// What one writes.
    pub expected: fn() -> String,
    /// Its schema.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// A struct whose fields are keys.
pub trait Table: Value {
    /// What errors call such a table: `[listen]`, `a route`.
    const TITLE: &'static str;
    /// The words of its keys.
    const KEYS: &'static [&'static str];
    /// What it is for, as markdown.
    fn documentation() -> String;
    /// Its keys, in the order a person should meet them.
    fn fields() -> Vec<Field>;
}

/// The lines of doc comments as one text.
pub fn prose(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n").trim().to_owned()
}

/// The schema of a table: its keys, which of them must be there, and nothing else allowed.
pub fn schema<T: Table>(generator: &mut SchemaGenerator) -> Schema {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in T::fields() {
        let mut schema = (field.schema)(generator);
        schema.insert("description".to_owned(), plain(&field.documentation).into());
        if let Some(default) = field.default {
            schema.insert("default".to_owned(), json_default(default));
        }
        if !field.optional {
            required.push(Json::from(field.key));
        }
        properties.insert(field.key.to_owned(), schema.to_value());
    }
    let mut schema = json_schema!({
        "type": "object",
        "description": plain(&T::documentation()),
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

/// Editors show descriptions as one paragraph.
fn plain(markdown: &str) -> String {
    markdown.replace('\n', " ")
}

fn json_default(text: &str) -> Json {
    match text {
        "true" => true.into(),
        "false" => false.into(),
        _ => text.parse::<u64>().map_or_else(|_| text.into(), Json::from),
    }
}

/// Declares a table: doc comments, the words errors call it by, keys with types and defaults.
///
/// A default is written as in the file, without the quotes of a string.
macro_rules! table {
    (
        $(#[doc = $doc:literal])*
        $title:literal $name:ident {
            $( $(#[doc = $field_doc:literal])* $field:ident : $type:ty $(= $default:literal)?, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[doc = $field_doc])* pub $field: $type, )*
        }

        impl $crate::config::read::Table for $name {
            const TITLE: &'static str = $title;
            const KEYS: &'static [&'static str] = &[$(stringify!($field)),*];
            fn documentation() -> String {
                $crate::config::read::table::prose(&[$($doc),*])
            }
            fn fields() -> Vec<$crate::config::read::Field> {
                vec![$({
                    let default = $crate::config::read::table::default_text!($($default)?);
                    $crate::config::read::Field {
                        key: stringify!($field),
                        documentation: $crate::config::read::table::prose(&[$($field_doc),*]),
                        default,
                        optional: $crate::config::read::reader::missing::<$type>(default).is_some(),
                        expected: <$type as $crate::config::read::Value>::expected,
                        schema: <$type as $crate::config::read::Value>::schema,
                    }
                }),*]
            }
        }

        impl $crate::config::read::Value for $name {
            fn expected() -> String {
                format!("a table with the keys of {}", $title)
            }
            fn read(
                node: $crate::config::read::Node<'_, '_>,
                reader: &mut $crate::config::read::Reader,
            ) -> Option<Self> {
                let table = reader.table::<Self>(node)?;
                // Every key is read before the first failure ends it: mistakes are reported together.
                $( let $field = reader.field::<$type>(
                    table, node, stringify!($field), $crate::config::read::table::default_text!($($default)?),
                ); )*
                Some(Self { $( $field: $field? ),* })
            }
            fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                generator.subschema_for::<Self>()
            }
            fn show(&self) -> serde_json::Value {
                $crate::config::read::table::object([
                    $( (stringify!($field), $crate::config::read::Value::show(&self.$field)) ),*
                ])
            }
            fn absent() -> Option<Self> {
                Some(Self { $( $field: $crate::config::read::reader::missing(
                    $crate::config::read::table::default_text!($($default)?)
                )? ),* })
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::config::read::table::schema::<Self>(generator)
            }
        }
    };
}
pub(crate) use table;

/// `None` or `Some("text")`, from an optional literal.
macro_rules! default_text {
    () => {
        None
    };
    ($default:literal) => {
        Some($default)
    };
}
pub(crate) use default_text;

/// A JSON object of what is there; keys that are absent are left out.
pub fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
    let present = entries.into_iter().filter(|(_, value)| !value.is_null());
    Json::Object(present.map(|(key, value)| (key.to_owned(), value)).collect())
}
