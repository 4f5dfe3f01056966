//! Who forwarded a message, and whether it runs in a circle: Via (RFC 9110 §7.6.3), CDN-Loop (RFC 8586) and
//! Max-Forwards (RFC 9110 §7.6.2). Called by `proxy`; hands on to nothing.

use super::field_name::FieldName;
use super::fields::Fields;
use super::head::Version;
use super::limits::VIA_HOPS_MAX;

/// Appends this hop to Via: `1.1 name`. `received` is the version in which the message came to us.
pub fn append_via(fields: &mut Fields, received: Version, pseudonym: &str) {
    // RFC 9110 §7.6.3: the protocol name may be left out when it is HTTP; minor versions as in the protocol.
    let version = match received {
        Version::Http10 => "1.0 ",
        Version::Http11 => "1.1 ",
        Version::Http2 => "2 ",
        Version::Http3 => "3 ",
    };
    fields.append_joined(FieldName::Via, &[version.as_bytes(), pseudonym.as_bytes()]);
}

/// Appends this hop to CDN-Loop (RFC 8586 §2).
pub fn append_cdn_loop(fields: &mut Fields, identifier: &str) {
    fields.append(FieldName::CdnLoop, identifier);
}

/// Whether the request passed here before, or through so many hops that it must be going in circles. `pseudonym` has to
/// be one that no other hop has: a host name, or a random word made at the start.
pub fn is_loop(fields: &Fields, pseudonym: &str) -> bool {
    let hops = fields.members(FieldName::Via).count() + fields.members(FieldName::CdnLoop).count();
    hops > VIA_HOPS_MAX
        || fields.members(FieldName::Via).any(|hop| via_names(hop, pseudonym))
        || fields.members(FieldName::CdnLoop).any(|hop| cdn_loop_names(hop, pseudonym))
}

/// `[protocol/]version received-by [comment]`.
fn via_names(hop: &[u8], pseudonym: &str) -> bool {
    let mut words = hop.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    words.nth(1).is_some_and(|name| name.eq_ignore_ascii_case(pseudonym.as_bytes()))
}

/// `cdn-id *( ; parameter )`.
fn cdn_loop_names(hop: &[u8], pseudonym: &str) -> bool {
    let name = hop.split(|byte| *byte == b';').next().unwrap_or(hop).trim_ascii();
    name.eq_ignore_ascii_case(pseudonym.as_bytes())
}

/// What Max-Forwards tells an intermediary to do with TRACE and OPTIONS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaxForwards {
    /// There is none, or none that can be read (RFC 9110 §7.6.2: ignored): forward as it is.
    Unlimited,
    /// Forward with this value.
    Forward(u64),
    /// It was zero: answer here.
    AnswerHere,
}

/// Reads Max-Forwards. To be asked for TRACE and OPTIONS only (RFC 9110 §7.6.2).
pub fn max_forwards(fields: &Fields) -> MaxForwards {
    let digits = fields.get_single(FieldName::MaxForwards).filter(|value| value.iter().all(u8::is_ascii_digit));
    match digits.and_then(|value| str::from_utf8(value).ok()?.parse::<u64>().ok()) {
        None => MaxForwards::Unlimited,
        Some(0) => MaxForwards::AnswerHere,
        Some(left) => MaxForwards::Forward(left - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        lines.iter().for_each(|(name, value)| fields.append_named(name, value));
        fields
    }

    #[test]
    fn hostile_080_a_circle_is_seen() {
        for (lines, expected) in [
            (&[][..], false),
            (&[("Via", "1.1 other")], false),
            (&[("Via", "1.1 other, HTTP/1.1 EDGE (comment)")], true),
            (&[("Via", "1.1 edge2")], false),
            (&[("Via", "edge")], false),
            (&[("CDN-Loop", "fastly, edge; v=1")], true),
            (&[("CDN-Loop", "edge.example")], false),
        ] {
            assert_eq!(is_loop(&fields(lines), "edge"), expected, "{lines:?}");
        }
        let long = vec!["1.1 x"; VIA_HOPS_MAX + 1].join(",");
        assert!(is_loop(&fields(&[("Via", &long)]), "edge"));
        let mut passed = fields(&[("Via", "1.0 first")]);
        append_via(&mut passed, Version::Http2, "edge");
        append_cdn_loop(&mut passed, "edge");
        assert_eq!(passed.members(FieldName::Via).collect::<Vec<_>>(), [&b"1.0 first"[..], b"2 edge"]);
        assert!(is_loop(&passed, "edge"));
    }

    #[test]
    fn hostile_080_max_forwards_counts_down() {
        for (value, expected) in [
            ("0", MaxForwards::AnswerHere),
            ("10", MaxForwards::Forward(9)),
            ("-1", MaxForwards::Unlimited),
            ("+1", MaxForwards::Unlimited),
            ("", MaxForwards::Unlimited),
            ("99999999999999999999999", MaxForwards::Unlimited),
        ] {
            assert_eq!(max_forwards(&fields(&[("Max-Forwards", value)])), expected, "{value}");
        }
    }
}
