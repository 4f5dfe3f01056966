//! Sets a scenario up: one edge that proxies to one scripted upstream, and clients that speak raw bytes.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_base::World as _;
use edgeway_base::world::{Address, Listener as _};
use edgeway_lab::streams::{MemoryStream, Streams};
use edgeway_net::drive::accept::{self, Door, Entrance};
use edgeway_net::drive::gate::Gate;
use edgeway_serve::Edge;
use edgeway_serve::plan::{Plan, Route, Site};
use edgeway_serve::routes::Matcher;
use edgeway_serve::stages::headers::Edits;
use edgeway_serve::stages::proxy::target::{Place, Target};
use edgeway_serve::stages::proxy::{Proxy, Settings};
use edgeway_serve::stages::record::Recorder;
use edgeway_serve::stages::record::metrics::WorkerMetrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Where the edge listens.
pub(crate) const EDGE: &str = "10.0.0.80:80";
/// Where the first upstream listens.
pub(crate) const UPSTREAM: &str = "10.0.0.90:9000";
/// Where the second upstream listens, where there is one.
pub(crate) const SECOND: &str = "10.0.0.91:9000";

/// A running edge and what it counted.
pub(crate) struct Scene {
    pub(crate) world: Streams,
    pub(crate) metrics: Arc<WorkerMetrics>,
    pub(crate) gate: Rc<Gate>,
}

/// Runs `script` in a fresh world with the edge proxying to `upstreams`.
pub(crate) fn play<F: Future<Output = ()>>(upstreams: &[&str], script: impl FnOnce(Scene) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let scene = open(upstreams);
        script(scene).await;
    });
}

fn open(upstreams: &[&str]) -> Scene {
    let world = Streams::new(1);
    let metrics = Arc::<WorkerMetrics>::default();
    let settings = Settings {
        connect_timeout: Duration::from_secs(2),
        first_byte_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(5),
        ..Settings::default()
    };
    let targets = upstreams.iter().map(|upstream| Target::new(upstream, Place::Address(address(upstream)))).collect();
    let route = Route {
        name: "/*".into(),
        matcher: Matcher::default(),
        body_limit: None,
        trace: false,
        early_data: false,
        rewrite: None,
        request_edits: Edits::default(),
        response_edits: Edits::default(),
        stages: Vec::new(),
        end: Rc::new(Proxy::new(settings, targets)),
    };
    let mut plan = Plan::default();
    plan.add("*", Rc::new(Site { name: "scene".into(), routes: vec![route], ..Site::default() }));
    let recorder = Recorder::new(Arc::clone(&metrics), None);
    let edge = Edge::new(Rc::new(world.clone()), plan, recorder, "edge-under-test");
    let gate = Gate::new();
    let door = Door::new(Entrance {
        certificates: None,
        proxy_protocol: None,
        limits: Arc::default(),
        http2: edgeway_http::h2::limits::Limits::default(),
        handshake_timeout: Duration::from_secs(10),
        connections_max: 100,
        connections_per_address_max: 100,
    });
    let listener = world.listen(&address(EDGE)).unwrap();
    let accepting = accept::run(listener, door, world.clone(), edge, Rc::clone(&gate), Rc::default(), 0);
    tokio::task::spawn_local(accepting);
    Scene { world, metrics, gate }
}

pub(crate) fn address(text: &str) -> Address {
    Address::Ip(text.parse().unwrap())
}

impl Scene {
    /// An upstream that hands every connection it gets to `script`, with its number.
    pub(crate) fn upstream<F: Future<Output = ()> + 'static>(
        &self,
        at: &str,
        script: impl Fn(MemoryStream, usize) -> F + 'static,
    ) {
        let mut listener = self.world.listen(&address(at)).unwrap();
        tokio::task::spawn_local(async move {
            let mut number = 0;
            while let Ok(stream) = std::future::poll_fn(|context| listener.poll_accept(context)).await {
                tokio::task::spawn_local(script(stream, number));
                number += 1;
            }
        });
    }

    /// A client's connection to the edge.
    pub(crate) async fn client(&self) -> MemoryStream {
        self.world.dial(&address(EDGE)).await.unwrap()
    }

    /// One request on a connection of its own; everything that came back until the edge closed.
    pub(crate) async fn ask(&self, request: &str) -> String {
        let mut client = self.client().await;
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Waits, in virtual time, until `condition` holds; a condition that never does fails the scenario.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        for _ in 0..600 {
            if condition() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never happened in a minute of virtual time: {what}");
    }
}

/// Reads a head: up to and with the empty line.
pub(crate) async fn read_head(stream: &mut MemoryStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}
