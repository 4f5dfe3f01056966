//! The admin address: what the running server tells, and the one thing it takes. Asked by monitoring, by
//! `edgeway reload` and by people.
//!
//! [`answer`] is a pure function from a question to a reply; [`end`] makes it the end of a plan, so that the admin
//! listener is served by the same drivers as every other.

pub mod end;

use std::net::IpAddr;

use edgeway_base::world::Address;

/// A question, as far as it matters here.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// The authority asked for, port and all; empty when none was sent.
    pub host: &'a str,
    /// The value of `Origin`, where there is one.
    pub origin: Option<&'a str>,
    /// The value of `Sec-Fetch-Site`, where there is one.
    pub fetch_site: Option<&'a str>,
    /// Who asks.
    pub peer: &'a Address,
}

/// What the server can say of itself.
pub trait Facts {
    /// The numbers, in Prometheus' text format.
    fn metrics(&self) -> String;
    /// The configuration in force, secrets left out.
    fn configuration(&self) -> serde_json::Value;
    /// Whether it takes new requests: not while it stops.
    fn is_ready(&self) -> bool;
}

/// What to do about a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Say this.
    Reply(Reply),
    /// Reload, and then say what came of it: [`Reply::of_reload`].
    Reload,
}

/// What to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The media type.
    pub content_type: &'static str,
    /// The methods that would have been right, with 405.
    pub allow: Option<&'static str>,
    /// The content.
    pub content: String,
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Reply {
    fn text(status: u16, content: impl Into<String>) -> Self {
        Self { status, content_type: TEXT, allow: None, content: content.into() }
    }

    /// What came of a reload: a sentence about what is in force now, or what is wrong with the new configuration.
    pub fn of_reload(result: Result<String, String>) -> Self {
        match result {
            Ok(sentence) => Self::text(200, sentence),
            // RFC 9110 §15.5.21: understood, but nothing that can be done.
            Err(mistakes) => Self::text(422, mistakes),
        }
    }
}

/// What there is, for a person who looks.
const INDEX: &str = "\
Edgeway

GET  /metrics   numbers for Prometheus
GET  /healthz   200 while requests are taken, 503 while stopping
GET  /config    the configuration in force, as JSON, secrets left out
POST /reload    read the configuration again
";

/// Answers a question.
pub fn answer(question: &Question<'_>, facts: &dyn Facts) -> Answer {
    if let Some(refusal) = refusal(question) {
        return Answer::Reply(Reply::text(403, refusal));
    }
    match (question.path, question.method) {
        ("/reload", "POST") => Answer::Reload,
        ("/reload", _) => Answer::Reply(not_allowed("POST")),
        ("/" | "/metrics" | "/healthz" | "/config", "GET" | "HEAD") => Answer::Reply(read(question.path, facts)),
        ("/" | "/metrics" | "/healthz" | "/config", _) => Answer::Reply(not_allowed("GET, HEAD")),
        _ => Answer::Reply(Reply::text(404, format!("There is nothing here.\n\n{INDEX}"))),
    }
}

fn read(path: &str, facts: &dyn Facts) -> Reply {
    match path {
        "/metrics" => {
            Reply { content_type: "text/plain; version=0.0.4; charset=utf-8", ..Reply::text(200, facts.metrics()) }
        }
        "/config" => {
            let configuration = format!("{:#}\n", facts.configuration());
            Reply { content_type: "application/json", ..Reply::text(200, configuration) }
        }
        "/healthz" if facts.is_ready() => Reply::text(200, "ready\n"),
        "/healthz" => Reply::text(503, "stopping\n"),
        _ => Reply::text(200, INDEX),
    }
}

fn not_allowed(allow: &'static str) -> Reply {
    Reply { allow: Some(allow), ..Reply::text(405, format!("Only {allow} is answered here.\n")) }
}

