//! The conversations, as a table. Put by [`super::run`].

/// One conversation. The probe follows.
pub(super) struct Ask {
    pub(super) name: &'static str,
    /// `|` stands for CR LF; every character for one byte.
    send: &'static str,
    /// What the first answer may be.
    pub(super) first: &'static [u16],
    /// Whether the probe is answered: the connection is kept, and its framing is agreed on. `None`: either is right.
    pub(super) probe: Option<bool>,
    /// The request lines that reach the application.
    pub(super) arrives: &'static [&'static str],
}

impl Ask {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for character in self.send.chars() {
            match character {
                '|' => bytes.extend_from_slice(b"\r\n"),
                // Latin-1: a table can write bytes that are not UTF-8.
                other => bytes.push(u8::try_from(u32::from(other)).unwrap_or(b'?')),
            }
        }
        bytes
    }
}

/// Answered as asked, connection kept; this arrived.
const fn good(name: &'static str, send: &'static str, first: &'static [u16], arrives: &'static [&'static str]) -> Ask {
    Ask { name, send, first, probe: Some(true), arrives }
}

/// Refused, connection closed, nothing forwarded.
const fn refused(name: &'static str, send: &'static str, first: &'static [u16]) -> Ask {
    Ask { name, send, first, probe: Some(false), arrives: &[] }
}

/// Answered or refused, connection kept or not; nothing reaches the application.
const fn harmless(name: &'static str, send: &'static str, first: &'static [u16]) -> Ask {
    Ask { name, send, first, probe: None, arrives: &[] }
}

const ECHO: &[&str] = &["POST /echo HTTP/1.1"];
const BAD: &[u16] = &[400];
const BAD_OR_UNKNOWN: &[u16] = &[400, 501];

#[rustfmt::skip] // One conversation a line: it is a table.
pub(super) const ALL: &[Ask] = &[
    // Framing that is right.
    good("length", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: 5||hello", &[200], ECHO),
    good("chunks", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked||5|hello|0||", &[200], ECHO),
    good("chunked in capitals", "POST /app/echo HTTP/1.1|Host: localhost|TRANSFER-ENCODING: Chunked||5|hello|0||", &[200], ECHO),
    good("chunk extension and trailer", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked||5;a=b|hello|0|X-T: 1||", &[200], ECHO),
    good("length with leading zeros", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: 0005||hello", &[200], ECHO),
    good("space around a value", "GET /app/seen HTTP/1.1|Host: \t localhost \t ||", &[200], &["GET /seen HTTP/1.1"]),
    good("empty line before the request", "|GET /hello.txt HTTP/1.1|Host: localhost||", &[200], &[]),
    // Framing that two readers could read in two ways.
    refused("length then chunked", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: 6|Transfer-Encoding: chunked||0||G", BAD),
    refused("chunked then length", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked|Content-Length: 4||5c|GET /app/stolen HTTP/1.1|Host: x||0||", BAD),
    refused("two lengths that differ", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: 5|Content-Length: 6||hello", BAD),
    refused("lengths in a list", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: 5, 6||hello", BAD),
    refused("length with a sign", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: +5||hello", BAD),
    refused("negative length", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: -1||hello", BAD),
    refused("hexadecimal length", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: 0x5||hello", BAD),
    refused("length with an underscore", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: 5_0||hello", BAD),
    refused("empty length", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: ||hello", BAD),
    refused("length beyond 64 bits", "POST /app/echo HTTP/1.1|Host: localhost|Content-Length: 18446744073709551621||hello", &[400, 413]),
    refused("space before the colon of an encoding", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding : chunked||0||", BAD),
    refused("encoding after a space", "POST /app/echo HTTP/1.1|Host: localhost| Transfer-Encoding: chunked||0||", BAD),
    refused("encoding after a tab", "POST /app/echo HTTP/1.1|\tTransfer-Encoding: chunked|Host: localhost||0||", BAD),
    refused("vertical tab in an encoding", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding:\u{b}chunked||0||", BAD_OR_UNKNOWN),
    refused("an encoding nobody knows", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: xchunked||0||", BAD_OR_UNKNOWN),
    refused("chunked, identity", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked, identity||0||", BAD_OR_UNKNOWN),
    refused("identity, chunked", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: identity, chunked||0||", BAD_OR_UNKNOWN),
    refused("chunked twice", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked|Transfer-Encoding: chunked||0||", BAD_OR_UNKNOWN),
    refused("chunked in quotes", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: \"chunked\"||0||", BAD_OR_UNKNOWN),
    refused("chunked with a parameter", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked;q=1||0||", BAD_OR_UNKNOWN),
    refused("no-break space before chunked", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: \u{a0}chunked||0||", BAD_OR_UNKNOWN),
    refused("folded encoding", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding:| chunked||0||", BAD),
    refused("chunked in http 1.0", "POST /app/echo HTTP/1.0|Host: localhost|Transfer-Encoding: chunked||0||", BAD),
    // Chunks.
    refused("chunk size with 0x", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked||0x5|hello|0||", BAD),
    refused("chunk size with a sign", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked||+5|hello|0||", BAD),
    refused("empty chunk size", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked|||hello|0||", BAD),
    refused("chunk size beyond 64 bits", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked||ffffffffffffffff0|hello|0||", &[400, 413]),
    refused("bare line feed after a chunk size", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked||5\nhello|0||", BAD),
    refused("bare line feed in a chunk extension", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked||5;a\nb|hello|0||", BAD),
    refused("chunk longer than it says", "POST /app/echo HTTP/1.1|Host: localhost|Transfer-Encoding: chunked||4|hello|0||", BAD),
    // Lines and characters.
    refused("bare line feeds", "GET /hello.txt HTTP/1.1\nHost: localhost\n\n", BAD),
    refused("bare carriage return in a value", "GET /hello.txt HTTP/1.1|Host: localhost|X: a\rb||", BAD),
    refused("nul in a value", "GET /hello.txt HTTP/1.1|Host: localhost|X: a\0b||", BAD),
    refused("escape in a value", "GET /hello.txt HTTP/1.1|Host: localhost|X: \u{1b}[31m||", BAD),
    refused("empty name", "GET /hello.txt HTTP/1.1|Host: localhost|: x||", BAD),
    refused("no colon", "GET /hello.txt HTTP/1.1|Host: localhost|hello||", BAD),
    refused("space in a name", "GET /hello.txt HTTP/1.1|Host: localhost|X Y: 1||", BAD),
    refused("name that is not ASCII", "GET /hello.txt HTTP/1.1|Host: localhost|X\u{e9}: 1||", BAD),
    refused("folded value", "GET /hello.txt HTTP/1.1|Host: localhost|X: a| b||", BAD),
    // Request lines.
    refused("two spaces", "GET  /hello.txt HTTP/1.1|Host: localhost||", BAD),
    refused("tab in the request line", "GET\t/hello.txt HTTP/1.1|Host: localhost||", BAD),
    refused("method with brackets", "G<ET /hello.txt HTTP/1.1|Host: localhost||", BAD),
    refused("no version", "GET /hello.txt|Host: localhost||", &[400, 505]),
    refused("version 1.2", "GET /hello.txt HTTP/1.2|Host: localhost||", &[400, 505]),
    refused("version 2.0", "GET /hello.txt HTTP/2.0|Host: localhost||", &[400, 505]),
    refused("version 1.10", "GET /hello.txt HTTP/1.10|Host: localhost||", &[400, 505]),
    refused("version in small letters", "GET /hello.txt http/1.1|Host: localhost||", &[400, 505]),
    refused("fragment", "GET /hello.txt#part HTTP/1.1|Host: localhost||", BAD),
    refused("target without a slash", "GET hello.txt HTTP/1.1|Host: localhost||", BAD),
    refused("target with a space", "GET /hello .txt HTTP/1.1|Host: localhost||", BAD),
    refused("asterisk for GET", "GET * HTTP/1.1|Host: localhost||", BAD),
    refused("authority for GET", "GET localhost:80 HTTP/1.1|Host: localhost||", BAD),
    refused("password in the target", "GET http://ali:sesame@localhost/hello.txt HTTP/1.1|Host: localhost||", BAD),
    good("absolute target beats the host", "GET http://localhost/app/seen HTTP/1.1|Host: elsewhere||", &[200], &["GET /seen HTTP/1.1"]),
    refused("http/2 without an agreement", "PRI * HTTP/2.0||SM||", &[400, 505]),
    // Hosts.
    refused("host missing", "GET /hello.txt HTTP/1.1||", BAD),
    refused("host twice", "GET /hello.txt HTTP/1.1|Host: localhost|Host: localhost||", BAD),
    refused("hosts in a list", "GET /hello.txt HTTP/1.1|Host: a,b||", BAD),
    refused("host with a path", "GET /hello.txt HTTP/1.1|Host: localhost/a||", BAD),
    refused("host with a name before it", "GET /hello.txt HTTP/1.1|Host: ali@localhost||", BAD),
    refused("port out of range", "GET /hello.txt HTTP/1.1|Host: localhost:99999||", BAD),
    good("host in capitals with a dot", "GET /hello.txt HTTP/1.1|Host: LOCALHOST.||", &[200], &[]),
    // Bodies of requests that are answered before they are read.
    harmless("body to a redirect", "GET /old/x HTTP/1.1|Host: localhost|Content-Length: 49||GET /app/stolen HTTP/1.1|Host: localhost||xxxx", &[308]),
    harmless("body to a file", "GET /hello.txt HTTP/1.1|Host: localhost|Content-Length: 5||hello", &[200]),
    harmless("chunks to a refusal", "POST /hello.txt HTTP/1.1|Host: localhost|Transfer-Encoding: chunked||5|hello|0||", &[405]),
    // Upgrades.
    good("upgrade that the application ignores", "GET /app/seen HTTP/1.1|Host: localhost|Connection: Upgrade|Upgrade: websocket|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==||", &[200], &["GET /seen HTTP/1.1"]),
    good("h2c is not offered on", "GET /app/seen HTTP/1.1|Host: localhost|Connection: Upgrade, HTTP2-Settings|Upgrade: h2c|HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA||", &[200], &["GET /seen HTTP/1.1"]),
    // After the last request nothing is read.
    Ask { name: "requests after connection close", send: "GET /hello.txt HTTP/1.1|Host: localhost|Connection: close||GET /app/stolen HTTP/1.1|Host: localhost||", first: &[200], probe: Some(false), arrives: &[] },
    Ask { name: "a good one, then a bad one", send: "GET /hello.txt HTTP/1.1|Host: localhost||GET  /app/stolen HTTP/1.1|Host: localhost||", first: &[200], probe: Some(false), arrives: &[] },
    // Targets that lead out, or twice.
    harmless("encoded dots behind the proxy prefix", "GET /app/%2e%2e/hello.txt HTTP/1.1|Host: localhost||", &[200, 400]),
    harmless("double encoding is decoded once", "GET /%252e%252e/hello.txt HTTP/1.1|Host: localhost||", &[400, 404]),
    harmless("backslash", "GET /..\\hello.txt HTTP/1.1|Host: localhost||", &[400, 404]),
    harmless("encoded nul", "GET /hello.txt%00.png HTTP/1.1|Host: localhost||", &[400, 404]),
    harmless("line break encoded into a redirect", "GET /old/a%0d%0aX-Injected:%201 HTTP/1.1|Host: localhost||", &[308, 400]),
];
