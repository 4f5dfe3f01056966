//! Proofs that something is not there: NSEC (RFC 4035 §3.1.3), NSEC3 (RFC 5155 §7.2), and compact denial
//! made and signed on the spot (RFC 9824).

use crate::dnssec::nsec3_hash;
use crate::error::WireError;
use crate::wire::rdata::TypeBitmap;
use crate::wire::{Class, Name, NameRef, RecordType, Section};
use crate::zone::{NodeView, RrsetView};

use super::respond::{Responder, Step};

/// Owners of denial records already written: each is said once, however much it proves.
#[derive(Default)]
struct Said {
    owners: [Option<Name>; 3],
    count: usize,
}

impl Said {
    /// Whether this owner is new.
    fn is_new(&mut self, owner: &Name) -> bool {
        if self.owners.iter().flatten().any(|said| said == owner) {
            return false;
        }
        if let Some(place) = self.owners.get_mut(self.count) {
            *place = Some(owner.clone());
            self.count += 1;
        }
        true
    }
}

impl Responder<'_, '_> {
    /// The name does not exist: the name is covered, and so is the wildcard at its closest encloser.
    pub(super) fn prove_no_name(&mut self, step: &Step<'_, '_>, encloser: usize) -> Result<(), WireError> {
        if step.denies_compactly() {
            return self.compact(step, step.name, &[RecordType::NXNAME]);
        }
        let mut said = Said::default();
        if step.zone.nsec3().is_some() {
            let (_, next_closer) = self.encloser_proof(step, encloser, &mut said)?;
            // RFC 5155 §7.2.2: closest encloser, next closer name, wildcard.
            let encloser = next_closer.parent().unwrap_or(NameRef::ROOT).to_name();
            let Ok(wildcard) = encloser.wildcard() else { return Ok(()) };
            return self.nsec3_for(step, wildcard.borrowed(), &mut said);
        }
        self.nsec_for(step, step.name, &mut said)?;
        let encloser = self.suffix(step, encloser);
        match encloser.to_name().wildcard() {
            Ok(wildcard) => self.nsec_for(step, wildcard.borrowed(), &mut said),
            // A wildcard that would be too long cannot exist.
            Err(_) => Ok(()),
        }
    }

    /// The name exists (itself, or through a wildcard below `encloser`), the type does not.
    pub(super) fn prove_no_data(
        &mut self,
        step: &Step<'_, '_>,
        node: NodeView<'_>,
        encloser: Option<usize>,
    ) -> Result<(), WireError> {
        if step.denies_compactly() {
            let types: Vec<RecordType> = shown_types(node).collect();
            return self.compact(step, step.name, &types);
        }
        let mut said = Said::default();
        let nsec3 = step.zone.nsec3().is_some();
        let Some(depth) = encloser else {
            return if nsec3 {
                self.nsec3_no_data(step, step.name, &mut said)
            } else {
                self.nsec_for(step, step.name, &mut said)
            };
        };
        let Ok(wildcard) = self.suffix(step, depth).to_name().wildcard() else { return Ok(()) };
        if nsec3 {
            // RFC 5155 §7.2.5: the closest encloser proof and the wildcard's own NSEC3.
            self.encloser_proof(step, depth, &mut said)?;
            return self.nsec3_for(step, wildcard.borrowed(), &mut said);
        }
        // RFC 4035 §3.1.3.4: the name is covered, the wildcard has no such type.
        self.nsec_for(step, step.name, &mut said)?;
        self.nsec_for(step, wildcard.borrowed(), &mut said)
    }

    /// A balanced or ALIAS name has no address of this type now. Its stored NSEC cannot know that, so the
    /// proof is made on the spot.
    pub(super) fn prove_no_address(&mut self, step: &Step<'_, '_>, node: NodeView<'_>) -> Result<(), WireError> {
        let other = if step.record_type == RecordType::A { RecordType::AAAA } else { RecordType::A };
        let stored = shown_types(node).filter(|record_type| !matches!(*record_type, RecordType::A | RecordType::AAAA));
        let types: Vec<RecordType> = stored.chain([other]).collect();
        self.compact(step, step.name, &types)
    }

    /// The answer came from a wildcard: no closer name exists (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6).
    pub(super) fn prove_wildcard(&mut self, step: &Step<'_, '_>, encloser: usize) -> Result<(), WireError> {
        let mut said = Said::default();
        if step.zone.nsec3().is_none() {
            return self.nsec_for(step, step.name, &mut said);
        }
        self.nsec3_for(step, self.suffix(step, encloser + 1), &mut said)
    }

    /// The delegation is not signed: no DS at the cut (RFC 4035 §3.1.4, RFC 5155 §7.2.7).
    pub(super) fn prove_no_ds(
        &mut self,
        step: &Step<'_, '_>,
        cut: NodeView<'_>,
        owner: NameRef<'_>,
    ) -> Result<(), WireError> {
        if step.denies_compactly() {
            let types: Vec<RecordType> =
                shown_types(cut).filter(|record_type| *record_type == RecordType::NS).collect();
            return self.compact(step, owner, &types);
        }
        let mut said = Said::default();
        if step.zone.nsec3().is_some() {
            return self.nsec3_no_data(step, owner, &mut said);
        }
        self.nsec_for(step, owner, &mut said)
    }

    /// The NSEC at a name, or the one that covers it.
    fn nsec_for(&mut self, step: &Step<'_, '_>, name: NameRef<'_>, said: &mut Said) -> Result<(), WireError> {
        let Some((owner, set)) = step.zone.nsec_at_or_before(name) else { return Ok(()) };
        self.denial_set(step, &owner, set, said)
    }

