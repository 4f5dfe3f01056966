//! The static table (RFC 9204 Appendix A). Read by the decoder by number, by the encoder by name.

use crate::binary::{FieldLine, LineName};
use crate::semantics::FieldName;

/// How many entries it has; the first has number 0.
const COUNT: usize = 99;
/// The end of a chain.
const NONE: u8 = u8::MAX;

/// An entry by its number.
pub(super) fn get(number: u64) -> Option<FieldLine<'static>> {
    let (name, text, value) = TABLE.get(usize::try_from(number).ok()?)?;
    Some(FieldLine { name: *name, text: text.as_bytes(), value: value.as_bytes(), sensitive: false, sound: true })
}

/// The entry with this name and value, or one with this name.
pub(super) fn find(name: LineName, value: &[u8]) -> (Option<u8>, Option<u8>) {
    let first = first_number(name);
    let mut number = first;
    while number != NONE {
        if TABLE[usize::from(number)].2.as_bytes() == value {
            return (Some(number), Some(first));
        }
        number = NEXT[usize::from(number)];
    }
    (None, (first != NONE).then_some(first))
}

const fn first_number(name: LineName) -> u8 {
    match name {
        LineName::Authority => 0,
        LineName::Path => 1,
        LineName::Method => 15,
        LineName::Scheme => 22,
        LineName::Status => 24,
        LineName::Protocol | LineName::UnknownPseudo | LineName::Field(FieldName::Other) => NONE,
        LineName::Field(known) => FIRST[known as usize],
    }
}

/// The first entry of each known field.
const FIRST: [u8; 128] = {
    let mut first = [NONE; 128];
    let mut index = COUNT;
    while index > 0 {
        index -= 1;
        if let LineName::Field(known) = TABLE[index].0 {
            first[known as usize] = index as u8;
        }
    }
    first
};

/// The next entry of the same name.
const NEXT: [u8; COUNT] = {
    let mut next = [NONE; COUNT];
    let mut index = 0;
    while index < COUNT {
        let mut later = index + 1;
        while later < COUNT && !same(TABLE[index].1.as_bytes(), TABLE[later].1.as_bytes()) {
            later += 1;
        }
        if later < COUNT {
            next[index] = later as u8;
        }
        index += 1;
    }
    next
};

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

const fn field(name: FieldName, value: &'static str) -> (LineName, &'static str, &'static str) {
    (LineName::Field(name), name.lower(), value)
}

