//! Field names as small integers. The parsers turn a name into a [`FieldName`] once; everything after
//! compares numbers. A name not in the table is [`FieldName::Other`] and compared as text.

/// A field name this house knows, or [`FieldName::Other`].
#[allow(missing_docs, reason = "each variant is the field of that name in the IANA registry")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[repr(u8)]
pub enum FieldName {
    Other,
    Accept,
    AcceptCharset,
    AcceptEncoding,
    AcceptLanguage,
    AcceptRanges,
    AccessControlAllowCredentials,
    AccessControlAllowHeaders,
    AccessControlAllowMethods,
    AccessControlAllowOrigin,
    AccessControlExposeHeaders,
    AccessControlMaxAge,
    AccessControlRequestHeaders,
    AccessControlRequestMethod,
    AccessControlRequestPrivateNetwork,
    AccessControlAllowPrivateNetwork,
    Age,
    Allow,
    AltSvc,
    AuthenticationInfo,
    Authorization,
    CacheControl,
    CacheStatus,
    CacheTag,
    CdnCacheControl,
    CdnLoop,
    Connection,
    ContentDisposition,
    ContentEncoding,
    ContentLanguage,
    ContentLength,
    ContentLocation,
    ContentMd5,
    ContentRange,
    ContentSecurityPolicy,
    ContentType,
    Cookie,
    CrossOriginEmbedderPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    Date,
    Digest,
    Dnt,
    EarlyData,
    Etag,
    Expect,
    Expires,
    Forwarded,
    From,
    Host,
    Http2Settings,
    IfMatch,
    IfModifiedSince,
    IfNoneMatch,
    IfRange,
    IfUnmodifiedSince,
    KeepAlive,
    LastEventId,
    LastModified,
    Link,
    Location,
    MaxForwards,
    Origin,
    PermissionsPolicy,
    Pragma,
    Prefer,
    Priority,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyConnection,
    Range,
    Ratelimit,
    RatelimitPolicy,
    Referer,
    ReferrerPolicy,
    Refresh,
    RetryAfter,
    SecFetchDest,
    SecFetchMode,
    SecFetchSite,
    SecFetchUser,
    SecWebsocketAccept,
    SecWebsocketExtensions,
    SecWebsocketKey,
    SecWebsocketProtocol,
    SecWebsocketVersion,
    Server,
    ServerTiming,
    SetCookie,
    StrictTransportSecurity,
    SurrogateControl,
    SurrogateKey,
    Te,
    TimingAllowOrigin,
    Traceparent,
    Tracestate,
    Trailer,
    TransferEncoding,
    Upgrade,
    UpgradeInsecureRequests,
    UserAgent,
    Vary,
    Via,
    Warning,
    WwwAuthenticate,
    XAccelBuffering,
    XContentTypeOptions,
    XForwardedFor,
    XForwardedHost,
    XForwardedPort,
    XForwardedProto,
    XFrameOptions,
    XRealIp,
    XRequestId,
    XXssProtection,
}

/// How many names there are, [`FieldName::Other`] included.
pub(crate) const COUNT: usize = 115;

/// Spelled as in the registry: for HTTP/1.x, where case is free and readers are used to this one.
const CANONICAL: [&str; COUNT] = [
    "",
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Accept-Ranges",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Access-Control-Request-Private-Network",
    "Access-Control-Allow-Private-Network",
    "Age",
    "Allow",
    "Alt-Svc",
    "Authentication-Info",
    "Authorization",
    "Cache-Control",
    "Cache-Status",
    "Cache-Tag",
    "CDN-Cache-Control",
    "CDN-Loop",
    "Connection",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-MD5",
    "Content-Range",
    "Content-Security-Policy",
    "Content-Type",
    "Cookie",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Date",
    "Digest",
    "DNT",
    "Early-Data",
    "ETag",
    "Expect",
    "Expires",
    "Forwarded",
    "From",
    "Host",
    "HTTP2-Settings",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Last-Event-ID",
    "Last-Modified",
    "Link",
    "Location",
    "Max-Forwards",
    "Origin",
    "Permissions-Policy",
    "Pragma",
    "Prefer",
    "Priority",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "RateLimit",
    "RateLimit-Policy",
    "Referer",
    "Referrer-Policy",
    "Refresh",
    "Retry-After",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sec-Fetch-User",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "Server",
    "Server-Timing",
    "Set-Cookie",
    "Strict-Transport-Security",
    "Surrogate-Control",
    "Surrogate-Key",
    "TE",
    "Timing-Allow-Origin",
    "Traceparent",
    "Tracestate",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Upgrade-Insecure-Requests",
    "User-Agent",
    "Vary",
    "Via",
    "Warning",
    "WWW-Authenticate",
    "X-Accel-Buffering",
    "X-Content-Type-Options",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Frame-Options",
    "X-Real-IP",
    "X-Request-ID",
    "X-XSS-Protection",
];

