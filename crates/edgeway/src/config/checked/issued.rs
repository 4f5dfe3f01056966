//! Sites whose certificates an ACME authority gives: which certificates they want, and how what was issued is divided among them.
//! Asked by the keeper of those certificates and for every snapshot.

use edgeway_tls::certificate::{Certificate, CertificateName};
use edgeway_tls::server::{Site, Source};

use super::certificates::Certificates;

/// Names in one order: the most that authorities put in one certificate.
const NAMES_PER_ORDER_MAX: usize = 100;

/// What is wanted of the ACME authority.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WantedCertificates {
    /// For each certificate its names, as the sites list them.
    pub listed: Vec<Vec<CertificateName>>,
    /// Wildcards whose names get certificates one by one, when somebody asks for them.
    pub wildcards: Vec<CertificateName>,
}

impl WantedCertificates {
    /// Whether a site lists this name.
    pub fn lists(&self, name: &CertificateName) -> bool {
        self.listed.iter().flatten().any(|listed| listed == name)
    }

    /// Whether it is under a wildcard, and listed by nobody.
    pub fn is_on_demand(&self, name: &CertificateName) -> bool {
        let CertificateName::Host(host) = name else { return false };
        !self.lists(name) && self.wildcards.iter().any(|wildcard| wildcard.covers(host))
    }
}

impl Certificates {
    /// What is wanted of the ACME authority; nothing without one.
    pub fn wanted(&self) -> WantedCertificates {
        let mut wanted = WantedCertificates::default();
        if self.acme.is_none() {
            return wanted;
        }
        for site in self.sites.iter().filter(|site| matches!(site.source, Source::Awaited)) {
            let (wildcards, listed): (Vec<_>, Vec<_>) =
                site.names.iter().cloned().partition(|name| matches!(name, CertificateName::Wildcard(_)));
            wanted.listed.extend(listed.chunks(NAMES_PER_ORDER_MAX).map(<[_]>::to_vec));
            wanted.wildcards.extend(wildcards);
        }
        wanted
    }

    /// The sites with what was issued for them, and the place of the default one. Names that have a certificate and names that await one
    /// become sites of their own, alike in everything else.
    pub(super) fn supplied(&self, issued: &[Certificate]) -> (Vec<Site>, Option<usize>) {
        let mut sites = Vec::new();
        let mut default_site = None;
        let wanted = self.wanted();
        for (index, site) in self.sites.iter().enumerate() {
            if self.default_site == Some(index) {
                default_site = Some(sites.len());
            }
            match site.source {
                Source::Awaited => sites.extend(divided(site, issued, &wanted)),
                Source::Loaded(_) | Source::Authority => sites.push(site.clone()),
            }
        }
        (sites, default_site)
    }
}

/// The parts of a site that awaits certificates; the part of its first name comes first.
fn divided(site: &Site, issued: &[Certificate], wanted: &WantedCertificates) -> Vec<Site> {
    let mut parts: Vec<(Option<usize>, Vec<CertificateName>)> = Vec::new();
    let mut enter = |certificate: Option<usize>, name: &CertificateName| match parts
        .iter_mut()
        .find(|(other, _)| *other == certificate)
    {
        Some((_, names)) if names.contains(name) => {}
        Some((_, names)) => names.push(name.clone()),
        None => parts.push((certificate, vec![name.clone()])),
    };
    for name in &site.names {
        enter(best(issued, name), name);
    }
    for name in issued.iter().flat_map(|certificate| &certificate.facts().names) {
        let CertificateName::Host(host) = name else { continue };
        // Of two wildcards the one that TLS would choose: names below it have one label more.
        let is_ours = wanted.is_on_demand(name) && site.names.iter().any(|own| own != name && own.covers(host));
        if is_ours {
            enter(best(issued, name), name);
        }
    }
    parts
        .into_iter()
        .map(|(certificate, names)| {
            let source = certificate.map_or(Source::Awaited, |index| Source::Loaded(vec![issued[index].clone()]));
            Site { names, source, ..site.clone() }
        })
        .collect()
}

/// The certificate for `name` that lives longest. Exactly this name: a wildcard in a certificate is not asked for and not relied on.
fn best(issued: &[Certificate], name: &CertificateName) -> Option<usize> {
    let good = issued.iter().enumerate().filter(|(_, certificate)| certificate.facts().names.contains(name));
    good.max_by_key(|(_, certificate)| certificate.facts().not_after).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use edgeway_base::WallTime;
    use edgeway_tls::authority::{Authority, Usage};

    use super::super::certificates::Acme;
    use super::*;

    const NOW: WallTime = WallTime::from_seconds(1_795_000_000);

    fn names(list: &[&str]) -> Vec<CertificateName> {
        list.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn shape(sites: &[Site]) -> Vec<String> {
        let words = |site: &Site| {
            let names: Vec<_> = site.names.iter().map(ToString::to_string).collect();
            let source = match &site.source {
                Source::Loaded(certificates) => certificates[0].facts().names[0].to_string(),
                Source::Authority => "own".to_owned(),
                Source::Awaited => "awaited".to_owned(),
            };
            format!("{} <- {source}", names.join(" "))
        };
        sites.iter().map(words).collect()
    }

    #[test]
    fn what_was_issued_is_divided_and_the_rest_is_awaited() {
        let acme = Acme { directory: String::new(), contact: Vec::new(), agreed: false, ask: None, roots: None };
        let certificates = Certificates {
            sites: vec![
                Site::new(names(&["own.test"]), Source::Authority),
                Site::new(names(&["a.test", "b.test", "*.a.test"]), Source::Awaited),
            ],
            default_site: Some(1),
            wants_authority: true,
            acme: Some(acme),
        };
        let wanted = certificates.wanted();
        assert_eq!(wanted.listed, [names(&["a.test", "b.test"])]);
        assert_eq!(wanted.wildcards, names(&["*.a.test"]));
        for (name, on_demand) in [("x.a.test", true), ("a.test", false), ("x.b.test", false), ("y.x.a.test", false)] {
            assert_eq!(wanted.is_on_demand(&name.parse().unwrap()), on_demand, "{name}");
        }
        let (sites, default) = certificates.supplied(&[]);
        assert_eq!(shape(&sites), ["own.test <- own", "a.test b.test *.a.test <- awaited"]);
        assert_eq!(default, Some(1));

        let authority = Authority::create("test", NOW).unwrap();
        let issue = |list: &[&str], days: u64| {
            let issued = authority.issue(&names(list), Usage::Server, NOW, Duration::from_secs(days * 86_400));
            issued.unwrap().certificate
        };
        let issued =
            [issue(&["x.a.test"], 9), issue(&["b.test"], 5), issue(&["b.test", "a.test"], 9), issue(&["gone.test"], 9)];
        let (sites, default) = certificates.supplied(&issued);
        let expected = ["own.test <- own", "a.test b.test <- b.test", "*.a.test <- awaited", "x.a.test <- x.a.test"];
        assert_eq!(shape(&sites), expected);
        assert_eq!(default, Some(1));
    }
}
