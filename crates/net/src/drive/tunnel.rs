//! Carries bytes both ways between two streams until both sides are done or both are silent for too long. Used after an upgrade
//! (WebSocket) and for CONNECT. Each direction holds a buffer only while it has bytes in it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::time::{Instant, Sleep, sleep_until};

use super::handler::Duplex;
use super::recycle;

/// Runs the tunnel; bytes carried from the client and to it. A side that closes for writing is passed on as such
/// (half-close), so a protocol that ends in two steps does.
pub async fn run(mut client: Box<dyn Duplex>, mut upstream: Box<dyn Duplex>, idle: Duration) -> (u64, u64) {
    let mut up = Direction::default();
    let mut down = Direction::default();
    let mut timer = Box::pin(sleep_until(Instant::now() + idle));
    let mut carried = 0;
    std::future::poll_fn(|context| {
        // An error in one direction ends both: half a broken connection is of no use to anyone.
        let ended = up.poll(context, &mut *client, &mut *upstream)?;
        let ended = down.poll(context, &mut *upstream, &mut *client)?.is_ready() && ended.is_ready();
        if ended {
            return Poll::Ready(io::Result::Ok(()));
        }
        let total = up.carried + down.carried;
        if total != carried {
            carried = total;
            postpone(&mut timer, idle);
        }
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    })
    .await
    .unwrap_or_default();
    (up.carried, down.carried)
}

/// Moves the timer only when that is worth it: a second sooner or later is nothing to an idle tunnel.
fn postpone(timer: &mut Pin<Box<Sleep>>, idle: Duration) {
    let deadline = Instant::now() + idle;
    if deadline - timer.deadline() > Duration::from_secs(1) {
        timer.as_mut().reset(deadline);
    }
}

#[derive(Default)]
struct Direction {
    buffer: BytesMut,
    state: State,
    carried: u64,
}

#[derive(Default, PartialEq, Eq, Clone, Copy)]
enum State {
    #[default]
    Open,
    /// The source is done; what is in the buffer is still to go, then the close.
    Ending,
    Done,
}

impl Direction {
    fn poll(&mut self, context: &mut Context<'_>, from: &mut dyn Duplex, to: &mut dyn Duplex) -> Poll<io::Result<()>> {
        loop {
            while !self.buffer.is_empty() {
                let written = ready!(Pin::new(&mut *to).poll_write(context, &self.buffer))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.buffer.advance(written);
                self.carried += written as u64;
            }
            match self.state {
                State::Done => return Poll::Ready(Ok(())),
                State::Ending => {
                    ready!(Pin::new(&mut *to).poll_shutdown(context))?;
                    self.state = State::Done;
                }
                State::Open => {
                    // Bytes that a TLS layer still holds must leave before we wait for more.
                    let _ = Pin::new(&mut *to).poll_flush(context)?;
                    ready!(self.poll_fill(context, from))?;
                }
            }
        }
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, from: &mut dyn Duplex) -> Poll<io::Result<()>> {
        if self.buffer.capacity() == 0 {
            self.buffer = recycle::buffer();
        }
        let read = tokio_util::io::poll_read_buf(Pin::new(from), context, &mut self.buffer);
        if self.buffer.is_empty() {
            recycle::give_buffer(std::mem::take(&mut self.buffer));
        }
        if ready!(read)? == 0 {
            self.state = State::Ending;
        }
        Poll::Ready(Ok(()))
    }
}
