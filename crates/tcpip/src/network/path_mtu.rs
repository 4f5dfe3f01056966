//! What each path carries in one piece (RFC 1191, RFC 8201), with what strangers may not make of it (RFC 5927
//! §7). Called by [`crate::host`].

use std::collections::HashMap;
use std::net::IpAddr;

use edgeway_base::Instant;

use crate::limits::{PATH_MTU_LIFETIME, PATH_MTU_MIN_V4, PATH_MTU_MIN_V6, PATH_MTUS_MAX};

/// Path MTUs by destination; who is not here has the interface's.
#[derive(Debug, Default)]
pub struct PathMtus {
    known: HashMap<IpAddr, (u32, Instant)>,
}

impl PathMtus {
    /// The MTU towards `destination`, at most `interface`.
    pub fn get(&self, now: Instant, destination: IpAddr, interface: u32) -> u32 {
        match self.known.get(&destination) {
            Some((mtu, until)) if *until > now => (*mtu).min(interface),
            _ => interface,
        }
    }

    /// A router said that its link carries `mtu`. Returns the MTU to use from now on; `None` when the message is
    /// not to be believed: larger than what is known, or the table is full.
    pub fn learn(&mut self, now: Instant, destination: IpAddr, mtu: u32, interface: u32) -> Option<u32> {
        // RFC 8201 §4: below 1280 means 1280. RFC 1191 §4 with CVE-2019-11479: not below what a path really is.
        let floor = if destination.is_ipv4() { PATH_MTU_MIN_V4 } else { PATH_MTU_MIN_V6 };
        let mtu = mtu.max(floor);
        if mtu >= self.get(now, destination, interface) {
            return None;
        }
        if self.known.len() >= PATH_MTUS_MAX && !self.known.contains_key(&destination) {
            self.known.retain(|_, (_, until)| *until > now);
            if self.known.len() >= PATH_MTUS_MAX {
                return None;
            }
        }
        self.known.insert(destination, (mtu, now + PATH_MTU_LIFETIME));
        Some(mtu)
    }

    /// Forgets everything, as when an interface changed.
    pub fn clear(&mut self) {
        self.known = HashMap::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_062_too_small_too_large_and_too_many() {
        let mut mtus = PathMtus::default();
        let (v4, v6): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap());
        let now = Instant::ZERO;
        assert_eq!(mtus.learn(now, v4, 1600, 1500), None, "larger than the present");
        assert_eq!(mtus.learn(now, v4, 1400, 1500), Some(1400));
        assert_eq!(mtus.learn(now, v4, 1450, 1500), None, "never up");
        assert_eq!(mtus.learn(now, v4, 68, 1500), Some(PATH_MTU_MIN_V4));
        assert_eq!(mtus.learn(now, v6, 100, 1500), Some(1280));
        assert_eq!(mtus.get(now + PATH_MTU_LIFETIME, v4, 1500), 1500, "believed for ten minutes");
        for index in 0..PATH_MTUS_MAX as u32 * 2 {
            mtus.learn(now, IpAddr::from(index.to_be_bytes()), 1000, 1500);
        }
        assert_eq!(mtus.known.len(), PATH_MTUS_MAX);
    }
}
