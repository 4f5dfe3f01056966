//! Server cookies that any server of a cluster can check (RFC 9018): SipHash-2-4 over the client's
//! cookie, the time and its address.

use std::net::IpAddr;

use edgeway_base::WallTime;

use crate::limits::{COOKIE_SECONDS_AHEAD_MAX, COOKIE_SECONDS_MAX};
use crate::wire::edns::Cookie;

/// Sixteen secret bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct CookieSecret(pub [u8; 16]);

impl std::fmt::Debug for CookieSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CookieSecret(..)")
    }
}

/// The secret in use, and those before it (or, during a roll-over in a cluster, the one to come).
#[derive(Clone, Debug)]
pub struct Cookies {
    /// What cookies are made with.
    pub current: CookieSecret,
    /// What cookies are believed from, too.
    pub others: Vec<CookieSecret>,
}

impl Cookies {
    /// The server cookie for a client (RFC 9018 §4): version, reserved, time, hash.
    pub fn make(&self, client: [u8; 8], address: IpAddr, wall: WallTime) -> [u8; 16] {
        let seconds = wall.seconds() as u32;
        make(&self.current, client, [1, 0, 0, 0], seconds, address)
    }

    /// Whether a server cookie is ours, for this client, and not too old (RFC 9018 §4.3).
    pub fn is_valid(&self, cookie: &Cookie<'_>, address: IpAddr, wall: WallTime) -> bool {
        let Ok(server) = <[u8; 16]>::try_from(cookie.server) else { return false };
        let [version @ 1, a, b, c, t0, t1, t2, t3, ..] = server else { return false };
        let seconds = u32::from_be_bytes([t0, t1, t2, t3]);
        // RFC 9018 §4.3: compared in serial arithmetic.
        let age = (wall.seconds() as u32).wrapping_sub(seconds);
        if age > COOKIE_SECONDS_MAX && age < COOKIE_SECONDS_AHEAD_MAX.wrapping_neg() {
            return false;
        }
        let secrets = std::iter::once(&self.current).chain(&self.others);
        // Which byte differs would be told by the time it takes, so all are compared.
        let same = |secret: &CookieSecret| {
            let expected = make(secret, cookie.client, [version, a, b, c], seconds, address);
            expected.iter().zip(server).fold(0, |different, (a, b)| different | (a ^ b)) == 0
        };
        secrets.fold(false, |valid, secret| valid | same(secret))
    }
}

fn make(secret: &CookieSecret, client: [u8; 8], head: [u8; 4], seconds: u32, address: IpAddr) -> [u8; 16] {
    let mut input = [0; 32];
    input[..8].copy_from_slice(&client);
    input[8..12].copy_from_slice(&head);
    input[12..16].copy_from_slice(&seconds.to_be_bytes());
    let length = match address {
        IpAddr::V4(address) => {
            input[16..20].copy_from_slice(&address.octets());
            20
        }
        IpAddr::V6(address) => {
            input[16..32].copy_from_slice(&address.octets());
            32
        }
    };
    let mut cookie = [0; 16];
    cookie[..8].copy_from_slice(&input[8..16]);
    cookie[8..].copy_from_slice(&sip_hash_2_4(&secret.0, &input[..length]).to_le_bytes());
    cookie
}

/// SipHash-2-4 (Aumasson and Bernstein, 2012).
fn sip_hash_2_4(key: &[u8; 16], input: &[u8]) -> u64 {
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let (k0, k1) = (word(&key[..8]), word(&key[8..]));
    let mut state = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let chunks = input.chunks_exact(8);
    let last = word(chunks.remainder()) | (input.len() as u64) << 56;
    for message in chunks.map(word).chain([last]) {
        state[3] ^= message;
        round(&mut state);
        round(&mut state);
        state[0] ^= message;
    }
    state[2] ^= 0xff;
    (0..4).for_each(|_| round(&mut state));
    state.iter().fold(0, |hash, word| hash ^ word)
}

const fn round([a, b, c, d]: &mut [u64; 4]) {
    *a = a.wrapping_add(*b);
    *b = b.rotate_left(13) ^ *a;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*d);
    *d = d.rotate_left(16) ^ *c;
    *a = a.wrapping_add(*d);
    *d = d.rotate_left(21) ^ *a;
    *c = c.wrapping_add(*b);
    *b = b.rotate_left(17) ^ *c;
    *c = c.rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::presentation::{hex_decode, hex_encode};

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        hex_decode(hex.as_bytes()).unwrap().try_into().unwrap()
    }

    #[test]
    fn the_examples_of_rfc_9018_appendix_a() {
        for (secret, client, address, seconds, server) in [
            (
                "e5e973e5a6b2a43f48e7dc849e37bfcf",
                "2464c4abcf10c957",
                "198.51.100.100",
                1_559_731_985,
                "010000005cf79f111f8130c3eee29480",
            ),
            (
                "445536bcd2513298075a5d379663c962",
                "22681ab97d52c298",
                "2001:db8:220:1:59de:d0f4:8769:82b8",
                1_559_741_961,
                "010000005cf7c609a6bb79d16625507a",
            ),
        ] {
            let cookies = Cookies { current: CookieSecret(bytes(secret)), others: vec![] };
            let (client, address) = (bytes(client), address.parse().unwrap());
            let wall = WallTime::from_seconds(seconds);
            let made = cookies.make(client, address, wall);
            assert_eq!(hex_encode(&made).to_lowercase(), server);
            let cookie = Cookie { client, server: &made };
            for (later, valid) in [(0, true), (3_600, true), (3_601, false)] {
                assert_eq!(
                    cookies.is_valid(&cookie, address, WallTime::from_seconds(seconds + later)),
                    valid,
                    "{later}"
                );
            }
            for (earlier, valid) in [(300, true), (301, false)] {
                assert_eq!(
                    cookies.is_valid(&cookie, address, WallTime::from_seconds(seconds - earlier)),
                    valid,
                    "-{earlier}"
                );
            }
            assert!(!cookies.is_valid(&cookie, "192.0.2.1".parse().unwrap(), wall));
            let rolled = Cookies { current: CookieSecret([9; 16]), others: vec![cookies.current.clone()] };
            assert!(rolled.is_valid(&cookie, address, wall));
            assert!(!Cookies { others: vec![], ..rolled }.is_valid(&cookie, address, wall));
            assert!(!cookies.is_valid(&Cookie { client, server: &made[..8] }, address, wall));
        }
    }

    #[test]
    fn the_vector_of_the_siphash_paper() {
        let key = std::array::from_fn(|index| index as u8);
        let input: Vec<u8> = (0..15).collect();
        assert_eq!(sip_hash_2_4(&key, &input), 0xa129_ca61_49be_45e5);
    }
}
