//! The control thread: starts the workers, and then waits for signals, changed files and the admin address. It decides; the workers serve.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use edgeway_base::World;
use edgeway_net::drive::accept::{self, Door, Entrance};
use edgeway_net::drive::gate::Gate;
use edgeway_net::os::{Kernel, KernelListener, listen};
use edgeway_serve::Edge;
use edgeway_serve::names::Zones;
use edgeway_serve::stages::record::Recorder;
use edgeway_tls::SharedClock;
use edgeway_tls::authority::Authority;
use edgeway_tls::server::{Front, IssueRule, Memory};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::admin::{ReloadWish, RunningProcess, Standing};
use super::handover::{self, Inheritance};
use super::issuing::Issuing;
use super::keeper::keeping::Keeping;
use super::loading::{Ready, Wanted};
use super::shared::Shared;
use super::sockets::Sockets;
use super::watch::Watch;
use super::worker::{self, Order};
use super::zones::Signed;
use super::{access_writer, own_authority};
use crate::command::Failure;
use crate::command::terminal::Terminal;
use crate::config::Paint;
use crate::config::checked::listening::Listening;
use crate::config::checked::{AccessTarget, Checked};
use crate::limits::{CONTROL_INTERVAL, WANTED_CERTIFICATES_MAX};
use crate::state::{Running, State};

/// Everything the command line decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to serve.
    pub wanted: Wanted,
    /// The state folder asked for.
    pub state: Option<PathBuf>,
    /// Workers asked for.
    pub workers: Option<usize>,
    /// Says that it is ready as one line of JSON.
    pub json: bool,
}

