//! Zones as they are served: signed where the configuration says so, with keys that live in the state folder. Called by the
//! control thread at the start, at every reload, and when signatures grow old.
//!
//! ```text
//! zones/NAME/key       the zone's key, in the form that BIND and Knot read, too
//! zones/NAME/serial    the last serial number that was served
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use edgeway_base::{Entropy, WallTime};
use edgeway_dns::dnssec::{Algorithm, AnswerSigner, Denial, Role, Signing, SigningKey, earliest_expiration, sign_zone};
use edgeway_dns::machine::authority::{Catalog, CookieSecret, Cookies, RateLimit, Served, Settings};
use edgeway_dns::wire::Name;
use edgeway_dns::zone::Zone;
use edgeway_serve::names::Zones;

use crate::config::checked::zones::{CheckedNames, CheckedZone};
use crate::state::State;

/// What was served last, from which signatures are taken over.
#[derive(Default)]
pub struct Signed {
    zones: HashMap<Name, Zone>,
    cookies: Option<Cookies>,
    /// When the first signature has to be renewed, as seconds of the calendar.
    renew_at: Option<u64>,
}

impl Signed {
    /// The name service's share of a configuration. Nothing is remembered before [`Signed::served`] is told.
    pub fn make(
        &self,
        names: &CheckedNames,
        state: &State,
        wall: WallTime,
        entropy: &mut dyn Entropy,
    ) -> Result<Arc<Zones>, String> {
        let mut catalog = Catalog::default();
        for checked in &names.zones {
            catalog.insert(Arc::new(self.zone(checked, state, wall, entropy)?));
        }
        let transfers = names.zones.iter().map(|checked| (checked.zone.apex().clone(), checked.transfer.clone()));
        let cookies = self.cookies.clone().unwrap_or_else(|| {
            let mut secret = [0; 16];
            entropy.fill(&mut secret);
            Cookies { current: CookieSecret(secret), others: Vec::new() }
        });
        Ok(Arc::new(Zones {
            catalog: Arc::new(catalog),
            keys: names.keys.clone(),
            transfers: transfers.collect(),
            settings: Settings::default(),
            cookies: Some(cookies),
            rate: Some(RateLimit::default()),
        }))
    }

    /// Remembers what is served from now on, and notes the serial numbers of signed zones.
    pub fn served(&mut self, zones: &Zones, state: &State) {
        self.cookies = zones.cookies.clone();
        self.zones.clear();
        self.renew_at = None;
        for served in zones.catalog.iter().filter(|served| served.zone.is_signed()) {
            let zone = &served.zone;
            if let Some(expiration) = earliest_expiration(zone) {
                let renew_at = u64::from(expiration).saturating_sub(u64::from(REFRESH_SECONDS));
                self.renew_at = Some(self.renew_at.map_or(renew_at, |before| before.min(renew_at)));
            }
            if let Err(error) = state.write(&file(zone.apex(), "serial"), zone.serial().to_string().as_bytes()) {
                tracing::warn!(%error, zone = %zone.apex(), "the zone's serial number is not kept");
            }
            self.zones.insert(zone.apex().clone(), zone.clone());
        }
    }

    /// Whether signatures have to be renewed.
    pub fn is_old(&self, wall: WallTime) -> bool {
        self.renew_at.is_some_and(|renew_at| wall.seconds() >= renew_at)
    }

    /// After a failure: looks again in an hour.
    pub fn postpone(&mut self, wall: WallTime) {
        self.renew_at = Some(wall.seconds() + 3_600);
    }

    fn zone(
        &self,
        checked: &CheckedZone,
        state: &State,
        wall: WallTime,
        entropy: &mut dyn Entropy,
    ) -> Result<Served, String> {
        let Some(denial) = &checked.sign else { return Ok(Served::new(checked.zone.clone())) };
        let apex = checked.zone.apex();
        let key = Arc::new(open_or_make_key(apex, state, entropy)?);
        let mut signing = Signing::new(vec![Arc::clone(&key)]);
        signing.denial = denial.clone();
        signing.refresh_seconds = REFRESH_SECONDS;
        // RFC 7344: a registry that looks for CDS records learns the DS by itself.
        signing.wanted_ds = Some(vec![key.key_tag()]);
        let previous = self.zones.get(apex);
        let sign = |serial| {
            sign_zone(&checked.zone, previous, &signing, serial, wall).map_err(|error| format!("zone {apex}: {error}"))
        };
        let last = previous.map(Zone::serial).or_else(|| last_serial(apex, state));
        let zone = match (previous, last) {
            (Some(previous), Some(last)) if !is_later(checked.zone.serial(), last) => {
                let same = sign(last)?;
                if previous.difference(&same).is_empty() { previous.clone() } else { sign(last.wrapping_add(1))? }
            }
            (None, Some(last)) if !is_later(checked.zone.serial(), last) => sign(last.wrapping_add(1))?,
            _ => sign(checked.zone.serial())?,
        };
        let mut served = Served::new(zone);
        if *denial == Denial::Compact {
            served.signer = Some(Arc::new(AnswerSigner::new(apex.clone(), [key], true)));
        }
        Ok(served)
    }
}

/// Seconds before their end when signatures are renewed; they hold for two weeks.
const REFRESH_SECONDS: u32 = 5 * 86_400;

/// RFC 1982 §3.2: serial numbers go round.
const fn is_later(one: u32, other: u32) -> bool {
    one.wrapping_sub(other) as i32 > 0
}

