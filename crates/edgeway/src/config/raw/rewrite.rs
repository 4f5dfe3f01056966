//! `rewrite`: another path than the client asked for.

use crate::config::read::Located;
use crate::config::read::table::table;
use crate::config::words::PathPattern;

table! {
    /// Changes the path before the route's work is done. Write exactly one of `strip_prefix`, `add_prefix`, and the
    /// pair `from` and `to`.
    "rewrite" Rewrite {
        /// Takes this from the front: with `"/api"`, `/api/users` becomes `/users`.
        strip_prefix: Option<Located<String>>,
        /// Puts this in front: with `"/v2"`, `/users` becomes `/v2/users`.
        add_prefix: Option<Located<String>>,
        /// Only paths like this are changed; others stay as they are.
        from: Option<Located<PathPattern>>,
        /// The new path, in which `$1` to `$9` are what the stars of `from` stand for.
        to: Option<Located<String>>,
    }
}
