//! Single requests: the words for curl, and what the answer must be. Put by [`super::run`], in this order.

use super::Scene;
use anyhow::{Result, bail};

/// One request.
pub(super) struct Ask {
    pub(super) name: &'static str,
    /// Words for curl; `HTTP:` and `HTTPS:` stand for the origins.
    words: &'static [&'static str],
    status: u16,
    wants: &'static [Want],
}

/// What an answer must be besides its status.
enum Want {
    /// The body, exactly.
    Body(&'static str),
    /// A part of the body.
    Part(&'static str),
    /// Nothing of this in the body.
    NoPart(&'static str),
    /// A part of the head, in any case.
    Head(&'static str),
    /// Nothing of this in the head.
    NoHead(&'static str),
    /// For each URL, how many connections were opened for it, and the version of HTTP.
    Connections(&'static [&'static str]),
}

use Want::{Body, Connections, Head, NoHead, NoPart, Part};

impl Ask {
    pub(super) fn put(&self, scene: &Scene<'_>) -> Result<()> {
        let answer = scene.ask(self.words)?;
        answer.status(self.status)?;
        for want in self.wants {
            let body = || String::from_utf8_lossy(&answer.body);
            match want {
                Body(text) => answer.body(text.as_bytes()).map(drop)?,
                Part(text) if !body().contains(text) => bail!("no {text:?} in the body: {}", body()),
                NoPart(text) if body().contains(text) => bail!("{text:?} in the body: {}", body()),
                Part(_) | NoPart(_) => {}
                Head(text) => answer.head(text).map(drop)?,
                NoHead(text) => answer.no_head(text).map(drop)?,
                Connections(wanted) if answer.connections != *wanted => {
                    bail!("connections {:?}, wanted {wanted:?}", answer.connections);
                }
                Connections(_) => {}
            }
        }
        Ok(())
    }
}

const fn ask(name: &'static str, words: &'static [&'static str], status: u16, wants: &'static [Want]) -> Ask {
    Ask { name, words, status, wants }
}

#[rustfmt::skip] // One request a line: it is a table.
pub(super) const ALL: &[Ask] = &[
    // Versions and connections.
    ask("http 1.1", &["HTTP:/hello.txt"], 200, &[Body("hello\n"), Connections(&["1 1.1"])]),
    ask("http 1.0", &["-0", "HTTP:/hello.txt"], 200, &[Body("hello\n")]),
    ask("http 1.1 keeps the connection", &["HTTP:/hello.txt", "-o", "/dev/null", "HTTP:/style.css", "-o", "/dev/null"], 200, &[Connections(&["1 1.1", "0 1.1"])]),
    ask("http 1.0 keeps the connection when asked", &["-0", "-H", "Connection: keep-alive", "HTTP:/hello.txt", "-o", "/dev/null", "HTTP:/hello.txt", "-o", "/dev/null"], 200, &[Head("connection: keep-alive")]),
    ask("connection close is obeyed", &["-H", "Connection: close", "HTTP:/hello.txt"], 200, &[Head("connection: close")]),
    ask("https", &["HTTPS:/hello.txt"], 200, &[Body("hello\n")]),
    ask("tls 1.2", &["--tls-max", "1.2", "HTTPS:/hello.txt"], 200, &[Body("hello\n")]),
    ask("tls 1.3", &["--tlsv1.3", "HTTPS:/hello.txt"], 200, &[Body("hello\n")]),
    ask("alpn http 1.1", &["--http1.1", "HTTPS:/hello.txt"], 200, &[Connections(&["1 1.1"])]),
    ask("absolute-form", &["-x", "HTTP:", "--noproxy", "", "HTTP:/hello.txt"], 200, &[Body("hello\n")]),
    ask("unix socket", &["--unix-socket", "FOLDER/web.sock", "http://localhost/hello.txt"], 200, &[Body("hello\n")]),
    // Methods.
    ask("head", &["-I", "HTTP:/hello.txt"], 200, &[Head("content-length: 6"), Head("last-modified:"), Head("etag:")]),
    ask("options of a file", &["-X", "OPTIONS", "HTTP:/hello.txt"], 204, &[Head("allow:"), Head("head")]),
    ask("options of the server", &["-X", "OPTIONS", "--request-target", "*", "HTTP:/"], 204, &[Head("allow:"), NoHead("content-length")]),
    ask("post to a file", &["-d", "x=1", "HTTP:/hello.txt"], 405, &[Head("allow:")]),
    ask("trace is off", &["-X", "TRACE", "HTTP:/hello.txt"], 405, &[Head("allow:")]),
    ask("connect is not here", &["-X", "CONNECT", "--request-target", "example.com:443", "HTTP:/"], 501, &[]),
    ask("an unknown method", &["-X", "BREW", "HTTP:/hello.txt"], 501, &[]),
    // Files.
    ask("index file", &["HTTP:/"], 200, &[Part("start page"), Head("content-type: text/html")]),
    ask("folder without slash", &["HTTP:/folder"], 308, &[Head("location:"), Head("/folder/")]),
    ask("folder with slash", &["HTTP:/folder/"], 200, &[Part("folder")]),
    ask("listing", &["HTTP:/listed/"], 200, &[Part("one%20two.txt"), Head("text/html")]),
    ask("no such file", &["HTTP:/nowhere"], 404, &[]),
    ask("hidden file", &["HTTP:/.secret"], 404, &[NoPart("nobody")]),
    ask("out of the root", &["--path-as-is", "HTTP:/../basic.users"], 400, &[NoPart("ali")]),
    ask("out of the root, encoded", &["--path-as-is", "HTTP:/%2e%2e/basic.users"], 400, &[NoPart("ali")]),
    ask("out of the root, encoded slash", &["--path-as-is", "HTTP:/..%2fbasic.users"], 400, &[NoPart("ali")]),
    ask("set header", &["HTTP:/hello.txt"], 200, &[Head("x-judged: yes"), Head("cache-control: max-age=60")]),
    ask("gzip on the fly", &["-H", "Accept-Encoding: gzip", "--compressed", "HTTP:/style.css"], 200, &[Part("color: black"), Head("content-encoding: gzip"), Head("vary: accept-encoding")]),
    ask("brotli on the fly", &["-H", "Accept-Encoding: br", "--compressed", "HTTP:/style.css"], 200, &[Part("color: black"), Head("content-encoding: br")]),
    ask("zstd on the fly", &["-H", "Accept-Encoding: zstd", "--compressed", "HTTP:/style.css"], 200, &[Part("color: black"), Head("content-encoding: zstd")]),
    ask("no coding unasked", &["HTTP:/style.css"], 200, &[NoHead("content-encoding")]),
    // Ranges.
    ask("first bytes", &["-r", "0-3", "HTTP:/hello.txt"], 206, &[Body("hell"), Head("content-range: bytes 0-3/6")]),
    ask("last bytes", &["-r", "-2", "HTTP:/hello.txt"], 206, &[Body("o\n"), Head("content-range: bytes 4-5/6")]),
    ask("from the middle", &["-r", "3-", "HTTP:/hello.txt"], 206, &[Body("lo\n")]),
    ask("several ranges", &["-r", "0-9,1000000-1000009", "HTTP:/large.bin"], 206, &[Head("multipart/byteranges"), Part("bytes 1000000-1000009/20971520")]),
    ask("beyond the end", &["-r", "100-", "HTTP:/hello.txt"], 416, &[Head("content-range: bytes */6")]),
    ask("if-range that does not fit", &["-r", "0-3", "-H", "If-Range: \"another\"", "HTTP:/hello.txt"], 200, &[Body("hello\n")]),
    // Conditions.
    ask("if-match that does not fit", &["-H", "If-Match: \"another\"", "HTTP:/hello.txt"], 412, &[]),
    ask("if-none-match any", &["-H", "If-None-Match: *", "HTTP:/hello.txt"], 304, &[Body(""), NoHead("content-length: 6")]),
    ask("if-modified-since", &["-z", "FOLDER/public/hello.txt", "HTTP:/hello.txt"], 304, &[Body("")]),
    ask("if-unmodified-since", &["-H", "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT", "HTTP:/hello.txt"], 412, &[]),
    // Answers that need nobody else.
    ask("redirect for good", &["HTTP:/old/hello.txt?a=1"], 308, &[Head("location:"), Head("/hello.txt?a=1")]),
    ask("redirect followed", &["-L", "HTTP:/old/hello.txt"], 200, &[Body("hello\n")]),
    ask("redirect for now", &["-L", "HTTP:/found"], 200, &[Body("hello\n"), Head("302")]),
    ask("see other after post", &["-L", "-d", "x=1", "HTTP:/see"], 200, &[Body("hello\n"), Head("303")]),
    ask("respond with a text", &["HTTP:/text"], 200, &[Body("hello\n"), Head("text/plain")]),
    ask("respond with a status", &["HTTP:/gone"], 410, &[]),
    // Limits.
    ask("no host", &["-H", "Host:", "HTTP:/hello.txt"], 400, &[Head("connection: close")]),
    ask("body over the limit", &["--data-binary", "@FOLDER/public/style.css", "HTTP:/small/echo"], 413, &[]),
    ask("expectation nobody knows", &["-H", "Expect: miracles", "-d", "x", "HTTP:/app/echo"], 417, &[]),
    // Sign-in.
    ask("basic without a name", &["HTTP:/basic/hello.txt"], 401, &[Head("www-authenticate: basic realm=\"judges\""), NoPart("hello")]),
    ask("basic", &["-u", "ali:open sesame", "HTTP:/basic/hello.txt"], 200, &[Body("hello\n")]),
    ask("basic with a wrong password", &["-u", "ali:open", "HTTP:/basic/hello.txt"], 401, &[NoPart("hello")]),
    ask("basic with a wrong name", &["-u", "baba:open sesame", "HTTP:/basic/hello.txt"], 401, &[NoPart("hello")]),
    ask("digest", &["--digest", "-u", "ali:open sesame", "HTTP:/digest/hello.txt"], 200, &[Body("hello\n"), Head("www-authenticate: digest")]),
    ask("digest with a wrong password", &["--digest", "-u", "ali:open", "HTTP:/digest/hello.txt"], 401, &[NoPart("hello")]),
    ask("digest over tls", &["--digest", "-u", "ali:open sesame", "HTTPS:/digest/hello.txt"], 200, &[Body("hello\n")]),
    // The proxy.
    ask("proxied", &["HTTP:/app/seen?q=1"], 200, &[Part("GET /seen?q=1 HTTP/1.1"), Part("[\"x-forwarded-for\",\"127.0.0.1\"]"), Part("\"via\"")]),
    ask("proxied over tls", &["HTTPS:/app/seen"], 200, &[Part("[\"x-forwarded-proto\",\"https\"]")]),
    ask("proxied from http 1.0", &["-0", "HTTP:/app/chunked"], 200, &[Part("part 5"), NoHead("transfer-encoding")]),
    ask("a forged forwarded-for is replaced", &["-H", "X-Forwarded-For: 6.6.6.6", "HTTP:/app/seen"], 200, &[NoPart("6.6.6.6")]),
    ask("hop-by-hop fields stop here", &["-H", "Connection: X-Hop", "-H", "X-Hop: 1", "-H", "TE: gzip", "HTTP:/app/seen"], 200, &[NoPart("x-hop"), NoPart("gzip")]),
    ask("a chunked answer", &["HTTP:/app/chunked"], 200, &[Body("part 1\npart 2\npart 3\npart 4\npart 5\n")]),
    ask("trailers", &["-H", "TE: trailers", "HTTP:/app/trailers"], 200, &[Body("hello"), Head("x-checksum: 5d41402a")]),
    ask("early hints", &["HTTP:/app/hints"], 200, &[Head("http/1.1 103"), Head("rel=preload"), Body("after the hints\n")]),
    ask("posted body", &["-d", "one=1&two=2", "HTTP:/app/echo"], 200, &[Body("one=1&two=2")]),
    ask("posted in chunks", &["-H", "Transfer-Encoding: chunked", "-d", "one=1&two=2", "HTTP:/app/echo"], 200, &[Body("one=1&two=2")]),
    ask("nobody upstream", &["HTTP:/dead/"], 502, &[]),
    ask("silence upstream", &["HTTP:/silent"], 504, &[]),
];
