//! Transaction signatures (RFC 8945): who sent a message, by a shared secret. Around every exchange that
//! carries zones or changes them; as client and as server, for one message and for a stream of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use edgeway_base::{Blame, Blamed, Cursor, WallTime};

use crate::dnssec::crypto::{MacHash, hmac, same_bytes};
use crate::error::WireError;
use crate::limits::TSIG_FUDGE_SECONDS;
use crate::wire::{Class, Header, Message, Name, NameRef, Rcode, RecordType};

/// How messages are authenticated (RFC 8945 §6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// HMAC-SHA1; for old peers.
    HmacSha1,
    /// HMAC-SHA224.
    HmacSha224,
    /// HMAC-SHA256, the usual one.
    HmacSha256,
    /// HMAC-SHA384.
    HmacSha384,
    /// HMAC-SHA512.
    HmacSha512,
}

impl Algorithm {
    const ALL: [(Self, &'static str, MacHash); 5] = [
        (Self::HmacSha1, "hmac-sha1", MacHash::Sha1),
        (Self::HmacSha224, "hmac-sha224", MacHash::Sha224),
        (Self::HmacSha256, "hmac-sha256", MacHash::Sha256),
        (Self::HmacSha384, "hmac-sha384", MacHash::Sha384),
        (Self::HmacSha512, "hmac-sha512", MacHash::Sha512),
    ];

    /// Its name as configurations write it.
    pub fn text(self) -> &'static str {
        self.row().1
    }

    /// Reads `hmac-sha256` and the like, in any case.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name, _)| name.eq_ignore_ascii_case(text)).map(|(algorithm, ..)| algorithm)
    }

    fn row(self) -> (Self, &'static str, MacHash) {
        // Cannot miss: the table has every variant.
        Self::ALL.into_iter().find(|(algorithm, ..)| *algorithm == self).unwrap_or(Self::ALL[2])
    }

    fn name(self) -> Name {
        Name::from_labels([self.text().as_bytes()]).unwrap_or_default()
    }
}

/// A secret that two servers share.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name, which both sides use.
    pub name: Name,
    /// How it authenticates.
    pub algorithm: Algorithm,
    /// The secret.
    pub secret: Vec<u8>,
}

impl fmt::Debug for Key {
    /// Without the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({} {})", self.name, self.algorithm.text())
    }
}

/// The keys a server knows.
#[derive(Clone, Debug, Default)]
pub struct Keys(HashMap<Name, Arc<Key>>);

impl Keys {
    /// These keys; of two with one name the later counts.
    pub fn new(keys: impl IntoIterator<Item = Arc<Key>>) -> Self {
        Self(keys.into_iter().map(|key| (key.name.clone(), key)).collect())
    }

    /// The key with a name.
    pub fn get(&self, name: &Name) -> Option<&Arc<Key>> {
        self.0.get(name)
    }
}

/// Why a signature is not accepted, and what goes into the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The record is malformed, doubled or not the last: answer FORMERR without a signature.
    Malformed,
    /// Answer NOTAUTH with an unsigned TSIG record that holds this error: BADKEY, BADSIG or BADTRUNC (RFC
    /// 8945 §5.2). The record is in wire form, to be appended with [`append_unsigned`].
    Unsigned {
        /// The error.
        error: Rcode,
        /// The TSIG record that answers.
        record: Vec<u8>,
    },
    /// The clocks differ too much: answer NOTAUTH, signed with [`Session::sign_reply`], which says BADTIME.
    Time(Box<Session>),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => formatter.write_str("the transaction signature is malformed"),
            Self::Unsigned { error, .. } => write!(formatter, "the transaction signature is not accepted: {error}"),
            Self::Time(_) => formatter.write_str("the clocks of the two servers differ by more than is allowed"),
        }
    }
}

impl std::error::Error for Refusal {}

impl Blamed for Refusal {
    fn blame(&self) -> Blame {
        Blame::Peer
    }

