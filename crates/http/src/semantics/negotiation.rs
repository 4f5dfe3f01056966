//! Proactive negotiation (RFC 9110 §12): which content coding, which media type. Called by `files` and `transform`;
//! hands on to nothing.

use std::fmt;

use super::field_name::FieldName;
use super::fields::Fields;
use super::limits::PREFERENCES_MAX;
use super::media_type::MediaType;

/// A weight in thousandths: `q=0.5` is 500 (RFC 9110 §12.4.2). Zero means "not acceptable".
pub type Quality = u16;

const QUALITY_MAX: Quality = 1000;

/// The content codings this house speaks (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ContentCoding {
    /// None.
    Identity,
    /// gzip, also asked for as `x-gzip`.
    Gzip,
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstd,
}

impl ContentCoding {
    /// As Content-Encoding names it; `identity` is never written there.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The ending of a file stored in this coding; empty for identity.
    pub const fn file_suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => ".gz",
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
        }
    }

    /// Reads a coding's name, in any case (RFC 9110 §8.4.1).
    pub fn from_bytes(name: &[u8]) -> Option<Self> {
        [Self::Identity, Self::Gzip, Self::Brotli, Self::Zstd]
            .into_iter()
            .find(|coding| coding.name().as_bytes().eq_ignore_ascii_case(name))
            // RFC 9110 §8.4.1.3: x-gzip is equivalent to gzip.
            .or_else(|| name.eq_ignore_ascii_case(b"x-gzip").then_some(Self::Gzip))
    }
}

impl fmt::Display for ContentCoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What an Accept-Encoding field says of each coding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcceptedCodings {
    qualities: [Quality; 4],
}

impl AcceptedCodings {
    /// Reads the field (RFC 9110 §12.5.3). Without one, only identity: the client may take anything, but those that
    /// say nothing are the ones that cannot decode.
    pub fn read(fields: &Fields) -> Self {
        let mut explicit = [None; 4];
        let mut any = None;
        for member in fields.members(FieldName::AcceptEncoding).take(PREFERENCES_MAX) {
            let (name, quality) = weighted(member);
            match ContentCoding::from_bytes(name) {
                Some(coding) => explicit[coding as usize] = Some(quality),
                None if name == b"*" => any = Some(quality),
                None => {}
            }
        }
        let mut qualities = explicit.map(|quality| quality.or(any).unwrap_or(0));
        // RFC 9110 §12.5.3 rule 2: identity is acceptable unless excluded by name or by `*;q=0`. Unnamed it is the
        // last resort.
        let identity = ContentCoding::Identity as usize;
        qualities[identity] = match explicit[identity] {
            Some(quality) => quality,
            None if any == Some(0) => 0,
            None => 1,
        };
        Self { qualities }
    }

    /// Whether plain content is surely welcome, seen without reading the weights: nothing in the field speaks of identity,
    /// by name or by `*`.
    pub fn surely_take_identity(fields: &Fields) -> bool {
        fields.get_all(FieldName::AcceptEncoding).all(|line| {
            memchr::memchr(b'*', line).is_none() && !line.windows(8).any(|word| word.eq_ignore_ascii_case(b"identity"))
        })
    }

    /// How much the client wants a coding; zero: not at all.
    pub const fn quality(&self, coding: ContentCoding) -> Quality {
        self.qualities[coding as usize]
    }

    /// The best of what the server has, given in the server's order of preference, which decides between equals.
    /// `None`: nothing is acceptable, answer 406.
    pub fn choose(&self, available: &[ContentCoding]) -> Option<ContentCoding> {
        let mut best = None;
        for coding in available {
            let quality = self.quality(*coding);
            if quality > best.map_or(0, |best| self.quality(best)) {
                best = Some(*coding);
            }
        }
        best
    }
}

/// The quality of one media type (`text/html`) under an Accept field (RFC 9110 §12.5.1): the most specific range
/// decides. Without the field, everything is equally welcome.
pub fn media_quality(fields: &Fields, offered: &str) -> Quality {
    if !fields.contains(FieldName::Accept) {
        return QUALITY_MAX;
    }
    let Some(offered) = MediaType::parse(offered.as_bytes()) else { return 0 };
    let mut best = (0, 0);
    for member in fields.members(FieldName::Accept).take(PREFERENCES_MAX) {
        let Some(range) = MediaType::parse(member) else { continue };
        let Some(specificity) = specificity(&range, &offered) else { continue };
        if specificity > best.0 {
            best = (specificity, weighted(member).1);
        }
    }
    best.1
}

/// The place in `offered` of what the client wants most; the first of equals. `None`: nothing is acceptable.
pub fn choose_media_type(fields: &Fields, offered: &[&str]) -> Option<usize> {
    let mut best = (0, None);
    for (index, media_type) in offered.iter().enumerate() {
        let quality = media_quality(fields, media_type);
        if quality > best.0 {
            best = (quality, Some(index));
        }
    }
    best.1
}

