//! `[zone]`, made ready: zones read whole and checked, before anything is served. A mistake is told with the file and
//! line it stands in; a mistake in `records`, with its place in the configuration itself.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use edgeway_dns::dnssec::Denial;
use edgeway_dns::machine::tsig::{Key, Keys};
use edgeway_dns::wire::{Name, RecordType};
use edgeway_dns::zone::check::{Severity, check};
use edgeway_dns::zone::{Zone, ZoneBuilder, ZoneError, ZoneText, read_zone};
use edgeway_serve::names::TransferRule;

use super::Making;
use crate::config::raw;
use crate::config::read::Located;
use crate::config::words::{TransferPeer, ZoneName};

/// A zone as it was written.
#[derive(Clone, Debug)]
pub struct CheckedZone {
    /// Its content, unsigned.
    pub zone: Zone,
    /// How to deny, where it is to be signed.
    pub sign: Option<Denial>,
    /// Who may have a copy.
    pub transfer: TransferRule,
}

/// What the name service is made of.
#[derive(Clone, Debug, Default)]
pub struct CheckedNames {
    /// The zones, in the order of the file.
    pub zones: Vec<CheckedZone>,
    /// Keys of transaction signatures.
    pub keys: Keys,
}

/// What a zone's text is called where it stands in the configuration.
const INLINE: &str = "records";

impl Making<'_> {
    pub(super) fn names(&mut self) -> Option<CheckedNames> {
        let raw = self.raw;
        let keys = raw.tsig.iter().map(|(name, key)| {
            let secret = key.secret.0.clone();
            Arc::new(Key { name: name.value.0.clone(), algorithm: key.algorithm.0, secret })
        });
        let keys = Keys::new(keys);
        let zones: Vec<_> = raw.zone.iter().map(|(name, zone)| self.zone(name, zone)).collect();
        Some(CheckedNames { zones: zones.into_iter().collect::<Option<_>>()?, keys })
    }

    fn zone(&mut self, name: &Located<ZoneName>, raw: &raw::Zone) -> Option<CheckedZone> {
        let apex = &name.value.0;
        let (zone, span) = match (&raw.file, &raw.records) {
            (Some(file), _) => {
                let text = self.read(file.as_path(), &file.span)?;
                let path = self.source.resolve(file.as_path());
                let file_name = path.display().to_string();
                (self.read_records(apex, &file_name, &text, &file.span)?, file.span.clone())
            }
            (None, Some(records)) => {
                (self.read_records(apex, INLINE, records.value.as_bytes(), &records.span)?, records.span.clone())
            }
            // `check` has refused a zone without either.
            (None, None) => return None,
        };
        self.whole(&zone, &span)?;
        let denial = match raw.denial {
            raw::Denial::Nsec => Denial::Nsec,
            raw::Denial::Nsec3 => Denial::Nsec3 { iterations: 0, salt: Vec::new(), opt_out: false },
            raw::Denial::Compact => Denial::Compact,
        };
        Some(CheckedZone { zone, sign: raw.sign.then_some(denial), transfer: transfer_rule(&raw.transfer) })
    }

    fn read_records(&mut self, apex: &Name, file: &str, text: &[u8], span: &Range<usize>) -> Option<Zone> {
        let mut builder = ZoneBuilder::new(apex.clone());
        let folder = self.source.resolve(Path::new(""));
        let mut included: Vec<PathBuf> = Vec::new();
        let mut include = |path: &str, from: &str| {
            // Relative to the file that includes it.
            let beside = if from == INLINE { folder.clone() } else { parent(from) };
            let place = beside.join(path);
            included.push(place.clone());
            std::fs::read(&place).map_err(|error| format!("{} cannot be read: {error}", place.display()))
        };
        let zone_text = ZoneText { file, text, origin: apex.borrowed(), default_ttl: None };
        let errors = read_zone(&zone_text, &mut include, &mut |line| {
            builder.add(line.owner, line.record_type, line.ttl, line.data).map_err(|error| error.to_string())
        });
        self.watched.append(&mut included);
        if !errors.is_empty() {
            errors.iter().for_each(|error| self.zone_error(error, span));
            return None;
        }
        match builder.build() {
            Ok(zone) => Some(zone),
            Err(error) => {
                self.found.error(span.clone(), format!("this is no zone: {error}"), "expected a whole zone");
                None
            }
        }
    }

    fn zone_error(&mut self, error: &ZoneError, span: &Range<usize>) {
        if error.file == INLINE {
            let at = self.inline_span(span, error.error.line, error.error.column);
            self.found.error(at, format!("this is no zone file: {}", error.error.message), "");
        } else {
            self.found.error(span.clone(), error.to_string(), "the zone was not read");
        }
    }

    /// Where line and column of an inline text stand in the configuration. A text in three quotes begins behind the line
    /// break that follows them, if one does (TOML 1.0, "String"); one in single quotes is one line.
    fn inline_span(&self, span: &Range<usize>, line: u32, column: u32) -> Range<usize> {
        let written = self.source.text().get(span.clone()).unwrap_or_default();
        let quotes = if written.starts_with("\"\"\"") || written.starts_with("'''") { 3 } else { return span.clone() };
        let behind = written.get(quotes..).unwrap_or_default();
        let skipped = behind
            .strip_prefix("\r\n")
            .or_else(|| behind.strip_prefix('\n'))
            .map_or(0, |rest| behind.len() - rest.len());
        let text = &behind[skipped..];
        let mut start = span.start + quotes + skipped;
        for before in text.split_inclusive('\n').take(line.saturating_sub(1) as usize) {
            start += before.len();
        }
        let start = (start + column.saturating_sub(1) as usize).min(span.end);
        start..start + 1
    }

    /// What is wrong with the zone as a whole.
    fn whole(&mut self, zone: &Zone, span: &Range<usize>) -> Option<()> {
        let mut good = true;
        for finding in check(zone) {
            let message = format!("{}: {}", finding.name, finding.message);
            match finding.severity {
                Severity::Warning => self.found.warning(span.clone(), message, ""),
                Severity::Error => {
                    good = false;
                    self.found.error(span.clone(), message, "the zone cannot be served");
                }
            }
        }
        if let Some((owner, _)) = zone.nodes().find(|(_, node)| node.has(RecordType::ALIAS)) {
            good = false;
            let message = format!("{owner}: ALIAS records need a resolver, which this server is not");
            self.found.error(span.clone(), message, "write the addresses, or CNAME below the apex");
        }
        good.then_some(())
    }
}

fn parent(file: &str) -> PathBuf {
    Path::new(file).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn transfer_rule(peers: &[Located<TransferPeer>]) -> TransferRule {
    let mut rule = TransferRule::default();
    for peer in peers {
        match &peer.value {
            TransferPeer::Network(network) => rule.networks.push(network.block),
            TransferPeer::Key(key) => rule.keys.push(key.0.clone()),
        }
    }
    rule
}
