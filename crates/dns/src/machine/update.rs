//! Dynamic update (RFC 2136): prerequisites, changes, and the new version of the zone. The caller says who
//! may change what, keeps the change in its journal, signs the result and swaps it in.

use std::fmt;

use edgeway_base::{Blame, Blamed};

use crate::wire::rdata::Soa;
use crate::wire::{Class, Message, Name, NameRef, Rcode, RecordData, RecordType, RecordView};
use crate::zone::{Change, Zone, ZoneEdit};

/// What an update led to.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The new version; the old one when nothing changed.
    pub zone: Zone,
    /// What differs; empty when nothing does. To be kept before the zone is swapped in.
    pub change: Change,
}

/// Why an update was refused: the answer's outcome and, for the log, the reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// What to answer.
    pub rcode: Rcode,
    /// Why, for the log.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "update refused with {}: {}", self.rcode, self.reason)
    }
}

impl std::error::Error for Refused {}

impl Blamed for Refused {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

fn refuse<T>(rcode: Rcode, reason: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { rcode, reason: reason.into() })
}

/// A record of an update section, its data checked.
struct Item {
    name: Name,
    record_type: RecordType,
    class: Class,
    ttl: u32,
    /// Empty for deletions of sets and most prerequisites.
    data: Vec<u8>,
}

impl Item {
    fn read(record: &RecordView<'_>) -> Result<Self, Refused> {
        let mut data = Vec::new();
        if record.append_data(&mut data).is_err() {
            return refuse(Rcode::FORMERR, format!("the data of {} is malformed", record.record_type()));
        }
        let (name, record_type, class) = (record.owner().to_name(), record.record_type(), record.class());
        Ok(Self { name, record_type, class, ttl: record.ttl_bits(), data })
    }

    fn record_data(&self) -> RecordData {
        RecordData::from_checked(self.record_type, self.data.as_slice().into())
    }
}

/// Carries out the update in `message` on the unsigned content of `zone`. `may` says whether the sender
/// may change a name and type. All or nothing.
pub fn update(zone: &Zone, message: &Message<'_>, may: &dyn Fn(&Name, RecordType) -> bool) -> Result<Updated, Refused> {
    let items =
        |records: crate::wire::Records<'_>| records.map(|record| Item::read(&record)).collect::<Result<Vec<_>, _>>();
    let (prerequisites, changes) = (items(message.answers())?, items(message.authority())?);
    let in_zone = |item: &&Item| !item.name.is_at_or_below(zone.apex());
    if let Some(item) = prerequisites.iter().chain(&changes).find(in_zone) {
        return refuse(Rcode::NOTZONE, format!("{} is not in {}", item.name, zone.apex()));
    }
    check_prerequisites(zone, &prerequisites)?;
    changes.iter().try_for_each(prescan)?;
    if let Some(item) = changes.iter().find(|item| !may(&item.name, item.record_type)) {
        return refuse(Rcode::REFUSED, format!("the sender may not change {} {}", item.name, item.record_type));
    }
    apply(zone, &changes)
}

/// RFC 2136 §3.2.
fn check_prerequisites(zone: &Zone, items: &[Item]) -> Result<(), Refused> {
    let mut edit = ZoneEdit::new(zone);
    // Sets that have to be there exactly (§2.4.2): gathered first, compared at the end.
    let mut exact: Vec<(&Name, RecordType, Vec<Vec<u8>>)> = Vec::new();
    for item in items {
        if item.ttl != 0 {
            return refuse(Rcode::FORMERR, "a prerequisite has a TTL");
        }
        let name_in_use = !edit.types(item.name.borrowed()).is_empty();
        let set_exists = edit.rrset(item.name.borrowed(), item.record_type).is_some();
        match item.class {
            Class::ANY | Class::NONE if !item.data.is_empty() => {
                return refuse(Rcode::FORMERR, "a prerequisite has data");
            }
            Class::ANY if item.record_type == RecordType::ANY => {
                if !name_in_use {
                    return refuse(Rcode::NXDOMAIN, format!("{} does not exist", item.name));
                }
            }
            Class::ANY if !set_exists => {
                return refuse(Rcode::NXRRSET, format!("{} {} does not exist", item.name, item.record_type));
            }
            Class::ANY => {}
            Class::NONE if item.record_type == RecordType::ANY => {
                if name_in_use {
                    return refuse(Rcode::YXDOMAIN, format!("{} exists", item.name));
                }
            }
            Class::NONE if set_exists => {
                return refuse(Rcode::YXRRSET, format!("{} {} exists", item.name, item.record_type));
            }
            Class::NONE => {}
            Class::IN if item.record_type.is_meta() => {
                return refuse(Rcode::FORMERR, "a prerequisite is of no real type");
            }
            Class::IN => match exact
                .iter_mut()
                .find(|(name, record_type, _)| **name == item.name && *record_type == item.record_type)
            {
                Some((_, _, records)) => records.push(item.data.clone()),
                None => exact.push((&item.name, item.record_type, vec![item.data.clone()])),
            },
            class => return refuse(Rcode::FORMERR, format!("a prerequisite has class {class}")),
        }
    }
    for (name, record_type, mut wanted) in exact {
        wanted.sort_unstable();
        wanted.dedup();
        let found = edit.rrset(name.borrowed(), record_type).map_or_else(Vec::new, |(_, records)| records);
        if !found.iter().map(RecordData::wire).eq(wanted.iter().map(Vec::as_slice)) {
            return refuse(Rcode::NXRRSET, format!("{name} {record_type} is not as expected"));
        }
    }
    Ok(())
}

