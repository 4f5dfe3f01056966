//! A stream of an HTTP/2 connection as a stream of bytes: what a WebSocket over HTTP/2 runs on (RFC 8441).

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use edgeway_base::World;
use edgeway_http::h2::wire::StreamId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::shared::Shared;
use crate::drive::body::Frame;

pub(super) struct StreamDuplex<W> {
    shared: Rc<Shared>,
    stream: StreamId,
    world: W,
    unread: Bytes,
}

impl<W: World> StreamDuplex<W> {
    pub(super) const fn new(shared: Rc<Shared>, stream: StreamId, world: W) -> Self {
        Self { shared, stream, world, unread: Bytes::new() }
    }
}

// Nothing in here is pinned in place.
impl<W> Unpin for StreamDuplex<W> {}

impl<W: World> AsyncRead for StreamDuplex<W> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.unread.is_empty() {
            match ready!(this.shared.poll_incoming(context, this.stream)) {
                Some(Ok(Frame::Data(data))) => this.unread = data,
                Some(Ok(Frame::Trailers(_))) | None => return Poll::Ready(Ok(())),
                Some(Err(_)) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            }
        }
        let count = this.unread.len().min(into.remaining());
        into.put_slice(&this.unread[..count]);
        this.unread.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<W: World> AsyncWrite for StreamDuplex<W> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(room) = ready!(self.shared.poll_capacity(context, self.stream)) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let count = room.min(bytes.len());
        self.shared.machine().send_data(self.stream, Bytes::copy_from_slice(&bytes[..count]), self.world.now());
        self.shared.wake_connection();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.machine().send_end(self.stream, None);
        self.shared.wake_connection();
        Poll::Ready(Ok(()))
    }
}
