//! Conditional requests (RFC 9110 §13): should the method be done at all? Called by `files`, `store` and the cache
//! with what they know about the current representation; hands on to nothing.

use edgeway_base::WallTime;

use super::date::parse_http_date;
use super::entity_tag::{EntityTag, EntityTagList};
use super::field_name::FieldName;
use super::fields::Fields;
use super::method::Method;

/// What is known about the current representation of the target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validators<'a> {
    /// Whether there is one at all (a PUT may be about to make the first).
    pub exists: bool,
    /// Its entity tag.
    pub entity_tag: Option<EntityTag<'a>>,
    /// When it last changed; compared by whole seconds, as the field shows them.
    pub last_modified: Option<WallTime>,
}

/// What to do with the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Do the method.
    Proceed,
    /// Answer 304: the client's copy is current (GET and HEAD only).
    NotModified,
    /// Answer 412.
    PreconditionFailed,
}

/// Decides in the order of RFC 9110 §13.2.2, If-Range excepted, for which see [`if_range_holds`]. To be asked only
/// when the answer would otherwise be 2xx (RFC 9110 §13.2.1).
pub fn evaluate(method: Method, fields: &Fields, current: &Validators<'_>, now: WallTime) -> Condition {
    // RFC 9110 §13.2.1: CONNECT, OPTIONS and TRACE select no representation.
    if matches!(method, Method::Connect | Method::Options | Method::Trace) {
        return Condition::Proceed;
    }
    // Step 1, and step 2 only where there is no If-Match.
    let lost_update = match EntityTagList::read(fields, FieldName::IfMatch) {
        Some(list) => !if_match_holds(&list, current),
        None => !if_unmodified_since_holds(fields, current, now),
    };
    if lost_update {
        return Condition::PreconditionFailed;
    }
    let reads = matches!(method, Method::Get | Method::Head);
    // Step 3, and step 4 only where there is no If-None-Match.
    match EntityTagList::read(fields, FieldName::IfNoneMatch) {
        Some(list) if if_none_match_holds(&list, current) => Condition::Proceed,
        Some(_) if reads => Condition::NotModified,
        Some(_) => Condition::PreconditionFailed,
        None if reads && !if_modified_since_holds(fields, current, now) => Condition::NotModified,
        None => Condition::Proceed,
    }
}

/// Step 5 of RFC 9110 §13.2.2: whether a Range field may be obeyed. True when there is no If-Range. A weak tag
/// never matches (§13.1.5), nor a date that could cover two versions of one second (§8.8.2.2).
pub fn if_range_holds(fields: &Fields, current: &Validators<'_>, now: WallTime) -> bool {
    if !fields.contains(FieldName::IfRange) {
        return true;
    }
    let Some(value) = fields.get_single(FieldName::IfRange) else { return false };
    if let Some(tag) = EntityTag::parse(value) {
        return current.entity_tag.is_some_and(|current| current.matches_strongly(&tag));
    }
    match (parse_http_date(value, now), current.last_modified) {
        // RFC 9110 §13.1.5: an exact match, not "earlier than".
        (Some(date), Some(modified)) => date.seconds() == modified.seconds() && date.seconds() < now.seconds(),
        _ => false,
    }
}

fn if_match_holds(list: &EntityTagList<'_>, current: &Validators<'_>) -> bool {
    if list.is_any() {
        return current.exists;
    }
    current.exists
        && current.entity_tag.is_some_and(|tag| list.tags().iter().any(|wanted| wanted.matches_strongly(&tag)))
}

fn if_none_match_holds(list: &EntityTagList<'_>, current: &Validators<'_>) -> bool {
    if list.is_any() {
        return !current.exists;
    }
    !current.exists || !current.entity_tag.is_some_and(|tag| list.tags().iter().any(|held| held.matches_weakly(&tag)))
}

/// RFC 9110 §13.1.4: ignored where it is no date, or where the resource has none.
fn if_unmodified_since_holds(fields: &Fields, current: &Validators<'_>, now: WallTime) -> bool {
    let date = fields.get_single(FieldName::IfUnmodifiedSince).and_then(|value| parse_http_date(value, now));
    match (date, current.last_modified) {
        (Some(date), Some(modified)) => modified.seconds() <= date.seconds(),
        _ => true,
    }
}

