//! Catalog zones (RFC 9432): a list of zones as a zone, so that secondaries learn by transfer what to serve.

use std::collections::HashSet;
use std::fmt;

use edgeway_base::{Blame, Blamed};

use crate::wire::rdata::{Soa, strings, target};
use crate::wire::{Name, NameRef, RecordData, RecordType};

use super::{BuildError, NodeView, Zone, ZoneBuilder};

/// A zone in a catalog.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CatalogMember {
    /// The label that stands for it. When it changes for a zone, the zone's state is to be thrown away (RFC
    /// 9432 §5.4).
    pub label: Vec<u8>,
    /// The zone.
    pub zone: Name,
    /// Which of the secondary's configurations it is meant for (§4.3.2); none to several.
    pub groups: Vec<Vec<u8>>,
    /// The catalog that will list it from now on (§4.3.1).
    pub new_owner: Option<Name>,
}

/// Why a zone is no catalog. RFC 9432 §5.1: a broken catalog changes nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CatalogError {
    /// There is no version, more than one, or another than 2.
    Version,
    /// A label names no zone, or more than one.
    Member(Name),
    /// A zone is listed twice.
    Twice(Name),
}

impl fmt::Display for CatalogError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => formatter.write_str("the catalog needs one TXT record \"2\" at the name `version`"),
            Self::Member(name) => write!(formatter, "{name} needs exactly one PTR record"),
            Self::Twice(name) => write!(formatter, "the catalog lists {name} twice"),
        }
    }
}

impl std::error::Error for CatalogError {}

impl Blamed for CatalogError {
    fn blame(&self) -> Blame {
        Blame::Upstream
    }
}

/// The zones that a catalog lists, by name.
pub fn catalog_members(catalog: &Zone) -> Result<Vec<CatalogMember>, CatalogError> {
    let apex = catalog.apex();
    let at = |parent: &Name, label: &[u8]| parent.child(label).ok();
    let node = |name: &Option<Name>| name.as_ref().and_then(|name| catalog.node(name.borrowed()));
    // RFC 9432 §4.2.1.
    let version = texts(node(&at(apex, b"version")));
    if version != [b"2"] {
        return Err(CatalogError::Version);
    }
    let Some(zones) = at(apex, b"zones") else { return Err(CatalogError::Version) };
    let (mut members, mut seen) = (Vec::new(), HashSet::new());
    for (owner, listed) in catalog.nodes() {
        let is_member = owner.parent().as_ref() == Some(&zones);
        let Some(pointers) = listed.rrset(RecordType::PTR).filter(|_| is_member) else { continue };
        let pointed: Vec<NameRef<'_>> = pointers.records().filter_map(|data| target(RecordType::PTR, data)).collect();
        let [zone] = pointed[..] else { return Err(CatalogError::Member(owner)) };
        let zone = zone.to_name();
        if !seen.insert(zone.clone()) {
            return Err(CatalogError::Twice(zone));
        }
        let groups = texts(node(&at(&owner, b"group")));
        let coo = node(&at(&owner, b"coo")).and_then(|node| node.rrset(RecordType::PTR));
        let new_owner = coo.and_then(|set| target(RecordType::PTR, set.records().next()?)).map(NameRef::to_name);
        let label = owner.labels().next().unwrap_or_default().to_vec();
        members.push(CatalogMember { label, zone, groups, new_owner });
    }
    members.sort_by(|a, b| a.zone.cmp(&b.zone));
    Ok(members)
}

/// Each TXT record of a node as one text.
fn texts(node: Option<NodeView<'_>>) -> Vec<Vec<u8>> {
    let set = node.and_then(|node| node.rrset(RecordType::TXT));
    set.into_iter()
        .flat_map(|set| set.records().map(|data| strings(data).collect::<Vec<_>>().concat()).collect::<Vec<_>>())
        .collect()
}

/// A catalog that lists these zones, as version `serial`.
pub fn catalog_zone(apex: &Name, serial: u32, members: &[CatalogMember]) -> Result<Zone, BuildError> {
    let mut builder = ZoneBuilder::new(apex.clone());
    // RFC 9432 §4: nobody resolves through a catalog, so its server is a name that cannot exist.
    let invalid = Name::from_labels([&b"invalid"[..]]).unwrap_or_default();
    let soa = Soa {
        primary: invalid.borrowed(),
        mailbox: invalid.borrowed(),
        serial,
        refresh: 3_600,
        retry: 600,
        expire: 2_147_483_646,
        minimum: 0,
    };
    let mut add = |owner: &Name, data: &RecordData| builder.add(owner.borrowed(), data.record_type(), 0, data.wire());
    add(apex, &soa.encode())?;
    add(apex, &RecordData::name(RecordType::NS, &invalid))?;
    let child = |parent: &Name, label: &[u8]| parent.child(label).map_err(|_| BuildError::TooLarge(parent.clone()));
    add(&child(apex, b"version")?, &RecordData::txt(b"2"))?;
    let zones = child(apex, b"zones")?;
    for member in members {
        let owner = child(&zones, &member.label)?;
        add(&owner, &RecordData::name(RecordType::PTR, &member.zone))?;
        for group in &member.groups {
            add(&child(&owner, b"group")?, &RecordData::txt(group))?;
        }
        if let Some(new_owner) = &member.new_owner {
            add(&child(&owner, b"coo")?, &RecordData::name(RecordType::PTR, new_owner))?;
        }
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn member(label: &str, zone: &str) -> CatalogMember {
        CatalogMember { label: label.into(), zone: name(zone), groups: vec![], new_owner: None }
    }

    #[test]
    fn what_is_listed_is_read_back() {
        let mut members = vec![member("a1", "one.example."), member("b2", "two.example.")];
        members[0].groups = vec![b"nodnssec".to_vec(), b"operator-x".to_vec()];
        members[1].new_owner = Some(name("other.catalog."));
        let catalog = catalog_zone(&name("catalog.invalid."), 7, &members).unwrap();
        assert_eq!((catalog.serial(), catalog_members(&catalog)), (7, Ok(members)));
    }

    #[test]
    fn broken_catalogs_are_refused_whole() {
        let good = catalog_zone(&name("c."), 1, &[member("a", "one.example.")]).unwrap();
        let edited = |owner: &str, remove: Option<RecordType>, add: Option<RecordData>| {
            let mut edit = crate::zone::ZoneEdit::new(&good);
            if let Some(record_type) = remove {
                assert!(edit.remove_rrset(name(owner).borrowed(), record_type));
            }
            if let Some(data) = add {
                edit.add(name(owner).borrowed(), 0, &data).unwrap();
            }
            catalog_members(&edit.finish().unwrap().0)
        };
        let pointer = |zone: &str| Some(RecordData::name(RecordType::PTR, &name(zone)));
        assert_eq!(edited("version.c.", Some(RecordType::TXT), None), Err(CatalogError::Version));
        assert_eq!(
            edited("version.c.", Some(RecordType::TXT), Some(RecordData::txt(b"1"))),
            Err(CatalogError::Version)
        );
        assert_eq!(edited("version.c.", None, Some(RecordData::txt(b"3"))), Err(CatalogError::Version));
        assert_eq!(edited("a.zones.c.", None, pointer("two.example.")), Err(CatalogError::Member(name("a.zones.c."))));
        assert_eq!(edited("b.zones.c.", None, pointer("ONE.example.")), Err(CatalogError::Twice(name("one.example."))));
        // Properties nobody knows are passed over (RFC 9432 §4.3.3).
        assert!(edited("x.ext.a.zones.c.", None, Some(RecordData::txt(b"y"))).is_ok());
    }
}
