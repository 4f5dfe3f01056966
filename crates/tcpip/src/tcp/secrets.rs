//! Numbers that strangers must not guess: initial sequence numbers (RFC 6528), timestamp offsets, SYN cookies
//! (RFC 4987 §3.6), Fast Open cookies (RFC 7413), ephemeral ports (RFC 6056). One key, drawn at the start;
//! everything else follows by SipHash. Owned by the endpoint.

use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};

use edgeway_base::{Entropy, Instant};
use siphasher::sip::SipHasher24;

use crate::limits::{COOKIE_PERIOD, COOKIE_PERIODS, EPHEMERAL_COUNT, EPHEMERAL_FIRST};
use crate::wire::sequence::SequenceNumber;

/// Segment sizes a cookie can remember, ascending.
const COOKIE_SEGMENT_SIZES: [u16; 8] = [536, 1220, 1300, 1360, 1400, 1440, 1460, 8960];

/// What a cookie remembers of the SYN it answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CookieContent {
    /// The largest known size that does not exceed the peer's.
    pub segment_size: u16,
}

/// The key and what follows from it.
#[derive(Clone, Debug)]
pub struct Secrets {
    key: [u8; 16],
    ports_used: u16,
}

/// Which number a hash is for; keeps them apart.
#[derive(Clone, Copy)]
enum Purpose {
    Sequence = 1,
    Timestamp,
    Cookie,
    FastOpen,
    Port,
}

impl Secrets {
    /// Draws a key.
    pub fn new(entropy: &mut dyn Entropy) -> Self {
        let mut key = [0; 16];
        entropy.fill(&mut key);
        Self { key, ports_used: entropy.next_u16() }
    }

    fn hash(&self, purpose: Purpose, local: SocketAddr, remote: SocketAddr, extra: u64) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(purpose as u8);
        for address in [local, remote] {
            write_address(&mut hasher, address.ip());
            hasher.write_u16(address.port());
        }
        hasher.write_u64(extra);
        hasher.finish()
    }

    /// RFC 6528 §3: a clock of 4 microseconds (MUST-8) plus a keyed hash of the connection (MUST-9).
    pub fn initial_sequence(&self, now: Instant, local: SocketAddr, remote: SocketAddr) -> SequenceNumber {
        let clock = (now.as_nanos() / 4000) as u32;
        SequenceNumber(clock.wrapping_add(self.hash(Purpose::Sequence, local, remote, 0) as u32))
    }

    /// RFC 7323 §5.4 with §7.1's advice: a clock offset that differs for every connection.
    pub fn timestamp_offset(&self, local: SocketAddr, remote: SocketAddr) -> u32 {
        self.hash(Purpose::Timestamp, local, remote, 0) as u32
    }

    /// A SYN-ACK's sequence number that is all we remember of the SYN.
    pub fn cookie(
        &self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        peer: SequenceNumber,
        segment_size: u16,
    ) -> SequenceNumber {
        let index = COOKIE_SEGMENT_SIZES.iter().rposition(|size| *size <= segment_size).unwrap_or(0) as u32;
        self.cookie_at(period(now), local, remote, peer, index)
    }

    fn cookie_at(
        &self,
        period: u32,
        local: SocketAddr,
        remote: SocketAddr,
        peer: SequenceNumber,
        index: u32,
    ) -> SequenceNumber {
        // Five bits of time, three of segment size, 24 of hash; the hash covers all that the cookie says.
        let content = u64::from(period) << 35 | u64::from(index) << 32 | u64::from(peer.0);
        let hash = self.hash(Purpose::Cookie, local, remote, content) as u32;
        SequenceNumber((period & 31) << 27 | index << 24 | hash & 0x00ff_ffff)
    }

    /// Whether `cookie` is one of ours, recent, and for this SYN.
    pub fn open_cookie(
        &self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        peer: SequenceNumber,
        cookie: SequenceNumber,
    ) -> Option<CookieContent> {
        let index = cookie.0 >> 24 & 7;
        let current = period(now);
        (0..COOKIE_PERIODS)
            .filter_map(|age| current.checked_sub(age))
            .any(|period| self.cookie_at(period, local, remote, peer, index) == cookie)
            .then(|| CookieContent { segment_size: COOKIE_SEGMENT_SIZES[index as usize] })
    }

    /// The Fast Open cookie of a client. RFC 7413 §4.1.2: bound to its address.
    pub fn fast_open_cookie(&self, local: IpAddr, remote: IpAddr) -> [u8; 8] {
        self.hash(Purpose::FastOpen, SocketAddr::new(local, 0), SocketAddr::new(remote, 0), 0).to_be_bytes()
    }

    /// Ephemeral ports to try, in order. RFC 6056 §3.3.3 (algorithm 3): an offset by destination, and a counter.
    pub fn ports(&mut self, local: IpAddr, remote: SocketAddr) -> impl Iterator<Item = u16> + use<> {
        let offset = self.hash(Purpose::Port, SocketAddr::new(local, 0), remote, 0) as u16;
        let first = self.ports_used;
        self.ports_used = first.wrapping_add(1);
        (0..EPHEMERAL_COUNT)
            .map(move |step| EPHEMERAL_FIRST + offset.wrapping_add(first).wrapping_add(step) % EPHEMERAL_COUNT)
    }

    /// The key for the connection table, so that nobody can aim at one bucket.
    pub const fn table_key(&self) -> &[u8; 16] {
        &self.key
    }
}