/// RFC 9110 §13.1.3: ignored where it is no date, or where the resource has none.
fn if_modified_since_holds(fields: &Fields, current: &Validators<'_>, now: WallTime) -> bool {
    let date = fields.get_single(FieldName::IfModifiedSince).and_then(|value| parse_http_date(value, now));
    match (date, current.last_modified) {
        (Some(date), Some(modified)) => modified.seconds() > date.seconds(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::Condition::{NotModified, PreconditionFailed, Proceed};
    use super::*;

    const NOW: WallTime = WallTime::from_seconds(1_000_000_000);
    const MODIFIED: WallTime = WallTime::from_seconds(784_111_777);
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        lines.iter().for_each(|(name, value)| fields.append_named(name, value));
        fields
    }

    #[test]
    fn precedence_follows_rfc_9110_section_13_2_2() {
        let current =
            Validators { exists: true, entity_tag: Some(EntityTag::strong(b"v1")), last_modified: Some(MODIFIED) };
        type Lines = &'static [(&'static str, &'static str)];
        let table: &[(Lines, Condition, Condition)] = &[
            (&[], Proceed, Proceed),
            (&[("If-Match", "\"v1\"")], Proceed, Proceed),
            (&[("If-Match", "\"v0\", \"v1\"")], Proceed, Proceed),
            (&[("If-Match", "*")], Proceed, Proceed),
            (&[("If-Match", "W/\"v1\"")], PreconditionFailed, PreconditionFailed),
            (&[("If-Match", "\"v0\"")], PreconditionFailed, PreconditionFailed),
            (&[("If-Match", "rubbish")], PreconditionFailed, PreconditionFailed),
            // If-Match present: If-Unmodified-Since is not looked at.
            (&[("If-Match", "\"v1\""), ("If-Unmodified-Since", BEFORE)], Proceed, Proceed),
            (&[("If-Unmodified-Since", BEFORE)], PreconditionFailed, PreconditionFailed),
            (&[("If-Unmodified-Since", SAME)], Proceed, Proceed),
            (&[("If-Unmodified-Since", "yesterday")], Proceed, Proceed),
            (&[("If-None-Match", "\"v1\"")], NotModified, PreconditionFailed),
            (&[("If-None-Match", "W/\"v1\"")], NotModified, PreconditionFailed),
            (&[("If-None-Match", "*")], NotModified, PreconditionFailed),
            (&[("If-None-Match", "\"v0\"")], Proceed, Proceed),
            // If-None-Match present: If-Modified-Since is not looked at.
            (&[("If-None-Match", "\"v0\""), ("If-Modified-Since", AFTER)], Proceed, Proceed),
            (&[("If-Modified-Since", SAME)], NotModified, Proceed),
            (&[("If-Modified-Since", AFTER)], NotModified, Proceed),
            (&[("If-Modified-Since", BEFORE)], Proceed, Proceed),
            (&[("If-Modified-Since", SAME), ("If-Modified-Since", SAME)], Proceed, Proceed),
            (&[("If-Match", "\"v1\""), ("If-None-Match", "\"v1\"")], NotModified, PreconditionFailed),
            (&[("If-Unmodified-Since", SAME), ("If-Modified-Since", SAME)], NotModified, Proceed),
        ];
        for (lines, get, put) in table {
            let fields = fields(lines);
            assert_eq!(evaluate(Method::Get, &fields, &current, NOW), *get, "GET {lines:?}");
            assert_eq!(evaluate(Method::Head, &fields, &current, NOW), *get, "HEAD {lines:?}");
            assert_eq!(evaluate(Method::Put, &fields, &current, NOW), *put, "PUT {lines:?}");
            assert_eq!(evaluate(Method::Options, &fields, &current, NOW), Proceed, "OPTIONS {lines:?}");
        }
    }

    #[test]
    fn what_is_not_there_matches_nothing() {
        let nothing = Validators::default();
        for (lines, expected) in [
            ([("If-Match", "*")], PreconditionFailed),
            ([("If-Match", "\"v1\"")], PreconditionFailed),
            ([("If-None-Match", "*")], Proceed),
            ([("If-None-Match", "\"v1\"")], Proceed),
            ([("If-Unmodified-Since", SAME)], Proceed),
        ] {
            assert_eq!(evaluate(Method::Put, &fields(&lines), &nothing, NOW), expected, "{lines:?}");
        }
    }

    #[test]
    fn hostile_062_if_range_needs_a_strong_validator() {
        let strong = Some(EntityTag::strong(b"v1"));
        let weak = Some(EntityTag { weak: true, opaque: b"v1" });
        for (value, tag, now, expected) in [
            ("\"v1\"", strong, NOW, true),
            ("\"v2\"", strong, NOW, false),
            ("W/\"v1\"", weak, NOW, false),
            ("\"v1\"", weak, NOW, false),
            (SAME, strong, NOW, true),
            (AFTER, strong, NOW, false),
            (BEFORE, strong, NOW, false),
            (SAME, strong, MODIFIED, false),
            ("rubbish", strong, NOW, false),
        ] {
            let current = Validators { exists: true, entity_tag: tag, last_modified: Some(MODIFIED) };
            assert_eq!(if_range_holds(&fields(&[("If-Range", value)]), &current, now), expected, "{value}");
        }
        assert!(if_range_holds(&Fields::new(), &Validators::default(), NOW));
    }
}