/// Serves until told to stop. `announce` is called once, when every socket is open and all workers run.
///
/// # Errors
/// One sentence about what stands in the way of serving.
pub fn run(
    options: Options,
    terminal: &mut Terminal,
    announce: impl FnOnce(&Announcement<'_>, &mut Terminal) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // The program's place is found out now: after an upgrade on disk, the running image has none.
    let program =
        std::env::current_exe().map_err(|error| Failure::new(format!("our own program is not found: {error}")))?;
    let inherited = handover::inherit().map_err(|error| Failure::new(format!("the handover failed: {error}")))?;
    let world = Kernel::new();
    let clock = SharedClock::new(world.wall());
    let ready = options.wanted.load(&clock, terminal.error()).map_err(|text| {
        terminal.note(&text);
        Failure::told()
    })?;
    terminal.note(&ready.remarks);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .map_err(|error| Failure::new(format!("the runtime cannot start: {error}")))?;
    runtime.block_on(async move {
        let mut control = Control::start(options, program, world, clock, ready, inherited)?;
        announce(&control.announcement(), terminal)?;
        control.serve().await;
        Ok(())
    })
}

/// What is true once everything runs.
pub struct Announcement<'a> {
    /// What is listened on, as really bound.
    pub listening: Vec<(&'static str, edgeway_base::world::Address)>,
    /// The configuration in force.
    pub checked: &'a Checked,
    /// The state folder.
    pub state: &'a State,
    /// Whether an own authority signs certificates, and whether it was made just now.
    pub authority: Option<bool>,
    /// How many workers.
    pub workers: usize,
}

struct Control {
    options: Options,
    program: PathBuf,
    world: Kernel,
    clock: SharedClock,
    state: State,
    checked: Arc<Checked>,
    signed: Signed,
    zones: Arc<Zones>,
    shared: Arc<Shared>,
    sockets: Sockets,
    workers: Vec<(mpsc::UnboundedSender<Order>, JoinHandle<()>)>,
    authority: Option<(Arc<Authority>, bool)>,
    watch: Watch,
    standing: Arc<Standing>,
    admin: Option<edgeway_base::world::Address>,
    reloads: mpsc::Receiver<ReloadWish>,
    reload_sender: mpsc::Sender<ReloadWish>,
    wanted_certificates: mpsc::Receiver<String>,
    keeping: Keeping,
    issuing: Issuing,
}

impl Control {
    fn start(
        options: Options,
        program: PathBuf,
        world: Kernel,
        clock: SharedClock,
        ready: Ready,
        inherited: Option<Inheritance>,
    ) -> Result<Self, Failure> {
        let checked = Arc::new(ready.checked);
        let state = State::choose(options.state.as_deref().or(checked.state.as_deref()));
        let memory = Memory::new(clock.clone());
        // Without inherited keys clients only shake hands once more.
        let tickets = match &inherited {
            Some(inherited) => Some(inherited.tickets.clone()),
            None => state.read("tickets").ok().flatten(),
        };
        if let Some(tickets) = tickets
            && memory.import_tickets(&tickets).is_err()
        {
            tracing::warn!("the kept ticket keys are damaged and were left aside");
        }
        let authority = open_authority(&checked, &state, world.wall())?;
        let keeping = Keeping::new(&state);
        let signer = authority.as_ref().map(|(authority, _)| Arc::clone(authority));
        let front = make_front(&checked, &memory, signer, &keeping).map_err(Failure::new)?;
        let count = options.workers.or(checked.workers).unwrap_or_else(edgeway_net::os::worker::recommended).max(1);
        let (sockets, heir) = match inherited {
            Some(mut inherited) => (Sockets::adopt(std::mem::take(&mut inherited.sockets)), Some(inherited)),
            None => (Sockets::default(), None),
        };
        let mut signed = Signed::default();
        let zones = signed.make(&checked.names, &state, world.wall(), &mut *world.entropy()).map_err(Failure::new)?;
        signed.served(&zones, &state);
        let (wanted, wanted_certificates) = mpsc::channel(WANTED_CERTIFICATES_MAX);
        let (reload_sender, reloads) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            front: ArcSwap::from_pointee(front),
            memory,
            metrics: (0..count).map(|_| Arc::default()).collect(),
            log: ArcSwap::from_pointee(start_log(&checked.logging.access)?),
            pseudonym: pseudonym(&world),
            front_generation: watch::Sender::new(0),
            tokens: Arc::default(),
            refusals: Arc::default(),
            clock: clock.clone(),
            wanted,
        });
        let mut control = Self {
            standing: Arc::default(),
            watch: Watch::default(),
            workers: Vec::new(),
            admin: None,
            options,
            program,
            world,
            clock,
            state,
            checked,
            signed,
            zones,
            shared,
            sockets,
            authority,
            reloads,
            reload_sender,
            wanted_certificates,
            keeping,
            issuing: Issuing::default(),
        };
        control.open(count)?;
        if let Some(heir) = heir {
            heir.ready().map_err(|error| Failure::new(format!("the process before does not hear us: {error}")))?;
        }
        Ok(control)
    }

    /// Opens what is missing and starts the workers on it.
    fn open(&mut self, count: usize) -> Result<(), Failure> {
        let difference =
            self.sockets.prepare(&self.checked.listening, count).map_err(|error| Failure::new(error.to_string()))?;
        self.sockets.apply(&difference);
        drop(difference);
        let shares = self.sockets.for_workers(count);
        for (index, share) in shares.into_iter().enumerate() {
            let (orders, receiver) = mpsc::unbounded_channel();
            for ((purpose, address), socket) in share {
                // The receiver is held below: this cannot fail.
                let _ = orders.send(Order::Listen(purpose, address, socket));
            }
            let (world, shared) = (self.world.clone(), Arc::clone(&self.shared));
            let served = (Arc::clone(&self.checked), Arc::clone(&self.zones));
            let thread = edgeway_net::os::worker::spawn(index, move || {
                worker::run(index, world, shared, served, count, receiver)
            });
            let thread = thread.map_err(|error| Failure::new(format!("a worker cannot start: {error}")))?;
            self.workers.push((orders, thread));
        }
        self.open_admin()?;
        self.keep_certificates(None);
        self.show();
        self.watch = Watch::new(self.files());
        let running = Running { process: std::process::id(), admin: self.admin.clone() };
        if let Err(error) = self.state.note_running(&running) {
            tracing::warn!(%error, folder = %self.state.folder().display(), "the state folder cannot be written");
        }
        Ok(())
    }

    fn open_admin(&mut self) -> Result<(), Failure> {
        let Some(endpoint) = self.checked.listening.admin.clone() else { return Ok(()) };
        let process = RunningProcess {
            shared: Arc::clone(&self.shared),
            standing: Arc::clone(&self.standing),
            reload: self.reload_sender.clone(),
        };
        let recorder = Recorder::new(Arc::default(), None);
        let plan = crate::admin::end::plan(Rc::new(process));
        let edge = Edge::new(Rc::new(self.world.clone()), plan, recorder, &self.shared.pseudonym);
        for socket in Listening::sockets(std::slice::from_ref(&endpoint)) {
            let opened = listen::open_for_workers(&socket.address, 1);
            let opened = match opened {
                Ok(opened) => opened,
                Err(error) if socket.may_be_missing && error.is_missing_family() => continue,
                // The process before still has it: it is taken over when that one ends.
                Err(error) if std::env::var_os(handover::VARIABLE).is_some() => {
                    tracing::debug!(%error, "the admin address is shared with the process before");
                    vec![listen::open(&socket.address).map_err(|error| Failure::new(error.to_string()))?]
                }
                Err(error) => return Err(Failure::new(error.to_string())),
            };
            for socket in opened {
                let listener = KernelListener::adopt(socket).map_err(|error| Failure::new(error.to_string()))?;
                self.admin.get_or_insert_with(|| edgeway_base::world::Listener::local_address(&listener));
                let door = Door::new(admin_entrance(&self.checked));
                let edge = Rc::clone(&edge);
                let accepting =
                    accept::run(listener, door, self.world.clone(), edge, Gate::new(), Rc::default(), usize::MAX);
                tokio::task::spawn_local(accepting);
            }
        }
        Ok(())
    }

    fn announcement(&self) -> Announcement<'_> {
        let mut listening: Vec<_> =
            self.sockets.bound().into_iter().map(|(purpose, address)| (purpose.word(), address)).collect();
        listening.extend(self.admin.clone().map(|address| ("admin", address)));
        Announcement {
            listening,
            checked: &self.checked,
            state: &self.state,
            authority: self.authority.as_ref().map(|(_, fresh)| *fresh),
            workers: self.workers.len(),
        }
    }

    /// Until a signal says stop.
    async fn serve(&mut self) {
        let mut tick = tokio::time::interval(CONTROL_INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut signals = Signals::new();
        loop {
            tokio::select! {
                _ = tick.tick() => self.look_around(),
                word = signals.next() => match word {
                    Word::Reload => self.reload_by("a signal"),
                    Word::Upgrade => if self.hand_over().await { break },
                    Word::Stop => break,
                },
                Some(wish) = self.reloads.recv() => {
                    // Whoever asked may have left; the reload was done all the same.
                    let _ = wish.done.send(self.reload());
                }
                Some(name) = self.wanted_certificates.recv() => self.keeping.want(name),
                () = self.keeping.changed() => self.renew_front(),
            }
        }
        self.stop(&mut signals).await;
    }

    /// Once a second: the calendar, ticket keys, changed files.
    fn look_around(&mut self) {
        self.clock.set(self.world.wall());
        self.shared.memory.rotate_tickets();
        if self.signed.is_old(self.world.wall()) {
            self.sign_again();
        }
        if let Some(path) = self.watch.changed() {
            self.reload_by(&path.display().to_string());
        }
    }

    /// Renews the signatures of zones.
    fn sign_again(&mut self) {
        let (wall, names) = (self.world.wall(), &self.checked.names);
        match self.signed.make(names, &self.state, wall, &mut *self.world.entropy()) {
            Ok(zones) => self.serve_zones(zones),
            // The old signatures hold for days yet.
            Err(error) => {
                tracing::error!(error, "signatures are not renewed");
                self.signed.postpone(wall);
            }
        }
    }

    fn serve_zones(&mut self, zones: Arc<Zones>) {
        self.signed.served(&zones, &self.state);
        self.tell_all(|| Order::Zones(Arc::clone(&zones)));
        self.zones = zones;
    }

    /// A certificate has come from the public authority.
    fn renew_front(&self) {
        let signer = self.authority.as_ref().map(|(authority, _)| Arc::clone(authority));
        match make_front(&self.checked, &self.shared.memory, signer, &self.keeping) {
            Ok(front) => self.shared.replace_front(front),
            Err(error) => tracing::error!("the new certificate cannot be served: {error}"),
        }
    }

    /// From a public authority, and for others from our own. Sites that have their certificates are served in any case.
    fn keep_certificates(&mut self, before: Option<&Checked>) {
        if let Err(error) = self.keeping.serve(&self.checked, &self.world, &self.shared, &self.clock) {
            tracing::error!("no certificates can be asked for: {error}");
        }
        let Some((authority, _)) = &self.authority else { return };
        let issuing = self.issuing.serve(&self.checked, before, authority, &self.world, &self.clock, &self.state);
        if let Err(error) = issuing {
            tracing::error!("no certificates can be issued: {error}");
        }
    }

    fn reload_by(&mut self, cause: &str) {
        match self.reload() {
            Ok(text) => tracing::info!(cause, "{}", text.trim_end()),
            Err(text) => tracing::error!(cause, "not reloaded, nothing has changed:\n{}", text.trim_end()),
        }
    }

    /// Checked whole, then swapped: either all of the new configuration is in force afterwards, or all of the old.
    fn reload(&mut self) -> Result<String, String> {
        let Ready { checked, remarks } = self.options.wanted.load(&self.clock, Paint::Plain)?;
        let checked = Arc::new(checked);
        let authority = match &self.authority {
            Some(authority) => Some(authority.clone()),
            None => {
                open_authority(&checked, &self.state, self.world.wall()).map_err(|failure| format!("{failure}\n"))?
            }
        };
        let signer = authority.as_ref().map(|(authority, _)| Arc::clone(authority));
        let front =
            make_front(&checked, &self.shared.memory, signer, &self.keeping).map_err(|error| format!("{error}\n"))?;
        let zones = self.signed.make(&checked.names, &self.state, self.world.wall(), &mut *self.world.entropy());
        let zones = zones.map_err(|error| format!("{error}\n"))?;
        let difference =
            self.sockets.prepare(&checked.listening, self.workers.len()).map_err(|error| format!("{error}\n"))?;
        let log = match checked.logging.access == self.checked.logging.access {
            true => None,
            false => Some(start_log(&checked.logging.access).map_err(|failure| format!("{failure}\n"))?),
        };
        // From here on nothing can fail.
        if let Some(log) = log {
            self.shared.log.store(Arc::new(log));
        }
        self.authority = authority;
        self.shared.replace_front(front);
        self.tell_all(|| Order::Serve(Arc::clone(&checked)));
        self.serve_zones(zones);
        self.sockets.apply(&difference);
        for (key, sockets) in difference.new {
            for ((orders, _), socket) in self.workers.iter().zip(sockets) {
                let _ = orders.send(Order::Listen(key.0, key.1.clone(), socket));
            }
        }
        for (purpose, address) in difference.gone {
            self.tell_all(|| Order::Forget(purpose, address.clone()));
        }
        let before = std::mem::replace(&mut self.checked, checked);
        self.keep_certificates(Some(&before));
        self.show();
        self.watch = Watch::new(self.files());
        let many = |count: usize, word| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let sites = many(self.checked.sites.len(), "site");
        let zones = match self.checked.names.zones.len() {
            0 => String::new(),
            count => format!(", {}", many(count, "zone")),
        };
        Ok(format!("{remarks}reloaded: {sites}{zones}\n"))
    }

    /// What `/config` shows from now on.
    fn show(&self) {
        *self.standing.shown.lock().unwrap_or_else(PoisonError::into_inner) = self.checked.shown.clone();
    }

    /// True when another process serves now and this one is to end.
    async fn hand_over(&self) -> bool {
        let (program, sockets, tickets) =
            (self.program.clone(), self.sockets.duplicates(), self.shared.memory.export_tickets());
        // It waits for the new process, which takes as long as reading the configuration does.
        let handed = tokio::task::spawn_blocking(move || handover::hand_over(&program, &sockets, &tickets)).await;
        match handed {
            Ok(Ok(())) => {
                tracing::info!("another process has taken over");
                true
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the handover failed; this process goes on");
                false
            }
            Err(error) => {
                tracing::error!(%error, "the handover failed; this process goes on");
                false
            }
        }
    }

    /// Lets requests under way finish; a second signal ends at once.
    async fn stop(&mut self, signals: &mut Signals) {
        let patience = self.checked.stop_timeout;
        self.standing.stopping.store(true, Ordering::Relaxed);
        tracing::info!(patience = ?patience, "stopping");
        if let Err(error) = self.state.write("tickets", &self.shared.memory.export_tickets()) {
            tracing::debug!(%error, "the ticket keys are not kept");
        }
        self.tell_all(|| Order::Drain(patience));
        let threads: Vec<_> = self.workers.drain(..).map(|(_, thread)| thread).collect();
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| _ = thread.join()));
        tokio::select! {
            _ = joined => {}
            _ = signals.next_stop() => tracing::warn!("stopping at once"),
        }
        self.shared.log.store(Arc::new(None));
        let _ = self.state.forget_running(std::process::id());
    }

    fn tell_all(&self, order: impl Fn() -> Order) {
        for (orders, _) in &self.workers {
            // A worker that has ended has nothing to be told.
            let _ = orders.send(order());
        }
    }

    /// What a change of asks for a reload.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = self.checked.watched.clone();
        if !self.options.wanted.is_folder() {
            files.push(self.options.wanted.path.clone());
        }
        files
    }
}

