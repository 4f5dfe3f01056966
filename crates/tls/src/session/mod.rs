//! One TLS connection as the drivers use it: ciphertext in and out, plaintext in and out, no
//! socket. Called by `edgeway-net`'s TLS driver for both sides.
//!
//! The driver's round, once a wake: read into [`Session::input_space`], tell
//! [`Session::handle_input`] how much came, take what it means with [`Session::read_plaintext`],
//! give [`Session::write_plaintext`] all that is ready, and write [`Session::output`] with one call.
//!
//! rustls has two interfaces; this uses the unbuffered one. The buffered one keeps a 4 KB buffer in
//! every idle connection, reads at most 4 KB at a time, and hands its output out in pieces. Here
//! buffers come from a thread's spare ones and go back as soon as they are empty, so that an idle
//! session holds its keys and nothing else. The price: a ClientHello is read twice, once to choose
//! the configuration and once to answer it (measured: see `examples/session_cost.rs`).

mod accept;
mod buffer;
mod output;
mod records;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::{CipherSuite, ClientConfig, CommonState, HandshakeKind, ProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::certificate::CertificateName;
use crate::error::SessionError;
use crate::limits;
use crate::server::{Front, RuleId};

use accept::Accepting;
use buffer::Buffer;
use records::{Held, Pump, Sink, Stopped};

/// A TLS session of either side.
pub struct Session {
    stage: Stage,
    input: Buffer,
    output: Buffer,
    /// Plaintext that came before anybody read, so that the handshake and writing could go on: 0-RTT data
    /// ([`limits::EARLY_DATA_BYTES_MAX`]) and one record.
    held: Held,
    /// Bytes of `input` that rustls has seen and could do nothing with yet: the part of a record,
    /// or of a message in several records. Asking rustls about these alone decrypts nothing new.
    seen: usize,
    server_name: Option<Box<str>>,
    rule: RuleId,
    flags: Flags,
    failure: Option<SessionError>,
}

/// Facts that are true or not.
#[derive(Clone, Copy, Default)]
struct Flags {
    /// The peer said `close_notify`.
    peer_closed: bool,
    /// We said it.
    closed: bool,
    /// What was read last came as 0-RTT data.
    early: bool,
    /// The session is an ACME server's visit.
    challenge: bool,
}

/// How far it is.
enum Stage {
    /// Reading the ClientHello.
    Hello(Box<Accepting>),
    /// The ClientHello is read, but the certificate for its name is awaited.
    Waiting {
        name: CertificateName,
        local: Option<IpAddr>,
    },
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
    /// It failed before rustls had a connection.
    Failed,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stage = match &self.stage {
            Stage::Hello(_) => "Hello",
            Stage::Waiting { .. } => "Waiting",
            Stage::Server(_) => "Server",
            Stage::Client(_) => "Client",
            Stage::Failed => "Failed",
        };
        formatter.debug_struct("Session").field("stage", &stage).field("failure", &self.failure).finish_non_exhaustive()
    }
}

impl Session {
    /// The server's side of a new connection, answered by `front`. `local` is our own address that the
    /// client reached; it helps clients that name no host.
    pub fn accept(front: Arc<Front>, local: Option<IpAddr>) -> Self {
        Self::new(Stage::Hello(Box::new(Accepting::new(front, local))))
    }