/// In lower case: for HTTP/2 and HTTP/3, which allow nothing else (RFC 9113 §8.2.1).
const LOWER: [&str; COUNT] = [
    "",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "access-control-allow-private-network",
    "age",
    "allow",
    "alt-svc",
    "authentication-info",
    "authorization",
    "cache-control",
    "cache-status",
    "cache-tag",
    "cdn-cache-control",
    "cdn-loop",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-security-policy",
    "content-type",
    "cookie",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "digest",
    "dnt",
    "early-data",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "last-event-id",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "origin",
    "permissions-policy",
    "pragma",
    "prefer",
    "priority",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "ratelimit",
    "ratelimit-policy",
    "referer",
    "referrer-policy",
    "refresh",
    "retry-after",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "server",
    "server-timing",
    "set-cookie",
    "strict-transport-security",
    "surrogate-control",
    "surrogate-key",
    "te",
    "timing-allow-origin",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-accel-buffering",
    "x-content-type-options",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-frame-options",
    "x-real-ip",
    "x-request-id",
    "x-xss-protection",
];

const ALL: [FieldName; COUNT] = [
    FieldName::Other,
    FieldName::Accept,
    FieldName::AcceptCharset,
    FieldName::AcceptEncoding,
    FieldName::AcceptLanguage,
    FieldName::AcceptRanges,
    FieldName::AccessControlAllowCredentials,
    FieldName::AccessControlAllowHeaders,
    FieldName::AccessControlAllowMethods,
    FieldName::AccessControlAllowOrigin,
    FieldName::AccessControlExposeHeaders,
    FieldName::AccessControlMaxAge,
    FieldName::AccessControlRequestHeaders,
    FieldName::AccessControlRequestMethod,
    FieldName::AccessControlRequestPrivateNetwork,
    FieldName::AccessControlAllowPrivateNetwork,
    FieldName::Age,
    FieldName::Allow,
    FieldName::AltSvc,
    FieldName::AuthenticationInfo,
    FieldName::Authorization,
    FieldName::CacheControl,
    FieldName::CacheStatus,
    FieldName::CacheTag,
    FieldName::CdnCacheControl,
    FieldName::CdnLoop,
    FieldName::Connection,
    FieldName::ContentDisposition,
    FieldName::ContentEncoding,
    FieldName::ContentLanguage,
    FieldName::ContentLength,
    FieldName::ContentLocation,
    FieldName::ContentMd5,
    FieldName::ContentRange,
    FieldName::ContentSecurityPolicy,
    FieldName::ContentType,
    FieldName::Cookie,
    FieldName::CrossOriginEmbedderPolicy,
    FieldName::CrossOriginOpenerPolicy,
    FieldName::CrossOriginResourcePolicy,
    FieldName::Date,
    FieldName::Digest,
    FieldName::Dnt,
    FieldName::EarlyData,
    FieldName::Etag,
    FieldName::Expect,
    FieldName::Expires,
    FieldName::Forwarded,
    FieldName::From,
    FieldName::Host,
    FieldName::Http2Settings,
    FieldName::IfMatch,
    FieldName::IfModifiedSince,
    FieldName::IfNoneMatch,
    FieldName::IfRange,
    FieldName::IfUnmodifiedSince,
    FieldName::KeepAlive,
    FieldName::LastEventId,
    FieldName::LastModified,
    FieldName::Link,
    FieldName::Location,
    FieldName::MaxForwards,
    FieldName::Origin,
    FieldName::PermissionsPolicy,
    FieldName::Pragma,
    FieldName::Prefer,
    FieldName::Priority,
    FieldName::ProxyAuthenticate,
    FieldName::ProxyAuthorization,
    FieldName::ProxyConnection,
    FieldName::Range,
    FieldName::Ratelimit,
    FieldName::RatelimitPolicy,
    FieldName::Referer,
    FieldName::ReferrerPolicy,
    FieldName::Refresh,
    FieldName::RetryAfter,
    FieldName::SecFetchDest,
    FieldName::SecFetchMode,
    FieldName::SecFetchSite,
    FieldName::SecFetchUser,
    FieldName::SecWebsocketAccept,
    FieldName::SecWebsocketExtensions,
    FieldName::SecWebsocketKey,
    FieldName::SecWebsocketProtocol,
    FieldName::SecWebsocketVersion,
    FieldName::Server,
    FieldName::ServerTiming,
    FieldName::SetCookie,
    FieldName::StrictTransportSecurity,
    FieldName::SurrogateControl,
    FieldName::SurrogateKey,
    FieldName::Te,
    FieldName::TimingAllowOrigin,
    FieldName::Traceparent,
    FieldName::Tracestate,
    FieldName::Trailer,
    FieldName::TransferEncoding,
    FieldName::Upgrade,
    FieldName::UpgradeInsecureRequests,
    FieldName::UserAgent,
    FieldName::Vary,
    FieldName::Via,
    FieldName::Warning,
    FieldName::WwwAuthenticate,
    FieldName::XAccelBuffering,
    FieldName::XContentTypeOptions,
    FieldName::XForwardedFor,
    FieldName::XForwardedHost,
    FieldName::XForwardedPort,
    FieldName::XForwardedProto,
    FieldName::XFrameOptions,
    FieldName::XRealIp,
    FieldName::XRequestId,
    FieldName::XXssProtection,
];

