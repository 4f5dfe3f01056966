//! One question to one server and its answer: over UDP from a random port with a random number, a few times; over TCP when the
//! answer is cut short. What does not match the question is not for us (RFC 5452 §9.1).

use std::io;
use std::time::Duration;

use edgeway_base::World;
use edgeway_base::world::{Address, Datagrams as _};
use edgeway_dns::error::WireError;
use edgeway_dns::limits::{MESSAGE_BYTES_MAX, UDP_BYTES_DEFAULT};
use edgeway_dns::wire::{Class, Composer, Compressor, Flags, Message, Name, Rcode, RecordType};
use edgeway_net::drive::transport::{Plain, Transport, write_all};

use super::server::Server;
use crate::limits::{RESOLVE_TIMEOUT, RESOLVE_TRIES};

/// What to ask.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: Name,
    pub(super) record_type: RecordType,
    pub(super) dnssec: bool,
    pub(super) recursion: bool,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    bytes: Vec<u8>,
    pub(super) server: Server,
    pub(super) took: Duration,
    /// How often it was asked over UDP without an answer.
    pub(super) lost: u32,
}

impl Answer {
    pub(super) fn message(&self) -> Result<Message<'_>, WireError> {
        Message::decode(&self.bytes)
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Asks. The error is one sentence.
pub(super) async fn ask<W: World>(world: &W, server: &Server, wanted: &Wanted) -> Result<Answer, String> {
    let mut lost = 0;
    if !server.stream {
        loop {
            let started = world.now();
            let query = compose(wanted, world.entropy().next_u16());
            let asked = tokio::time::timeout(RESOLVE_TIMEOUT, over_datagrams(world, server, &query));
            match asked.await {
                Ok(Ok(bytes)) if !is_truncated(&bytes) => {
                    return Ok(Answer { bytes, server: server.clone(), took: world.now() - started, lost });
                }
                // RFC 7766 §5: cut short over UDP, whole over TCP.
                Ok(Ok(_)) => break,
                Ok(Err(error)) => return Err(format!("{server} cannot be asked: {error}")),
                Err(_) => lost += 1,
            }
            if lost >= RESOLVE_TRIES {
                let seconds = RESOLVE_TIMEOUT.as_secs();
                return Err(format!("{server} did not answer, asked {RESOLVE_TRIES} times for {seconds} seconds"));
            }
        }
    }
    let started = world.now();
    let stream = Server { stream: true, ..server.clone() };
    let query = compose(wanted, world.entropy().next_u16());
    match tokio::time::timeout(RESOLVE_TIMEOUT, over_stream(world, &stream, &query)).await {
        Ok(Ok(bytes)) => Ok(Answer { bytes, server: stream, took: world.now() - started, lost }),
        Ok(Err(error)) => Err(format!("{stream} cannot be asked: {error}")),
        Err(_) => Err(format!("{stream} did not answer within {} seconds", RESOLVE_TIMEOUT.as_secs())),
    }
}

fn compose(wanted: &Wanted, id: u16) -> Vec<u8> {
    let mut buffer = vec![0; 512];
    let mut compressor = Compressor::new();
    let written = (|| {
        let mut composer = Composer::new(&mut buffer, &mut compressor)?;
        composer.set_head(id, Flags(0).with(Flags::RECURSION_DESIRED, wanted.recursion));
        composer.question(wanted.name.borrowed(), wanted.record_type, Class::IN)?;
        composer.opt(UDP_BYTES_DEFAULT, Rcode::NOERROR, wanted.dnssec, |_| Ok(()))?;
        Ok::<_, WireError>(composer.finish())
    })();
    // A header, a name of 255 bytes, four bytes and OPT are less than 512.
    buffer.truncate(written.unwrap_or_default());
    buffer
}

/// Whether `bytes` answers `query`: number, question, and that it is an answer at all.
fn answers(bytes: &[u8], query: &[u8]) -> bool {
    let (Ok(answer), Ok(query)) = (Message::decode(bytes), Message::decode(query)) else { return false };
    let same_question = match (answer.question(), query.question()) {
        (Some(told), Some(asked)) => {
            told.name.is(asked.name.to_name().borrowed())
                && told.record_type == asked.record_type
                && told.class == asked.class
        }
        // A server that could not even read the question repeats none.
        (None, _) => matches!(answer.rcode(), Rcode::FORMERR | Rcode::NOTIMP | Rcode::SERVFAIL | Rcode::REFUSED),
        _ => false,
    };
    answer.header().id == query.header().id && answer.header().flags.contains(Flags::RESPONSE) && same_question
}

fn is_truncated(bytes: &[u8]) -> bool {
    Message::decode(bytes).is_ok_and(|answer| answer.header().flags.contains(Flags::TRUNCATED))
}

async fn over_datagrams<W: World>(world: &W, server: &Server, query: &[u8]) -> io::Result<Vec<u8>> {
    let from = if server.address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    // Two constants that are addresses.
    let socket = world.bind(from.parse().map_err(io::Error::other)?)?;
    std::future::poll_fn(|context| socket.poll_send(context, query, server.address)).await?;
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    loop {
        let (length, sender) = std::future::poll_fn(|context| socket.poll_receive(context, &mut buffer)).await?;
        // RFC 5452 §9.1: from whom we asked, to what we asked; anything else is somebody's attempt.
        if sender == server.address && answers(&buffer[..length], query) {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

async fn over_stream<W: World>(world: &W, server: &Server, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = Plain(world.dial(&Address::Ip(server.address)).await?);
    let framed = [&(query.len() as u16).to_be_bytes(), query].concat();
    write_all(&mut stream, &framed).await?;
    let mut length = [0; 2];
    read_exactly(&mut stream, &mut length).await?;
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    read_exactly(&mut stream, &mut bytes).await?;
    if answers(&bytes, query) { Ok(bytes) } else { Err(io::Error::other("it answers another question")) }
}

async fn read_exactly<T: Transport>(stream: &mut T, mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        match std::future::poll_fn(|context| stream.poll_read_slice(context, into)).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => into = &mut into[read..],
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str) -> Wanted {
        Wanted { name: name.parse().unwrap(), record_type: RecordType::MX, dnssec: true, recursion: true }
    }

    #[test]
    fn hostile_049_to_053_what_does_not_match_is_not_for_us() {
        let query = compose(&wanted("example.com"), 7);
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut answer = query.clone();
            answer[2] |= 0x80;
            change(&mut answer);
            answers(&answer, &query)
        };
        assert!(with(&|_| {}));
        assert!(!answers(&query, &query), "a query is no answer");
        assert!(!with(&|answer| answer[1] = 8), "another number");
        assert!(!with(&|answer| answer[13] = b'x'), "another name");
        assert!(with(&|answer| answer[13] = b'E'), "names have no case");
        assert!(!with(&|answer| answer.truncate(20)), "cut off");
        assert!(with(&|answer| *answer = vec![0, 7, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]), "FORMERR without a question");
        assert!(!with(&|answer| *answer = vec![0, 7, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]), "NOERROR without a question");
    }

    #[test]
    fn a_query_offers_edns_and_wants_recursion() {
        let query = compose(&wanted("example.com"), 7);
        let message = Message::decode(&query).unwrap();
        let edns = message.edns().unwrap();
        assert_eq!((edns.payload_bytes(), edns.dnssec_ok()), (1_232, true));
        assert!(message.header().flags.contains(Flags::RECURSION_DESIRED));
    }
}
