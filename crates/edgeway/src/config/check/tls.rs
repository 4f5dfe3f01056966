//! `[tls]` and the `tls` of a site.

use super::Check;
use crate::config::raw::{Acme, ClientCertificates, Issuer, Site};
use crate::config::read::Located;
use crate::config::words::{FilePath, Host};

impl Check<'_> {
    pub(super) fn tls(&mut self) {
        let tls = &self.configuration.tls;
        if let Some(clients) = &tls.client_certificates {
            self.client_certificates(clients);
        }
        match (&tls.acme, tls.issuer) {
            (Some(acme), Issuer::Acme) => self.acme(acme),
            (Some(acme), _) => {
                let message = "[tls.acme] is not used while `issuer` is not \"acme\"";
                self.found.warning(acme.span.clone(), message, "set `issuer = \"acme\"` in [tls], or remove this");
            }
            (None, _) => {}
        }
    }

    fn acme(&mut self, acme: &Located<Acme>) {
        if !acme.directory.as_str().starts_with("https://") {
            // RFC 8555 §6.1: use of HTTPS is required.
            let message = "an ACME directory is spoken to over https:// only";
            self.found.error(acme.directory.span.clone(), message, "expected a URL that starts with https://");
        }
        if !acme.agree && acme.directory.as_str().contains("letsencrypt.org") {
            let message = "Let's Encrypt issues only to those who agree to its terms of service";
            self.found.error(acme.span.clone(), message, "add `agree = true` once you have read them");
            self.found.advise("they are at https://letsencrypt.org/repository/");
        }
        for contact in acme.contact.iter().filter(|contact| !contact.starts_with("mailto:")) {
            let message = format!("`{}` is not a contact", contact.value);
            self.found.error(contact.span.clone(), message, format!("write \"mailto:{}\"", contact.value));
        }
        if let Some(ask) = acme.ask.as_ref().filter(|ask| ask.origin().is_none()) {
            let message = "`ask` must be the whole URL of a server";
            self.found.error(ask.span.clone(), message, "expected a URL like \"http://127.0.0.1:9000/may-issue\"");
        }
        if let Some(ca) = &acme.ca {
            self.certificate_file(ca);
        }
    }

    pub(super) fn client_certificates(&mut self, clients: &Located<ClientCertificates>) {
        if clients.ca.is_empty() {
            let message = "`client_certificates` needs to know which authorities to believe";
            self.found.error(clients.span.clone(), message, "add `ca = \"clients.pem\"`");
        }
        for ca in &clients.ca {
            self.certificate_file(ca);
        }
    }

    /// A certificate and its key come together or not at all.
    pub(super) fn certificate_and_key(&mut self, cert: Option<&Located<FilePath>>, key: Option<&Located<FilePath>>) {
        match (cert, key) {
            (Some(cert), Some(key)) => self.certificate_pair(cert, key),
            (Some(cert), None) => {
                self.found.error(
                    cert.span.clone(),
                    "a `cert` without its `key`",
                    "add `key = \"...\"`: the private key",
                );
            }
            (None, Some(key)) => {
                self.found.error(
                    key.span.clone(),
                    "a `key` without its `cert`",
                    "add `cert = \"...\"`: the certificate",
                );
            }
            (None, None) => {}
        }
    }

    pub(super) fn site_certificate(&mut self, host: &Located<Host>, site: &Site) {
        let tls = site.tls.as_ref();
        self.certificate_and_key(tls.and_then(|tls| tls.cert.as_ref()), tls.and_then(|tls| tls.key.as_ref()));
        if let Some(clients) = tls.and_then(|tls| tls.client_certificates.as_ref()) {
            self.client_certificates(clients);
        }
        let brings_its_own = tls.is_some_and(|tls| tls.cert.is_some() || tls.key.is_some());
        if brings_its_own || !self.serves_https() {
            return;
        }
        let issuer = self.configuration.tls.issuer;
        if issuer == Issuer::Files {
            self.found.error(
                host.span.clone(),
                format!("the site `{}` has no certificate", host.value),
                "`issuer = \"files\"` means that each site brings its own",
            );
            self.found
                .advise(format!("add `tls = {{ cert = \"{0}.crt\", key = \"{0}.key\" }}` to it", file_stem(host)));
        }
        if issuer == Issuer::Acme {
            self.acme_can_name(host);
            site.aliases.iter().for_each(|alias| self.acme_can_name(alias));
        }
    }

    /// RFC 8555 §7.1.3 leaves wildcards to dns-01 (§8.4), which is not spoken here: their names are issued one by one.
    fn acme_can_name(&mut self, host: &Located<Host>) {
        let acme = self.configuration.tls.acme.as_ref();
        let asks = acme.is_some_and(|acme| acme.ask.is_some());
        let is_private = acme.is_some_and(|acme| acme.ca.is_some());
        match &host.value {
            Host::Wildcard(_) if !asks => {
                let message =
                    format!("names under `{}` get certificates one by one, and nobody says which", host.value);
                self.found.error(
                    host.span.clone(),
                    message,
                    "add `ask` to [tls.acme], or `cert` and `key` to the site",
                );
            }
            Host::Ip(_) => {
                let message = format!("an ACME certificate for the address `{}` is not to be had", host.value);
                self.found.error(host.span.clone(), message, "add `cert` and `key` to the site");
            }
            // An authority with a root of its own is a private one, which may sign for any name.
            Host::Exact(name) if !name.contains('.') && !is_private => {
                let message = format!("no public authority issues for `{name}`");
                self.found.warning(host.span.clone(), message, "add `cert` and `key` to the site");
            }
            Host::Exact(_) | Host::Wildcard(_) => {}
        }
    }

    /// Whether sites are served over HTTPS: it is listened for, or nothing is said and the defaults hold.
    pub(super) fn serves_https(&self) -> bool {
        let listen = &self.configuration.listen;
        !listen.https.is_empty() || listen.http.is_empty()
    }
}

fn file_stem(host: &Host) -> String {
    match host {
        Host::Wildcard(parent) => parent.clone(),
        Host::Exact(name) => name.clone(),
        Host::Ip(_) => "site".to_owned(),
    }
}