const TABLE: [(LineName, &str, &str); COUNT] = [
    (LineName::Authority, ":authority", ""),
    (LineName::Path, ":path", "/"),
    field(FieldName::Age, "0"),
    field(FieldName::ContentDisposition, ""),
    field(FieldName::ContentLength, "0"),
    field(FieldName::Cookie, ""),
    field(FieldName::Date, ""),
    field(FieldName::Etag, ""),
    field(FieldName::IfModifiedSince, ""),
    field(FieldName::IfNoneMatch, ""),
    field(FieldName::LastModified, ""),
    field(FieldName::Link, ""),
    field(FieldName::Location, ""),
    field(FieldName::Referer, ""),
    field(FieldName::SetCookie, ""),
    (LineName::Method, ":method", "CONNECT"),
    (LineName::Method, ":method", "DELETE"),
    (LineName::Method, ":method", "GET"),
    (LineName::Method, ":method", "HEAD"),
    (LineName::Method, ":method", "OPTIONS"),
    (LineName::Method, ":method", "POST"),
    (LineName::Method, ":method", "PUT"),
    (LineName::Scheme, ":scheme", "http"),
    (LineName::Scheme, ":scheme", "https"),
    (LineName::Status, ":status", "103"),
    (LineName::Status, ":status", "200"),
    (LineName::Status, ":status", "304"),
    (LineName::Status, ":status", "404"),
    (LineName::Status, ":status", "503"),
    field(FieldName::Accept, "*/*"),
    field(FieldName::Accept, "application/dns-message"),
    field(FieldName::AcceptEncoding, "gzip, deflate, br"),
    field(FieldName::AcceptRanges, "bytes"),
    field(FieldName::AccessControlAllowHeaders, "cache-control"),
    field(FieldName::AccessControlAllowHeaders, "content-type"),
    field(FieldName::AccessControlAllowOrigin, "*"),
    field(FieldName::CacheControl, "max-age=0"),
    field(FieldName::CacheControl, "max-age=2592000"),
    field(FieldName::CacheControl, "max-age=604800"),
    field(FieldName::CacheControl, "no-cache"),
    field(FieldName::CacheControl, "no-store"),
    field(FieldName::CacheControl, "public, max-age=31536000"),
    field(FieldName::ContentEncoding, "br"),
    field(FieldName::ContentEncoding, "gzip"),
    field(FieldName::ContentType, "application/dns-message"),
    field(FieldName::ContentType, "application/javascript"),
    field(FieldName::ContentType, "application/json"),
    field(FieldName::ContentType, "application/x-www-form-urlencoded"),
    field(FieldName::ContentType, "image/gif"),
    field(FieldName::ContentType, "image/jpeg"),
    field(FieldName::ContentType, "image/png"),
    field(FieldName::ContentType, "text/css"),
    field(FieldName::ContentType, "text/html; charset=utf-8"),
    field(FieldName::ContentType, "text/plain"),
    field(FieldName::ContentType, "text/plain;charset=utf-8"),
    field(FieldName::Range, "bytes=0-"),
    field(FieldName::StrictTransportSecurity, "max-age=31536000"),
    field(FieldName::StrictTransportSecurity, "max-age=31536000; includesubdomains"),
    field(FieldName::StrictTransportSecurity, "max-age=31536000; includesubdomains; preload"),
    field(FieldName::Vary, "accept-encoding"),
    field(FieldName::Vary, "origin"),
    field(FieldName::XContentTypeOptions, "nosniff"),
    field(FieldName::XXssProtection, "1; mode=block"),
    (LineName::Status, ":status", "100"),
    (LineName::Status, ":status", "204"),
    (LineName::Status, ":status", "206"),
    (LineName::Status, ":status", "302"),
    (LineName::Status, ":status", "400"),
    (LineName::Status, ":status", "403"),
    (LineName::Status, ":status", "421"),
    (LineName::Status, ":status", "425"),
    (LineName::Status, ":status", "500"),
    field(FieldName::AcceptLanguage, ""),
    field(FieldName::AccessControlAllowCredentials, "FALSE"),
    field(FieldName::AccessControlAllowCredentials, "TRUE"),
    field(FieldName::AccessControlAllowHeaders, "*"),
    field(FieldName::AccessControlAllowMethods, "get"),
    field(FieldName::AccessControlAllowMethods, "get, post, options"),
    field(FieldName::AccessControlAllowMethods, "options"),
    field(FieldName::AccessControlExposeHeaders, "content-length"),
    field(FieldName::AccessControlRequestHeaders, "content-type"),
    field(FieldName::AccessControlRequestMethod, "get"),
    field(FieldName::AccessControlRequestMethod, "post"),
    field(FieldName::AltSvc, "clear"),
    field(FieldName::Authorization, ""),
    field(FieldName::ContentSecurityPolicy, "script-src 'none'; object-src 'none'; base-uri 'none'"),
    field(FieldName::EarlyData, "1"),
    (LineName::Field(FieldName::Other), "expect-ct", ""),
    field(FieldName::Forwarded, ""),
    field(FieldName::IfRange, ""),
    field(FieldName::Origin, ""),
    (LineName::Field(FieldName::Other), "purpose", "prefetch"),
    field(FieldName::Server, ""),
    field(FieldName::TimingAllowOrigin, "*"),
    field(FieldName::UpgradeInsecureRequests, "1"),
    field(FieldName::UserAgent, ""),
    field(FieldName::XForwardedFor, ""),
    field(FieldName::XFrameOptions, "deny"),
    field(FieldName::XFrameOptions, "sameorigin"),
];
