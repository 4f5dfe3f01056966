//! `headers` and `request_headers`: fields set, added, removed.

use crate::config::read::table::table;
use crate::config::read::{Entries, Located};
use crate::config::words::{FieldName, FieldValue};

table! {
    /// Changes header fields, in this order: `remove`, `set`, `add`.
    "headers" Headers {
        /// Replaces every field of that name by one.
        set: Entries<FieldName, FieldValue>,
        /// Adds one more field.
        add: Entries<FieldName, FieldValue>,
        /// Removes every field of that name.
        remove: Vec<Located<FieldName>>,
    }
}
