//! Signing a whole zone. Called when a zone is loaded, when it changes, and when its signatures grow old:
//! signatures that still hold are taken over from the version before, so that signing again costs what
//! changed.

use std::fmt;
use std::sync::Arc;

use edgeway_base::{Blame, Blamed, WallTime};

use crate::limits::NSEC3_ITERATIONS_MAX;
use crate::wire::rdata::{Rrsig, Soa};
use crate::wire::{Name, NameRef, RecordData, RecordType};
use crate::zone::{BuildError, Found, NodeView, RrsetView, Zone, ZoneBuilder};

use super::canonical::{signed_data, signed_labels};
use super::chain;
use super::key::{DigestType, SigningKey};

/// How the zone proves that something is not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Denial {
    /// NSEC records (RFC 4034 §4): small and plain, but all names can be listed.
    #[default]
    Nsec,
    /// NSEC3 records (RFC 5155): names are hashed.
    Nsec3 {
        /// Rounds of hashing beyond the first; RFC 9276 §3.1 recommends none.
        iterations: u16,
        /// Appended before hashing; RFC 9276 §3.1 recommends none.
        salt: Vec<u8>,
        /// Leave unsigned delegations out of the chain (for very large zones of delegations).
        opt_out: bool,
    },
    /// Made and signed as it is asked for (RFC 9824).
    Compact,
}

/// How to sign.
#[derive(Clone, Debug)]
pub struct Signing {
    /// Keys that stand in the zone.
    pub published: Vec<Arc<SigningKey>>,
    /// Of these, the tags of keys that do not sign now: new ones waiting to be known everywhere, and old
    /// ones waiting to be forgotten (RFC 6781 §4.1).
    pub resting: Vec<u16>,
    /// Tags of keys the parent should have a DS for: CDS and CDNSKEY (RFC 7344). None: the zone says
    /// nothing. Empty: please delete the DS (RFC 8078 §4).
    pub wanted_ds: Option<Vec<u16>>,
    /// How to deny.
    pub denial: Denial,
    /// TTL of the DNSKEY set.
    pub dnskey_ttl: u32,
    /// Seconds a signature holds.
    pub validity_seconds: u32,
    /// Seconds before its end when it is renewed.
    pub refresh_seconds: u32,
}

impl Signing {
    /// The usual: two weeks, renewed after nine days at the latest, NSEC.
    pub const fn new(published: Vec<Arc<SigningKey>>) -> Self {
        let (validity_seconds, refresh_seconds) = (14 * 86_400, 5 * 86_400);
        Self {
            published,
            resting: Vec::new(),
            wanted_ds: None,
            denial: Denial::Nsec,
            dnskey_ttl: 3_600,
            validity_seconds,
            refresh_seconds,
        }
    }

    fn signers(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        self.published.iter().filter(|key| !self.resting.contains(&key.key_tag()))
    }

    /// The keys for a set: key sets are the key-signing keys' (RFC 7344 §4.1 for CDS and CDNSKEY).
    fn signers_of(&self, record_type: RecordType) -> impl Iterator<Item = &Arc<SigningKey>> {
        let keys = matches!(record_type, RecordType::DNSKEY | RecordType::CDS | RecordType::CDNSKEY);
        self.signers().filter(move |key| if keys { key.signs_keys() } else { key.signs_zone() })
    }
}

/// Why a zone was not signed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SignError {
    /// No active key signs keys, or none signs data.
    NoKey,
    /// More NSEC3 iterations than validators accept.
    Iterations,
    /// Names with ALIAS and balanced names have no addresses that could be signed beforehand; they need compact
    /// denial.
    NeedsCompact(Name),
    /// The library could not sign.
    Failed,
    /// The result is no zone.
    Zone(BuildError),
}

