//! Sites: which hosts, and what holds for all their routes.

use std::collections::HashMap;

use super::Check;
use crate::config::raw::{Hsts, Redirect, Site};
use crate::config::read::{Located, Or};
use crate::config::words::{Host, Location, Period};
use crate::limits::HSTS_PRELOAD_MIN;

impl Check<'_> {
    pub(super) fn sites(&mut self) {
        let sites = &self.configuration.site;
        let listen = &self.configuration.listen;
        let names_alone = !self.configuration.zone.is_empty() && listen.http.is_empty() && listen.https.is_empty();
        if sites.is_empty() && !self.has_gaps && !names_alone {
            let end = 0..self.source.text().len().min(1);
            self.found.warning(end, "there is no site: every request will be answered with 421", "");
            self.found.advise("add one, like this: [[site.\"example.com\".route]] files = \"public\"");
        }
        self.duplicate_hosts();
        self.one_default();
        for (host, site) in sites.iter() {
            self.site(host, site);
        }
    }

    fn site(&mut self, host: &Located<Host>, site: &Site) {
        self.site_certificate(host, site);
        for page in site.error_pages.iter().map(|(_, page)| page) {
            self.readable_file(page);
        }
        if let Some(hsts) = &site.hsts {
            self.hsts(hsts);
        }
        match &site.redirect {
            Some(redirect) => self.site_redirect(host, site, redirect),
            None if site.route.is_empty() && !self.has_gaps => {
                let message = format!("the site `{}` answers nothing", host.value);
                self.found.error(host.span.clone(), message, "expected a `redirect` or a route");
                self.found.advise(format!("add: [[site.\"{}\".route]] files = \"public\"", host.value));
            }
            None => {}
        }
        for route in &site.route {
            self.route(route);
        }
        self.shadowed_routes(site);
    }

    fn duplicate_hosts(&mut self) {
        let sites = self.configuration.site.iter();
        let mut seen: HashMap<&Host, &Located<Host>> = HashMap::new();
        for host in sites.flat_map(|(host, site)| std::iter::once(host).chain(&site.aliases)) {
            if let Some(first) = seen.insert(&host.value, host) {
                let line = self.source.place(first.span.start).line;
                self.found.error(
                    host.span.clone(),
                    format!("`{}` already is a site, in line {line}", host.value),
                    "each host belongs to one site",
                );
            }
        }
    }

    fn one_default(&mut self) {
        let sites = self.configuration.site.iter();
        let defaults: Vec<_> = sites.map(|(_, site)| &site.default).filter(|default| default.value).collect();
        for second in defaults.iter().skip(1) {
            let line = self.source.place(defaults[0].span.start).line;
            let message = format!("there already is a default site, in line {line}");
            self.found.error(second.span.clone(), message, "at most one site may be the default");
        }
    }

    fn site_redirect(&mut self, host: &Located<Host>, site: &Site, redirect: &Located<Or<Location, Redirect>>) {
        let target = &redirect.to;
        let leads_here = |own: &Host| {
            let origin = target.origin().and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, authority)| own.matches(&authority.to_ascii_lowercase()))
        };
        if target.origin().is_none() || leads_here(&host.value) {
            let message = format!("the redirect of `{}` leads to itself, for ever", host.value);
            self.found.error(redirect.span.clone(), message, "expected the URL of another site");
            self.found.advise("to send plain HTTP to HTTPS nothing is needed: that is what happens without a word");
        }
        if target.origin().is_some() && !target.is_origin_only() {
            let origin = target.origin().unwrap_or_default();
            let message = "a site moves to another site: path and query of each request are kept";
            self.found.error(redirect.span.clone(), message, format!("write \"{origin}\""));
            self.found.advise("to send every request to one page, give a route a `redirect`");
        }
        if let Some(alias) = site.aliases.iter().find(|alias| leads_here(&alias.value)) {
            let message = format!("`{}` is redirected to itself, for ever", alias.value);
            self.found.error(alias.span.clone(), message, "it is where this site's redirect leads");
        }
        if let Some(route) = site.route.first() {
            let message = format!("routes of `{}` are never reached", host.value);
            self.found.warning(route.span.clone(), message, "the site's `redirect` answers every request");
        }
    }

    fn hsts(&mut self, hsts: &Located<Or<Period, Hsts>>) {
        if !self.serves_https() {
            // RFC 6797 §7.2: the field must not be sent over plain HTTP.
            self.found.warning(hsts.span.clone(), "`hsts` does nothing without HTTPS", "add `https` to [listen]");
        }
        if hsts.preload && (hsts.max_age.0 < HSTS_PRELOAD_MIN || !hsts.include_subdomains) {
            let message = "browsers do not build this in";
            self.found.warning(
                hsts.span.clone(),
                message,
                "preload needs `max_age = \"1y\"` and `include_subdomains = true`",
            );
        }
    }
}
