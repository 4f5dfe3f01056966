//! `redirect` and `respond`: answers that need nobody else.

use crate::config::read::table::table;
use crate::config::read::{Located, Node, Reader, Value};
use crate::config::words::{FieldValue, Location, RedirectStatus, Status};

table! {
    /// Sends the client elsewhere.
    "redirect" Redirect {
        /// Where to: a path or a URL. For a route, a star in it stands for what the star at the end of the route's path
        /// took, `{path}` and `{query}` for those of the request; the query is kept unless `to` has one.
        to: Located<Location>,
        /// 301 or 308 for good, 302 or 307 for now (308 and 307 keep method and body), 303 to look with GET.
        status: RedirectStatus = "308",
    }
}

impl From<Location> for Redirect {
    fn from(to: Location) -> Self {
        Self { to: Located { value: to, span: 0..0 }, status: RedirectStatus(308) }
    }
}

table! {
    /// Answers with a status and a text. Short: a number is the status, a text the body.
    "respond" RespondTable {
        /// The status code.
        status: Status = "200",
        /// The body.
        body: Option<String>,
        /// The media type of the body.
        content_type: FieldValue = "text/plain; charset=utf-8",
    }
}

/// An answer written as a number, a text or a table.
#[derive(Clone, Debug)]
pub struct Respond(pub RespondTable);

impl Respond {
    fn short(status: Status, body: Option<String>) -> Option<Self> {
        Some(Self(RespondTable { status, body, ..RespondTable::absent()? }))
    }
}

impl Value for Respond {
    fn expected() -> String {
        "a status like 404, a text, or a table with `status` and `body`".to_owned()
    }

    fn read(node: Node<'_, '_>, reader: &mut Reader) -> Option<Self> {
        let value = node.get_ref();
        if value.is_table() {
            return RespondTable::read(node, reader).map(Self);
        }
        if value.is_integer() {
            return Self::short(Status::read(node, reader)?, None);
        }
        if let Some(text) = value.as_str() {
            return Self::short(Status(200), Some(text.to_owned()));
        }
        reader.mismatch::<Self>(node);
        None
    }

    fn schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (status, table) = (Status::schema(generator), RespondTable::schema(generator));
        schemars::json_schema!({"anyOf": [status, {"type": "string"}, table]})
    }

    fn show(&self) -> serde_json::Value {
        self.0.show()
    }
}