/// The DS record of a zone that is signed, if its key has been made.
pub fn ds_text(apex: &Name, state: &State) -> Result<Option<String>, String> {
    Ok(read_key(apex, state)?.map(|key| key.ds_text(apex)))
}

fn read_key(apex: &Name, state: &State) -> Result<Option<SigningKey>, String> {
    let name = file(apex, "key");
    let place = state.path(&name);
    let broken = |error: &dyn std::fmt::Display| format!("the key of zone {apex} ({}): {error}", place.display());
    let Some(text) = state.read(&name).map_err(|error| broken(&error))? else { return Ok(None) };
    SigningKey::from_text(&String::from_utf8_lossy(&text), Role::Combined).map(Some).map_err(|error| broken(&error))
}

fn open_or_make_key(apex: &Name, state: &State, entropy: &mut dyn Entropy) -> Result<SigningKey, String> {
    if let Some(key) = read_key(apex, state)? {
        return Ok(key);
    }
    let key = SigningKey::generate(Algorithm::EcdsaP256Sha256, Role::Combined, entropy);
    // A key that is not kept would leave the zone unreachable after a restart.
    let kept = state.write(&file(apex, "key"), key.to_text().as_bytes());
    kept.map_err(|error| format!("the key of zone {apex} cannot be kept in {}: {error}", state.folder().display()))?;
    tracing::info!(zone = %apex, "a key was made; the registrar needs: {}", key.ds_text(apex));
    Ok(key)
}

fn last_serial(apex: &Name, state: &State) -> Option<u32> {
    String::from_utf8(state.read(&file(apex, "serial")).ok()??).ok()?.trim().parse().ok()
}

/// A file of a zone in the state folder. Labels may hold any byte, so all but plain ones are written as numbers.
fn file(apex: &Name, name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let mut folder = String::new();
    for label in apex.to_lowercase().labels() {
        for byte in label {
            match *byte {
                byte if plain(byte) => folder.push(char::from(byte)),
                byte => folder.push_str(&format!("%{byte:02x}")),
            }
        }
        folder.push('.');
    }
    let folder = if folder.is_empty() { "root" } else { folder.trim_end_matches('.') };
    format!("zones/{folder}/{name}")
}

#[cfg(test)]
mod tests {
    use edgeway_base::SeededEntropy;

    use super::*;
    use crate::config::words::ZoneName;

    fn checked(serial: u32) -> CheckedNames {
        let apex = "example.com".parse::<ZoneName>().unwrap().0;
        let mut builder = edgeway_dns::zone::ZoneBuilder::new(apex.clone());
        let text = format!("@ 300 SOA ns root {serial} 3600 900 604800 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n");
        let zone_text = edgeway_dns::zone::ZoneText {
            file: "zone",
            text: text.as_bytes(),
            origin: apex.borrowed(),
            default_ttl: None,
        };
        let mut none = |_: &str, _: &str| Err("no files".to_owned());
        let errors = edgeway_dns::zone::read_zone(&zone_text, &mut none, &mut |line| {
            builder.add(line.owner, line.record_type, line.ttl, line.data).map_err(|error| error.to_string())
        });
        assert!(errors.is_empty(), "{errors:?}");
        let zone = builder.build().unwrap();
        let transfer = edgeway_serve::names::TransferRule::default();
        CheckedNames {
            zones: vec![CheckedZone { zone, sign: Some(Denial::Nsec), transfer }],
            ..CheckedNames::default()
        }
    }

    #[test]
    fn keys_and_serials_outlive_a_restart_and_signatures_are_renewed() {
        let folder = std::env::temp_dir().join(format!("edgeway-zones-{}", std::process::id()));
        let state = State::choose(Some(&folder));
        let mut entropy = SeededEntropy::new(4);
        let start = WallTime::from_duration(std::time::Duration::from_secs(1_800_000_000));
        let later = |days: u64| WallTime::from_duration(std::time::Duration::from_secs(1_800_000_000 + days * 86_400));
        let apex = checked(7).zones[0].zone.apex().clone();
        let mut signed = Signed::default();
        let mut serve = |signed: &mut Signed, serial, wall| {
            let zones = signed.make(&checked(serial), &state, wall, &mut entropy).unwrap();
            signed.served(&zones, &state);
            zones.catalog.get(&apex).unwrap().zone.serial()
        };
        assert_eq!(serve(&mut signed, 7, start), 7);
        let ds = ds_text(&apex, &state).unwrap().expect("a key was made");
        assert!(ds.starts_with("example.com. IN DS "), "{ds}");
        assert_eq!(serve(&mut signed, 7, later(1)), 7, "nothing has changed");
        assert!(!signed.is_old(later(1)) && signed.is_old(later(10)));
        assert_eq!(serve(&mut signed, 7, later(10)), 8, "signed again");
        assert_eq!(serve(&mut signed, 20, later(10)), 20, "the file's own serial leads");
        let mut restarted = Signed::default();
        assert_eq!(serve(&mut restarted, 20, later(11)), 21, "what was served stays behind");
        assert_eq!(ds_text(&apex, &state).unwrap(), Some(ds));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn any_name_is_a_folder_within() {
        for (name, expected) in [("example.com", "zones/example.com/key"), (".", "zones/root/key")] {
            assert_eq!(file(&name.parse().unwrap(), "key"), expected);
        }
        let odd = Name::from_labels([&b"../A b"[..], b"x"]).unwrap();
        assert_eq!(file(&odd, "key"), "zones/%2e%2e%2fa%20b.x/key");
    }
}