fn write_address(hasher: &mut SipHasher24, address: IpAddr) {
    match address {
        IpAddr::V4(address) => hasher.write(&address.octets()),
        IpAddr::V6(address) => hasher.write(&address.octets()),
    }
}

const fn period(now: Instant) -> u32 {
    (now.as_nanos() / COOKIE_PERIOD.as_nanos() as u64) as u32
}

#[cfg(test)]
mod tests {
    use edgeway_base::SeededEntropy;

    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    #[test]
    fn must_8_and_9_sequence_numbers_follow_a_clock_and_a_secret() {
        let secrets = Secrets::new(&mut SeededEntropy::new(1));
        let others = Secrets::new(&mut SeededEntropy::new(2));
        let at = |secrets: &Secrets, now, port| secrets.initial_sequence(now, address(80), address(port)).0;
        let (now, later) = (Instant::ZERO, Instant::from_millis(1000));
        assert_eq!(at(&secrets, later, 1).wrapping_sub(at(&secrets, now, 1)), 250_000, "4 us per number");
        assert_ne!(at(&secrets, now, 1), at(&secrets, now, 2));
        assert_ne!(at(&secrets, now, 1), at(&others, now, 1));
    }

    #[test]
    fn hostile_018_cookies_forged_old_or_replayed_elsewhere_do_not_open() {
        let secrets = Secrets::new(&mut SeededEntropy::new(1));
        let now = Instant::from_millis(1_000_000);
        let peer = SequenceNumber(77);
        for (offered, kept) in [(1460, 1460), (1459, 1440), (9000, 8960), (100, 536)] {
            let cookie = secrets.cookie(now, address(80), address(9), peer, offered);
            let open = |now, port, peer, cookie| secrets.open_cookie(now, address(80), address(port), peer, cookie);
            assert_eq!(open(now, 9, peer, cookie), Some(CookieContent { segment_size: kept }));
            assert!(open(now + COOKIE_PERIOD, 9, peer, cookie).is_some());
            assert_eq!(open(now + COOKIE_PERIOD * 2, 9, peer, cookie), None, "old");
            assert_eq!(open(now, 10, peer, cookie), None, "another port");
            assert_eq!(open(now, 9, peer.plus(1), cookie), None, "another SYN");
            let forged = (0..10_000).filter(|n| open(now, 9, peer, cookie.plus(n + 1)).is_some()).count();
            assert!(forged <= 1, "2^-24 each");
        }
    }

    #[test]
    fn ports_are_all_tried_once_from_an_unguessable_start() {
        let mut secrets = Secrets::new(&mut SeededEntropy::new(1));
        let mut ports: Vec<u16> = secrets.ports(address(0).ip(), address(80)).collect();
        let first = ports[0];
        ports.sort_unstable();
        ports.dedup();
        assert_eq!((ports.len(), ports[0]), (usize::from(EPHEMERAL_COUNT), EPHEMERAL_FIRST));
        assert_ne!(secrets.ports(address(0).ip(), address(80)).next(), Some(first));
    }
}
