//! What happened to a DNS query: numbers, and a line of the access log where the operator asked for it.

use std::net::IpAddr;

use edgeway_dns::wire::{Flags, Header, Message, Rcode};

use super::metrics::Counter;

/// What a query came by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// A datagram.
    Udp,
    /// A plain stream.
    Tcp,
    /// A stream under TLS (RFC 7858).
    Tls,
    /// HTTP (RFC 8484).
    Https,
}

impl Carrier {
    /// All, in the order of their numbers.
    pub const WORDS: [&'static str; 4] = ["udp", "tcp", "tls", "https"];

    /// As logs and metrics say it.
    pub const fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }
}

/// Outcomes that are counted one by one; all others together.
pub const COUNTED: [Rcode; 9] = [
    Rcode::NOERROR,
    Rcode::FORMERR,
    Rcode::SERVFAIL,
    Rcode::NXDOMAIN,
    Rcode::NOTIMP,
    Rcode::REFUSED,
    Rcode::NOTAUTH,
    Rcode::BADVERS,
    Rcode::BADCOOKIE,
];

/// One worker's numbers about DNS.
#[derive(Debug, Default)]
pub struct DnsMetrics {
    /// Queries answered, by [`Carrier`].
    pub by_carrier: [Counter; 4],
    /// Answers by outcome, in the order of [`COUNTED`]; the last is for all others.
    pub by_rcode: [Counter; COUNTED.len() + 1],
    /// Answers cut short to fit a datagram, or to have the asker prove its address.
    pub truncated: Counter,
    /// Bytes of answers.
    pub bytes: Counter,
    /// Messages that got no answer: no queries, or over the rate.
    pub ignored: Counter,
    /// Zones sent whole.
    pub transfers: Counter,
}

impl DnsMetrics {
    /// Counts one answer.
    pub fn count(&self, record: &QueryRecord<'_>) {
        self.by_carrier[record.carrier as usize].add(1);
        let place = COUNTED.iter().position(|rcode| *rcode == record.rcode).unwrap_or(COUNTED.len());
        self.by_rcode[place].add(1);
        self.bytes.add(record.bytes as u64);
        if record.truncated {
            self.truncated.add(1);
        }
    }
}

/// A query and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct QueryRecord<'m> {
    /// The query as it came.
    pub query: &'m [u8],
    /// Who asked.
    pub source: IpAddr,
    /// How it came.
    pub carrier: Carrier,
    /// The outcome.
    pub rcode: Rcode,
    /// Whether the answer was cut short.
    pub truncated: bool,
    /// Bytes of the answer.
    pub bytes: usize,
}

impl<'m> QueryRecord<'m> {
    /// Reads the outcome from the answer.
    pub fn new(query: &'m [u8], answer: &[u8], source: IpAddr, carrier: Carrier) -> Self {
        let flags = Header::decode(answer).map_or(Flags(0), |header| header.flags);
        Self {
            query,
            source,
            carrier,
            rcode: full_rcode(answer, flags),
            truncated: flags.contains(Flags::TRUNCATED),
            bytes: answer.len(),
        }
    }

    /// `www.example.com. A`, where the query can be read.
    pub(super) fn question(&self) -> Option<String> {
        let question = Message::decode(self.query).ok()?.question()?;
        Some(format!("{} {}", question.name, question.record_type))
    }
}

/// The outcome; only those whose low bits are zero or seven can have more bits in OPT (BADVERS, BADCOOKIE), and only those
/// without answers are worth the reading.
fn full_rcode(answer: &[u8], flags: Flags) -> Rcode {
    let low = flags.rcode();
    let may_be_extended = matches!(low.0, 0 | 7) && answer.get(6..10) == Some(&[0; 4]);
    if !may_be_extended {
        return low;
    }
    Message::decode(answer).map_or(low, |message| message.rcode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_by_name() {
        let metrics = DnsMetrics::default();
        // BADVERS: no records but OPT, whose extended bits are 1.
        let badvers = [0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0];
        let refused = [0, 1, 0x82, 5, 0, 0, 0, 0, 0, 0, 0, 0];
        for answer in [&badvers[..], &refused] {
            metrics.count(&QueryRecord::new(&[], answer, IpAddr::from([127, 0, 0, 1]), Carrier::Tls));
        }
        let seen: Vec<u64> = metrics.by_rcode.iter().map(Counter::get).collect();
        assert_eq!(seen, [0, 0, 0, 0, 0, 1, 0, 1, 0, 0]);
        assert_eq!((metrics.truncated.get(), metrics.by_carrier[2].get()), (1, 2));
    }
}
