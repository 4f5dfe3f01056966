//! The raw form: what a file can say, key by key, before anything is decided about it. Each doc
//! comment here is also the text of the reference page and of the editor schema.

pub mod auth;
pub mod headers;
pub mod issue;
pub mod limits;
pub mod listen;
pub mod log;
pub mod proxy;
pub mod respond;
pub mod rewrite;
pub mod root;
pub mod route;
pub mod site;
pub mod tls;
pub mod zone;

pub use auth::{Auth, AuthScheme};
pub use headers::Headers;
pub use issue::Issue;
pub use limits::Limits;
pub use listen::Listen;
pub use log::{AccessLog, Level, Log, LogFormat};
pub use proxy::{Balance, Proxy, ProxyProtocol, ProxyTable, UpstreamTls};
pub use respond::{Redirect, Respond, RespondTable};
pub use rewrite::Rewrite;
pub use root::{Configuration, Workers};
pub use route::{Coding, Compress, Route, Symlinks};
pub use site::{Hsts, PlainHttp, Site, SiteTls};
pub use tls::{Acme, ClientCertificates, ClientRule, Issuer, Tls, TlsVersion};
pub use zone::{Denial, TsigKey, Zone};
