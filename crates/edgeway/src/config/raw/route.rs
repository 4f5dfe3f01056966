//! `[[site."example.com".route]]`: for which requests, what, and how.

use super::{Auth, Headers, Issue, Proxy, Redirect, Respond, Rewrite};
use crate::config::read::table::table;
use crate::config::read::word::words;
use crate::config::read::{Entries, Located, Node, Or, Reader, Value};
use crate::config::words::{FieldName, FieldValue, FilePath, Location, Method, PathPattern, Size, Wildcard};

table! {
    /// One route. `path`, `method` and `header` say for which requests; exactly one of `files`, `store`, `proxy`,
    /// `redirect`, `dns`, `respond` and `issue` says what they get; the rest says how.
    "a route" Route {
        /// Which paths: `"/about"` that one, `"/api/*"` that folder and all below, `"/img/*.png"` a star within one
        /// part, `"/**/feed.xml"` any depth.
        path: Vec<Located<PathPattern>> = "/*",
        /// Which methods; `GET` is for `HEAD` too. Without it: all.
        method: Vec<Located<Method>>,
        /// Which header fields must be there, with which values: `{ Accept = "*json*", Upgrade = "*" }`.
        header: Entries<FieldName, Wildcard>,

        /// Serves the files of a folder.
        files: Option<Located<FilePath>>,
        /// Serves the files of a folder and lets clients change them: PUT, PATCH, DELETE. They carry no check of
        /// who asks, so a store needs `auth`, or `open = true`.
        store: Option<Located<FilePath>>,
        /// Asks another server: `"127.0.0.1:9000"`, a list of servers, or a table.
        proxy: Option<Located<Proxy>>,
        /// Sends the client elsewhere.
        redirect: Option<Located<Or<Location, Redirect>>>,
        /// Answers DNS queries from the zones of this file (DNS over HTTPS, RFC 8484).
        dns: Option<Located<bool>>,
        /// Answers with a status and a text.
        respond: Option<Located<Respond>>,
        /// Issues certificates of Edgeway's own authority to other machines that ask by ACME.
        issue: Option<Located<Issue>>,

        /// Who may use this route, by name and password.
        auth: Option<Located<Auth>>,
        /// Changes the path before the route's work is done.
        rewrite: Option<Located<Rewrite>>,
        /// Changes the header fields of the response.
        headers: Option<Located<Headers>>,
        /// Changes the header fields of the request before it is passed on.
        request_headers: Option<Located<Headers>>,
        /// The `Cache-Control` of files. For others, set it with `headers`.
        cache_control: Option<Located<FieldValue>>,
        /// Compresses responses that profit from it, as the client accepts: `true`, `false` or a list of codings in
        /// order of preference. Off unless asked for, because compressing pages that mix secrets with what a stranger
        /// typed can reveal the secrets (BREACH). Files that stand beside another with the ending `.br`, `.zst` or `.gz` are
        /// used in any case.
        compress: Option<Located<Compress>>,
        /// The largest request body, instead of the one in `[limits]`.
        limit_body: Option<Located<Size>>,
        /// Answers requests that arrive as TLS early data, which an attacker can repeat; without it they get 425
        /// (RFC 8470) unless the method is safe.
        early_data: Option<Located<bool>>,
        /// Answers TRACE with the request as it arrived, without its credentials.
        trace: Option<Located<bool>>,

        /// Lists folders that have no index file.
        listing: Option<Located<bool>>,
        /// The names of index files, tried in this order. Without it: `index.html`.
        index: Vec<Located<String>>,
        /// The file that answers where no file matches, as single-page applications want:
        /// `"index.html"`. It answers pages, not pictures: only where the client takes HTML and the name has no dot.
        fallback: Option<Located<String>>,
        /// Which symbolic links are followed.
        symlinks: Option<Located<Symlinks>>,
        /// Serves files whose names start with a dot. `.well-known` is always served.
        hidden: Option<Located<bool>>,
        /// Lets anyone change a store.
        open: Option<Located<bool>>,
        /// The most that a store may hold, all files together.
        quota: Option<Located<Size>>,
    }
}

words! {
    /// Which symbolic links are followed.
    Symlinks, "\"never\" or \"inside\"" {
        /// None.
        Never = "never",
        /// Those that stay within the folder.
        Inside = "inside",
    }
}

words! {
    /// A content coding (RFC 9110 §8.4.1).
    Coding, "\"zstd\", \"br\" or \"gzip\"" {
        /// RFC 8878.
        Zstd = "zstd",
        /// RFC 7932.
        Brotli = "br",
        /// RFC 1952.
        Gzip = "gzip",
    }
}

/// Whether and how to compress.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Compress {
    /// Every coding Edgeway knows, or none.
    Switch(bool),
    /// These, the first one preferred.
    With(Vec<Coding>),
}

impl Value for Compress {
    fn expected() -> String {
        "true, false or a list like [\"zstd\", \"br\", \"gzip\"]".to_owned()
    }

    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        if let Some(switch) = node.get_ref().as_bool() {
            return Some(Self::Switch(switch));
        }
        if node.get_ref().is_array() || node.get_ref().is_str() {
            return Vec::read(node, reader).map(Self::With);
        }
        reader.mismatch::<Self>(node);
        None
    }

    fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let codings = Vec::<Coding>::schema(generator);
        schemars::json_schema!({"anyOf": [{"type": "boolean"}, codings]})
    }

    fn show(&self) -> serde_json::Value {
        match self {
            Self::Switch(switch) => switch.show(),
            Self::With(codings) => codings.show(),
        }
    }
}
