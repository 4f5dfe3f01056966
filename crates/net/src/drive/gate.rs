//! A worker's open connections: how many, and the way to wake them all when the worker stops. Held by the accept loop and by
//! every connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use edgeway_base::Instant;
use slab::Slab;

use crate::limits::DRAIN_GRACE;

/// All connections of one worker.
#[derive(Debug, Default)]
pub struct Gate {
    draining: Cell<bool>,
    connections: RefCell<Slab<Option<Waker>>>,
    waiting: RefCell<Option<Waker>>,
    /// Accept loops that wait for a place.
    full: RefCell<Vec<Waker>>,
}

impl Gate {
    /// An open gate with nobody inside.
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Whether the worker stops: finish what is under way, start nothing.
    pub fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Tells every connection to finish.
    pub fn drain(&self) {
        self.draining.set(true);
        for (_, waker) in &*self.connections.borrow() {
            if let Some(waker) = waker {
                waker.wake_by_ref();
            }
        }
    }

    /// Ready when no connection is open.
    pub fn poll_empty(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.connections.borrow().is_empty() {
            return Poll::Ready(());
        }
        *self.waiting.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }

    /// Ready when fewer than `most` connections are open.
    pub fn poll_below(&self, context: &mut Context<'_>, most: usize) -> Poll<()> {
        if self.connections.borrow().len() < most {
            return Poll::Ready(());
        }
        self.full.borrow_mut().push(context.waker().clone());
        Poll::Pending
    }

    /// A place for one connection, until the pass is dropped.
    pub fn enter(self: &Rc<Self>) -> Pass {
        Pass { number: self.connections.borrow_mut().insert(None), gate: Rc::clone(self) }
    }
}

/// One connection's place in the gate.
#[derive(Debug)]
pub struct Pass {
    gate: Rc<Gate>,
    number: usize,
}

impl Pass {
    /// Whether the worker stops. The first call leaves the waker that [`Gate::drain`] wakes.
    pub fn is_draining(&self, context: &Context<'_>) -> bool {
        if let Some(place @ None) = self.gate.connections.borrow_mut().get_mut(self.number) {
            *place = Some(context.waker().clone());
        }
        self.gate.draining.get()
    }
}

impl Pass {
    /// Whether the worker stops, for callers that have left their waker already.
    pub fn gate_is_draining(&self) -> bool {
        self.gate.draining.get()
    }
}

/// When a kept connection of a stopping worker is left. A request may be on its way: it is answered with `Connection: close`,
/// and only a client that stays silent is left without a word.
#[derive(Default)]
pub(super) struct Leave {
    at: Option<Instant>,
    left: bool,
}

impl Leave {
    /// Starts the wait when it is first asked; true when it is over.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        self.left |= now >= *self.at.get_or_insert(now + DRAIN_GRACE);
        self.left
    }

    /// When it will be over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.at.filter(|_| !self.left)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.connections.borrow_mut().remove(self.number);
        for waker in self.gate.full.borrow_mut().drain(..) {
            waker.wake();
        }
        if self.gate.connections.borrow().is_empty()
            && let Some(waker) = self.gate.waiting.borrow_mut().take()
        {
            waker.wake();
        }
    }
}
