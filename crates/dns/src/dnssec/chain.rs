//! The chain of denial: which names there are and which is next (RFC 4035 §2.3, RFC 5155 §7.1).

use crate::wire::rdata::{Nsec3Param, TypeBitmap};
use crate::wire::{Name, RecordType};
use crate::zone::{NodeView, Zone, ZoneBuilder};

use super::crypto::nsec3_hash;
use super::sign::{Denial, Side, SignError};

/// The zone with its denial records added, not yet signed.
pub(super) fn with_denial(zone: &Zone, denial: &Denial) -> Result<Zone, SignError> {
    let mut builder = ZoneBuilder::new(zone.apex().clone());
    for record in zone.records() {
        builder.add_record(&record)?;
    }
    match denial {
        Denial::Compact => {}
        Denial::Nsec => add_nsec(zone, &mut builder)?,
        Denial::Nsec3 { iterations, salt, opt_out } => {
            let parameters = Nsec3Param { algorithm: 1, flags: 0, iterations: *iterations, salt };
            add_nsec3(zone, &mut builder, &parameters, *opt_out)?;
        }
    }
    Ok(builder.build()?)
}

fn add_nsec(zone: &Zone, builder: &mut ZoneBuilder) -> Result<(), SignError> {
    let mut names: Vec<(Name, NodeView<'_>, Side)> = visible(zone).filter(|(_, node, _)| !node.is_empty()).collect();
    names.sort_by(|a, b| a.0.cmp(&b.0));
    for (index, (owner, node, side)) in names.iter().enumerate() {
        // The last leads back to the apex (RFC 4034 §4.1.1).
        let next = &names[(index + 1) % names.len()].0;
        let mut data = next.wire().to_vec();
        let types = types(*node, *side).chain([RecordType::RRSIG, RecordType::NSEC]);
        TypeBitmap::encode(types, &mut data);
        builder.add(owner.borrowed(), RecordType::NSEC, zone.negative_ttl(), &data)?;
    }
    Ok(())
}

fn add_nsec3(
    zone: &Zone,
    builder: &mut ZoneBuilder,
    parameters: &Nsec3Param<'_>,
    opt_out: bool,
) -> Result<(), SignError> {
    let apex = zone.apex();
    // The TTL of NSEC3PARAM says nothing; 0 is what signers use, so that no cache keeps it.
    builder.add(apex.borrowed(), RecordType::NSEC3PARAM, 0, &parameters.encode())?;
    let left_out = |node: NodeView<'_>, side: Side| opt_out && side == Side::Cut && !node.has(RecordType::DS);
    let kept: Vec<(Name, NodeView<'_>, Side)> =
        visible(zone).filter(|(_, node, side)| !left_out(*node, *side)).collect();
    // RFC 5155 §7.1: an empty non-terminal that only leads to names left out may be left out, too.
    let mut needed = std::collections::HashSet::new();
    for (owner, ..) in kept.iter().filter(|(_, node, _)| !node.is_empty()) {
        for ancestor in owner.borrowed().ancestors().take_while(|ancestor| ancestor.is_at_or_below(apex)) {
            if !needed.insert(ancestor.to_name()) {
                break;
            }
        }
    }
    let mut hashed: Vec<([u8; 20], NodeView<'_>, Side)> = kept
        .iter()
        .filter(|(owner, ..)| needed.contains(owner))
        .map(|(owner, node, side)| (nsec3_hash(owner.borrowed(), parameters), *node, *side))
        .collect();
    hashed.sort_by_key(|(hash, ..)| *hash);
    for (index, (hash, node, side)) in hashed.iter().enumerate() {
        let next = hashed[(index + 1) % hashed.len()].0;
        let with_flag = Nsec3Param { flags: u8::from(opt_out), ..*parameters };
        let mut data = with_flag.encode();
        data.push(next.len() as u8);
        data.extend(next);
        // RFC 5155 §7.1: the apex has NSEC3PARAM; RRSIG where anything is signed.
        let parameter_type = node.prefix().is_empty().then_some(RecordType::NSEC3PARAM);
        let types: Vec<RecordType> = types(*node, *side).chain(parameter_type).collect();
        let signature = types.iter().any(|record_type| side.signs(*record_type)).then_some(RecordType::RRSIG);
        TypeBitmap::encode(types.into_iter().chain(signature), &mut data);
        let label = crate::wire::presentation::base32_encode(hash);
        let owner = apex.child(label.as_bytes()).map_err(|_| crate::zone::BuildError::TooLarge(apex.clone()))?;
        builder.add(owner.borrowed(), RecordType::NSEC3, zone.negative_ttl(), &data)?;
    }
    Ok(())
}

/// Names that answers can come from, and cuts; no glue and nothing hidden.
fn visible(zone: &Zone) -> impl Iterator<Item = (Name, NodeView<'_>, Side)> {
    zone.nodes()
        .map(|(owner, node)| {
            let side = Side::of(zone, &owner, node);
            (owner, node, side)
        })
        .filter(|(_, _, side)| *side != Side::Outside)
}

/// Types for the bitmap: at a cut only what is the parent's (RFC 4035 §2.3).
fn types(node: NodeView<'_>, side: Side) -> impl Iterator<Item = RecordType> + '_ {
    node.rrsets().map(|set| set.record_type()).filter(move |record_type| match side {
        Side::Cut => matches!(*record_type, RecordType::NS | RecordType::DS),
        _ => true,
    })
}