/// Why a question is not answered. Hostile matrix 85: a page that someone on this machine looks at can make the browser ask;
/// with a name of its own that leads here (DNS rebinding) it could even read what is said.
fn refusal(question: &Question<'_>) -> Option<&'static str> {
    if !is_local(question.peer) {
        return Some("Only this machine is answered here.\n");
    }
    if !names_this_machine(question.host) {
        return Some("Ask by address or as localhost: other names could be a stranger's.\n");
    }
    let from_here = |origin: &str| origin.split_once("://").is_some_and(|(_, host)| host == question.host);
    if question.origin.is_some_and(|origin| !from_here(origin)) {
        return Some("Pages of other sites are not answered here.\n");
    }
    if question.fetch_site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Some("Pages of other sites are not answered here.\n");
    }
    None
}

fn is_local(peer: &Address) -> bool {
    match peer {
        Address::Ip(address) => address.ip().to_canonical().is_loopback(),
        Address::Unix(_) => true,
    }
}

/// An address or `localhost`, with or without a port. A name that a stranger can register is neither.
fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Still;

    impl Facts for Still {
        fn metrics(&self) -> String {
            "edgeway_up 1\n".to_owned()
        }
        fn configuration(&self) -> serde_json::Value {
            serde_json::json!({"listen": {"http": ":80"}})
        }
        fn is_ready(&self) -> bool {
            true
        }
    }

    fn local() -> Address {
        Address::Ip("127.0.0.1:50000".parse().unwrap())
    }

    fn ask(method: &str, path: &str) -> Answer {
        let peer = local();
        let question = Question { method, path, host: "localhost:7070", origin: None, fetch_site: None, peer: &peer };
        answer(&question, &Still)
    }

    #[test]
    fn questions_and_replies() {
        for (method, path, status, part) in [
            ("GET", "/", 200, "/metrics"),
            ("GET", "/metrics", 200, "edgeway_up 1"),
            ("HEAD", "/metrics", 200, "edgeway_up 1"),
            ("GET", "/healthz", 200, "ready"),
            ("GET", "/config", 200, "\"http\": \":80\""),
            ("POST", "/metrics", 405, "GET, HEAD"),
            ("GET", "/reload", 405, "POST"),
            ("DELETE", "/reload", 405, "POST"),
            ("GET", "/reload/", 404, "nothing here"),
        ] {
            let Answer::Reply(reply) = ask(method, path) else { panic!("{method} {path} changes something") };
            assert!(reply.status == status && reply.content.contains(part), "{method} {path}: {reply:?}");
        }
        assert_eq!(ask("POST", "/reload"), Answer::Reload);
        assert_eq!(Reply::of_reload(Err("error: x".into())).status, 422);
    }

    #[test]
    fn hostile_085_only_this_machine_asking_for_itself() {
        let local = local();
        let far = Address::Ip("192.0.2.1:50000".parse().unwrap());
        let unix = Address::Unix("".into());
        for (host, origin, fetch_site, peer, good) in [
            ("127.0.0.1:7070", None, None, &local, true),
            ("[::1]:7070", None, Some("none"), &local, true),
            ("LOCALHOST", None, None, &unix, true),
            ("localhost:7070", Some("http://localhost:7070"), Some("same-origin"), &local, true),
            ("localhost:7070", None, None, &far, false),
            ("rebound.example:7070", None, None, &local, false),
            ("192.0.2.1:7070", None, None, &local, false),
            ("localhost.evil.example", None, None, &local, false),
            ("", None, None, &local, false),
            ("localhost:7070", Some("http://evil.example"), None, &local, false),
            ("localhost:7070", Some("http://localhost:9999"), None, &local, false),
            ("localhost:7070", Some("null"), None, &local, false),
            ("localhost:7070", None, Some("cross-site"), &local, false),
        ] {
            let question = Question { method: "POST", path: "/reload", host, origin, fetch_site, peer };
            assert_eq!(answer(&question, &Still) == Answer::Reload, good, "{question:?}");
        }
    }
}
