//! `auth`: who may use a route, by name and password.

use crate::config::read::Located;
use crate::config::read::table::table;
use crate::config::read::word::words;
use crate::config::words::{FieldValue, FilePath};

table! {
    /// Names and passwords (RFC 7617 Basic, RFC 7616 Digest).
    "auth" Auth {
        /// The file of users; `edgeway user add FILE NAME` writes it. It is watched, and read again when it changes.
        users: Located<FilePath>,
        /// `"basic"` sends the password with each request and belongs on HTTPS; `"digest"` never sends it, and needs
        /// users added with `edgeway user add --digest REALM`.
        scheme: Located<AuthScheme> = "basic",
        /// What the browser shows when it asks.
        realm: Located<FieldValue> = "Edgeway",
        /// Only these users. Without it: every user of the file.
        allow: Vec<Located<String>>,
    }
}

words! {
    /// How a client proves who it is.
    AuthScheme, "\"basic\" or \"digest\"" {
        /// RFC 7617.
        Basic = "basic",
        /// RFC 7616.
        Digest = "digest",
    }
}