fn open_authority(
    checked: &Checked,
    state: &State,
    now: edgeway_base::WallTime,
) -> Result<Option<(Arc<Authority>, bool)>, Failure> {
    if !checked.certificates.wants_authority || !checked.listening.has_tls() {
        return Ok(None);
    }
    own_authority::open_or_create(state, now).map(Some).map_err(Failure::new)
}

fn make_front(
    checked: &Checked,
    memory: &Arc<Memory>,
    authority: Option<Arc<Authority>>,
    keeping: &Keeping,
) -> Result<Front, String> {
    if !checked.listening.has_tls() {
        return Front::build(memory, Vec::new(), edgeway_tls::server::FrontSettings::default())
            .map_err(|error| error.to_string());
    }
    checked
        .certificates
        .front(memory, authority, IssueRule::Never, &keeping.certificates())
        .map_err(|error| error.to_string())
}

fn start_log(target: &AccessTarget) -> Result<Option<std::sync::mpsc::SyncSender<Vec<u8>>>, Failure> {
    access_writer::start(target).map_err(|error| {
        let place = match target {
            AccessTarget::File(path) => path.display().to_string(),
            AccessTarget::Stdout | AccessTarget::Off => "standard output".to_owned(),
        };
        Failure::new(format!("the access log {place} cannot be opened: {error}"))
    })
}

