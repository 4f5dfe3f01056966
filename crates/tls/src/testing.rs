//! What the tests of this house share: an authority, a front, a client, and a wire between two
//! sessions. In memory; the calendar stands still.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::BytesMut;
use edgeway_base::WallTime;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;

use crate::authority::Authority;
use crate::certificate::CertificateName;
use crate::client::{ClientSettings, Trust};
use crate::clock::SharedClock;
use crate::error::SessionError;
use crate::server::{Front, FrontSettings, Memory, Site, Source};
use crate::session::Session;

/// 2026-11-22.
pub(crate) const NOW: WallTime = WallTime::from_seconds(1_795_305_600);

pub(crate) fn name(text: &str) -> CertificateName {
    text.parse().unwrap()
}

pub(crate) struct Place {
    pub(crate) authority: Arc<Authority>,
    pub(crate) clock: SharedClock,
    pub(crate) memory: Arc<Memory>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let clock = SharedClock::new(NOW);
        let authority = Arc::new(Authority::create("test", NOW).unwrap());
        Self { authority, memory: Memory::new(clock.clone()), clock }
    }

    pub(crate) fn settings(&self) -> FrontSettings {
        FrontSettings {
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            authority: Some(Arc::clone(&self.authority)),
            ..FrontSettings::default()
        }
    }

    pub(crate) fn site(&self, names: &[&str]) -> Site {
        Site::new(names.iter().map(|text| name(text)).collect(), Source::Authority)
    }

    pub(crate) fn front(&self, sites: Vec<Site>, settings: FrontSettings) -> Arc<Front> {
        Arc::new(Front::build(&self.memory, sites, settings).unwrap())
    }

    pub(crate) fn client_settings(&self, alpn: &[&str]) -> ClientSettings {
        ClientSettings {
            trust: Trust::from_pem(false, self.authority.root_pem().as_bytes()).unwrap(),
            alpn: alpn.iter().map(|name| name.as_bytes().to_vec()).collect(),
            ..ClientSettings::default()
        }
    }

    pub(crate) fn client(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        self.client_settings(alpn).build(&self.clock).unwrap()
    }
}

/// A client and a server with a wire between them.
pub(crate) struct Pair {
    pub(crate) client: Session,
    pub(crate) server: Session,
    pub(crate) to_client: BytesMut,
    pub(crate) to_server: BytesMut,
}

impl Pair {
    pub(crate) fn new(front: &Arc<Front>, client: &Arc<ClientConfig>, host: &str) -> Self {
        let host = ServerName::try_from(host.to_owned()).unwrap();
        Self {
            client: Session::connect(Arc::clone(client), host).unwrap(),
            server: Session::accept(Arc::clone(front), Some("192.0.2.1".parse().unwrap())),
            to_client: BytesMut::new(),
            to_server: BytesMut::new(),
        }
    }

    /// Carries bytes, `at_once` at a time, until both are quiet; each side's first error.
    pub(crate) fn run_in_pieces(&mut self, at_once: usize) -> (Option<SessionError>, Option<SessionError>) {
        let (mut client_error, mut server_error) = (None, None);
        loop {
            let moved = carry(&mut self.client, &mut self.server, at_once, &mut self.to_server, &mut server_error)
                + carry(&mut self.server, &mut self.client, at_once, &mut self.to_client, &mut client_error);
            if moved == 0 {
                return (client_error, server_error);
            }
        }
    }

    pub(crate) fn run(&mut self) -> (Option<SessionError>, Option<SessionError>) {
        self.run_in_pieces(usize::MAX)
    }

    /// Runs a handshake that must succeed.
    pub(crate) fn shake_hands(mut self) -> Self {
        assert_eq!(self.run(), (None, None));
        assert!(!self.client.is_handshaking() && !self.server.is_handshaking());
        self
    }
}

fn carry(
    from: &mut Session,
    to: &mut Session,
    at_once: usize,
    plaintext: &mut BytesMut,
    error: &mut Option<SessionError>,
) -> usize {
    let mut moved = 0;
    while !from.output().is_empty() {
        let space = to.input_space();
        let count = from.output().len().min(space.len()).min(at_once);
        if count == 0 {
            // The receiver takes no more: it failed, or it was closed.
            let rest = from.output().len();
            from.consume_output(rest);
            break;
        }
        space[..count].copy_from_slice(&from.output()[..count]);
        from.consume_output(count);
        moved += count;
        let result = to.handle_input(count).and_then(|()| to.read_plaintext(plaintext, usize::MAX >> 1).map(|_| ()));
        if let Err(failed) = result {
            error.get_or_insert(failed);
        }
    }
    moved
}

pub(crate) fn write_all(session: &mut Session, bytes: &[u8]) -> usize {
    session.write_plaintext(&[IoSlice::new(bytes)]).unwrap()
}
