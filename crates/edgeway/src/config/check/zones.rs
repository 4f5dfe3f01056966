//! `[zone]` and `[tsig]`: what they say together.

use std::collections::HashMap;

use super::Check;
use crate::config::raw::{Denial, Zone};
use crate::config::read::Located;
use crate::config::words::{TransferPeer, ZoneName};

impl Check<'_> {
    pub(super) fn zones(&mut self) {
        let zones = &self.configuration.zone;
        let listen = &self.configuration.listen;
        if let Some((name, _)) = zones.first()
            && listen.dns.is_empty()
            && listen.dot.is_empty()
        {
            let message = format!("`{}` is served nowhere", name.value);
            self.found.warning(name.span.clone(), message, "add `dns = [\":53\"]` to [listen]");
        }
        let mut seen: HashMap<&ZoneName, &Located<ZoneName>> = HashMap::new();
        for (name, zone) in zones.iter() {
            if let Some(first) = seen.insert(&name.value, name) {
                let line = self.source.place(first.span.start).line;
                let message = format!("`{}` already is a zone, in line {line}", name.value);
                self.found.error(name.span.clone(), message, "each name is one zone");
            }
            self.zone(name, zone);
        }
    }

    fn zone(&mut self, name: &Located<ZoneName>, zone: &Zone) {
        match (&zone.file, &zone.records) {
            (Some(file), None) => self.readable_file(file),
            (None, Some(_)) => {}
            (None, None) => {
                let message = format!("the zone `{}` has no records", name.value);
                self.found.error(name.span.clone(), message, "expected a `file`, or `records`");
                self.found.advise(format!("add: [zone.\"{0}\"] file = \"{0}.zone\"", name.value));
            }
            (Some(_), Some(records)) => {
                let message = format!("the zone `{}` comes from two places", name.value);
                self.found.error(records.span.clone(), message, "expected a `file` or `records`, not both");
            }
        }
        if zone.sign
            && zone.denial == Denial::Compact
            && let Some(peer) = zone.transfer.first()
        {
            let message = "copies of this zone cannot prove that a name does not exist: compact denials need the key";
            self.found.warning(peer.span.clone(), message, "use `denial = \"nsec\"` or \"nsec3\"");
        }
        let keys = &self.configuration.tsig;
        for peer in &zone.transfer {
            if let TransferPeer::Key(key) = &peer.value
                && !keys.iter().any(|(name, _)| name.value == *key)
            {
                let message = format!("there is no key `{key}`");
                self.found.error(peer.span.clone(), message, "expected the name of a [tsig] key");
                self.found.advise(format!("add: [tsig.\"{key}\"] secret = \"...\""));
            }
        }
    }
}