impl fmt::Display for SignError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => formatter.write_str("there must be an active key for the keys and one for the data"),
            Self::Iterations => {
                write!(formatter, "at most {NSEC3_ITERATIONS_MAX} NSEC3 iterations; RFC 9276 recommends 0")
            }
            Self::NeedsCompact(name) => {
                write!(formatter, "{name}: in a signed zone ALIAS and balancing need compact denial")
            }
            Self::Failed => formatter.write_str("signing failed"),
            Self::Zone(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for SignError {}

impl Blamed for SignError {
    fn blame(&self) -> Blame {
        match self {
            Self::Failed => Blame::Environment,
            _ => Blame::Operator,
        }
    }
}

impl From<BuildError> for SignError {
    fn from(error: BuildError) -> Self {
        Self::Zone(error)
    }
}

/// Signs `zone`, whose own DNSSEC records other than foreign DNSKEYs are put aside, as version `serial`.
/// `previous` is what was served before: signatures of equal sets are taken from it while they hold.
pub fn sign_zone(
    zone: &Zone,
    previous: Option<&Zone>,
    signing: &Signing,
    serial: u32,
    wall: WallTime,
) -> Result<Zone, SignError> {
    let iterations = if let Denial::Nsec3 { iterations, .. } = signing.denial { iterations } else { 0 };
    if iterations > NSEC3_ITERATIONS_MAX {
        return Err(SignError::Iterations);
    }
    if signing.signers_of(RecordType::DNSKEY).next().is_none() || signing.signers_of(RecordType::SOA).next().is_none() {
        return Err(SignError::NoKey);
    }
    let bare = bare_zone(zone, signing, serial)?;
    let with_chain = chain::with_denial(&bare, &signing.denial)?;
    let mut signer = Signer { signing, previous, wall, builder: ZoneBuilder::new(zone.apex().clone()) };
    for (owner, node) in with_chain.nodes() {
        let side = Side::of(&with_chain, &owner, node);
        for set in node.rrsets() {
            signer.add(&owner, set, side)?;
        }
    }
    for (owner, node) in with_chain.nsec3_nodes() {
        for set in node.rrsets() {
            signer.add(&owner, set, Side::Inside)?;
        }
    }
    Ok(signer.builder.build()?)
}

/// When the first signature has to be renewed: the earliest expiration in the zone.
pub fn earliest_expiration(zone: &Zone) -> Option<u32> {
    let nodes = zone.nodes().chain(zone.nsec3_nodes());
    let signatures = nodes.flat_map(|(_, node)| node.rrsets().flat_map(RrsetView::signatures).collect::<Vec<_>>());
    signatures.filter_map(|data| Rrsig::decode(data).ok().map(|signature| signature.expiration)).min()
}

/// Where a name lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// Authoritative data.
    Inside,
    /// A zone cut: the parent signs DS and NSEC only (RFC 4035 §2.2).
    Cut,
    /// Glue and what nobody sees: below a cut or a DNAME.
    Outside,
}

impl Side {
    pub(super) fn of(zone: &Zone, owner: &Name, node: NodeView<'_>) -> Self {
        match zone.find(owner.borrowed(), true).map(|path| path.found) {
            Some(Found::Exact(_)) if !node.prefix().is_empty() && node.has(RecordType::NS) => Self::Cut,
            Some(Found::Exact(_)) => Self::Inside,
            _ => Self::Outside,
        }
    }

    /// Whether a set of this type is signed here.
    pub(super) const fn signs(self, record_type: RecordType) -> bool {
        match self {
            Self::Inside => !record_type.is_internal(),
            Self::Cut => matches!(record_type, RecordType::DS | RecordType::NSEC),
            Self::Outside => false,
        }
    }
}

/// Types that signing makes anew.
pub(super) const fn is_made_by_signing(record_type: RecordType) -> bool {
    matches!(
        record_type,
        RecordType::RRSIG
            | RecordType::NSEC
            | RecordType::NSEC3
            | RecordType::NSEC3PARAM
            | RecordType::CDS
            | RecordType::CDNSKEY
    )
}

/// The zone without signatures and denial, with its keys and the new serial.
fn bare_zone(zone: &Zone, signing: &Signing, serial: u32) -> Result<Zone, SignError> {
    let apex = zone.apex();
    let mut builder = ZoneBuilder::new(apex.clone());
    for (owner, node) in zone.nodes() {
        if node.has_made_addresses() && signing.denial != Denial::Compact {
            return Err(SignError::NeedsCompact(owner));
        }
        for set in node.rrsets().filter(|set| !is_made_by_signing(set.record_type())) {
            for data in set.records() {
                if set.record_type() == RecordType::SOA {
                    let soa = Soa::decode(data).map_err(|_| BuildError::Soa(0))?;
                    builder.add(owner.borrowed(), RecordType::SOA, set.ttl(), Soa { serial, ..soa }.encode().wire())?;
                } else {
                    builder.add(owner.borrowed(), set.record_type(), set.ttl(), data)?;
                }
            }
        }
    }
    for key in &signing.published {
        builder.add(apex.borrowed(), RecordType::DNSKEY, signing.dnskey_ttl, key.dnskey().wire())?;
    }
    if let Some(wanted) = &signing.wanted_ds {
        add_child_requests(&mut builder, apex.borrowed(), signing, wanted)?;
    }
    Ok(builder.build()?)
}

/// CDS and CDNSKEY (RFC 7344 §3); with nothing wanted, the wish to be deleted (RFC 8078 §4).
fn add_child_requests(
    builder: &mut ZoneBuilder,
    apex: NameRef<'_>,
    signing: &Signing,
    wanted: &[u16],
) -> Result<(), BuildError> {
    let mut add = |record_type, data: &[u8]| builder.add(apex, record_type, signing.dnskey_ttl, data);
    if wanted.is_empty() {
        add(RecordType::CDS, &[0, 0, 0, 0, 0])?;
        return add(RecordType::CDNSKEY, &[0, 0, 3, 0, 0]);
    }
    for key in signing.published.iter().filter(|key| wanted.contains(&key.key_tag())) {
        add(RecordType::CDS, key.ds(apex, DigestType::Sha256).wire())?;
        add(RecordType::CDNSKEY, key.dnskey().wire())?;
    }
    Ok(())
}

