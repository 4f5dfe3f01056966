//! Our own certificate authority as an ACME server (RFC 8555), for the other machines of a network. Started by `edgeway ca serve`.
//!
//! The machine is [`edgeway_tls::acme::server`]; here it gets what it needs of the outside: [`allowed`] says which names it signs for,
//! [`end`] brings it the requests that our own HTTP server takes in and keeps its state, [`visit`] looks at the proofs it wants to see.

pub mod allowed;
pub mod end;
pub mod visit;

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::World;
use edgeway_base::world::{Address, Listener as _};
use edgeway_http::h1::machine::ServerLimits;
use edgeway_net::drive::accept::{self, Certificates, Door, Entrance};
use edgeway_net::drive::gate::Gate;
use edgeway_net::drive::outside::Boxed;
use edgeway_net::os::{Kernel, KernelListener, listen};
use edgeway_serve::Edge;
use edgeway_serve::stages::record::Recorder;
use edgeway_tls::SharedClock;
use edgeway_tls::acme::server::{Server, ServerSettings};
use edgeway_tls::authority::Authority;
use edgeway_tls::certificate::CertificateName;
use edgeway_tls::server::{Front, FrontSettings, Memory, Site, Source, UnknownName};
use tokio::signal::unix::{SignalKind, signal};

use crate::command::Failure;
use crate::config::words::Endpoint;
use crate::limits::{
    AUTHORITY_CONNECTIONS_MAX, AUTHORITY_STOP_TIMEOUT, CONTROL_INTERVAL, HANDSHAKE_TIMEOUT, LEAF_LIFETIME,
};
use crate::run::own_authority;
use crate::state::State;
use allowed::Allowed;
use end::Desk;
use visit::Visitor;

/// Everything the command line decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen.
    pub https: Endpoint,
    /// The name under which clients reach us; by default this machine's.
    pub name: Option<CertificateName>,
    /// The state folder asked for.
    pub state: Option<PathBuf>,
    /// What is signed for.
    pub allowed: Vec<Allowed>,
    /// Where proofs are looked for by HTTP.
    pub http_port: u16,
    /// Where proofs are looked for by TLS.
    pub tls_port: u16,
    /// How long certificates live.
    pub lifetime: Option<Duration>,
}

/// What is true once it runs.
pub struct Announcement<'a> {
    /// The directory's URL: all that clients need to know.
    pub directory: String,
    /// What is listened on, as really bound.
    pub listening: &'a [Address],
    /// The state folder.
    pub state: &'a State,
}

/// Serves until told to stop. `announce` is called once, when every socket is open.
///
/// # Errors
/// One sentence about what stands in the way.
pub fn run(options: &Options, announce: impl FnOnce(&Announcement<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .map_err(|error| Failure::new(format!("the runtime cannot start: {error}")))?;
    runtime.block_on(serve(options, announce))
}

async fn serve(
    options: &Options,
    announce: impl FnOnce(&Announcement<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let world = Kernel::new();
    let clock = SharedClock::new(world.wall());
    let state = State::choose(options.state.as_deref());
    let (authority, _) = own_authority::open_or_create(&state, world.wall()).map_err(Failure::new)?;
    let listeners = open(&options.https)?;
    let listening: Vec<Address> = listeners.iter().map(KernelListener::local_address).collect();
    let name = options.name.clone().unwrap_or_else(|| own_name(&options.https));
    let base = base(&name, &listening);
    let memory = Memory::new(clock.clone());
    let front = Arc::new(front(&memory, &authority, name)?);

    let allowed = options.allowed.clone();
    let settings = ServerSettings {
        base: base.clone(),
        authority,
        allowed: Arc::new(move |name| allowed::allows(&allowed, name)),
        lifetime: options.lifetime.unwrap_or(LEAF_LIFETIME),
        external_accounts: HashMap::new(),
        terms_of_service: None,
    };
    let server = restore(settings, &state)?;
    let directory = server.directory_url();
    let outside = Rc::new(world.clone());
    let visitor = Visitor::new(outside.clone(), &clock, options.http_port, options.tls_port)
        .map_err(|error| Failure::new(error.to_string()))?;
    let desk = Desk::new(server, base, outside.clone(), state.clone(), visitor);
    let edge = Edge::new(outside, end::plan(Rc::clone(&desk)), Recorder::new(Arc::default(), None), "edgeway-ca");

    let gate = Gate::new();
    let addresses = Rc::default();
    for listener in listeners {
        let door = Door::new(entrance(&front));
        let accepting = accept::run(
            listener,
            door,
            world.clone(),
            Rc::clone(&edge),
            Rc::clone(&gate),
            Rc::clone(&addresses),
            usize::MAX,
        );
        tokio::task::spawn_local(accepting);
    }
    announce(&Announcement { directory, listening: &listening, state: &state })?;
    // Visits that a former process had begun.
    desk.make_visits();
    until_stopped(&world, &clock, &memory).await;
    gate.drain();
    let empty = std::future::poll_fn(|context| gate.poll_empty(context));
    // Whoever is still waiting asks again: that is how ACME clients are.
    let _ = tokio::time::timeout(AUTHORITY_STOP_TIMEOUT, empty).await;
    Ok(())
}

/// Turns the calendar and the ticket keys until a signal says stop.
async fn until_stopped(world: &Kernel, clock: &SharedClock, memory: &Memory) {
    // A signal that cannot be caught keeps its default meaning, which is to end us.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt()).ok(), signal(SignalKind::terminate()).ok());
    let mut tick = tokio::time::interval(CONTROL_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                clock.set(world.wall());
                memory.rotate_tickets();
            }
            Some(()) = async { interrupt.as_mut()?.recv().await } => return,
            Some(()) = async { terminate.as_mut()?.recv().await } => return,
        }
    }
}