    /// The NSEC3 that matches a name or covers it.
    fn nsec3_for(&mut self, step: &Step<'_, '_>, name: NameRef<'_>, said: &mut Said) -> Result<(), WireError> {
        let Some((_, owner, set)) = self.nsec3_of(step, name) else { return Ok(()) };
        self.denial_set(step, &owner, set, said)
    }

    fn nsec3_of<'z>(&self, step: &Step<'z, '_>, name: NameRef<'_>) -> Option<(bool, Name, RrsetView<'z>)> {
        let hash = nsec3_hash(name, &step.zone.nsec3()?);
        step.zone.nsec3_at_or_before(&hash)
    }

    /// RFC 5155 §7.2.3 and §7.2.4: the matching NSEC3; where opt-out left none, the closest provable encloser
    /// and what covers the name below it.
    fn nsec3_no_data(&mut self, step: &Step<'_, '_>, name: NameRef<'_>, said: &mut Said) -> Result<(), WireError> {
        if let Some((true, owner, set)) = self.nsec3_of(step, name) {
            return self.denial_set(step, &owner, set, said);
        }
        let depth = name.label_count() - step.zone.apex().label_count();
        let inner = Step { name, ..step.again() };
        self.encloser_proof(&inner, depth.saturating_sub(1), said).map(|_| ())
    }

    /// RFC 5155 §7.2.1: the closest encloser that has an NSEC3, and the NSEC3 that covers the name one label
    /// longer. Returns both the proof's depth and the next closer name.
    fn encloser_proof<'q>(
        &mut self,
        step: &Step<'_, 'q>,
        encloser: usize,
        said: &mut Said,
    ) -> Result<(usize, NameRef<'q>), WireError> {
        // Names that exist only above opted-out delegations have no NSEC3; go up until one has.
        let mut depth = encloser;
        while depth > 0 && !matches!(self.nsec3_of(step, self.suffix(step, depth)), Some((true, ..))) {
            depth -= 1;
        }
        self.nsec3_for(step, self.suffix(step, depth), said)?;
        let next_closer = self.suffix(step, depth + 1);
        self.nsec3_for(step, next_closer, said)?;
        Ok((depth, next_closer))
    }

    fn denial_set(
        &mut self,
        step: &Step<'_, '_>,
        owner: &Name,
        set: RrsetView<'_>,
        said: &mut Said,
    ) -> Result<(), WireError> {
        if !said.is_new(owner) {
            return Ok(());
        }
        // RFC 9077 §3: no longer than the negative TTL of the SOA.
        let ttl = set.ttl().min(step.zone.negative_ttl());
        self.set(Section::Authority, owner.borrowed(), set, ttl)
    }

    /// RFC 9824 §3: an NSEC at the very name, whose next name is the least possible one.
    fn compact(&mut self, step: &Step<'_, '_>, owner: NameRef<'_>, types: &[RecordType]) -> Result<(), WireError> {
        // The least name after this one is a zero label in front of it; when that would be too long, a zero byte
        // at the end of the first label would do, but then the name itself is as good.
        let next = owner.to_name().child(&[0]).unwrap_or_else(|_| owner.to_name());
        let mut data = next.wire().to_vec();
        TypeBitmap::encode(types.iter().copied().chain([RecordType::RRSIG, RecordType::NSEC]), &mut data);
        let inner = Step { name: owner, ..step.again() };
        self.signed(Section::Authority, &inner, RecordType::NSEC, step.zone.negative_ttl(), &[&data])
    }

    /// Puts records into the answer section, signed on the spot.
    pub(super) fn signed_online(
        &mut self,
        step: &Step<'_, '_>,
        record_type: RecordType,
        ttl: u32,
        records: &[&[u8]],
    ) -> Result<(), WireError> {
        self.signed(Section::Answer, step, record_type, ttl, records)
    }

    fn signed(
        &mut self,
        section: Section,
        step: &Step<'_, '_>,
        record_type: RecordType,
        ttl: u32,
        records: &[&[u8]],
    ) -> Result<(), WireError> {
        let signer = step.served.signer.as_ref();
        if signer.is_none() && section == Section::Authority {
            // An unsigned zone proves nothing.
            return Ok(());
        }
        let signatures =
            signer.map_or_else(Vec::new, |signer| signer.sign(step.name, record_type, ttl, records, step.request.wall));
        self.composer.whole(|composer| {
            for data in records {
                composer.record(section, step.name, (record_type, Class::IN, ttl), data)?;
            }
            for signature in &signatures {
                composer.record(section, step.name, (RecordType::RRSIG, Class::IN, ttl), signature)?;
            }
            Ok(())
        })
    }

    /// The rightmost labels of the name: `depth` of them below the apex.
    fn suffix<'q>(&self, step: &Step<'_, 'q>, depth: usize) -> NameRef<'q> {
        step.name.last_labels(step.zone.apex().label_count() + depth)
    }
}

/// Types at a node as a bitmap shows them: an ALIAS or a balanced name appears as the addresses it stands for. At a cut only
/// what the parent is responsible for.
fn shown_types(node: NodeView<'_>) -> impl Iterator<Item = RecordType> + '_ {
    let made = node.has_made_addresses();
    let addresses = if made { &[RecordType::A, RecordType::AAAA][..] } else { &[] };
    let types = node.rrsets().map(|set| set.record_type());
    let types =
        types.filter(move |record_type| !(record_type.is_internal() || made && addresses.contains(record_type)));
    types.chain(addresses.iter().copied())
}
