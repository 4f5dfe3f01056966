//! The first flight of a server's session: reads the ClientHello, asks the front who answers it, and
//! goes on with rustls, waits, or refuses. Called by [`super`].

use std::net::IpAddr;
use std::sync::Arc;

use rustls::server::{Acceptor, UnbufferedServerConnection};
use rustls::{AlertDescription, ServerConfig};

use super::buffer::Buffer;
use super::{Session, Stage};
use crate::certificate::CertificateName;
use crate::error::SessionError;
use crate::limits;
use crate::server::{Choice, Front, Hello, RuleId};

/// First byte of a record that carries a handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// A ClientHello being read.
pub(super) struct Accepting {
    front: Arc<Front>,
    local: Option<IpAddr>,
    acceptor: Acceptor,
}

/// What came of it.
pub(super) enum Decided {
    /// It is not whole yet.
    Unfinished,
    Serve {
        config: Arc<ServerConfig>,
        rule: RuleId,
        server_name: Option<Box<str>>,
        challenge: bool,
    },
    Wait {
        name: CertificateName,
        local: Option<IpAddr>,
        server_name: Option<Box<str>>,
    },
    /// With the record that says why.
    Refused {
        error: SessionError,
        alert: Vec<u8>,
    },
}

impl Accepting {
    pub(super) fn new(front: Arc<Front>, local: Option<IpAddr>) -> Self {
        Self { front, local, acceptor: Acceptor::default() }
    }

    /// The last `count` bytes of `input` are new.
    pub(super) fn handle_input(&mut self, input: &Buffer, count: usize) -> Decided {
        let bytes = input.bytes();
        if bytes[0] != HANDSHAKE_RECORD {
            return Decided::Refused { error: SessionError::NotTls, alert: Vec::new() };
        }
        let mut new = &bytes[bytes.len() - count..];
        while !new.is_empty() {
            // Reading from memory fails only when rustls's own bound is reached.
            if !matches!(self.acceptor.read_tls(&mut new), Ok(1..)) {
                return too_large();
            }
            match self.acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => return self.decide(&accepted),
                Err((error, mut alert)) => {
                    let mut bytes = Vec::new();
                    // Writing to memory does not fail.
                    let _ = alert.write_all(&mut bytes);
                    let error = SessionError::Tls { error, server: true };
                    // For a few faults rustls leaves the alert to us.
                    if let (true, Some(alert)) = (bytes.is_empty(), error.alert()) {
                        bytes = plain_alert(alert);
                    }
                    return Decided::Refused { error, alert: bytes };
                }
            }
        }
        if bytes.len() >= limits::CLIENT_HELLO_BYTES_MAX { too_large() } else { Decided::Unfinished }
    }

    fn decide(&self, accepted: &rustls::server::Accepted) -> Decided {
        let client_hello = accepted.client_hello();
        let hello = Hello::new(&client_hello, self.local);
        let server_name = hello.server_name.map(Box::from);
        match self.front.choose(&hello) {
            Choice::Serve { config, rule } => Decided::Serve { config, rule, server_name, challenge: false },
            Choice::Challenge(config) => Decided::Serve { config, rule: RuleId::NONE, server_name, challenge: true },
            Choice::Wait(name) => Decided::Wait { name, local: self.local, server_name },
            Choice::Refuse(refusal) => {
                let alert = plain_alert(refusal.alert());
                Decided::Refused { error: SessionError::Refused(refusal), alert }
            }
        }
    }
}

fn too_large() -> Decided {
    Decided::Refused { error: SessionError::HandshakeTooLarge, alert: plain_alert(AlertDescription::DecodeError) }
}

/// A fatal alert before there are keys (RFC 8446 §6, in a record as of §5.1).
fn plain_alert(description: AlertDescription) -> Vec<u8> {
    vec![21, 3, 3, 0, 2, 2, u8::from(description)]
}

impl Session {
    /// The awaited certificate may have come, or the answer whether it may: asks `front`, which may be a newer
    /// snapshot than the one the session began with, again. Does nothing when nothing is awaited.
    ///
    /// # Errors
    /// As [`Session::handle_input`].
    pub fn retry_accept(&mut self, front: Arc<Front>) -> Result<(), SessionError> {
        let Stage::Waiting { local, .. } = self.stage else { return self.check() };
        let mut accepting = Accepting::new(front, local);
        let decided = accepting.handle_input(&self.input, self.input.len());
        self.stage = Stage::Hello(Box::new(accepting));
        self.act_on(decided)?;
        self.advance()
    }

    /// No certificate will come: the client is told that its name is unknown.
    ///
    /// # Errors
    /// Always: the session is over.
    pub fn give_up_waiting(&mut self) -> Result<(), SessionError> {
        let Stage::Waiting { name, .. } = &self.stage else { return self.check() };
        let refusal = crate::server::Refusal::UnknownName(name.to_string());
        let alert = plain_alert(refusal.alert());
        self.act_on(Decided::Refused { error: SessionError::Refused(refusal), alert })
    }

    pub(super) fn act_on(&mut self, decided: Decided) -> Result<(), SessionError> {
        match decided {
            Decided::Unfinished => Ok(()),
            Decided::Serve { config, rule, server_name, challenge } => {
                (self.server_name, self.rule, self.flags.challenge) = (server_name, rule, challenge);
                match UnbufferedServerConnection::new(config) {
                    Ok(connection) => {
                        self.stage = Stage::Server(Box::new(connection));
                        Ok(())
                    }
                    Err(error) => self.refuse(SessionError::Tls { error, server: true }, &[]),
                }
            }
            Decided::Wait { name, local, server_name } => {
                self.server_name = server_name;
                self.stage = Stage::Waiting { name, local };
                self.input.settle();
                Ok(())
            }
            Decided::Refused { error, alert } => self.refuse(error, &alert),
        }
    }

    fn refuse(&mut self, error: SessionError, alert: &[u8]) -> Result<(), SessionError> {
        self.output.extend(alert);
        self.stage = Stage::Failed;
        self.fail(error)
    }
}
