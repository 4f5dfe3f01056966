//! Typed views of DNSSEC's record data (RFC 4034, RFC 5155).

use edgeway_base::Cursor;

use crate::error::WireError;
use crate::wire::{NameRef, RecordType};

use super::TypeBitmap;
use super::views::take_name;

/// A zone's public key (RFC 4034 §2); also KEY and CDNSKEY.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dnskey<'a> {
    /// Zone key, revoked, secure entry point.
    pub flags: u16,
    /// Always 3.
    pub protocol: u8,
    /// Number of the algorithm.
    pub algorithm: u8,
    /// The key in the algorithm's form.
    pub public_key: &'a [u8],
}

impl<'a> Dnskey<'a> {
    /// The flag of a key that signs zone data.
    pub const ZONE: u16 = 0x0100;
    /// The flag of a revoked key (RFC 5011 §3).
    pub const REVOKED: u16 = 0x0080;
    /// The flag of a key that the parent's DS names.
    pub const SECURE_ENTRY: u16 = 0x0001;

    /// Reads the data.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let mut cursor = Cursor::new(data);
        let (flags, protocol, algorithm) = (cursor.u16()?, cursor.u8()?, cursor.u8()?);
        Ok(Self { flags, protocol, algorithm, public_key: cursor.rest() })
    }

    /// Writes the data.
    pub fn encode(&self) -> Vec<u8> {
        let [high, low] = self.flags.to_be_bytes();
        [&[high, low, self.protocol, self.algorithm], self.public_key].concat()
    }
}

/// The key tag of DNSKEY data (RFC 4034 appendix B).
pub fn key_tag(data: &[u8]) -> u16 {
    // Appendix B.1: RSA/MD5 takes the last bits of the modulus instead.
    if let [.., high, low, _] = data
        && data.get(3) == Some(&1)
    {
        return u16::from_be_bytes([*high, *low]);
    }
    let sum =
        |total: u32, (index, byte): (usize, &u8)| total + (u32::from(*byte) << if index % 2 == 0 { 8 } else { 0 });
    let total = data.iter().enumerate().fold(0, sum);
    (total + (total >> 16)) as u16
}

/// A delegation's digest of a key (RFC 4034 §5); also CDS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ds<'a> {
    /// Tag of the key.
    pub key_tag: u16,
    /// Algorithm of the key.
    pub algorithm: u8,
    /// How it was digested.
    pub digest_type: u8,
    /// The digest.
    pub digest: &'a [u8],
}

impl<'a> Ds<'a> {
    /// Reads the data.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let mut cursor = Cursor::new(data);
        let (key_tag, algorithm, digest_type) = (cursor.u16()?, cursor.u8()?, cursor.u8()?);
        Ok(Self { key_tag, algorithm, digest_type, digest: cursor.rest() })
    }

    /// Writes the data.
    pub fn encode(&self) -> Vec<u8> {
        let [high, low] = self.key_tag.to_be_bytes();
        [&[high, low, self.algorithm, self.digest_type], self.digest].concat()
    }
}

/// A signature over an RRset (RFC 4034 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rrsig<'a> {
    /// Type of the RRset.
    pub type_covered: RecordType,
    /// Number of the algorithm.
    pub algorithm: u8,
    /// Labels of the owner, without a leading asterisk: fewer than the owner has means expansion.
    pub labels: u8,
    /// TTL under which it was signed.
    pub original_ttl: u32,
    /// Last second of validity, in serial arithmetic.
    pub expiration: u32,
    /// First second of validity.
    pub inception: u32,
    /// Tag of the key.
    pub key_tag: u16,
    /// The zone.
    pub signer: NameRef<'a>,
    /// The signature in the algorithm's form.
    pub signature: &'a [u8],
}

impl<'a> Rrsig<'a> {
    /// Reads the data.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let mut cursor = Cursor::new(data);
        let (type_covered, algorithm, labels) = (RecordType(cursor.u16()?), cursor.u8()?, cursor.u8()?);
        let (original_ttl, expiration, inception) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
        let key_tag = cursor.u16()?;
        let mut rest = cursor.rest();
        let signer = take_name(&mut rest)?;
        let signature = rest;
        Ok(Self { type_covered, algorithm, labels, original_ttl, expiration, inception, key_tag, signer, signature })
    }

    /// Writes the data.
    pub fn encode(&self) -> Vec<u8> {
        let mut wire = self.signed_part();
        wire.extend_from_slice(self.signature);
        wire
    }

    /// The data without the signature, signer in lower case: the beginning of what is signed
    /// (RFC 4034 §3.1.8.1).
    pub fn signed_part(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(18 + self.signer.wire().len() + self.signature.len());
        wire.extend(self.type_covered.0.to_be_bytes());
        wire.extend([self.algorithm, self.labels]);
        for number in [self.original_ttl, self.expiration, self.inception] {
            wire.extend(number.to_be_bytes());
        }
        wire.extend(self.key_tag.to_be_bytes());
        wire.extend(self.signer.wire().iter().map(u8::to_ascii_lowercase));
        wire
    }
}

/// The next name of the zone and the types of this one (RFC 4034 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nsec<'a> {
    /// The next owner in canonical order.
    pub next: NameRef<'a>,
    /// Types at this owner.
    pub types: TypeBitmap<'a>,
}

impl<'a> Nsec<'a> {
    /// Reads the data.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let mut rest = data;
        let next = take_name(&mut rest)?;
        Ok(Self { next, types: TypeBitmap(rest) })
    }
}

/// The next hashed name of the zone and the types of this one (RFC 5155 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nsec3<'a> {
    /// Parameters of hashing.
    pub parameters: Nsec3Param<'a>,
    /// The next hashed owner.
    pub next: &'a [u8],
    /// Types at the original owner.
    pub types: TypeBitmap<'a>,
}

impl<'a> Nsec3<'a> {
    /// Reads the data.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        let (parameters, rest) = Nsec3Param::split(data)?;
        let mut cursor = Cursor::new(rest);
        let length = cursor.u8()?;
        let next = cursor.take(usize::from(length))?;
        Ok(Self { parameters, next, types: TypeBitmap(cursor.rest()) })
    }

    /// Whether names in this span may be unsigned delegations (RFC 5155 §3.1.2.1).
    pub const fn opt_out(&self) -> bool {
        self.parameters.flags & 1 != 0
    }
}

/// How owner names are hashed (RFC 5155 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nsec3Param<'a> {
    /// 1: SHA-1.
    pub algorithm: u8,
    /// 1 in an NSEC3 record: opt-out.
    pub flags: u8,
    /// How many times more than once.
    pub iterations: u16,
    /// Appended before each round.
    pub salt: &'a [u8],
}

impl<'a> Nsec3Param<'a> {
    /// Reads the data.
    pub fn decode(data: &'a [u8]) -> Result<Self, WireError> {
        Self::split(data).map(|(parameters, _)| parameters)
    }

    /// Writes the data.
    pub fn encode(&self) -> Vec<u8> {
        let [high, low] = self.iterations.to_be_bytes();
        [&[self.algorithm, self.flags, high, low, self.salt.len() as u8], self.salt].concat()
    }

    fn split(data: &'a [u8]) -> Result<(Self, &'a [u8]), WireError> {
        let mut cursor = Cursor::new(data);
        let (algorithm, flags, iterations) = (cursor.u8()?, cursor.u8()?, cursor.u16()?);
        let length = cursor.u8()?;
        let salt = cursor.take(usize::from(length))?;
        Ok((Self { algorithm, flags, iterations, salt }, cursor.rest()))
    }
}
