//! Values written as one text: addresses, sizes, periods, names. Each parses itself with `FromStr`
//! and prints itself with `Display`, and that is all the configuration asks of it.

use std::fmt::Display;
use std::str::FromStr;

use schemars::{Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;

use super::reader::{Node, Reader};
use super::value::Value;

/// A value that is one text. Its `FromStr` error is the end of a sentence that starts with the key.
pub trait Word: FromStr<Err = String> + Display + Clone + 'static {
    /// What one writes, after "expected": `a period like "30s"`.
    const EXPECTED: &'static str;

    /// The only texts it can be, when they are few.
    const CHOICES: &'static [&'static str] = &[];

    /// Whether what stands under this name is likely a secret, which `/config` does not show.
    fn names_a_secret(&self) -> bool {
        false
    }
}

impl<W: Word> Value for W {
    fn expected() -> String {
        W::EXPECTED.to_owned()
    }

    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        let DeValue::String(text) = node.get_ref() else {
            reader.mismatch::<Self>(node);
            return None;
        };
        text.parse().map_err(|cause: String| reader.wrong::<Self>(node, &cause)).ok()
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        if W::CHOICES.is_empty() { json_schema!({"type": "string"}) } else { json_schema!({"enum": W::CHOICES}) }
    }

    fn show(&self) -> serde_json::Value {
        self.to_string().into()
    }
}

/// Declares an enum whose variants are words of the file.
macro_rules! words {
    (
        $(#[doc = $doc:literal])*
        $name:ident, $expected:literal { $( $(#[doc = $variant_doc:literal])* $variant:ident = $word:literal, )* }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name { $( $(#[doc = $variant_doc])* $variant, )* }

        impl $crate::config::read::Word for $name {
            const EXPECTED: &'static str = $expected;
            const CHOICES: &'static [&'static str] = &[$($word),*];
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $( $word => Ok(Self::$variant), )*
                    _ => Err($crate::config::read::word::not_a_choice::<Self>(text)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(match self { $( Self::$variant => $word, )* })
            }
        }
    };
}
pub(crate) use words;

/// "there is no `jsno`; did you mean `json`?"
pub fn not_a_choice<W: Word>(text: &str) -> String {
    let near = crate::config::nearest::nearest(text, W::CHOICES.iter().copied());
    let hint = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
    format!("there is no \"{text}\"{hint}")
}
