//! What is measured, and the target each case is held to. Read by [`super::rounds`] and [`super::report`].

/// One thing that every server of the suite is asked to do.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// For the report.
    pub(crate) about: &'static str,
    /// What the server does with the request.
    pub(crate) work: Work,
    /// Whether the client speaks TLS.
    pub(crate) tls: bool,
    pub(crate) load: Load,
    pub(crate) target: Target,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Passes it to the backend on the other core.
    Proxy,
    /// Answers with a file of 1 KB.
    File,
}

/// Who asks, and what.
pub(crate) enum Load {
    /// wrk, kept-alive connections.
    Wrk { connections: usize, path: &'static str },
    /// A new TLS connection for each request.
    Handshake { concurrency: usize },
    /// Connections that asked once and keep silent.
    Idle { connections: usize },
}

/// What Edgeway must reach.
pub(crate) enum Target {
    /// CPU time per request over that of the cheapest of these, at most.
    Ratio { at_most: f64, of: &'static [&'static str] },
    /// Anonymous memory per connection in bytes, at most.
    Bytes { at_most: f64 },
}

/// The suite, in the order it is run.
pub(crate) const ALL: &[Case] = &[
    Case {
        name: "proxy1k",
        about: "1 KB proxied, HTTP/1.1 kept alive on both sides, 64 connections",
        work: Work::Proxy,
        tls: false,
        load: Load::Wrk { connections: 64, path: "/1k" },
        target: Target::Ratio { at_most: 0.80, of: &["haproxy"] },
    },
    Case {
        name: "proxy1m",
        about: "1 MB proxied, HTTP/1.1 kept alive on both sides, 16 connections; HAProxy with splice",
        work: Work::Proxy,
        tls: false,
        load: Load::Wrk { connections: 16, path: "/1m" },
        target: Target::Ratio { at_most: 0.95, of: &["haproxy"] },
    },
    Case {
        name: "file1k",
        about: "file of 1 KB, HTTP/1.1 kept alive, 64 connections; nginx with open_file_cache, sendfile off",
        work: Work::File,
        tls: false,
        load: Load::Wrk { connections: 64, path: "/1k" },
        target: Target::Ratio { at_most: 0.80, of: &["nginx"] },
    },
    Case {
        name: "tls1k",
        about: "file of 1 KB over TLS 1.3, HTTP/1.1 kept alive, 64 connections",
        work: Work::File,
        tls: true,
        load: Load::Wrk { connections: 64, path: "/1k" },
        target: Target::Ratio { at_most: 0.75, of: &["nginx"] },
    },
    Case {
        name: "handshake",
        about: "full TLS 1.3 handshake (X25519, ECDSA P-256, no resumption), one request of 1 KB, close",
        work: Work::File,
        tls: true,
        load: Load::Handshake { concurrency: 16 },
        target: Target::Ratio { at_most: 0.55, of: &["nginx", "haproxy", "caddy"] },
    },
    Case {
        name: "idle",
        about: "anonymous memory per idle connection, plain, after one request each",
        work: Work::File,
        tls: false,
        load: Load::Idle { connections: 4000 },
        target: Target::Bytes { at_most: 2048.0 },
    },
    Case {
        name: "idle-tls",
        about: "anonymous memory per idle connection, TLS 1.3, after one request each",
        work: Work::File,
        tls: true,
        load: Load::Idle { connections: 4000 },
        target: Target::Bytes { at_most: 12288.0 },
    },
];
