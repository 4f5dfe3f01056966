//! One timer per connection that is almost never touched: deadlines move with every request, but a timer that fires too early
//! only looks again, so it is moved only when the deadline comes nearer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use edgeway_base::Instant;
use tokio::time::Sleep;

/// A deadline that is cheap to move later.
#[derive(Debug, Default)]
pub struct LazyTimer {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: Option<Instant>,
}

impl LazyTimer {
    /// Ready when `deadline` has passed; otherwise the task is woken at some moment not after it, and then calls again.
    pub fn poll(&mut self, context: &mut Context<'_>, now: Instant, deadline: Option<Instant>) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        if deadline <= now {
            return Poll::Ready(());
        }
        match self.armed {
            // The task will be woken in time: nothing to do.
            Some(armed) if armed <= deadline && armed > now => Poll::Pending,
            _ => self.arm(context, now, deadline),
        }
    }

    fn arm(&mut self, context: &mut Context<'_>, now: Instant, deadline: Instant) -> Poll<()> {
        let at = tokio::time::Instant::now() + (deadline - now);
        let sleep = match &mut self.sleep {
            Some(sleep) => {
                sleep.as_mut().reset(at);
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(at))),
        };
        self.armed = Some(deadline);
        sleep.as_mut().poll(context)
    }
}
