//! Cookies (RFC 6265 and its successor draft): reading what a client sends, writing what a server sets. Called by
//! `admit` (sessions), `balance` (stickiness) and the sign-in flows; hands on to nothing.

use std::time::Duration;

use edgeway_base::WallTime;

use super::date::http_date;
use super::field_name::FieldName;
use super::fields::Fields;
use super::limits::COOKIES_MAX;
use super::method::is_token_byte;

/// The cookies of a request, in order, over all Cookie lines (HTTP/2 may send crumbs, RFC 9113 §8.2.3). A pair without
/// a name or a `=` is left out; surrounding quotes of a value are kept, as user agents keep them.
pub fn cookies(fields: &Fields) -> impl Iterator<Item = (&[u8], &[u8])> {
    fields
        .get_all(FieldName::Cookie)
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .filter_map(|pair| {
            let equals = memchr::memchr(b'=', pair)?;
            let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
            (!name.is_empty()).then_some((name, value))
        })
        .take(COOKIES_MAX)
}

/// The value of the first cookie of that name; names are case-sensitive. RFC 6265 §5.4 sends the one with the longest
/// path first, so the first is the most specific.
pub fn cookie<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    cookies(fields).find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value)
}

/// When a user agent sends a cookie with requests from other sites.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SameSite {
    /// Never.
    Strict,
    /// With top-level navigations by a safe method.
    #[default]
    Lax,
    /// Always; user agents then demand `Secure`, so it is written along.
    None,
}

/// A Set-Cookie field. The defaults are the careful ones: `Secure`, `HttpOnly`, `SameSite=Lax`, the whole site, until
/// the browser closes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetCookie {
    name: String,
    value: String,
    /// Paths it is sent to, and below.
    pub path: Option<String>,
    /// Hosts below this one get it too; without, only the host that set it.
    pub domain: Option<String>,
    /// How long it is kept; without, until the browser closes. Zero removes it.
    pub max_age: Option<Duration>,
    /// The same as a date, for agents that know only that.
    pub expires: Option<WallTime>,
    /// Only over TLS.
    pub secure: bool,
    /// Not for scripts.
    pub http_only: bool,
    /// With requests from other sites?
    pub same_site: SameSite,
    /// Kept apart for each top-level site (CHIPS).
    pub partitioned: bool,
}

/// A name, value or attribute that has no place in a Set-Cookie line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidCookie;

impl std::fmt::Display for InvalidCookie {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .write_str("a cookie's name is a token, and its value has no blanks, commas, semicolons or backslashes")
    }
}

impl std::error::Error for InvalidCookie {}

impl SetCookie {
    /// A cookie for the whole site. The name has to be a token and the value of cookie-octets (RFC 6265 §4.1.1).
    pub fn new(name: &str, value: &str) -> Result<Self, InvalidCookie> {
        if name.is_empty() || !name.bytes().all(is_token_byte) || !value.bytes().all(is_cookie_byte) {
            return Err(InvalidCookie);
        }
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
            path: Some("/".to_owned()),
            domain: None,
            max_age: None,
            expires: None,
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
            partitioned: false,
        })
    }

    /// The field's value. A path or domain that could end the attribute is an error, and so is a name with a
    /// `__Secure-` or `__Host-` prefix whose promise the attributes do not keep: browsers would drop it silently.
    pub fn to_field_value(&self) -> Result<String, InvalidCookie> {
        let attribute_is_clean =
            |text: &Option<String>| text.as_ref().is_none_or(|text| text.bytes().all(is_attribute_byte));
        if !attribute_is_clean(&self.path) || !attribute_is_clean(&self.domain) || !self.keeps_prefix_promise() {
            return Err(InvalidCookie);
        }
        let mut line = format!("{}={}", self.name, self.value);
        let mut attribute = |name: &str, value: &str| {
            line.push_str("; ");
            line.push_str(name);
            line.push_str(value);
        };
        if let Some(path) = &self.path {
            attribute("Path=", path);
        }
        if let Some(domain) = &self.domain {
            attribute("Domain=", domain);
        }
        if let Some(age) = self.max_age {
            attribute("Max-Age=", &age.as_secs().to_string());
        }
        if let Some(moment) = self.expires {
            attribute("Expires=", &http_date(moment));
        }
        if self.must_be_secure() {
            attribute("Secure", "");
        }
        if self.http_only {
            attribute("HttpOnly", "");
        }
        attribute(
            "SameSite=",
            match self.same_site {
                SameSite::Strict => "Strict",
                SameSite::Lax => "Lax",
                SameSite::None => "None",
            },
        );
        if self.partitioned {
            attribute("Partitioned", "");
        }
        Ok(line)
    }

    fn must_be_secure(&self) -> bool {
        self.secure || self.same_site == SameSite::None || self.partitioned
    }

    fn keeps_prefix_promise(&self) -> bool {
        let starts =
            |prefix: &str| self.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if starts("__Host-") {
            return self.must_be_secure() && self.domain.is_none() && self.path.as_deref() == Some("/");
        }
        !starts("__Secure-") || self.must_be_secure()
    }
}

/// RFC 6265 §4.1.1 cookie-octet.
const fn is_cookie_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

/// RFC 6265 §4.1.1: any character but controls and `;`.
const fn is_attribute_byte(byte: u8) -> bool {
    byte >= 0x20 && byte < 0x7f && byte != b';'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read_from_every_line_and_rubbish_is_left_out() {
        let mut fields = Fields::new();
        fields.append(FieldName::Cookie, "a=1; b = 2 ;c=\"x\"; =nameless; valueless; d==;; a=second");
        fields.append(FieldName::Cookie, "crumb=e=f");
        let found: Vec<_> =
            cookies(&fields).map(|(n, v)| format!("{}:{}", n.escape_ascii(), v.escape_ascii())).collect();
        assert_eq!(found, ["a:1", "b:2", "c:\\\"x\\\"", "d:=", "a:second", "crumb:e=f"]);
        assert_eq!(cookie(&fields, "a"), Some(&b"1"[..]));
        assert_eq!(cookie(&fields, "A"), None);
        fields.append(FieldName::Cookie, "x=y;".repeat(10_000));
        assert_eq!(cookies(&fields).count(), COOKIES_MAX);
    }

    #[test]
    fn set_cookie_is_careful_by_default() {
        let mut cookie = SetCookie::new("__Host-session", "abc").unwrap();
        assert_eq!(cookie.to_field_value().unwrap(), "__Host-session=abc; Path=/; Secure; HttpOnly; SameSite=Lax");
        cookie.domain = Some("example.com".to_owned());
        assert_eq!(cookie.to_field_value(), Err(InvalidCookie), "a __Host- cookie has no domain");
        let mut cookie = SetCookie::new("a", "").unwrap();
        cookie.max_age = Some(Duration::from_secs(60));
        cookie.expires = Some(WallTime::from_seconds(784_111_777));
        (cookie.secure, cookie.http_only, cookie.same_site) = (false, false, SameSite::None);
        cookie.partitioned = true;
        assert_eq!(
            cookie.to_field_value().unwrap(),
            "a=; Path=/; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Secure; SameSite=None; Partitioned"
        );
        cookie.path = Some("/; HttpOnly".to_owned());
        assert_eq!(cookie.to_field_value(), Err(InvalidCookie));
        for (name, value) in [("", "a"), ("a b", "c"), ("a", "b c"), ("a", "b;c"), ("a", "b\r\nc"), ("a", "\u{e9}")] {
            assert_eq!(SetCookie::new(name, value), Err(InvalidCookie), "{name}={value}");
        }
    }
}
