//! Addresses that go along: glue of a referral, which must (RFC 9471), and hosts of MX, SRV and NS, which may.

use crate::error::WireError;
use crate::limits::ADDITIONAL_NAMES_MAX;
use crate::wire::rdata::target;
use crate::wire::{NameRef, RecordType, Section};
use crate::zone::{Found, NodeView, RrsetView};

use super::respond::{Responder, Step};

impl Responder<'_, '_> {
    /// Addresses of the servers of a cut, as this zone knows them. Those inside the child are needed to go
    /// on at all: when they do not fit, the answer is cut short (RFC 9471 §3.1). Others are a courtesy.
    pub(super) fn glue(&mut self, step: &Step<'_, '_>, servers: RrsetView<'_>, cut: NameRef<'_>) {
        let names = || servers.records().filter_map(|data| target(RecordType::NS, data));
        for name in names().filter(|name| name.is_at_or_below(cut)) {
            let Some(node) = step.zone.node(name) else { continue };
            self.truncated |= self.glue_of(name, node).is_err();
        }
        for name in names().filter(|name| !name.is_at_or_below(cut)).take(ADDITIONAL_NAMES_MAX) {
            match step.zone.find(name, false).map(|path| path.found) {
                Some(Found::Exact(node)) => self.host(name, node),
                // Glue of a sibling zone (RFC 9471 §2.2).
                Some(Found::Delegation(_)) => {
                    if let Some(node) = step.zone.node(name) {
                        let _ = self.glue_of(name, node);
                    }
                }
                _ => {}
            }
        }
    }

    /// Glue is never signed (RFC 4035 §2.2).
    fn glue_of(&mut self, name: NameRef<'_>, node: NodeView<'_>) -> Result<(), WireError> {
        for record_type in [RecordType::A, RecordType::AAAA] {
            if let Some(set) = node.rrset(record_type) {
                self.records(Section::Additional, name, set, set.ttl())?;
            }
        }
        Ok(())
    }

    /// Addresses of the hosts a set leads to, as far as they are in this zone and fit.
    pub(super) fn add_addresses(&mut self, step: &Step<'_, '_>, set: RrsetView<'_>) {
        let record_type = set.record_type();
        let leads = matches!(
            record_type,
            RecordType::NS | RecordType::MX | RecordType::SRV | RecordType::SVCB | RecordType::HTTPS
        );
        if !leads || self.settings.minimal && record_type == RecordType::NS {
            return;
        }
        for data in set.records().take(ADDITIONAL_NAMES_MAX) {
            let Some(name) = target(record_type, data).filter(|name| !name.is_root()) else { continue };
            if let Some(Found::Exact(node)) = step.zone.find(name, false).map(|path| path.found) {
                self.host(name, node);
            }
        }
    }

    fn host(&mut self, name: NameRef<'_>, node: NodeView<'_>) {
        for record_type in [RecordType::A, RecordType::AAAA] {
            if let Some(set) = node.rrset(record_type) {
                // What does not fit stays away without TC (RFC 2181 §9).
                let _ = self.set(Section::Additional, name, set, set.ttl());
            }
        }
    }
}
