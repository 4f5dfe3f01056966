//! Media types (RFC 9110 §8.3): reading a Content-Type, and the type of a file from its name. Called by `files`,
//! `store`, `transform` and [`super::negotiation`]; hands on to nothing.

use std::borrow::Cow;

use super::method::is_token_byte;

/// `type/subtype` and its parameters, borrowed. Compared without regard to case (RFC 9110 §8.3.1).
#[derive(Clone, Copy, Debug)]
pub struct MediaType<'a> {
    /// What stands before the slash.
    pub kind: &'a str,
    /// What stands after it.
    pub subtype: &'a str,
    parameters: &'a str,
}

impl<'a> MediaType<'a> {
    /// Reads `type/subtype *( ; name=value )`. `None` when type or subtype is no token.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(value).ok()?;
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let (kind, subtype) = essence.trim_ascii().split_once('/')?;
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token_byte);
        (is_token(kind) && is_token(subtype)).then_some(Self { kind, subtype, parameters })
    }

    /// Whether it is `kind/subtype`.
    pub fn is(&self, essence: &str) -> bool {
        let (kind, subtype) = essence.split_once('/').unwrap_or((essence, ""));
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// The value of a parameter, unquoted.
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut rest = self.parameters;
        loop {
            let (found, value, after) = next_parameter(rest)?;
            if found.eq_ignore_ascii_case(name) {
                return Some(value);
            }
            rest = after;
        }
    }

    /// Whether compressing it again makes it smaller: text and its relatives, not pictures, films and archives.
    pub fn is_compressible(&self) -> bool {
        let subtype = self.subtype.to_ascii_lowercase();
        match self.kind.to_ascii_lowercase().as_str() {
            // An event stream is flushed event by event; a compressor would hold events back.
            "text" => subtype != "event-stream",
            "application" => {
                let suffix = subtype.rsplit_once('+').map_or("", |(_, suffix)| suffix);
                matches!(suffix, "json" | "xml" | "yaml" | "text")
                    || COMPRESSIBLE_APPLICATIONS.binary_search(&subtype.as_str()).is_ok()
            }
            "image" => matches!(subtype.as_str(), "svg+xml" | "bmp" | "x-ms-bmp" | "vnd.microsoft.icon" | "x-icon"),
            "font" => matches!(subtype.as_str(), "ttf" | "otf" | "collection"),
            "model" => subtype.ends_with("+json") || subtype.ends_with("+xml") || subtype == "obj",
            _ => false,
        }
    }
}

/// Sorted.
const COMPRESSIBLE_APPLICATIONS: [&str; 19] = [
    "ecmascript",
    "graphql",
    "javascript",
    "json",
    "json5",
    "jsonl",
    "rtf",
    "sql",
    "toml",
    "vnd.ms-fontobject",
    "wasm",
    "x-font-ttf",
    "x-javascript",
    "x-ndjson",
    "x-sh",
    "x-tar",
    "x-yaml",
    "xml",
    "yaml",
];

/// One `; name=value`: name, unquoted value, rest.
fn next_parameter(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    let text = text.trim_start_matches([' ', '\t', ';']);
    let (name, rest) = text.split_once('=')?;
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, after) = unquote(quoted)?;
        return Some((name.trim_ascii(), value, after));
    }
    let end = rest.find(';').unwrap_or(rest.len());
    Some((name.trim_ascii(), Cow::Borrowed(rest[..end].trim_ascii()), &rest[end..]))
}