    fn may_retry(&self) -> bool {
        matches!(self, Self::Time(_))
    }
}

/// The signed side of one exchange: remembers the signature before, which the next one covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    key: Arc<Key>,
    last_mac: Vec<u8>,
    /// Whether the next message covers only timers (RFC 8945 §5.3.1).
    continued: bool,
    /// The peer's clock when it was refused for the time.
    bad_time: Option<u64>,
}

/// A TSIG record taken apart.
struct Record<'m> {
    owner: Name,
    algorithm: NameRef<'m>,
    time: u64,
    fudge: u16,
    mac: &'m [u8],
    original_id: u16,
    error: u16,
    other: &'m [u8],
    /// Where in the message it begins.
    start: usize,
}

/// Verifies a request. None when it is not signed. On success the session signs the answers.
pub fn verify_request(message: &[u8], keys: &Keys, wall: WallTime) -> Result<Option<Session>, Refusal> {
    let decoded = Message::decode(message).map_err(|_| Refusal::Malformed)?;
    let data = find_record(&decoded)?;
    let Some((start, owner, data)) = data else { return Ok(None) };
    let record = Record::read(start, owner, &data).ok_or(Refusal::Malformed)?;
    let refuse = |error: Rcode| Refusal::Unsigned { error, record: record.refused(error) };
    let key = keys.get(&record.owner).filter(|key| key.algorithm.name().borrowed() == record.algorithm);
    let key = key.ok_or_else(|| refuse(Rcode::BADKEY))?;
    let parts = record.covered(message, &[], false);
    check_mac(key, &parts, record.mac).map_err(refuse)?;
    let mut session = Session { key: key.clone(), last_mac: record.mac.to_vec(), continued: false, bad_time: None };
    // RFC 8945 §5.2.3: the time is looked at only when the signature is good.
    if record.time.abs_diff(wall.seconds()) > u64::from(record.fudge) {
        session.bad_time = Some(record.time);
        return Err(Refusal::Time(session.into()));
    }
    Ok(Some(session))
}

/// RFC 8945 §5.2.2.1: the whole MAC is expected; a shorter one is BADTRUNC when it would fit as far as it goes.
fn check_mac(key: &Key, parts: &[Vec<u8>], mac: &[u8]) -> Result<(), Rcode> {
    let expected = key.mac(parts);
    if mac.len() == expected.len() && same_bytes(&expected, mac) {
        return Ok(());
    }
    let shorter = mac.len() < expected.len()
        && mac.len() >= 10.max(expected.len() / 2)
        && same_bytes(&expected[..mac.len()], mac);
    Err(if shorter { Rcode::BADTRUNC } else { Rcode::BADSIG })
}

/// Appends the TSIG record of a [`Refusal::Unsigned`] to an answer of `length` bytes: the new length.
pub fn append_unsigned(record: &[u8], buffer: &mut [u8], length: usize) -> Result<usize, WireError> {
    append(record, buffer, length)
}

impl Session {
    /// Signs a request of ours: the session for its answers, and the new length.
    pub fn sign_request(
        key: Arc<Key>,
        buffer: &mut [u8],
        length: usize,
        wall: WallTime,
    ) -> Result<(Self, usize), WireError> {
        let mut session = Self { key, last_mac: Vec::new(), continued: false, bad_time: None };
        let length = session.sign(buffer, length, wall)?;
        session.continued = false;
        Ok((session, length))
    }

    /// Signs an answer, or the next message of a stream of answers: the new length.
    pub fn sign_reply(&mut self, buffer: &mut [u8], length: usize, wall: WallTime) -> Result<usize, WireError> {
        let length = self.sign(buffer, length, wall)?;
        self.continued = true;
        Ok(length)
    }