impl FieldName {
    /// The number of a name in any case; [`FieldName::Other`] when it is not in the table.
    pub fn from_bytes(name: &[u8]) -> Self {
        if name.is_empty() {
            return Self::Other;
        }
        let mut slot = hash(name);
        loop {
            let number = usize::from(SLOTS[slot]);
            if number == 0 {
                return Self::Other;
            }
            if ROWS[number].is(name) {
                return ALL[number];
            }
            slot = (slot + 1) % SLOT_COUNT;
        }
    }

    /// As the registry spells it; empty for [`FieldName::Other`].
    pub const fn canonical(self) -> &'static str {
        CANONICAL[self as usize]
    }

    /// In lower case; empty for [`FieldName::Other`].
    pub const fn lower(self) -> &'static str {
        LOWER[self as usize]
    }

    /// All known names, without [`FieldName::Other`].
    pub fn all() -> &'static [Self] {
        &ALL[1..]
    }
}

/// A lower-case name where comparing reads it: length and text side by side, one load away from its number.
struct Row {
    length: u8,
    text: [u8; Self::LENGTH_MAX],
}

impl Row {
    /// The longest name of the table, to the next word.
    const LENGTH_MAX: usize = 40;

    /// Whether `name` is this one in some case, a word of eight bytes at a time.
    #[inline]
    fn is(&self, name: &[u8]) -> bool {
        let length = usize::from(self.length);
        if length != name.len() {
            return false;
        }
        let text = &self.text[..length.min(Self::LENGTH_MAX)];
        let (Some(text_end), Some(name_end)) = (text.last_chunk(), name.last_chunk()) else {
            return text.eq_ignore_ascii_case(name);
        };
        // The last word overlaps the one before it, so there is no rest to look at byte by byte.
        let mut wrong = difference(text_end, name_end);
        for (text, name) in text.chunks_exact(8).zip(name.chunks_exact(8)) {
            if let (Some(text), Some(name)) = (text.first_chunk(), name.first_chunk()) {
                wrong |= difference(text, name);
            }
        }
        wrong == 0
    }
}

static ROWS: [Row; COUNT] = {
    let mut rows = [const { Row { length: 0, text: [0; Row::LENGTH_MAX] } }; COUNT];
    let mut number = 1;
    while number < COUNT {
        let name = LOWER[number].as_bytes();
        rows[number].length = name.len() as u8;
        let mut at = 0;
        while at < name.len() {
            rows[number].text[at] = name[at];
            at += 1;
        }
        number += 1;
    }
    rows
};

/// Zero when the words are the same but for case. Setting bit 5 lowers letters and leaves digits and hyphens as
/// they are, but it also makes some of control characters: those have neither bit 5 nor bit 6 before.
#[inline]
const fn difference(lower: &[u8; 8], name: &[u8; 8]) -> u64 {
    const BIT_5: u64 = 0x2020_2020_2020_2020;
    const BIT_6: u64 = 0x4040_4040_4040_4040;
    let (lower, name) = (u64::from_le_bytes(*lower), u64::from_le_bytes(*name));
    ((name | BIT_5) ^ lower) | (!(name | name << 1) & BIT_6)
}

/// Open addressing, about a quarter full: one probe for nearly every name.
const SLOT_COUNT: usize = 512;

static SLOTS: [u8; SLOT_COUNT] = {
    let mut slots = [0; SLOT_COUNT];
    let mut number = 1;
    while number < COUNT {
        let mut slot = hash(LOWER[number].as_bytes());
        while slots[slot] != 0 {
            slot = (slot + 1) % SLOT_COUNT;
        }
        slots[slot] = number as u8;
        number += 1;
    }
    slots
};

/// Length, first, middle and last byte, case folded by one bit: enough to tell the table's names apart
/// and the same work for every name, however long.
const fn hash(name: &[u8]) -> usize {
    let length = name.len();
    let first = (name[0] | 0x20) as usize;
    let middle = (name[length / 2] | 0x20) as usize;
    let last = (name[length - 1] | 0x20) as usize;
    (length.wrapping_mul(0x2f) ^ first.wrapping_mul(0x1d) ^ middle.wrapping_mul(0x83) ^ last.wrapping_mul(0x07))
        % SLOT_COUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_nothing_else_is() {
        for name in FieldName::all() {
            assert_eq!(FieldName::from_bytes(name.lower().as_bytes()), *name);
            assert_eq!(FieldName::from_bytes(name.canonical().as_bytes()), *name);
            assert_eq!(FieldName::from_bytes(name.lower().to_ascii_uppercase().as_bytes()), *name);
            assert!(name.canonical().eq_ignore_ascii_case(name.lower()));
        }
        for other in [&b""[..], b"x-custom", b"hos", b"hostt", b"content_length", b"Content\rLength", b"sec-ch-ua-full"]
        {
            assert_eq!(FieldName::from_bytes(other), FieldName::Other);
        }
    }
}
