//! When to renew (ARI, RFC 9773): the certificate's identifier, the window a server suggests, and the
//! moment in it that a client picks. Called by both sides.

use std::time::Duration;

use edgeway_base::{Entropy, WallTime};
use serde::{Deserialize, Serialize};

use super::{jws, moment};
use crate::certificate::Facts;

/// A window in which to renew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RenewalWindow {
    /// Not before, if it can wait.
    pub start: WallTime,
    /// Not after.
    pub end: WallTime,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    suggested_window: Window,
    #[serde(rename = "explanationURL", default, skip_serializing_if = "Option::is_none")]
    explanation_url: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Window {
    start: String,
    end: String,
}

impl RenewalWindow {
    /// The window in the last third of a certificate's life, ending well before it does: for servers, and for
    /// clients whose server suggests none.
    pub fn usual(facts: &Facts) -> Self {
        let start = facts.renewal_due();
        let left = facts.not_after.since_epoch().saturating_sub(start.since_epoch());
        Self { start, end: start.later(left / 2) }
    }

    /// The moment in the window that this client picks, evenly (RFC 9773 §4.2): if all picked its beginning, they would all
    /// come at once.
    pub fn pick(&self, entropy: &mut dyn Entropy) -> WallTime {
        let length = self.end.since_epoch().saturating_sub(self.start.since_epoch()).as_secs();
        let within = ((u128::from(entropy.next_u64()) * u128::from(length)) >> 64) as u64;
        self.start.later(Duration::from_secs(within))
    }

    /// As JSON.
    pub fn write(&self) -> Vec<u8> {
        let suggested_window = Window { start: moment::write(self.start), end: moment::write(self.end) };
        serde_json::to_vec(&Document { suggested_window, explanation_url: None }).unwrap_or_default()
    }

    /// From JSON. `None` when it is no window; RFC 9773 §4.2 counts one that ends before it
    /// begins as none.
    pub fn read(body: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(body).ok()?;
        let window = Self {
            start: moment::read(&document.suggested_window.start)?,
            end: moment::read(&document.suggested_window.end)?,
        };
        (window.start < window.end).then_some(window)
    }
}

/// The identifier of a certificate: its issuer's key identifier and its serial number (RFC 9773
/// §4.1). `None` when it does not name its issuer's key.
pub fn certificate_id(facts: &Facts) -> Option<String> {
    let issuer = facts.authority_key_identifier.as_ref()?;
    Some(format!("{}.{}", jws::encode(issuer), jws::encode(&facts.serial)))
}

#[cfg(test)]
mod tests {
    use edgeway_base::SeededEntropy;

    use super::*;

    #[test]
    fn the_identifier_of_the_rfc() {
        // RFC 9773 §4.1's example.
        let facts = Facts {
            names: Vec::new(),
            not_before: WallTime::default(),
            not_after: WallTime::default(),
            serial: vec![0x00, 0x87, 0x65, 0x43, 0x21],
            authority_key_identifier: Some(vec![
                0x69, 0x88, 0x5B, 0x6B, 0x87, 0x46, 0x40, 0x41, 0xE1, 0xB3, 0x7B, 0x84, 0x7B, 0xA0, 0xAE, 0x2C, 0xDE,
                0x01, 0xC8, 0xD4,
            ]),
            issuer: String::new(),
            subject: String::new(),
        };
        assert_eq!(certificate_id(&facts).unwrap(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    }

    #[test]
    fn windows_both_ways_and_a_pick_inside() {
        let text = br#"{"suggestedWindow":{"start":"2026-01-03T00:00:00Z","end":"2026-01-05T00:00:00Z"},"explanationURL":"https://a.test/"}"#;
        let window = RenewalWindow::read(text).unwrap();
        assert_eq!(RenewalWindow::read(&window.write()), Some(window));
        let picks: Vec<WallTime> = (0..50).map(|seed| window.pick(&mut SeededEntropy::new(seed))).collect();
        assert!(picks.iter().all(|pick| (window.start..window.end).contains(pick)));
        assert!(picks.iter().any(|pick| *pick != picks[0]));
        let backwards = br#"{"suggestedWindow":{"start":"2026-01-05T00:00:00Z","end":"2026-01-03T00:00:00Z"}}"#;
        assert_eq!(RenewalWindow::read(backwards), None);
    }
}
