//! What a signature covers: the RRset in canonical form behind the RRSIG's own fields (RFC 4034 §3.1.8.1
//! and §6). Used for signing; validators can use it, too.

use crate::wire::rdata::{Rrsig, make_canonical};
use crate::wire::{Class, NameRef, RecordType};

/// The bytes that `signature` covers. `owner` is the name as it was answered; where the signature has fewer
/// labels, the wildcard it came from is put in its place (RFC 4035 §5.3.2). None when the signature has more
/// labels than the owner.
pub fn signed_data<'r>(
    signature: &Rrsig<'_>,
    owner: NameRef<'_>,
    record_type: RecordType,
    records: impl IntoIterator<Item = &'r [u8]>,
) -> Option<Vec<u8>> {
    let mut out = signature.signed_part();
    let labels = usize::from(signature.labels);
    let owner = owner.to_name().to_lowercase();
    let owner_wire = match usize::from(signed_labels(owner.borrowed())) {
        count if count == labels => owner.wire().to_vec(),
        count if count > labels => [b"\x01*", owner.borrowed().last_labels(labels).wire()].concat(),
        _ => return None,
    };
    let mut canonical: Vec<Vec<u8>> = records
        .into_iter()
        .map(|data| {
            let mut data = data.to_vec();
            make_canonical(record_type, &mut data);
            data
        })
        .collect();
    // RFC 4034 §6.3: sorted as bytes, each once.
    canonical.sort_unstable();
    canonical.dedup();
    for data in canonical {
        out.extend_from_slice(&owner_wire);
        out.extend(record_type.0.to_be_bytes());
        out.extend(Class::IN.0.to_be_bytes());
        out.extend(signature.original_ttl.to_be_bytes());
        out.extend((data.len() as u16).to_be_bytes());
        out.extend(data);
    }
    Some(out)
}

/// The labels field of a signature over a name: without the root and a leading asterisk (RFC 4034 §3.1.3).
pub fn signed_labels(owner: NameRef<'_>) -> u8 {
    (owner.label_count() - usize::from(owner.is_wildcard())) as u8
}