fn admin_entrance(checked: &Checked) -> Entrance {
    Entrance {
        certificates: None,
        proxy_protocol: None,
        limits: Arc::new(checked.limits),
        http2: edgeway_http::h2::limits::Limits::default(),
        handshake_timeout: crate::limits::HANDSHAKE_TIMEOUT,
        connections_max: crate::limits::ADMIN_CONNECTIONS_MAX,
        connections_per_address_max: crate::limits::ADMIN_CONNECTIONS_MAX,
    }
}

/// A word that no other hop has.
fn pseudonym(world: &Kernel) -> String {
    format!("edgeway-{:08x}", world.entropy().next_u32())
}

enum Word {
    Reload,
    Upgrade,
    Stop,
}

/// The signals that mean something: HUP reloads, USR2 hands over, INT and TERM stop.
struct Signals {
    hangup: Option<Signal>,
    user: Option<Signal>,
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Signals {
    fn new() -> Self {
        // A signal that cannot be caught keeps its default meaning.
        Self {
            hangup: signal(SignalKind::hangup()).ok(),
            user: signal(SignalKind::user_defined2()).ok(),
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    async fn next(&mut self) -> Word {
        tokio::select! {
            () = wait(&mut self.hangup) => Word::Reload,
            () = wait(&mut self.user) => Word::Upgrade,
            () = wait(&mut self.interrupt) => Word::Stop,
            () = wait(&mut self.terminate) => Word::Stop,
        }
    }

    async fn next_stop(&mut self) {
        while !matches!(self.next().await, Word::Stop) {}
    }
}

async fn wait(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}
