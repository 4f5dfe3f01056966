//! Reading a message in place: [`Message::decode`] checks its skeleton once (header, counts, every owner
//! name, every length); the sections are then walked without failing. Record data is checked only
//! when it is asked for ([`RecordView::data`](super::RecordView::data)).

use std::fmt;

use edgeway_base::Cursor;

use crate::error::WireError;
use crate::limits::HEADER_BYTES;

use super::{Class, Edns, Header, Name, PackedName, RecordType, RecordView};

/// A message whose skeleton is sound.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    header: Header,
    /// Where question, answer, authority and additional begin, and where the last ends.
    starts: [usize; 5],
    edns: Option<Edns<'a>>,
}

impl<'a> Message<'a> {
    /// Checks `bytes` from front to back, each byte once (names follow at most 127 pointers).
    ///
    /// Bytes behind the last record are left alone; see [`Message::trailing`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, WireError> {
        let header = Header::decode(bytes)?;
        let mut position = HEADER_BYTES;
        for _ in 0..header.counts[0] {
            position = QuestionView::decode(bytes, position)?.1;
        }
        let (mut starts, mut edns) = ([HEADER_BYTES, position, position, position, position], None);
        for section in [1, 2, 3] {
            starts[section] = position;
            for _ in 0..header.counts[section] {
                let (record, after) = RecordView::decode(bytes, position)?;
                if record.record_type() == RecordType::OPT {
                    // RFC 6891 §6.1.1: at most one, in the additional section, owned by the root.
                    if section != 3 || edns.is_some() {
                        return Err(WireError::OptMisplaced);
                    }
                    edns = Some(Edns::from_record(record)?);
                }
                position = after;
            }
        }
        starts[4] = position;
        Ok(Self { bytes, header, starts, edns })
    }

    /// All of its bytes.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Identity, flags, counts.
    pub const fn header(&self) -> Header {
        self.header
    }

    /// The outcome with the bits that EDNS adds (RFC 6891 §6.1.3).
    pub fn rcode(&self) -> super::Rcode {
        let high = self.edns.map_or(0, |edns| u16::from(edns.extended_rcode()));
        super::Rcode(high << 4 | self.header.flags.rcode().0)
    }

    /// The questions.
    pub fn questions(&self) -> impl Iterator<Item = QuestionView<'a>> {
        let (bytes, mut position) = (self.bytes, HEADER_BYTES);
        (0..self.header.counts[0]).map_while(move |_| {
            let (question, after) = QuestionView::decode(bytes, position).ok()?;
            position = after;
            Some(question)
        })
    }

    /// The question when there is exactly one (RFC 9619: a query has no more).
    pub fn question(&self) -> Option<QuestionView<'a>> {
        if self.header.counts[0] == 1 { self.questions().next() } else { None }
    }

    /// Records of the answer section.
    pub const fn answers(&self) -> Records<'a> {
        self.section(1)
    }

    /// Records of the authority section.
    pub const fn authority(&self) -> Records<'a> {
        self.section(2)
    }

    /// Records of the additional section, OPT and TSIG included.
    pub const fn additional(&self) -> Records<'a> {
        self.section(3)
    }

    /// The OPT record.
    pub const fn edns(&self) -> Option<Edns<'a>> {
        self.edns
    }

    /// How many bytes stand behind the last record.
    pub const fn trailing(&self) -> usize {
        self.bytes.len() - self.starts[4]
    }

    const fn section(&self, section: usize) -> Records<'a> {
        Records { bytes: self.bytes, position: self.starts[section], left: self.header.counts[section] }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Message")
            .field("header", &self.header)
            .field("questions", &self.questions().collect::<Vec<_>>())
            .field("answers", &self.answers().collect::<Vec<_>>())
            .field("authority", &self.authority().collect::<Vec<_>>())
            .field("additional", &self.additional().collect::<Vec<_>>())
            .finish()
    }
}

/// The records of one section, in order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    position: usize,
    left: u16,
}

impl<'a> Iterator for Records<'a> {
    type Item = RecordView<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // Cannot fail: the whole section was read when the message was decoded.
        let (record, after) = RecordView::decode(self.bytes, self.position).ok()?;
        self.position = after;
        Some(record)
    }
}

/// A question in place.
#[derive(Clone, Copy, Debug)]
pub struct QuestionView<'a> {
    /// What is asked about.
    pub name: PackedName<'a>,
    /// Which records.
    pub record_type: RecordType,
    /// In which class.
    pub class: Class,
}

impl<'a> QuestionView<'a> {
    fn decode(message: &'a [u8], start: usize) -> Result<(Self, usize), WireError> {
        let (name, after) = PackedName::decode(message, start)?;
        let mut cursor = Cursor::new(&message[after..]);
        let question = Self { name, record_type: RecordType(cursor.u16()?), class: Class(cursor.u16()?) };
        Ok((question, after + cursor.position()))
    }

    /// An owned copy.
    pub fn to_question(&self) -> Question {
        Question { name: self.name.to_name(), record_type: self.record_type, class: self.class }
    }
}

/// A question of its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Question {
    /// What is asked about.
    pub name: Name,
    /// Which records.
    pub record_type: RecordType,
    /// In which class.
    pub class: Class,
}

impl Question {
    /// A question in class `IN`.
    pub const fn new(name: Name, record_type: RecordType) -> Self {
        Self { name, record_type, class: Class::IN }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.name, self.class, self.record_type)
    }
}
