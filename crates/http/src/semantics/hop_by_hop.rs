//! Which fields end at this hop (RFC 9110 §7.6.1). Called by `proxy` both ways and by the cache before it stores;
//! hands on to nothing.

use super::field_name::FieldName;
use super::fields::Fields;

/// Fields that always belong to one connection, named in Connection or not (RFC 9110 §7.6.1).
const ALWAYS: [FieldName; 8] = [
    FieldName::Connection,
    FieldName::ProxyConnection,
    FieldName::KeepAlive,
    FieldName::Te,
    FieldName::TransferEncoding,
    FieldName::Upgrade,
    FieldName::Http2Settings,
    FieldName::ProxyAuthorization,
];

/// Fields that are never dropped because a peer names them in Connection. RFC 9110 §7.6.1 forbids a sender to list
/// fields meant for all recipients; each of these has been listed to make a proxy strip what the server behind it
/// relies on: who asks, from where, for which host, and what the answer may be used for.
const NEVER: [FieldName; 45] = [
    FieldName::AccessControlAllowOrigin,
    FieldName::Age,
    FieldName::Authorization,
    FieldName::CacheControl,
    FieldName::CdnLoop,
    FieldName::ContentEncoding,
    FieldName::ContentLength,
    FieldName::ContentRange,
    FieldName::ContentSecurityPolicy,
    FieldName::ContentType,
    FieldName::Cookie,
    FieldName::CrossOriginEmbedderPolicy,
    FieldName::CrossOriginOpenerPolicy,
    FieldName::CrossOriginResourcePolicy,
    FieldName::Date,
    FieldName::EarlyData,
    FieldName::Etag,
    FieldName::Expect,
    FieldName::Expires,
    FieldName::Forwarded,
    FieldName::Host,
    FieldName::IfMatch,
    FieldName::IfNoneMatch,
    FieldName::IfUnmodifiedSince,
    FieldName::LastModified,
    FieldName::Location,
    FieldName::MaxForwards,
    FieldName::Origin,
    FieldName::PermissionsPolicy,
    FieldName::Pragma,
    FieldName::Range,
    FieldName::ReferrerPolicy,
    FieldName::SetCookie,
    FieldName::StrictTransportSecurity,
    FieldName::Trailer,
    FieldName::Vary,
    FieldName::Via,
    FieldName::WwwAuthenticate,
    FieldName::XContentTypeOptions,
    FieldName::XForwardedFor,
    FieldName::XForwardedHost,
    FieldName::XForwardedPort,
    FieldName::XForwardedProto,
    FieldName::XFrameOptions,
    FieldName::XRealIp,
];

/// Removes the fields of this hop. `TE: trailers` and an Upgrade that is to be passed on are the caller's to set
/// again, after it has read them.
pub fn remove_hop_by_hop(fields: &mut Fields) {
    let listed: Vec<Vec<u8>> =
        fields.members(FieldName::Connection).filter(|name| may_drop(name)).map(<[u8]>::to_vec).collect();
    for name in ALWAYS {
        fields.remove(name);
    }
    if !listed.is_empty() {
        fields.retain(|field| !listed.iter().any(|name| name.eq_ignore_ascii_case(field.name.as_bytes())));
    }
}

/// Whether a field may be dropped because Connection lists it.
fn may_drop(name: &[u8]) -> bool {
    let known = FieldName::from_bytes(name);
    known == FieldName::Other && !is_identity_field(name) || known != FieldName::Other && !NEVER.contains(&known)
}

/// Fields without a number by which gateways commonly tell an application who the client is.
fn is_identity_field(name: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 6] = [b"x-forwarded", b"x-auth", b"x-client", b"x-remote", b"cf-", b"x-edgeway"];
    PREFIXES.iter().any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}

/// Whether Connection lists an option, such as `close` or `upgrade`.
pub fn connection_has(fields: &Fields, option: &str) -> bool {
    fields.members(FieldName::Connection).any(|member| member.eq_ignore_ascii_case(option.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(lines: &[(&str, &str)]) -> Vec<String> {
        let mut fields = Fields::new();
        lines.iter().for_each(|(name, value)| fields.append_named(name, value));
        remove_hop_by_hop(&mut fields);
        fields.iter().map(|field| field.name.to_owned()).collect()
    }

    #[test]
    fn the_hops_own_fields_go() {
        assert_eq!(
            left(&[
                ("Host", "a"),
                ("Connection", "X-One, keep-alive"),
                ("connection", " x-TWO ,"),
                ("X-One", "1"),
                ("x-two", "2"),
                ("X-Three", "3"),
                ("Keep-Alive", "timeout=5"),
                ("Proxy-Connection", "keep-alive"),
                ("TE", "gzip"),
                ("Transfer-Encoding", "chunked"),
                ("Upgrade", "h2c"),
                ("HTTP2-Settings", "AAMAAABkAAQ"),
                ("Proxy-Authorization", "Basic eA=="),
            ]),
            ["Host", "X-Three"]
        );
    }

    #[test]
    fn hostile_076_connection_cannot_strip_what_others_rely_on() {
        let kept = [
            "X-Forwarded-For",
            "Authorization",
            "Cookie",
            "Host",
            "X-Forwarded-Prefix",
            "X-Auth-User",
            "Content-Length",
        ];
        let mut lines: Vec<(&str, &str)> = kept.iter().map(|name| (*name, "v")).collect();
        let list = kept.join(", ") + ", close";
        lines.push(("Connection", &list));
        assert_eq!(left(&lines), kept);
    }

    #[test]
    fn options_are_found_in_any_case_and_line() {
        let mut fields = Fields::new();
        fields.append(FieldName::Connection, "Keep-Alive");
        fields.append(FieldName::Connection, "foo, Upgrade");
        assert!(connection_has(&fields, "upgrade") && connection_has(&fields, "keep-alive"));
        assert!(!connection_has(&fields, "close"));
    }
}
