//! `rewrite`: another path than the client asked for.

use crate::config::read::Located;
use crate::config::read::table::table;

table! {
    /// Changes the path before the route's work is done. Write exactly one of its keys.
    "rewrite" Rewrite {
        /// Takes this from the front: with `"/api"`, `/api/users` becomes `/users`.
        strip_prefix: Option<Located<String>>,
        /// Puts this in front: with `"/v2"`, `/users` becomes `/v2/users`.
        add_prefix: Option<Located<String>>,
        /// Another path. A star in it stands for what the star at the end of the route's path took; a query in it
        /// replaces the client's.
        to: Option<Located<String>>,
    }
}
