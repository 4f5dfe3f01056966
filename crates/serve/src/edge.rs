//! One worker's share of the edge: the plan in force, pools, counters, the log buffer, the date line. Implements
//! [`edgeway_net::drive::Handler`] for the drivers; everything it does is in [`crate::chain`].

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use edgeway_base::{Instant, WallTime};
use edgeway_http::semantics::date::{IMF_FIXDATE_LENGTH, write_http_date};
use edgeway_http::semantics::percent::NormalPath;
use edgeway_http::semantics::{FieldName, Fields, RequestHead, Status};
use edgeway_net::drive::outside::Outside;
use edgeway_net::drive::pool::{Pool, PoolLimits};
use edgeway_net::drive::{Answer, Answering, Handler, Request, Sent};

use crate::chain;
use crate::exchange::Ticket;
use crate::limits::{POOL_IDLE_FOR, POOL_IDLE_MAX, SWEEP_INTERVAL};
use crate::names::Names;
use crate::plan::Plan;
use crate::stages::record::Recorder;

/// One worker's share. Never shared between threads.
pub struct Edge {
    /// Clocks and the way to dial.
    pub outside: Rc<dyn Outside>,
    /// Idle upstream connections.
    pub pool: Rc<Pool>,
    plan: RefCell<Rc<Plan>>,
    recorder: RefCell<Rc<Recorder>>,
    date: RefCell<DateLine>,
    spare_path: RefCell<Option<NormalPath>>,
    /// Where round robin stands; one number serves all lists.
    turn: Cell<usize>,
    pseudonym: Box<str>,
    /// The name service, which routes with `dns = true` ask. It holds the edge, not the edge it.
    names: RefCell<Weak<Names>>,
}

impl Edge {
    /// A worker that serves `plan`. `pseudonym` is its name in Via, one that no other hop has.
    pub fn new(outside: Rc<dyn Outside>, plan: Plan, recorder: Recorder, pseudonym: &str) -> Rc<Self> {
        Rc::new(Self {
            outside,
            pool: Pool::new(PoolLimits { idle_max: POOL_IDLE_MAX, idle_for: POOL_IDLE_FOR }),
            plan: RefCell::new(Rc::new(plan)),
            recorder: RefCell::new(Rc::new(recorder)),
            date: RefCell::default(),
            spare_path: RefCell::default(),
            turn: Cell::new(0),
            pseudonym: pseudonym.into(),
            names: RefCell::default(),
        })
    }

    /// The plan in force. Requests under way keep the one they began with.
    pub fn plan(&self) -> Rc<Plan> {
        Rc::clone(&self.plan.borrow())
    }

    /// Puts another plan in force, whole: no request ever sees half of each.
    pub fn replace_plan(&self, plan: Plan) {
        *self.plan.borrow_mut() = Rc::new(plan);
    }

    /// The worker's recorder.
    pub fn recorder(&self) -> Rc<Recorder> {
        Rc::clone(&self.recorder.borrow())
    }

    /// Records differently from now on; what the old recorder gathered is written.
    pub fn replace_recorder(&self, recorder: Recorder) {
        *self.recorder.borrow_mut() = Rc::new(recorder);
    }

    /// Has routes with `dns = true` ask this name service.
    pub fn set_names(&self, names: &Rc<Names>) {
        *self.names.borrow_mut() = Rc::downgrade(names);
    }

    /// The worker's name service.
    pub fn names(&self) -> Option<Rc<Names>> {
        self.names.borrow().upgrade()
    }

    /// Our name in Via.
    pub fn pseudonym(&self) -> &str {
        &self.pseudonym
    }

    /// The next turn of a round robin.
    pub fn next_turn(&self) -> usize {
        self.turn.replace(self.turn.get().wrapping_add(1))
    }

    /// Does what has to be done now and then; runs as long as the worker.
    pub async fn keep_house(self: Rc<Self>) {
        let mut interval = tokio::time::interval(SWEEP_INTERVAL.min(crate::limits::LOG_DELAY));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut swept = self.outside.now();
        loop {
            interval.tick().await;
            self.recorder().flush();
            let now = self.outside.now();
            if now - swept >= SWEEP_INTERVAL {
                self.pool.sweep(now);
                swept = now;
            }
        }
    }

    /// Appends Date (RFC 9110 §6.6.1) and Server where they are missing.
    pub fn sign(&self, fields: &mut Fields, passed_through: bool) {
        if !fields.contains(FieldName::Date) {
            let mut date = self.date.borrow_mut();
            fields.append(FieldName::Date, date.text(&*self.outside));
        }
        if !passed_through && !fields.contains(FieldName::Server) {
            fields.append(FieldName::Server, "Edgeway");
        }
    }

    /// A path with warm memory.
    pub(crate) fn take_path(&self) -> NormalPath {
        self.spare_path.borrow_mut().take().unwrap_or_default()
    }

    /// Gives a path's memory back.
    pub(crate) fn give_path(&self, path: NormalPath) {
        *self.spare_path.borrow_mut() = Some(path);
    }
}

impl Handler for Edge {
    type Ticket = Ticket;

    fn handle(self: &Rc<Self>, request: Request) -> Answering<Ticket> {
        chain::handle(self, request)
    }

    fn refuse(self: &Rc<Self>, request: Request, status: Status, reason: &'static str) -> Answer<Ticket> {
        chain::refuse(self, request, status, reason)
    }

    fn finished(&self, ticket: Ticket, sent: Sent) -> Option<Box<RequestHead>> {
        self.recorder.borrow().record(&ticket, &sent, || self.outside.wall());
        Some(ticket.head)
    }

    fn connected(&self) {
        let recorder = self.recorder.borrow();
        recorder.metrics().connections.add(1);
        recorder.metrics().connections_open.add(1);
    }

    fn disconnected(&self) {
        self.recorder.borrow().metrics().connections_open.subtract(1);
    }

    fn handshake_failed(&self) {
        self.recorder.borrow().metrics().handshakes_failed.add(1);
    }
}

/// The Date field's value, made once a second.
struct DateLine {
    text: [u8; IMF_FIXDATE_LENGTH],
    until: Instant,
}

impl Default for DateLine {
    fn default() -> Self {
        Self { text: [b' '; IMF_FIXDATE_LENGTH], until: Instant::ZERO }
    }
}

impl DateLine {
    fn text(&mut self, outside: &dyn Outside) -> &[u8] {
        let now = outside.now();
        if now >= self.until {
            let wall: WallTime = outside.wall();
            self.text = write_http_date(wall);
            // Until the calendar's next second begins.
            let rest = 1_000_000_000 - u64::from(wall.since_epoch().subsec_nanos());
            self.until = now + std::time::Duration::from_nanos(rest);
        }
        &self.text
    }
}
