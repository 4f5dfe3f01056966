//! `[site."example.com"]`: one host and what is under it.

use super::{ClientCertificates, Redirect, Route, TlsVersion};
use crate::config::read::table::table;
use crate::config::read::word::words;
use crate::config::read::{Entries, Located, Or};
use crate::config::words::{FilePath, Host, Location, Period, StatusClass};

table! {
    /// One site. Its routes are tried in the order of the file, and the first that matches answers.
    "a site" Site {
        /// Other names of this site.
        aliases: Vec<Located<Host>>,
        /// Answers requests for hosts that no site is for. Without such a site they get 421. At most one site
        /// may be it.
        default: Located<bool> = "false",
        /// Sends every request to another site, for example from `www.example.com` to `"https://example.com"`. Path and
        /// query are kept.
        redirect: Option<Located<Or<Location, Redirect>>>,
        /// What plain HTTP gets where the site has HTTPS: `"redirect"` sends it to HTTPS with 308, `"serve"` answers
        /// it as HTTPS would be.
        http: PlainHttp = "redirect",
        /// Tells browsers to use nothing but HTTPS from now on (RFC 6797), for this long. Take it up slowly: it
        /// cannot be taken back before it ends.
        hsts: Option<Located<Or<Period, Hsts>>>,
        /// The certificate of this site.
        tls: Option<Located<SiteTls>>,
        /// Pages for errors, relative to this file: `{ "404" = "errors/404.html", "5xx" = "errors/500.html" }`.
        error_pages: Entries<StatusClass, Located<FilePath>>,
        /// The routes: `[[site."example.com".route]]`.
        route: Vec<Located<Route>>,
    }
}

words! {
    /// What plain HTTP gets where a site has HTTPS.
    PlainHttp, "\"redirect\" or \"serve\"" {
        /// It is sent to HTTPS.
        Redirect = "redirect",
        /// It is answered.
        Serve = "serve",
    }
}

table! {
    /// HTTP Strict Transport Security (RFC 6797).
    "hsts" Hsts {
        /// For how long.
        max_age: Period,
        /// Also for every name below this one.
        include_subdomains: bool = "false",
        /// Asks to be built into browsers; see hstspreload.org for what that takes.
        preload: bool = "false",
    }
}

impl From<Period> for Hsts {
    fn from(max_age: Period) -> Self {
        Self { max_age, include_subdomains: false, preload: false }
    }
}

table! {
    /// The certificate of one site. Files are watched, and read again when they change.
    "a site's tls" SiteTls {
        /// The certificate chain, in PEM, the site's own certificate first.
        cert: Option<Located<FilePath>>,
        /// Its private key, in PEM.
        key: Option<Located<FilePath>>,
        /// The oldest version of TLS that is spoken.
        min_version: Option<TlsVersion>,
        /// Who may connect, by client certificate (mutual TLS).
        client_certificates: Option<Located<ClientCertificates>>,
    }
}
