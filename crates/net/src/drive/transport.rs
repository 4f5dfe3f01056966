//! What a driver reads from and writes to: a plain stream, or one under TLS. Reads go into the machine's own buffer, and everything
//! that is ready leaves in one vectored write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use edgeway_base::world::ByteStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream as the drivers use it.
pub trait Transport: Unpin + 'static {
    /// Appends to `into`, which has room; zero is the end of input.
    fn poll_read(&mut self, context: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<usize>>;
    /// Reads into `into`, which is not empty; zero is the end of input.
    fn poll_read_slice(&mut self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>>;
    /// Takes from the front of `slices`; how many bytes.
    fn poll_write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;
    /// Sends what was taken and is still held back.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Says that nothing more will be written.
    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Gives memory back that only a busy connection needs.
    fn release_memory(&mut self) {}
    /// Makes the coming close one that the peer cannot take for a proper end.
    fn reset(&mut self) {}
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn poll_read(&mut self, context: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<usize>> {
        (**self).poll_read(context, into)
    }

    fn poll_read_slice(&mut self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        (**self).poll_read_slice(context, into)
    }

    fn poll_write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        (**self).poll_write(context, slices)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_flush(context)
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        (**self).poll_shutdown(context)
    }

    fn release_memory(&mut self) {
        (**self).release_memory();
    }

    fn reset(&mut self) {
        (**self).reset();
    }
}

/// Writes all of `bytes`.
pub async fn write_all<T: Transport + ?Sized>(transport: &mut T, mut bytes: &[u8]) -> io::Result<()> {
    std::future::poll_fn(|context| {
        while !bytes.is_empty() {
            let written = ready!(transport.poll_write(context, &[IoSlice::new(bytes)]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            bytes = &bytes[written..];
        }
        transport.poll_flush(context)
    })
    .await
}

/// A stream without TLS.
#[derive(Debug)]
pub struct Plain<S>(pub S);

impl<S: ByteStream> Transport for Plain<S> {
    fn poll_read(&mut self, context: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<usize>> {
        tokio_util::io::poll_read_buf(Pin::new(&mut self.0), context, into)
    }

    fn poll_read_slice(&mut self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(into);
        ready!(Pin::new(&mut self.0).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match slices {
            [only] => Pin::new(&mut self.0).poll_write(context, only),
            several => Pin::new(&mut self.0).poll_write_vectored(context, several),
        }
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

/// A transport as tokio's traits see it, with bytes that were already read in front: what a tunnel gets.
pub struct Prefixed<T> {
    prefix: Bytes,
    transport: T,
    buffer: BytesMut,
}

impl<T: Transport> Prefixed<T> {
    /// `prefix` is read first, then the transport.
    pub fn new(prefix: Bytes, transport: T) -> Self {
        Self { prefix, transport, buffer: BytesMut::new() }
    }
}

/// Bytes a tunnel reads at once.
const TUNNEL_READ_BYTES: usize = 64 << 10;

impl<T: Transport> AsyncRead for Prefixed<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.prefix.is_empty() && this.buffer.is_empty() {
            this.buffer.reserve(TUNNEL_READ_BYTES.min(into.remaining().max(1)));
            let read = this.transport.poll_read(context, &mut this.buffer);
            if read.is_pending() {
                // An idle tunnel holds no buffer.
                this.buffer = BytesMut::new();
            }
            ready!(read)?;
        }
        if this.prefix.is_empty() {
            let length = this.buffer.len().min(into.remaining());
            into.put_slice(&this.buffer[..length]);
            this.buffer.advance(length);
        } else {
            let length = this.prefix.len().min(into.remaining());
            into.put_slice(&this.prefix[..length]);
            this.prefix.advance(length);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport> AsyncWrite for Prefixed<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().transport.poll_write(context, &[IoSlice::new(bytes)])
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().transport.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().transport.poll_shutdown(context)
    }
}
