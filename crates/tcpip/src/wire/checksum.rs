//! The Internet checksum (RFC 1071), fast enough to be left on. Called by every header that has one.

use std::net::IpAddr;

/// A running one's-complement sum. Every piece but the last must have an even number of bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// An empty sum.
    pub const fn new() -> Self {
        Self(0)
    }

    /// Adds bytes. RFC 1071 §2(B): byte order does not matter until the end, so whole machine words are added.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        // Eight 32-bit words at a time into 64-bit lanes, which compilers turn into vector additions; carries cannot
        // be lost before 2^32 of them.
        let mut lanes = [0_u64; 8];
        let (blocks, rest) = bytes.as_chunks::<32>();
        for block in blocks {
            let (words, _) = block.as_chunks::<4>();
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane += u64::from(u32::from_ne_bytes(*word));
            }
        }
        let mut total = self.0 + lanes.iter().map(|&lane| fold32(lane)).sum::<u64>();
        let mut pairs = rest.chunks_exact(2);
        for pair in &mut pairs {
            total += u64::from(u16::from_ne_bytes([pair[0], pair[1]]));
        }
        if let [last] = pairs.remainder() {
            total += u64::from(u16::from_ne_bytes([*last, 0]));
        }
        Self(total)
    }

    /// Adds one 16-bit number.
    #[must_use]
    pub const fn word(self, word: u16) -> Self {
        Self(self.0 + word.to_be() as u64)
    }

    /// Adds the pseudo-header of RFC 9293 §3.1 / RFC 8200 §8.1.
    #[must_use]
    pub fn pseudo_header(self, source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> Self {
        let sum = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.bytes(&source.octets()).bytes(&destination.octets()),
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.bytes(&source.octets()).bytes(&destination.octets()),
            // The two ends of one packet are of one family by construction; a mixture sums to something wrong.
            _ => self,
        };
        sum.word((length >> 16) as u16).word(length as u16).word(u16::from(protocol))
    }

    /// The checksum to write; summing it in again gives [`Sum::is_valid`].
    pub fn checksum(self) -> u16 {
        !u16::from_be(self.folded())
    }

    /// Whether everything summed, its checksum included, adds up.
    pub fn is_valid(self) -> bool {
        self.folded() == 0xffff
    }

    fn folded(self) -> u16 {
        let mut sum = fold32(self.0);
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }
}

const fn fold32(sum: u64) -> u64 {
    (sum & 0xffff_ffff) + (sum >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bytes: &[u8]) -> u16 {
        let mut sum = 0_u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        }
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[test]
    fn rfc_1071_example_and_every_length() {
        assert_eq!(Sum::new().bytes(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]).checksum(), !0xddf2);
        let bytes: Vec<u8> = (0..2000_u32).map(|index| (index * 7 + index / 256) as u8).collect();
        for length in 0..200 {
            assert_eq!(Sum::new().bytes(&bytes[..length]).checksum(), plain(&bytes[..length]), "{length}");
        }
        let ones = vec![0xff; 65_536];
        assert_eq!(Sum::new().bytes(&ones).checksum(), plain(&ones[..2]));
    }

    #[test]
    fn a_written_checksum_verifies() {
        let mut bytes = *b"\x45\x00\x00\x54\x00\x00\x40\x00\x40\x01\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02";
        let checksum = Sum::new().bytes(&bytes).checksum();
        bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        assert!(Sum::new().bytes(&bytes).is_valid());
        bytes[0] ^= 1;
        assert!(!Sum::new().bytes(&bytes).is_valid());
    }
}