    /// The client's side of a new connection to `name`, which is both sent (SNI) and verified.
    ///
    /// # Errors
    /// What rustls finds wrong in the configuration.
    pub fn connect(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, SessionError> {
        let failed = |error| SessionError::Tls { error, server: false };
        let server_name = match &name {
            ServerName::DnsName(host) => Some(host.as_ref().into()),
            _ => None,
        };
        let connection = UnbufferedClientConnection::new(config, name).map_err(failed)?;
        let mut session = Self::new(Stage::Client(Box::new(connection)));
        session.server_name = server_name;
        session.advance()?;
        Ok(session)
    }

    fn new(stage: Stage) -> Self {
        Self {
            stage,
            input: Buffer::default(),
            output: Buffer::default(),
            held: Held::default(),
            seen: 0,
            server_name: None,
            rule: RuleId::NONE,
            flags: Flags::default(),
            failure: None,
        }
    }

    // ---- ciphertext in

    /// Where to read ciphertext to. Empty when enough waits to be read (take the plaintext first), while a
    /// certificate is awaited, after the peer's `close_notify` and after a failure; never because the peer is
    /// gone, so an empty space must not be read into and taken for an end of input.
    pub fn input_space(&mut self) -> &mut [u8] {
        let most = match self.stage {
            Stage::Hello(_) => limits::CLIENT_HELLO_BYTES_MAX,
            Stage::Waiting { .. } | Stage::Failed => 0,
            Stage::Server(_) | Stage::Client(_) if self.is_handshaking() => limits::INPUT_BYTES_MAX,
            Stage::Server(_) | Stage::Client(_) => {
                limits::INPUT_BYTES_USUAL.max(self.seen + limits::RECORD_WIRE_BYTES_MAX)
            }
        };
        if self.failure.is_some() || self.flags.peer_closed {
            return &mut [];
        }
        let offered = self.input.len() + limits::INPUT_BYTES_USUAL;
        self.input.space(most.min(offered).min(limits::INPUT_BYTES_MAX))
    }

    /// `count` bytes were read into [`Self::input_space`] (zero when there were none: the space is
    /// given back). Carries the handshake on; records after it wait for [`Self::read_plaintext`].
    ///
    /// # Errors
    /// The session is over. If there is an alert for the peer it is in [`Self::output`].
    pub fn handle_input(&mut self, count: usize) -> Result<(), SessionError> {
        self.input.filled(count);
        if count == 0 {
            self.input.settle();
            return self.check();
        }
        if let Stage::Hello(accepting) = &mut self.stage {
            let decided = accepting.handle_input(&self.input, count);
            self.act_on(decided)?;
        }
        if self.is_handshaking() { self.advance() } else { self.check() }
    }

    /// The peer closed the connection.
    ///
    /// # Errors
    /// [`SessionError::Truncated`] when it did so without `close_notify`: whether what was received is
    /// whole must then follow from the plaintext itself (RFC 9112 §9.8).
    pub fn handle_end_of_input(&mut self) -> Result<(), SessionError> {
        self.check()?;
        if self.flags.peer_closed { Ok(()) } else { self.fail(SessionError::Truncated) }
    }

    // ---- plaintext in

    /// Appends plaintext to `into` until there is no more or `at_most` bytes were added (one record
    /// of 16 KB may go beyond). Gives the number of bytes added. 0-RTT data comes alone: see
    /// [`Self::was_early`].
    ///
    /// # Errors
    /// As [`Self::handle_input`]; what was added before stays good.
    pub fn read_plaintext(&mut self, into: &mut BytesMut, at_most: usize) -> Result<usize, SessionError> {
        let before = into.len();
        self.flags.early = self.held.give(into);
        if self.flags.early || into.len() - before >= at_most {
            return Ok(into.len() - before);
        }
        let result = self.pump(Sink::Reader { into, full_at: before.saturating_add(at_most) });
        let added = into.len() - before;
        match result {
            Err(_) if added > 0 => Ok(added),
            Err(error) => Err(error),
            Ok(()) => Ok(added),
        }
    }

    /// Whether [`Self::read_plaintext`] may have something: ciphertext or plaintext waits inside.
    pub fn may_have_plaintext(&self) -> bool {
        !self.held.is_empty() || self.input.len() > self.seen
    }

    /// Whether what the last [`Self::read_plaintext`] gave came as 0-RTT data, which an attacker
    /// may have sent before (RFC 8470: forward it with `Early-Data: 1`, or answer 425).
    pub fn was_early(&self) -> bool {
        self.flags.early
    }

    // ---- what is known

    /// Whether the handshake goes on.
    pub fn is_handshaking(&self) -> bool {
        self.common().is_none_or(CommonState::is_handshaking)
    }

    /// The name whose certificate is awaited: find out whether it may be had, or get it, then call
    /// [`Self::retry_accept`].
    pub fn awaited_certificate(&self) -> Option<&CertificateName> {
        match &self.stage {
            Stage::Waiting { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Whether this is an ACME server's visit (RFC 8737): no application data will come, and the
    /// connection is closed after the handshake.
    pub fn is_challenge(&self) -> bool {
        self.flags.challenge
    }

    /// The protocol agreed on.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.common().and_then(CommonState::alpn_protocol)
    }

    /// The host the client asked for.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The client rule this session is under; see [`Front::rule_for`].
    pub fn client_rule(&self) -> RuleId {
        self.rule
    }

    /// The peer's chain, its own certificate first; known for resumed sessions too.
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.common().and_then(CommonState::peer_certificates)
    }

    /// TLS 1.2 or 1.3.
    pub fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.common().and_then(CommonState::protocol_version)
    }

    /// The suite agreed on.
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        self.common().and_then(CommonState::negotiated_cipher_suite).map(|suite| suite.suite())
    }

    /// Full or resumed.
    pub fn handshake_kind(&self) -> Option<HandshakeKind> {
        self.common().and_then(CommonState::handshake_kind)
    }

    /// Whether the peer said `close_notify`: no more plaintext will come.
    pub fn peer_has_closed(&self) -> bool {
        self.flags.peer_closed
    }

    /// Bytes of buffers held now; none in an idle session.
    pub fn buffered_bytes(&self) -> usize {
        self.input.capacity() + self.output.capacity() + self.held.capacity()
    }

    fn common(&self) -> Option<&CommonState> {
        match &self.stage {
            Stage::Server(connection) => Some(connection),
            Stage::Client(connection) => Some(connection),
            Stage::Hello(_) | Stage::Waiting { .. } | Stage::Failed => None,
        }
    }

    // ---- the engine

    /// Carries the handshake on without taking plaintext.
    fn advance(&mut self) -> Result<(), SessionError> {
        self.pump(Sink::Nobody)
    }

    fn pump(&mut self, sink: Sink<'_>) -> Result<(), SessionError> {
        self.check()?;
        let mut pump = Pump {
            input: &mut self.input,
            output: &mut self.output,
            held: &mut self.held,
            seen: &mut self.seen,
            flags: &mut self.flags,
        };
        let stopped = match &mut self.stage {
            Stage::Server(connection) => pump.run(&mut **connection, sink),
            Stage::Client(connection) => pump.run(&mut **connection, sink),
            Stage::Hello(_) | Stage::Waiting { .. } | Stage::Failed => Stopped::Enough,
        };
        self.input.settle();
        match stopped {
            Stopped::Quiet if self.is_handshaking() && self.input.len() >= limits::INPUT_BYTES_MAX => {
                self.fail(SessionError::HandshakeTooLarge)
            }
            Stopped::Quiet | Stopped::Enough => Ok(()),
            Stopped::Failed(error) => {
                let server = matches!(self.stage, Stage::Server(_));
                self.fail(SessionError::Tls { error, server })
            }
        }
    }

    fn check(&self) -> Result<(), SessionError> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    fn fail(&mut self, error: SessionError) -> Result<(), SessionError> {
        self.input.clear();
        self.failure = Some(error.clone());
        Err(error)
    }
}

#[cfg(test)]
mod tests;