    /// Verifies an answer, or the next message of a stream of answers. Each must be signed.
    pub fn verify_reply(&mut self, message: &[u8], wall: WallTime) -> Result<(), Refusal> {
        let decoded = Message::decode(message).map_err(|_| Refusal::Malformed)?;
        let (start, owner, data) = find_record(&decoded)?.ok_or(Refusal::Malformed)?;
        let record = Record::read(start, owner, &data).ok_or(Refusal::Malformed)?;
        let refuse = |error: Rcode| Refusal::Unsigned { error, record: record.refused(error) };
        if record.owner != self.key.name || self.key.algorithm.name().borrowed() != record.algorithm {
            return Err(refuse(Rcode::BADKEY));
        }
        let parts = record.covered(message, &self.last_mac, self.continued);
        check_mac(&self.key, &parts, record.mac).map_err(refuse)?;
        if record.time.abs_diff(wall.seconds()) > u64::from(record.fudge) || record.error == Rcode::BADTIME.0 {
            return Err(Refusal::Time(Self { bad_time: Some(record.time), ..self.clone() }.into()));
        }
        self.last_mac = record.mac.to_vec();
        self.continued = true;
        Ok(())
    }

    /// Bytes a signature of this session takes.
    pub fn signature_bytes(&self) -> usize {
        // Owner, fixed part of a record, algorithm, time to MAC length, the longest MAC, id to other length, time.
        self.key.name.wire().len() + 10 + self.key.algorithm.name().wire().len() + 10 + 64 + 6 + 6
    }

    /// Who signed.
    pub fn key_name(&self) -> &Name {
        &self.key.name
    }

    fn sign(&mut self, buffer: &mut [u8], length: usize, wall: WallTime) -> Result<usize, WireError> {
        let id = Header::decode(&buffer[..length])?.id;
        // RFC 8945 §5.2.3: with BADTIME the answer is signed for the client's time and tells ours.
        let (time, error, other) = match self.bad_time {
            Some(time) => (time, Rcode::BADTIME, wall.seconds().to_be_bytes()[2..].to_vec()),
            None => (wall.seconds(), Rcode::NOERROR, Vec::new()),
        };
        let algorithm = self.key.algorithm.name();
        let mut record = Record {
            owner: self.key.name.clone(),
            algorithm: algorithm.borrowed(),
            time,
            fudge: TSIG_FUDGE_SECONDS,
            mac: &[],
            original_id: id,
            error: error.0,
            other: &other,
            start: length,
        };
        let parts = record.covered_unsigned(&buffer[..length], &self.last_mac, self.continued);
        let mac = self.key.mac(&parts);
        record.mac = &mac;
        let length = append(&record.encode(), buffer, length)?;
        self.last_mac = mac;
        Ok(length)
    }
}

impl Key {
    fn mac(&self, parts: &[Vec<u8>]) -> Vec<u8> {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        hmac(self.algorithm.row().2, &self.secret, &parts)
    }
}

/// The TSIG record: where it begins, its owner, its data. RFC 8945 §5.1: one, and the last of all.
fn find_record(message: &Message<'_>) -> Result<Option<(usize, Name, Vec<u8>)>, Refusal> {
    let is_tsig = |record: &crate::wire::RecordView<'_>| record.record_type() == RecordType::TSIG;
    if message.answers().chain(message.authority()).any(|record| is_tsig(&record)) {
        return Err(Refusal::Malformed);
    }
    let mut found = message.additional().filter(is_tsig);
    let Some(record) = found.next() else { return Ok(None) };
    let last = message.additional().last().is_some_and(|last| last.offset() == record.offset());
    // RFC 8945 §4.2: class ANY, TTL 0.
    if found.next().is_some()
        || !last
        || record.class() != Class::ANY
        || record.ttl_bits() != 0
        || message.trailing() != 0
    {
        return Err(Refusal::Malformed);
    }
    let mut data = Vec::new();
    record.append_data(&mut data).map_err(|_| Refusal::Malformed)?;
    Ok(Some((record.offset(), record.owner().to_name(), data)))
}