struct Signer<'s> {
    signing: &'s Signing,
    previous: Option<&'s Zone>,
    wall: WallTime,
    builder: ZoneBuilder,
}

impl Signer<'_> {
    fn add(&mut self, owner: &Name, set: RrsetView<'_>, side: Side) -> Result<(), SignError> {
        let (record_type, ttl) = (set.record_type(), set.ttl());
        for data in set.records() {
            self.builder.add(owner.borrowed(), record_type, ttl, data)?;
        }
        if !side.signs(record_type) {
            return Ok(());
        }
        let old =
            self.previous.and_then(|previous| old_set(previous, owner, record_type)).filter(|old| same(*old, set));
        for key in self.signing.signers_of(record_type) {
            let kept = old.and_then(|old| old.signatures().find(|data| self.holds(data, key)));
            let signature = match kept {
                Some(signature) => signature.to_vec(),
                None => self.sign(key, owner, set)?,
            };
            self.builder.add(owner.borrowed(), RecordType::RRSIG, ttl, &signature)?;
        }
        Ok(())
    }

    fn sign(&self, key: &SigningKey, owner: &Name, set: RrsetView<'_>) -> Result<Vec<u8>, SignError> {
        let now = self.wall.seconds() as u32;
        // Expirations are spread, so that a large zone is not signed all at once ever after.
        let spread = self.signing.refresh_seconds / 4;
        let offset = if spread == 0 { 0 } else { name_number(owner) % spread };
        let window = (now.wrapping_sub(3_600), now.wrapping_add(self.signing.validity_seconds - offset));
        let records: Vec<&[u8]> = set.records().collect();
        rrsig(key, self.builder.apex().borrowed(), owner.borrowed(), (set.record_type(), set.ttl()), &records, window)
            .ok_or(SignError::Failed)
    }

    /// Whether an old signature is this key's and good for some time yet.
    fn holds(&self, data: &[u8], key: &SigningKey) -> bool {
        let Ok(signature) = Rrsig::decode(data) else { return false };
        // RFC 1982: the sign of the difference says which is later.
        let left = signature.expiration.wrapping_sub(self.wall.seconds() as u32) as i32;
        signature.key_tag == key.key_tag()
            && signature.algorithm == key.algorithm() as u8
            && i64::from(left) > i64::from(self.signing.refresh_seconds)
    }
}

/// The data of an RRSIG over a set; none when the library cannot sign.
pub(super) fn rrsig(
    key: &SigningKey,
    zone: NameRef<'_>,
    owner: NameRef<'_>,
    (record_type, ttl): (RecordType, u32),
    records: &[&[u8]],
    (inception, expiration): (u32, u32),
) -> Option<Vec<u8>> {
    let unsigned = Rrsig {
        type_covered: record_type,
        algorithm: key.algorithm() as u8,
        labels: signed_labels(owner),
        original_ttl: ttl,
        expiration,
        inception,
        key_tag: key.key_tag(),
        signer: zone,
        signature: &[],
    };
    let signature = key.sign(&signed_data(&unsigned, owner, record_type, records.iter().copied())?)?;
    Some(Rrsig { signature: &signature, ..unsigned }.encode())
}

fn old_set<'z>(previous: &'z Zone, owner: &Name, record_type: RecordType) -> Option<RrsetView<'z>> {
    if record_type == RecordType::NSEC3 {
        let label = owner.labels().next().and_then(crate::wire::presentation::base32_decode)?;
        return previous.nsec3_at_or_before(&label).filter(|(matches, ..)| *matches).map(|(_, _, set)| set);
    }
    previous.node(owner.borrowed())?.rrset(record_type)
}

fn same(a: RrsetView<'_>, b: RrsetView<'_>) -> bool {
    a.ttl() == b.ttl() && a.records().eq(b.records())
}

/// A number that is the same for a name whenever it is signed.
fn name_number(name: &Name) -> u32 {
    let mix = |hash: u32, byte: &u8| (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
    name.wire().iter().fold(0x811c_9dc5, mix)
}

/// Data of a DNSKEY set's record, for callers that print what the registrar needs.
impl SigningKey {
    /// The DS line a registrar asks for.
    pub fn ds_text(&self, zone: &Name) -> String {
        let ds: RecordData = self.ds(zone.borrowed(), DigestType::Sha256);
        format!("{zone} IN DS {ds}")
    }
}