/// Opens the sockets of an endpoint. With port 0 the second one takes the port that the first one got.
fn open(endpoint: &Endpoint) -> Result<Vec<KernelListener>, Failure> {
    let mut listeners: Vec<KernelListener> = Vec::new();
    for socket in endpoint.sockets() {
        let mut address = socket.address;
        if let (Address::Ip(wanted), Some(Address::Ip(first))) =
            (&mut address, listeners.first().map(KernelListener::local_address))
        {
            wanted.set_port(first.port());
        }
        match listen::open_for_workers(&address, 1) {
            Ok(sockets) => {
                for socket in sockets {
                    let listener = KernelListener::adopt(socket).map_err(|error| Failure::new(error.to_string()))?;
                    listeners.push(listener);
                }
            }
            Err(error) if socket.may_be_missing && error.is_missing_family() => {}
            Err(error) => return Err(Failure::new(error.to_string())),
        }
    }
    Ok(listeners)
}

/// `localhost` where only this machine can reach us, else the address, else this machine's name.
fn own_name(endpoint: &Endpoint) -> CertificateName {
    let localhost = || CertificateName::Host("localhost".to_owned());
    match endpoint {
        _ if endpoint.is_local() => localhost(),
        Endpoint::Ip(address) if !address.ip().is_unspecified() => CertificateName::Address(address.ip()),
        _ => rustix::system::uname().nodename().to_string_lossy().parse().unwrap_or_else(|_| localhost()),
    }
}

/// The URL that all others begin with. RFC 8555 §6.4 has clients sign URLs, so there is one form of it, whatever they came by.
fn base(name: &CertificateName, listening: &[Address]) -> String {
    let host = match name {
        CertificateName::Address(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        other => other.to_string(),
    };
    match listening.first() {
        Some(Address::Ip(address)) if address.port() != 443 => format!("https://{host}:{}", address.port()),
        _ => format!("https://{host}"),
    }
}

/// Our own certificate is of our own authority too; clients that reach us by an address get one for it.
fn front(memory: &Arc<Memory>, authority: &Arc<Authority>, name: CertificateName) -> Result<Front, Failure> {
    let mut names = vec![name];
    let localhost = CertificateName::Host("localhost".to_owned());
    if !names.contains(&localhost) {
        names.push(localhost);
    }
    let settings = FrontSettings {
        alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        default_site: Some(0),
        unknown_name: UnknownName::Default,
        authority: Some(Arc::clone(authority)),
        ..FrontSettings::default()
    };
    Front::build(memory, vec![Site::new(names, Source::Authority)], settings)
        .map_err(|error| Failure::new(error.to_string()))
}

fn restore(settings: ServerSettings, state: &State) -> Result<Server, Failure> {
    let place = state.path(end::STATE_FILE);
    let kept = state.read(end::STATE_FILE);
    match kept.map_err(|error| Failure::new(format!("{} cannot be read: {error}", place.display())))? {
        Some(kept) => Server::restore(settings, &kept)
            .map_err(|error| Failure::new(format!("{} is damaged: {error}", place.display()))),
        None => Ok(Server::new(settings)),
    }
}

fn entrance(front: &Arc<Front>) -> Entrance {
    Entrance {
        certificates: Some(Rc::new(OneFront(Arc::clone(front)))),
        proxy_protocol: None,
        limits: Arc::new(ServerLimits::default()),
        http2: edgeway_http::h2::limits::Limits::default(),
        handshake_timeout: HANDSHAKE_TIMEOUT,
        connections_max: AUTHORITY_CONNECTIONS_MAX,
        connections_per_address_max: AUTHORITY_CONNECTIONS_MAX / 8,
    }
}

/// The same certificates as long as we run.
struct OneFront(Arc<Front>);

impl Certificates for OneFront {
    fn front(&self) -> Arc<Front> {
        Arc::clone(&self.0)
    }

    fn awaited<'a>(&'a self, _: &'a str) -> Boxed<'a, bool> {
        Box::pin(std::future::ready(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_of_every_url() {
        let at = |text: &str| Address::Ip(text.parse().unwrap());
        for (endpoint, listening, expected) in [
            ("localhost:0", at("127.0.0.1:14000"), "https://localhost:14000"),
            ("127.0.0.1:443", at("127.0.0.1:443"), "https://localhost"),
            ("192.0.2.7:14000", at("192.0.2.7:14000"), "https://192.0.2.7:14000"),
            ("[2001:db8::7]:443", at("[2001:db8::7]:443"), "https://[2001:db8::7]"),
        ] {
            assert_eq!(base(&own_name(&endpoint.parse().unwrap()), &[listening]), expected);
        }
    }
}
