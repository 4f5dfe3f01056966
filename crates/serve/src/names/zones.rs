//! What a name service serves: zones, and who may have copies of them. Made by the binary when a configuration is loaded; shared
//! by all workers; swapped whole.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use edgeway_dns::machine::authority::{Catalog, Cookies, RateLimit, Settings};
use edgeway_dns::machine::tsig::Keys;
use edgeway_dns::wire::Name;
use edgeway_http::semantics::forwarded::AddressBlock;

/// Everything a name service serves.
#[derive(Debug, Default)]
pub struct Zones {
    /// The zones.
    pub catalog: Arc<Catalog>,
    /// Keys of transaction signatures.
    pub keys: Keys,
    /// Who may have a whole zone; nobody where there is no rule.
    pub transfers: HashMap<Name, TransferRule>,
    /// What the operator chose.
    pub settings: Settings,
    /// Secrets that all workers share, so that each believes what another gave out.
    pub cookies: Option<Cookies>,
    /// Equal answers to one network by datagram, for each worker.
    pub rate: Option<RateLimit>,
}

/// Who may have a whole zone.
#[derive(Clone, Debug, Default)]
pub struct TransferRule {
    /// Whoever asks from these networks.
    pub networks: Vec<AddressBlock>,
    /// Whoever signs with these keys.
    pub keys: Vec<Name>,
}

impl Zones {
    /// Whether an asker may have the whole zone.
    pub fn may_transfer(&self, zone: &Name, source: IpAddr, key: Option<&Name>) -> bool {
        self.transfers.get(zone).is_some_and(|rule| {
            rule.networks.iter().any(|network| network.contains(source))
                || key.is_some_and(|key| rule.keys.contains(key))
        })
    }

    /// Whether everything but the zones and their rules is as in `other`.
    pub(super) fn shares_settings(&self, other: &Self) -> bool {
        let shown = |zones: &Self| format!("{:?} {:?}", zones.settings, zones.rate);
        let secrets = |zones: &Self| zones.cookies.as_ref().map(|cookies| cookies.current.clone());
        shown(self) == shown(other) && secrets(self) == secrets(other)
    }
}
