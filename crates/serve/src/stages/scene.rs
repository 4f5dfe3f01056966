//! One request before one stage, without a socket: for the tests of the stages.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use edgeway_base::world::Address;
use edgeway_base::{Entropy, Instant, SeededEntropy, WallTime};
use edgeway_http::semantics::{BodyLength, FieldName, Fields, Method, RequestHead, ResponseHead, Scheme};
use edgeway_net::drive::outside::{Boxed, Outside};
use edgeway_net::drive::transport::Transport;
use edgeway_net::drive::{Body, ConnectionFacts, Request, Response};

use super::headers::Edits;
use super::record::Recorder;
use super::record::metrics::WorkerMetrics;
use crate::edge::Edge;
use crate::exchange::Exchange;
use crate::plan::{End, Next, Plan, Route, Stage};
use crate::routes::Matcher;

/// Clocks that tests turn; the calendar stands in the year 2096, so that no file changed just now.
#[derive(Default)]
pub(crate) struct Clocks {
    /// The monotonic clock.
    pub(crate) now: Cell<Instant>,
    /// Seconds by which the calendar is behind 2096.
    pub(crate) wall: Cell<WallTime>,
    seed: Cell<u64>,
}

impl Outside for Clocks {
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn wall(&self) -> WallTime {
        self.wall.get()
    }

    fn entropy(&self) -> Box<dyn Entropy> {
        self.seed.set(self.seed.get() + 1);
        Box::new(SeededEntropy::new(self.seed.get()))
    }

    fn dial<'a>(&'a self, _: &'a Address) -> Boxed<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }

    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// A worker without sockets.
pub(crate) struct Scene {
    pub(crate) clocks: Rc<Clocks>,
    edge: Rc<Edge>,
    runtime: tokio::runtime::Runtime,
}

/// What came back.
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    /// The content; empty when it broke off, see [`Seen::broken`].
    pub(crate) body: Bytes,
    /// Its announced length.
    pub(crate) length: BodyLength,
    pub(crate) broken: bool,
    /// Who signed in.
    pub(crate) user: Option<String>,
}

impl Seen {
    /// A field's first value; empty when there is none.
    pub(crate) fn field(&self, name: FieldName) -> &str {
        self.fields.get_str(name).unwrap_or_default()
    }

    /// The content as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Scene {
    /// A quiet worker.
    pub(crate) fn new() -> Self {
        let clocks = Rc::new(Clocks::default());
        clocks.wall.set(WallTime::from_seconds(4_000_000_000));
        clocks.now.set(Instant::from_millis(3_600_000));
        let outside: Rc<dyn Outside> = Rc::clone(&clocks) as Rc<dyn Outside>;
        let edge =
            Edge::new(outside, Plan::default(), Recorder::new(Arc::new(WorkerMetrics::default()), None), "scene");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { clocks, edge, runtime }
    }

    /// Lets `milliseconds` pass.
    pub(crate) fn pass(&self, milliseconds: u64) {
        self.clocks.now.set(Instant::from_millis(self.clocks.now.get().as_millis() + milliseconds));
    }

    /// A request: `GET /path?query`, its fields, its content.
    pub(crate) fn exchange(&self, line: &str, fields: &[(&str, &str)], body: impl Into<Body>) -> Exchange {
        let (method, target) = line.split_once(' ').expect("a method and a target");
        let body = body.into();
        let mut head = Box::<RequestHead>::default();
        head.method = Method::from_bytes(method.as_bytes()).expect("a method");
        head.scheme = Scheme::Http;
        head.body = body.length();
        head.set_target(target.as_bytes());
        head.set_authority(b"scene.example").expect("a host");
        fields.iter().for_each(|(name, value)| head.fields.append_named(name, value));
        let nowhere = || Address::Ip(([127, 0, 0, 1], 1).into());
        let (peer, socket_peer, local) = (nowhere(), nowhere(), nowhere());
        let connection =
            Rc::new(ConnectionFacts { peer, peer_text: "192.0.2.1".into(), socket_peer, local, tls: None, worker: 0 });
        let received = self.clocks.now.get();
        let request = Request { head, body, reply: ResponseHead::default(), connection, link: None, received };
        let mut exchange = Exchange::new(request, Rc::clone(&self.edge));
        let path = exchange.head.path().to_owned();
        exchange.path.set(&path).expect("a path that has a normal form");
        exchange
    }

    /// What an end answers.
    pub(crate) fn ask(&self, end: &dyn End, line: &str, fields: &[(&str, &str)]) -> Seen {
        self.send(end, line, fields, Body::Empty)
    }

    /// What an end answers to a request with content.
    pub(crate) fn send(&self, end: &dyn End, line: &str, fields: &[(&str, &str)], body: impl Into<Body>) -> Seen {
        let mut exchange = self.exchange(line, fields, body);
        self.runtime.block_on(async {
            let response = match end.answer_now(&mut exchange) {
                Some(response) => response,
                None => end.answer(&mut exchange).await,
            };
            see(exchange, response).await
        })
    }

    /// What an end answers when it takes its time.
    pub(crate) fn ask_patiently(&self, end: &dyn End, line: &str, fields: &[(&str, &str)]) -> Seen {
        let mut exchange = self.exchange(line, fields, Body::Empty);
        self.runtime.block_on(async {
            let response = end.answer(&mut exchange).await;
            see(exchange, response).await
        })
    }

    /// A route of one stage and an end.
    pub(crate) fn route(&self, stage: Rc<dyn Stage>, end: Rc<dyn End>) -> Route {
        Route {
            name: "/*".into(),
            matcher: Matcher::default(),
            body_limit: None,
            trace: false,
            early_data: false,
            rewrite: None,
            request_edits: Edits::default(),
            response_edits: Edits::default(),
            stages: vec![stage],
            end,
        }
    }

    /// What comes back through a stage before an end.
    pub(crate) fn pass_through(
        &self,
        stage: Rc<dyn Stage>,
        end: Rc<dyn End>,
        line: &str,
        fields: &[(&str, &str)],
    ) -> Seen {
        let route = self.route(stage, end);
        let mut exchange = self.exchange(line, fields, Body::Empty);
        self.runtime.block_on(async {
            // As the chain does it.
            let response = match Next::new(&route).run_now(&mut exchange) {
                Some(response) => response,
                None => Next::new(&route).run(&mut exchange).await,
            };
            see(exchange, response).await
        })
    }
}

async fn see(exchange: Exchange, mut response: Response) -> Seen {
    let length = response.body.length();
    let collected = response.body.collect(usize::MAX).await;
    Seen {
        status: response.head.status.code(),
        fields: response.head.fields,
        length,
        broken: collected.is_err(),
        body: collected.unwrap_or_default(),
        user: exchange.notes.user.map(Into::into),
    }
}
