//! `issue`: certificates of our own authority for other machines, by ACME.

use crate::config::read::Located;
use crate::config::read::table::table;
use crate::config::words::{Host, Period};

table! {
    /// Issues certificates of Edgeway's own authority to other machines that ask by ACME (RFC 8555), as certbot does. The
    /// directory is at `directory` below the route's path. Who asks proves a name as everywhere: by an answer on its port 80
    /// or 443.
    "issue" Issue {
        /// For which names: `"*.lan"` is every name below.
        names: Vec<Located<Host>>,
        /// How long a certificate lives, 90 days at most.
        lifetime: Located<Period> = "30d",
    }
}
