//! The static table (RFC 7541 Appendix A). Read by the decoder by number, by the encoder by name.

use crate::binary::{FieldLine, LineName};
use crate::semantics::FieldName;

/// How many entries it has; the first has number 1.
pub(super) const COUNT: usize = 61;

/// An entry by its number.
pub(super) fn get(number: u64) -> Option<FieldLine<'static>> {
    let (name, text, value) = TABLE.get(usize::try_from(number).ok()?.checked_sub(1)?)?;
    Some(FieldLine { name: *name, text: text.as_bytes(), value: value.as_bytes(), sensitive: false, sound: true })
}

/// The entry with this name and value, when there is one.
pub(super) fn find(name: LineName, value: &[u8]) -> Option<u8> {
    let first = name_number(name);
    let candidates = match name {
        LineName::Status => 7,
        LineName::Method | LineName::Path | LineName::Scheme => 2,
        LineName::Field(FieldName::AcceptEncoding) => 1,
        // Every other entry has an empty value, which nobody sends.
        _ => return None,
    };
    (first..first + candidates).find(|number| TABLE[usize::from(*number) - 1].2.as_bytes() == value)
}

/// The first entry with this name; zero when there is none.
pub(super) const fn name_number(name: LineName) -> u8 {
    match name {
        LineName::Authority => 1,
        LineName::Method => 2,
        LineName::Path => 4,
        LineName::Scheme => 6,
        LineName::Status => 8,
        LineName::Protocol | LineName::UnknownPseudo => 0,
        LineName::Field(known) => FIELD_NUMBERS[known as usize],
    }
}

const FIELD_NUMBERS: [u8; 128] = {
    let mut numbers = [0; 128];
    let mut index = COUNT;
    while index > 0 {
        index -= 1;
        if let LineName::Field(known) = TABLE[index].0 {
            numbers[known as usize] = index as u8 + 1;
        }
    }
    numbers
};

const fn field(name: FieldName) -> (LineName, &'static str, &'static str) {
    (LineName::Field(name), name.lower(), "")
}

const TABLE: [(LineName, &str, &str); COUNT] = [
    (LineName::Authority, ":authority", ""),
    (LineName::Method, ":method", "GET"),
    (LineName::Method, ":method", "POST"),
    (LineName::Path, ":path", "/"),
    (LineName::Path, ":path", "/index.html"),
    (LineName::Scheme, ":scheme", "http"),
    (LineName::Scheme, ":scheme", "https"),
    (LineName::Status, ":status", "200"),
    (LineName::Status, ":status", "204"),
    (LineName::Status, ":status", "206"),
    (LineName::Status, ":status", "304"),
    (LineName::Status, ":status", "400"),
    (LineName::Status, ":status", "404"),
    (LineName::Status, ":status", "500"),
    field(FieldName::AcceptCharset),
    (LineName::Field(FieldName::AcceptEncoding), "accept-encoding", "gzip, deflate"),
    field(FieldName::AcceptLanguage),
    field(FieldName::AcceptRanges),
    field(FieldName::Accept),
    field(FieldName::AccessControlAllowOrigin),
    field(FieldName::Age),
    field(FieldName::Allow),
    field(FieldName::Authorization),
    field(FieldName::CacheControl),
    field(FieldName::ContentDisposition),
    field(FieldName::ContentEncoding),
    field(FieldName::ContentLanguage),
    field(FieldName::ContentLength),
    field(FieldName::ContentLocation),
    field(FieldName::ContentRange),
    field(FieldName::ContentType),
    field(FieldName::Cookie),
    field(FieldName::Date),
    field(FieldName::Etag),
    field(FieldName::Expect),
    field(FieldName::Expires),
    field(FieldName::From),
    field(FieldName::Host),
    field(FieldName::IfMatch),
    field(FieldName::IfModifiedSince),
    field(FieldName::IfNoneMatch),
    field(FieldName::IfRange),
    field(FieldName::IfUnmodifiedSince),
    field(FieldName::LastModified),
    field(FieldName::Link),
    field(FieldName::Location),
    field(FieldName::MaxForwards),
    field(FieldName::ProxyAuthenticate),
    field(FieldName::ProxyAuthorization),
    field(FieldName::Range),
    field(FieldName::Referer),
    field(FieldName::Refresh),
    field(FieldName::RetryAfter),
    field(FieldName::Server),
    field(FieldName::SetCookie),
    field(FieldName::StrictTransportSecurity),
    field(FieldName::TransferEncoding),
    field(FieldName::UserAgent),
    field(FieldName::Vary),
    field(FieldName::Via),
    field(FieldName::WwwAuthenticate),
];