impl<'m> Record<'m> {
    fn read(start: usize, owner: Name, data: &'m [u8]) -> Option<Self> {
        let (algorithm, rest) = NameRef::split_wire(data).ok()?;
        let mut cursor = Cursor::new(rest);
        let [t0, t1, t2, t3, t4, t5] = cursor.array().ok()?;
        let time = u64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5]);
        let (fudge, mac_length) = (cursor.u16().ok()?, cursor.u16().ok()?);
        let mac = cursor.take(usize::from(mac_length)).ok()?;
        let (original_id, error, other_length) = (cursor.u16().ok()?, cursor.u16().ok()?, cursor.u16().ok()?);
        let other = cursor.take(usize::from(other_length)).ok()?;
        Some(Self { owner, algorithm, time, fudge, mac, original_id, error, other, start })
    }

    /// What the MAC of a received message covers (RFC 8945 §4.3.3): the record itself is taken out, the
    /// identity put back.
    fn covered(&self, message: &[u8], before: &[u8], timers_only: bool) -> Vec<Vec<u8>> {
        let mut bare = message[..self.start].to_vec();
        bare[..2].copy_from_slice(&self.original_id.to_be_bytes());
        // Cannot underflow: this record was counted.
        let count = u16::from_be_bytes([bare[10], bare[11]]) - 1;
        bare[10..12].copy_from_slice(&count.to_be_bytes());
        self.covered_unsigned(&bare, before, timers_only)
    }

    fn covered_unsigned(&self, bare: &[u8], before: &[u8], timers_only: bool) -> Vec<Vec<u8>> {
        let mut parts = Vec::with_capacity(3);
        if !before.is_empty() {
            parts.push([&(before.len() as u16).to_be_bytes(), before].concat());
        }
        parts.push(bare.to_vec());
        let mut variables = Vec::new();
        let timers = [&self.time.to_be_bytes()[2..], &self.fudge.to_be_bytes()].concat();
        if timers_only {
            variables.extend(timers);
        } else {
            variables.extend(self.owner.to_lowercase().wire());
            variables.extend([0, 255, 0, 0, 0, 0]);
            variables.extend(self.algorithm.to_name().to_lowercase().wire());
            variables.extend(timers);
            variables.extend(self.error.to_be_bytes());
            variables.extend((self.other.len() as u16).to_be_bytes());
            variables.extend(self.other);
        }
        parts.push(variables);
        parts
    }

    fn encode(&self) -> Vec<u8> {
        let mut data = self.algorithm.wire().to_vec();
        data.extend(&self.time.to_be_bytes()[2..]);
        data.extend(self.fudge.to_be_bytes());
        data.extend((self.mac.len() as u16).to_be_bytes());
        data.extend(self.mac);
        data.extend(self.original_id.to_be_bytes());
        data.extend(self.error.to_be_bytes());
        data.extend((self.other.len() as u16).to_be_bytes());
        data.extend(self.other);
        let mut record = self.owner.wire().to_vec();
        record.extend([0, 250, 0, 255, 0, 0, 0, 0]);
        record.extend((data.len() as u16).to_be_bytes());
        record.extend(data);
        record
    }

    /// The record that answers with an error and no MAC (RFC 8945 §5.3.2).
    fn refused(&self, error: Rcode) -> Vec<u8> {
        let owner = self.owner.clone();
        Record { owner, mac: &[], error: error.0, other: &[], ..*self }.encode()
    }
}

/// Puts a record at the end of a finished message and counts it.
fn append(record: &[u8], buffer: &mut [u8], length: usize) -> Result<usize, WireError> {
    let end = length + record.len();
    buffer.get_mut(length..end).ok_or(WireError::NoRoom)?.copy_from_slice(record);
    let count = u16::from_be_bytes([buffer[10], buffer[11]]).checked_add(1).ok_or(WireError::NoRoom)?;
    buffer[10..12].copy_from_slice(&count.to_be_bytes());
    Ok(end)
}

#[cfg(test)]
mod tests;
