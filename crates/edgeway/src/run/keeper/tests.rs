//! The keeper against our own ACME server, in memory: its requests are answered by the machine itself, and the machine's visits
//! by what the keeper shows.

use std::cell::{Cell, RefCell};

use edgeway_base::SeededEntropy;
use edgeway_tls::SharedClock;
use edgeway_tls::acme::server::{Server, ServerSettings, Shown, Visit};
use edgeway_tls::authority::Authority;

use super::*;
use crate::config::{Reach, Source, parse};

const DAY: Duration = Duration::from_secs(86_400);
const NOW: WallTime = WallTime::from_seconds(1_800_000_000);

/// A network of one ACME server, which visits by plain HTTP alone.
struct Network {
    server: RefCell<Server>,
    entropy: RefCell<SeededEntropy>,
    tokens: Arc<Tokens>,
    now: Cell<Instant>,
    wall: Cell<WallTime>,
    orders: Cell<u32>,
    down: Cell<bool>,
}

impl Network {
    fn new() -> Rc<Self> {
        let settings = ServerSettings {
            base: "https://ca.test/acme".to_owned(),
            authority: Arc::new(Authority::create("test", NOW).unwrap()),
            allowed: Arc::new(|_| true),
            lifetime: 90 * DAY,
            external_accounts: HashMap::new(),
            terms_of_service: None,
        };
        Rc::new(Self {
            server: RefCell::new(Server::new(settings)),
            entropy: RefCell::new(SeededEntropy::new(1)),
            tokens: Arc::default(),
            now: Cell::new(Instant::from_millis(1)),
            wall: Cell::new(NOW),
            orders: Cell::new(0),
            down: Cell::new(false),
        })
    }

    fn pass(&self, time: Duration) {
        self.now.set(self.now.get() + time);
        self.wall.set(self.wall.get().later(time));
    }

    fn answer(&self, request: &Request) -> Result<Response, String> {
        if self.down.get() {
            return Err("ca.test: connection refused".to_owned());
        }
        let mut server = self.server.borrow_mut();
        if request.url.ends_with("/new-order") {
            self.orders.set(self.orders.get() + 1);
        }
        let response = server.handle_request(self.wall.get(), &mut *self.entropy.borrow_mut(), request);
        while let Some(visit) = server.poll_event() {
            let shown = match &visit.visit {
                Visit::Http { path } => {
                    let answer = path.rsplit('/').next().and_then(|token| self.tokens.answer(token));
                    let status = if answer.is_some() { 200 } else { 404 };
                    Shown::Http { status, body: answer.unwrap_or_default().into_bytes() }
                }
                Visit::Tls { .. } => panic!("this network has no port 443"),
            };
            server.handle_validation(self.wall.get(), &visit.id, &shown);
        }
        Ok(response)
    }
}

impl Errands for Network {
    fn now(&self) -> Instant {
        self.now.get()
    }
    fn wall(&self) -> WallTime {
        self.wall.get()
    }
    fn entropy(&self) -> Box<dyn Entropy> {
        Box::new(SeededEntropy::new(2))
    }
    fn carry<'a>(&'a self, request: &'a Request) -> Boxed<'a, Result<Response, String>> {
        Box::pin(async move { self.answer(request) })
    }
    fn may_issue<'a>(&'a self, ask: &'a str, name: &'a str) -> Boxed<'a, bool> {
        assert_eq!(ask, "http://127.0.0.1:1/may");
        Box::pin(async move { name.starts_with("good") })
    }
}

struct Scene {
    network: Rc<Network>,
    keeper: Keeper,
    kept: Rc<Kept>,
    state: State,
}

impl Scene {
    fn new(name: &str, network: &Rc<Network>) -> Self {
        let folder = std::env::temp_dir().join(format!("edgeway-keeper-{name}-{}", std::process::id()));
        let state = State::choose(Some(&folder));
        let kept = Rc::new(Kept::load(&state));
        let surroundings = Surroundings {
            errands: Rc::clone(network) as Rc<dyn Errands>,
            state: state.clone(),
            memory: Memory::new(SharedClock::new(NOW)),
            tokens: Arc::clone(&network.tokens),
            kept: Rc::clone(&kept),
            changed: Rc::default(),
            refusals: Arc::default(),
            // This network's server visits port 80.
            proofs: vec![ProofKind::Http],
        };
        let keeper = Keeper::new(surroundings, certificates()).unwrap();
        Self { network: Rc::clone(network), keeper, kept, state }
    }