/// The inside of a quoted-string (RFC 9110 §5.6.4) whose opening quote is gone, and what follows it. `None` when it
/// does not end.
pub(crate) fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text.as_bytes()[end] == b'"' {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((Cow::Owned(value), &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// What is sent when nothing is known.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// The type of a file from the last extension of its name; text with its charset, which for files made in this
/// century is UTF-8. [`OCTET_STREAM`] when there is none or it is unknown.
pub fn from_path(path: &[u8]) -> Cow<'static, str> {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    let extension = match name.iter().rposition(|byte| *byte == b'.') {
        Some(dot) => &name[dot + 1..],
        None => return Cow::Borrowed(OCTET_STREAM),
    };
    let Some(extension) = str::from_utf8(extension).ok() else { return Cow::Borrowed(OCTET_STREAM) };
    if let Some(known) = frequent(extension) {
        return Cow::Borrowed(known);
    }
    match mime_guess::from_ext(extension).first_raw() {
        None => Cow::Borrowed(OCTET_STREAM),
        Some(text) if text.starts_with("text/") => Cow::Owned(format!("{text}; charset=utf-8")),
        Some(other) => Cow::Borrowed(other),
    }
}

/// What nearly every request asks for, and where the registry has moved since the table of `mime_guess` was made.
fn frequent(extension: &str) -> Option<&'static str> {
    let mut lower = [0; 12];
    let lower = lower.get_mut(..extension.len())?;
    lower.copy_from_slice(extension.as_bytes());
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"html" | b"htm" => "text/html; charset=utf-8",
        b"css" => "text/css; charset=utf-8",
        // RFC 9239 §6.1.1: text/javascript, for modules too.
        b"js" | b"mjs" => "text/javascript; charset=utf-8",
        b"txt" | b"text" | b"log" => "text/plain; charset=utf-8",
        b"md" | b"markdown" => "text/markdown; charset=utf-8",
        b"csv" => "text/csv; charset=utf-8",
        b"xml" => "text/xml; charset=utf-8",
        b"vtt" => "text/vtt; charset=utf-8",
        b"ics" => "text/calendar; charset=utf-8",
        // RFC 8259 §8.1: JSON is UTF-8; there is no charset parameter.
        b"json" | b"map" => "application/json",
        b"webmanifest" => "application/manifest+json",
        b"wasm" => "application/wasm",
        b"pdf" => "application/pdf",
        b"zip" => "application/zip",
        b"gz" => "application/gzip",
        b"zst" => "application/zstd",
        b"svg" => "image/svg+xml",
        b"png" => "image/png",
        b"jpg" | b"jpeg" => "image/jpeg",
        b"gif" => "image/gif",
        b"webp" => "image/webp",
        b"avif" => "image/avif",
        b"ico" => "image/vnd.microsoft.icon",
        b"woff" => "font/woff",
        b"woff2" => "font/woff2",
        b"ttf" => "font/ttf",
        b"otf" => "font/otf",
        b"mp4" => "video/mp4",
        b"webm" => "video/webm",
        b"mp3" => "audio/mpeg",
        b"m3u8" => "application/vnd.apple.mpegurl",
        b"atom" => "application/atom+xml",
        b"rss" => "application/rss+xml",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_the_last_extension() {
        for (path, expected) in [
            ("/index.html", "text/html; charset=utf-8"),
            ("INDEX.HTM", "text/html; charset=utf-8"),
            ("a/b.min.js", "text/javascript; charset=utf-8"),
            ("a.c", "text/plain; charset=utf-8"),
            ("a.tar.gz", "application/gzip"),
            ("a.json", "application/json"),
            ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            ("a.html/b", OCTET_STREAM),
            ("Makefile", OCTET_STREAM),
            ("a.", OCTET_STREAM),
            ("a.averyveryverylongextension", OCTET_STREAM),
            ("", OCTET_STREAM),
        ] {
            assert_eq!(from_path(path.as_bytes()), expected, "{path}");
        }
        assert_eq!(from_path(b"a.\xff"), OCTET_STREAM);
    }

    #[test]
    fn parameters_quoted_and_not() {
        let parsed = MediaType::parse(b"Text/HTML ; Charset=\"ut\\f-8;\" ; q=0.5").unwrap();
        assert!(parsed.is("text/html") && !parsed.is("text/plain"));
        assert_eq!(parsed.parameter("charset").as_deref(), Some("utf-8;"));
        assert_eq!(parsed.parameter("Q").as_deref(), Some("0.5"));
        assert_eq!(parsed.parameter("boundary"), None);
        let broken = MediaType::parse(b"multipart/form-data; boundary=\"unended").unwrap();
        assert_eq!(broken.parameter("boundary"), None);
        for wrong in [&b""[..], b"text", b"text/", b"/html", b"te xt/html", b"text/html\xff", b"a/b/c"] {
            assert!(MediaType::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn compressing_helps_text_and_not_pictures() {
        assert!(COMPRESSIBLE_APPLICATIONS.is_sorted());
        for (text, expected) in [
            ("text/html; charset=utf-8", true),
            ("application/json", true),
            ("application/ld+json", true),
            ("application/wasm", true),
            ("image/svg+xml", true),
            ("font/ttf", true),
            ("font/woff2", false),
            ("image/png", false),
            ("video/mp4", false),
            ("application/zip", false),
            ("application/octet-stream", false),
            ("text/event-stream", false),
        ] {
            assert_eq!(MediaType::parse(text.as_bytes()).unwrap().is_compressible(), expected, "{text}");
        }
    }
}
