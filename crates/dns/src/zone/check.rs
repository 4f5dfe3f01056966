//! What is wrong with a zone as a whole, before it is put to use. Called by `edgeway check`, by reloads,
//! and after a transfer.

use std::fmt;

use crate::limits::ZONE_ERRORS_MAX;
use crate::wire::rdata::{Soa, target};
use crate::wire::{Name, NameRef, RecordType};

use super::{Found, NodeView, Zone};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// It works, but probably not as it was meant.
    Warning,
    /// The zone must not be served.
    Error,
}

/// Something wrong at a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub name: Name,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(formatter, "{word}: {}: {}", self.name, self.message)
    }
}

/// Everything that is wrong, errors first, at most 50 of each kind.
pub fn check(zone: &Zone) -> Vec<Finding> {
    let mut checker = Checker { zone, findings: Vec::new() };
    checker.apex();
    for (name, node) in zone.nodes() {
        checker.node(&name, node);
    }
    let mut findings = checker.findings;
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.name.cmp(&b.name)));
    let mut counts = [0; 2];
    findings.retain(|finding| {
        counts[finding.severity as usize] += 1;
        counts[finding.severity as usize] <= ZONE_ERRORS_MAX
    });
    findings
}

struct Checker<'z> {
    zone: &'z Zone,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    fn error(&mut self, name: &Name, message: impl Into<String>) {
        self.findings.push(Finding { severity: Severity::Error, name: name.clone(), message: message.into() });
    }

    fn warn(&mut self, name: &Name, message: impl Into<String>) {
        self.findings.push(Finding { severity: Severity::Warning, name: name.clone(), message: message.into() });
    }

    fn apex(&mut self) {
        let (apex, node) = (self.zone.apex(), self.zone.apex_node());
        if !node.has(RecordType::NS) {
            self.error(apex, "there is no NS record at the apex; a zone needs at least one");
        }
        if node.has(RecordType::DS) {
            self.error(apex, "a DS record belongs into the parent zone, not at the apex");
        }
        if let Some(Ok(soa)) = node.rrset(RecordType::SOA).and_then(|soa| soa.records().next()).map(Soa::decode) {
            if soa.expire < soa.refresh.saturating_add(soa.retry) {
                self.warn(apex, "SOA: expire is shorter than refresh and retry; secondaries would give up too early");
            }
            // RFC 2308 §5: one to three hours work well, more than a day has been a problem.
            if soa.minimum > 86_400 {
                self.warn(apex, "SOA: the last number is how long \"does not exist\" is kept; more than a day is long");
            }
        }
    }

    fn node(&mut self, name: &Name, node: NodeView<'_>) {
        let is_apex = node.prefix().is_empty();
        if !is_apex && node.has(RecordType::SOA) {
            self.error(name, "a SOA record belongs to the apex; is this another zone?");
        }
        self.aliases(name, node);
        match self.zone.find(name.borrowed(), true).map(|path| path.found) {
            Some(Found::Delegation(_)) => self.below_cut(name, node),
            Some(Found::Redirection(_)) => self.warn(name, "nobody will see this: it is below a DNAME"),
            _ => self.targets(name, node),
        }
        if !is_apex && node.has(RecordType::DS) && !node.has(RecordType::NS) {
            self.warn(name, "a DS record without NS records beside it has no use");
        }
        if name.borrowed().is_wildcard() && node.has(RecordType::NS) {
            // RFC 4592 §4.2.
            self.warn(name, "NS records at a wildcard mean different things to different servers");
        }
    }

    /// RFC 1034 §3.6.2, RFC 2181 §10.1, RFC 6672 §2.4.
    fn aliases(&mut self, name: &Name, node: NodeView<'_>) {
        let beside_cname = |record_type| {
            matches!(record_type, RecordType::CNAME | RecordType::NSEC | RecordType::KEY | RecordType::RRSIG)
        };
        if let Some(cname) = node.rrset(RecordType::CNAME) {
            if let Some(other) = node.rrsets().map(|set| set.record_type()).find(|other| !beside_cname(*other)) {
                self.error(name, format!("a CNAME stands alone, but there is {other}, too"));
            }
            if cname.len() > 1 {
                self.error(name, "there can be only one CNAME at a name");
            }
        }
        for single in [RecordType::DNAME, RecordType::ALIAS] {
            if node.rrset(single).is_some_and(|set| set.len() > 1) {
                self.error(name, format!("there can be only one {single} at a name"));
            }
        }
        if node.has(RecordType::ALIAS) && (node.has(RecordType::A) || node.has(RecordType::AAAA)) {
            self.error(name, "an ALIAS gives the addresses of its target, but there are addresses, too");
        }
        if node.has(RecordType::DNAME) && !node.prefix().is_empty() && node.has(RecordType::NS) {
            self.error(name, "a DNAME cannot stand at a delegation (RFC 6672 §2.3)");
        }
    }

    /// Below a cut only glue has a use.
    fn below_cut(&mut self, name: &Name, node: NodeView<'_>) {
        let useful = |record_type| matches!(record_type, RecordType::A | RecordType::AAAA);
        if let Some(other) = node.rrsets().map(|set| set.record_type()).find(|other| !useful(*other)) {
            self.warn(name, format!("nobody will see this {other}: it is below a delegation"));
        }
    }

    /// Names in this zone that records lead to.
    fn targets(&mut self, name: &Name, node: NodeView<'_>) {
        for set in node.rrsets() {
            let record_type = set.record_type();
            let leads = matches!(record_type, RecordType::NS | RecordType::MX | RecordType::SRV);
            for data in set.records().filter(|_| leads) {
                let Some(to) = target(record_type, data).filter(|to| !to.is_root()) else { continue };
                self.target(name, node, record_type, to);
            }
        }
    }

    fn target(&mut self, name: &Name, node: NodeView<'_>, record_type: RecordType, to: NameRef<'_>) {
        let Some(path) = self.zone.find(to, false) else { return };
        let has_address =
            |node: NodeView<'_>| node.has(RecordType::A) || node.has(RecordType::AAAA) || node.has_made_addresses();
        match path.found {
            // RFC 2181 §10.3.
            Found::Exact(found) | Found::Wildcard(found) if found.has(RecordType::CNAME) => {
                self.warn(name, format!("{record_type} leads to {to}, which is a CNAME; it must be a host itself"));
            }
            Found::Exact(found) | Found::Wildcard(found) if !has_address(found) => {
                self.warn(name, format!("{record_type} leads to {to}, which has no address"));
            }
            Found::Missing => self.warn(name, format!("{record_type} leads to {to}, which does not exist")),
            Found::Delegation(cut) if record_type == RecordType::NS => {
                // RFC 1034 §4.2.1: a server inside the zone it serves cannot be found without glue.
                let inside = cut.prefix() == node.prefix() && !node.prefix().is_empty();
                if inside && !self.zone.node(to).is_some_and(has_address) {
                    self.error(
                        name,
                        format!("the server {to} is inside the delegated zone and needs an A or AAAA record here"),
                    );
                }
            }
            _ => {}
        }
    }
}
