//! Field lines to a response head or to trailers (RFC 9113 §8.1, §8.3.2; RFC 9114 §4.3.2). Fed by a field
//! decoder; the machine then hands them on to the driver.

use super::field_line::{self, FieldLine, FieldSink, LineName, Malformed, Meter, SectionBounds, SectionFault};
use crate::semantics::{FieldName, Fields, ResponseHead, Status};

/// A response head being filled.
#[derive(Debug)]
pub struct ResponseSection<'a> {
    head: &'a mut ResponseHead,
    meter: Meter,
    fault: Option<Malformed>,
    has_status: bool,
    has_fields: bool,
    content_length: Option<u64>,
}

impl<'a> ResponseSection<'a> {
    /// Fills `head`, whose fields are cleared.
    pub fn new(head: &'a mut ResponseHead, bounds: SectionBounds) -> Self {
        head.fields.clear();
        head.status = Status::OK;
        Self {
            head,
            meter: Meter::new(bounds),
            fault: None,
            has_status: false,
            has_fields: false,
            content_length: None,
        }
    }

    /// Judges the whole: the Content-Length it announced, when it did.
    pub fn finish(self) -> Result<Option<u64>, SectionFault> {
        if self.meter.is_over() {
            return Err(SectionFault::TooLarge);
        }
        if let Some(fault) = self.fault {
            return Err(SectionFault::Malformed(fault));
        }
        // RFC 9113 §8.3.2: :status must be there.
        if self.has_status { Ok(self.content_length) } else { Err(SectionFault::Malformed(Malformed::PseudoFieldSet)) }
    }

    fn take(&mut self, line: FieldLine<'_>) -> Result<(), Malformed> {
        if !line.sound {
            return Err(Malformed::Bytes);
        }
        match line.name {
            LineName::Field(name) => self.take_field(name, line),
            LineName::Status if !self.has_fields && !self.has_status => {
                self.has_status = true;
                self.head.status = status(line.value).ok_or(Malformed::Status)?;
                Ok(())
            }
            _ => Err(Malformed::PseudoField),
        }
    }

    fn take_field(&mut self, name: FieldName, line: FieldLine<'_>) -> Result<(), Malformed> {
        self.has_fields = true;
        if field_line::is_connection_specific(name) {
            return Err(Malformed::ConnectionField);
        }
        if name == FieldName::ContentLength {
            let repeated = self.content_length.is_some();
            self.content_length = Some(field_line::content_length(self.content_length, line.value)?);
            if repeated {
                return Ok(());
            }
        }
        self.head.fields.push_checked(name, line.text, line.value, line.sensitive);
        Ok(())
    }
}

impl FieldSink for ResponseSection<'_> {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        self.meter.add(&line);
        if self.meter.is_over() {
            return !self.meter.is_hopeless();
        }
        if self.fault.is_none() {
            self.fault = self.take(line).err();
        }
        true
    }
}

/// Three digits; 101 does not exist in these dialects (RFC 9113 §8.6).
fn status(value: &[u8]) -> Option<Status> {
    let [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] = value else { return None };
    let code = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
    Status::new(code).filter(|status| *status != Status::SWITCHING_PROTOCOLS)
}

/// Trailers being filled. Fields that must be known before the content are dropped (RFC 9110 §6.5.1).
#[derive(Debug)]
pub struct TrailerSection<'a> {
    fields: &'a mut Fields,
    meter: Meter,
    fault: Option<Malformed>,
}

impl<'a> TrailerSection<'a> {
    /// Fills `fields`, which are cleared.
    pub fn new(fields: &'a mut Fields, bounds: SectionBounds) -> Self {
        fields.clear();
        Self { fields, meter: Meter::new(bounds), fault: None }
    }

    /// Judges the whole.
    pub fn finish(self) -> Result<(), SectionFault> {
        if self.meter.is_over() {
            return Err(SectionFault::TooLarge);
        }
        self.fault.map_or(Ok(()), |fault| Err(SectionFault::Malformed(fault)))
    }

    fn take(&mut self, line: FieldLine<'_>) -> Result<(), Malformed> {
        match line.name {
            _ if !line.sound => Err(Malformed::Bytes),
            LineName::Field(name) if field_line::is_connection_specific(name) => Err(Malformed::ConnectionField),
            LineName::Field(name) => {
                if !field_line::is_forbidden_in_trailers(name) {
                    self.fields.push_checked(name, line.text, line.value, line.sensitive);
                }
                Ok(())
            }
            // RFC 9113 §8.1: trailers have no pseudo-header fields.
            _ => Err(Malformed::PseudoField),
        }
    }
}

impl FieldSink for TrailerSection<'_> {
    fn field(&mut self, line: FieldLine<'_>) -> bool {
        self.meter.add(&line);
        if self.meter.is_over() {
            return !self.meter.is_hopeless();
        }
        if self.fault.is_none() {
            self.fault = self.take(line).err();
        }
        true
    }
}