/// RFC 2136 §3.4.1: what is wrong is found before anything is changed.
fn prescan(item: &Item) -> Result<(), Refused> {
    let any = item.record_type == RecordType::ANY;
    match item.class {
        Class::IN if item.record_type.is_meta() => refuse(Rcode::FORMERR, "what is added is of no real type"),
        Class::ANY if item.ttl != 0 || !item.data.is_empty() || (item.record_type.is_meta() && !any) => {
            refuse(Rcode::FORMERR, "the deletion of a set has a TTL, data, or no real type")
        }
        Class::NONE if item.ttl != 0 || item.record_type.is_meta() => {
            refuse(Rcode::FORMERR, "the deletion of a record has a TTL or no real type")
        }
        Class::IN | Class::ANY | Class::NONE => Ok(()),
        class => refuse(Rcode::FORMERR, format!("a change has class {class}")),
    }
}

/// RFC 2136 §3.4.2, one change after the other.
fn apply(zone: &Zone, items: &[Item]) -> Result<Updated, Refused> {
    let mut edit = ZoneEdit::new(zone);
    let apex = zone.apex();
    for item in items {
        let (name, at_apex) = (item.name.borrowed(), item.name == *apex);
        match item.class {
            Class::IN => add(&mut edit, zone, item),
            Class::ANY => {
                let all = item.record_type == RecordType::ANY;
                let types = if all { edit.types(name) } else { vec![item.record_type] };
                for record_type in types {
                    // §3.4.2.3: SOA and NS at the apex stay.
                    if !(at_apex && matches!(record_type, RecordType::SOA | RecordType::NS)) {
                        edit.remove_rrset(name, record_type);
                    }
                }
            }
            _ => {
                // §3.4.2.4: no SOA is deleted, and never the last NS of the apex.
                let last_server = at_apex
                    && item.record_type == RecordType::NS
                    && edit.rrset(name, RecordType::NS).is_some_and(|(_, servers)| servers.len() <= 1);
                if item.record_type != RecordType::SOA && !last_server {
                    edit.remove(name, &item.record_data());
                }
            }
        }
    }
    finish(edit, zone)
}

fn add(edit: &mut ZoneEdit, zone: &Zone, item: &Item) {
    let name = item.name.borrowed();
    let types = edit.types(name);
    let beside_cname =
        |record_type: &RecordType| matches!(*record_type, RecordType::NSEC | RecordType::RRSIG | RecordType::KEY);
    let is_cname = item.record_type == RecordType::CNAME;
    // §3.4.2.2: what does not fit beside what is there is silently left out.
    let has_cname = types.contains(&RecordType::CNAME);
    let has_other = types.iter().any(|record_type| *record_type != RecordType::CNAME && !beside_cname(record_type));
    if is_cname && has_other || !is_cname && has_cname && !beside_cname(&item.record_type) {
        return;
    }
    match item.record_type {
        RecordType::SOA => {
            let newer = Soa::decode(&item.data).is_ok_and(|soa| is_newer(soa.serial, serial_now(edit, zone)));
            if item.name != *zone.apex() || !newer {
                return;
            }
            edit.remove_rrset(name, RecordType::SOA);
        }
        // There is one of these; a new one takes its place.
        RecordType::CNAME | RecordType::DNAME | RecordType::ALIAS => {
            edit.remove_rrset(name, item.record_type);
        }
        _ => {}
    }
    // Cannot fail: the name was found to be in the zone.
    let _ = edit.add(name, item.ttl & 0x7fff_ffff, &item.record_data());
}

/// §3.6: a zone that changed gets a new serial, unless the update brought one.
fn finish(mut edit: ZoneEdit, zone: &Zone) -> Result<Updated, Refused> {
    let apex = zone.apex().borrowed();
    let failed = |error: &dyn fmt::Display| Refused { rcode: Rcode::SERVFAIL, reason: error.to_string() };
    if serial_now(&mut edit, zone) == zone.serial() && edit.is_changed() {
        bump_serial(&mut edit, apex);
    }
    let (zone, change) = edit.finish().map_err(|error| failed(&error))?;
    Ok(Updated { zone, change })
}

/// Adds one to the serial of the SOA.
pub fn bump_serial(edit: &mut ZoneEdit, apex: NameRef<'_>) {
    let Some((ttl, records)) = edit.rrset(apex, RecordType::SOA) else { return };
    let Some(Ok(soa)) = records.first().map(|data| Soa::decode(data.wire())) else { return };
    let next = Soa { serial: next_serial(soa.serial), ..soa }.encode();
    edit.remove_rrset(apex, RecordType::SOA);
    // Cannot fail: the apex is in the zone.
    let _ = edit.add(apex, ttl, &next);
}

fn serial_now(edit: &mut ZoneEdit, zone: &Zone) -> u32 {
    let soa = edit.rrset(zone.apex().borrowed(), RecordType::SOA);
    let serial = soa.and_then(|(_, records)| Soa::decode(records.first()?.wire()).ok().map(|soa| soa.serial));
    serial.unwrap_or_else(|| zone.serial())
}

/// RFC 1982 §3.2: whether `a` is later than `b`. Half the circle away is neither.
pub const fn is_newer(a: u32, b: u32) -> bool {
    let distance = a.wrapping_sub(b);
    distance != 0 && distance < 1 << 31
}

/// RFC 1982 §3.1: the next serial, never zero (RFC 2136 §7.11).
pub const fn next_serial(serial: u32) -> u32 {
    if serial == u32::MAX { 1 } else { serial + 1 }
}

#[cfg(test)]
mod tests;