    /// Works and lets time pass until there is nothing to do.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.keeper.look_for_work();
            now_or_never(self.keeper.work());
            let Some(until) = self.keeper.client.poll_timeout() else { return };
            self.network.pass(until - self.network.now.get());
        }
        panic!("it never settles");
    }

    fn names(&self) -> Vec<String> {
        self.kept.all().iter().map(|one| shown(&one.facts().names)).collect()
    }
}

/// Nothing here waits.
fn now_or_never<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("a test's errands are done at once"),
    }
}

fn certificates() -> Certificates {
    let text = "[tls]\nissuer = \"acme\"\n[tls.acme]\ndirectory = \"https://ca.test/acme/directory\"\n\
                ask = \"http://127.0.0.1:1/may\"\n[site.\"a.test\"]\naliases = [\"www.a.test\"]\nroute = [{ respond = 200 }]\n\
                [site.\"*.shops.test\"]\nroute = [{ respond = 200 }]\n";
    let mut loaded = parse(Source::new("edge.toml", ".", text), Reach::Text);
    let made = loaded.make(&SharedClock::new(NOW));
    assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics);
    made.unwrap().certificates
}

#[test]
fn a_site_gets_its_certificate_and_a_new_one_in_time() {
    let network = Network::new();
    let mut scene = Scene::new("site", &network);
    scene.settle();
    assert_eq!(scene.names(), ["a.test www.a.test"]);
    assert_eq!(network.orders.get(), 1);
    let front = scene.keeper.certificates.clone();
    let made = front.front(&scene.keeper.memory, None, edgeway_tls::server::IssueRule::Never, &scene.kept.all());
    assert!(made.is_ok(), "the front takes it: {:?}", made.err());
    // What is stored is found by the next process, which asks for nothing.
    let next = Scene::new("site", &network);
    assert_eq!(next.names(), ["a.test www.a.test"]);
    scene.network.pass(30 * DAY);
    scene.settle();
    assert_eq!(network.orders.get(), 1, "a third of its life is not long enough");
    scene.network.pass(57 * DAY);
    scene.settle();
    assert_eq!((network.orders.get(), scene.names().len()), (2, 1), "the new one takes the place of the old");
    std::fs::remove_dir_all(scene.state.folder()).unwrap();
}

#[test]
fn names_that_no_site_lists_need_a_yes() {
    let network = Network::new();
    let mut scene = Scene::new("ask", &network);
    scene.settle();
    for (name, expected) in [
        ("bad.shops.test", 1),
        ("good.elsewhere.test", 1),
        ("www.a.test", 1),
        ("good.shops.test", 2),
        ("good.shops.test", 2),
    ] {
        now_or_never(scene.keeper.obey(Order::Want(name.to_owned())));
        scene.settle();
        assert_eq!(scene.names().len(), expected, "{name}");
    }
    std::fs::remove_dir_all(scene.state.folder()).unwrap();
}

#[test]
fn an_authority_that_is_away_is_asked_again_later_and_later() {
    let network = Network::new();
    network.down.set(true);
    let mut scene = Scene::new("away", &network);
    scene.settle();
    let names = scene.keeper.certificates.awaited()[0].clone();
    let first = scene.keeper.pauses[&names].1;
    scene.network.pass(first);
    scene.settle();
    assert_eq!(scene.keeper.pauses[&names].1, first * 2);
    network.down.set(false);
    scene.settle();
    assert!(scene.names().is_empty(), "not before its time");
    scene.network.pass(first * 2);
    scene.settle();
    assert_eq!(scene.names().len(), 1);
    std::fs::remove_dir_all(scene.state.folder()).unwrap();
}
