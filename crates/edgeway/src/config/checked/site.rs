//! A site, made ready.

use std::collections::HashMap;

use bytes::Bytes;
use edgeway_http::semantics::media_type;
use edgeway_serve::plan::{ErrorPage, SiteRedirect};
use edgeway_tls::server::RuleId;

use super::Making;
use super::route::Route;
use crate::config::raw::{self, PlainHttp};
use crate::config::read::Located;
use crate::config::words::{FilePath, Host, StatusClass};

/// One site.
pub struct Site {
    /// Its names as the plan takes them: `example.com`, `*.example.com`, and `*` for the default site.
    pub hosts: Vec<String>,
    /// Where all of it has moved, if it has.
    pub redirect: Option<SiteRedirect>,
    /// Port of the HTTPS listener to which plain HTTP is redirected, if it is.
    pub https_port: Option<u16>,
    /// The value of Strict-Transport-Security, where it is sent.
    pub strict_transport_security: Option<String>,
    /// Which client certificates a connection must have shown.
    pub client_rule: RuleId,
    /// Own pages, by status.
    pub error_pages: HashMap<u16, ErrorPage>,
    /// In the order of the file.
    pub routes: Vec<Route>,
}

impl Making<'_> {
    pub(super) fn site(
        &mut self,
        host: &Located<Host>,
        site: &raw::Site,
        client_rule: RuleId,
        https_port: Option<u16>,
    ) -> Option<Site> {
        let names = std::iter::once(host).chain(&site.aliases).map(|host| host.to_string());
        let hosts = names.chain(site.default.value.then(|| "*".to_owned())).collect();
        let error_pages = self.error_pages(site)?;
        let routes: Vec<_> = site.route.iter().map(|route| self.route(route, host, https_port)).collect();
        Some(Site {
            hosts,
            redirect: redirect(site),
            https_port: https_port.filter(|_| site.http == PlainHttp::Redirect),
            strict_transport_security: site.hsts.as_ref().map(|hsts| strict_transport_security(hsts)),
            client_rule,
            error_pages,
            routes: routes.into_iter().collect::<Option<_>>()?,
        })
    }

    fn error_pages(&mut self, site: &raw::Site) -> Option<HashMap<u16, ErrorPage>> {
        let mut pages = HashMap::new();
        // Classes first, so that a single code takes its own page back.
        let mut entries: Vec<_> = site.error_pages.iter().collect();
        entries.sort_by_key(|(class, _)| matches!(class.value, StatusClass::One(_)));
        for (class, path) in entries {
            let page = self.error_page(path)?;
            pages.extend((400..600).filter(|status| class.matches(*status)).map(|status| (status, page.clone())));
        }
        Some(pages)
    }

    fn error_page(&mut self, path: &Located<FilePath>) -> Option<ErrorPage> {
        let content = self.read(path.as_path(), &path.span)?;
        let name = path.as_path().as_os_str().as_encoded_bytes();
        Some(ErrorPage { content_type: media_type::from_path(name).into(), content: Bytes::from(content) })
    }
}

fn redirect(site: &raw::Site) -> Option<SiteRedirect> {
    let redirect = site.redirect.as_ref()?;
    Some(SiteRedirect { to: redirect.to.origin()?.into(), status: super::route::status(redirect.status.0) })
}

/// RFC 6797 §6.1.
fn strict_transport_security(hsts: &raw::Hsts) -> String {
    let mut value = format!("max-age={}", hsts.max_age.0.as_secs());
    if hsts.include_subdomains {
        value.push_str("; includeSubDomains");
    }
    if hsts.preload {
        value.push_str("; preload");
    }
    value
}