/// 1 for `*/*`, 2 for `text/*`, 3 for the type, 4 for the type with a parameter that agrees. `None`: no match.
fn specificity(range: &MediaType<'_>, offered: &MediaType<'_>) -> Option<u8> {
    if range.kind == "*" && range.subtype == "*" {
        return Some(1);
    }
    if !range.kind.eq_ignore_ascii_case(offered.kind) {
        return None;
    }
    if range.subtype == "*" {
        return Some(2);
    }
    if !range.subtype.eq_ignore_ascii_case(offered.subtype) {
        return None;
    }
    match range.parameter("charset") {
        None => Some(3),
        Some(wanted) => match offered.parameter("charset") {
            Some(has) if has.eq_ignore_ascii_case(&wanted) => Some(4),
            Some(_) => None,
            None => Some(3),
        },
    }
}

/// A member and its weight: `gzip;q=0.8`. A weight that is none counts as zero: the client meant to say something,
/// and what it did not say clearly is not forced on it.
fn weighted(member: &[u8]) -> (&[u8], Quality) {
    let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_at(part.len().min(2));
        name.eq_ignore_ascii_case(b"q=").then_some(value)
    });
    (name, weight.map_or(QUALITY_MAX, |value| parse_quality(value).unwrap_or(0)))
}

/// `0`, `0.5`, `1.000` (RFC 9110 §12.4.2).
fn parse_quality(value: &[u8]) -> Option<Quality> {
    let (whole, fraction) = match value {
        [whole] => (*whole, &b""[..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (*whole, fraction),
        _ => return None,
    };
    let mut quality = match whole {
        b'0' => 0,
        b'1' => QUALITY_MAX,
        _ => return None,
    };
    for (digit, worth) in fraction.iter().zip([100, 10, 1]) {
        quality += digit.is_ascii_digit().then(|| Quality::from(digit - b'0') * worth)?;
    }
    (quality <= QUALITY_MAX).then_some(quality)
}

#[cfg(test)]
mod tests {
    use super::ContentCoding::{Brotli, Gzip, Identity, Zstd};
    use super::*;

    fn fields(name: FieldName, value: Option<&str>) -> Fields {
        let mut fields = Fields::new();
        value.into_iter().for_each(|value| fields.append(name, value));
        fields
    }

    #[test]
    fn codings_by_weight_then_by_the_servers_order() {
        for (value, expected) in [
            (None, Some(Identity)),
            (Some(""), Some(Identity)),
            (Some("gzip, deflate, br, zstd"), Some(Zstd)),
            (Some("gzip, br"), Some(Brotli)),
            (Some("GZIP"), Some(Gzip)),
            (Some("x-gzip"), Some(Gzip)),
            (Some("gzip;q=1, br;q=0.5"), Some(Gzip)),
            (Some("gzip;q=0.001"), Some(Gzip)),
            (Some("identity;q=0.5, gzip;q=0.4"), Some(Identity)),
            (Some("identity, gzip"), Some(Gzip)),
            (Some("*"), Some(Zstd)),
            (Some("*;q=0.1, br"), Some(Brotli)),
            (Some("zstd;q=0, *"), Some(Brotli)),
            (Some("gzip;q=0"), Some(Identity)),
            (Some("*;q=0"), None),
            (Some("identity;q=0"), None),
            (Some("identity;q=0, *;q=0"), None),
            (Some("identity;q=0, gzip"), Some(Gzip)),
            (Some("*;q=0, identity"), Some(Identity)),
            (Some("deflate, compress"), Some(Identity)),
            (Some("gzip;q=2"), Some(Identity)),
            (Some("gzip;q=-1"), Some(Identity)),
            (Some("gzip;q=0.0001"), Some(Identity)),
            (Some("gzip ; Q=0.3 , br;q=0.2"), Some(Gzip)),
        ] {
            let fields = fields(FieldName::AcceptEncoding, value);
            let accepted = AcceptedCodings::read(&fields);
            assert!(!AcceptedCodings::surely_take_identity(&fields) || accepted.quality(Identity) > 0, "{value:?}");
            assert_eq!(accepted.choose(&[Zstd, Brotli, Gzip, Identity]), expected, "{value:?}");
        }
        let only_brotli = AcceptedCodings::read(&fields(FieldName::AcceptEncoding, Some("br, identity;q=0")));
        assert_eq!(only_brotli.choose(&[Gzip, Identity]), None, "406");
    }

    #[test]
    fn media_types_example_of_rfc_9110_section_12_5_1() {
        let accept = "text/*;q=0.3, text/plain;q=0.7, text/plain;charset=utf-8, */*;q=0.5";
        let accepting = |value| fields(FieldName::Accept, value);
        let fields = accepting(Some(accept));
        for (offered, quality) in [
            ("text/plain;charset=utf-8", 1000),
            ("text/plain", 700),
            ("text/plain;charset=latin1", 700),
            ("text/html", 300),
            ("image/jpeg", 500),
            ("rubbish", 0),
        ] {
            assert_eq!(media_quality(&fields, offered), quality, "{offered}");
        }
        let offered = ["text/html", "application/json"];
        for (value, expected) in [
            (None, Some(0)),
            (Some("*/*"), Some(0)),
            (Some("application/json"), Some(1)),
            (Some("text/html;q=0.5, application/*"), Some(1)),
            (Some("image/png"), None),
            (Some("text/html;q=0"), None),
        ] {
            assert_eq!(choose_media_type(&accepting(value), &offered), expected);
        }
    }
}
