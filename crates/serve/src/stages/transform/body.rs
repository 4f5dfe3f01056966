//! Content compressed as it passes. What came in is flushed out whenever no more is there for the moment, so a page that an
//! application sends piece by piece arrives piece by piece.

use std::task::{Context, Poll};

use bytes::Bytes;
use edgeway_http::semantics::Fields;
use edgeway_http::semantics::negotiation::ContentCoding;
use edgeway_net::drive::{Body, BodyError, BodyFailure, BodySource, Frame};

use super::encode::Encoder;
use super::limits::SLICE;

/// Content on its way through a compressor.
pub(super) struct CompressedBody {
    inner: Body,
    coding: ContentCoding,
    /// Made when the first byte is asked for: a HEAD request costs no compressor.
    encoder: Option<Encoder>,
    /// What was pulled and not yet compressed.
    rest: Bytes,
    /// Whether bytes went in since the last flush.
    dirty: bool,
    /// Whether a slice was just compressed: others of the worker come first then.
    tired: bool,
    ended: bool,
    trailers: Option<Box<Fields>>,
}

type Polled = Poll<Option<Result<Frame, BodyError>>>;

impl CompressedBody {
    pub(super) fn new(inner: Body, coding: ContentCoding) -> Self {
        let rest = Bytes::new();
        Self { inner, coding, encoder: None, rest, dirty: false, tired: false, ended: false, trailers: None }
    }

    fn encoder(&mut self) -> Result<&mut Encoder, BodyError> {
        if self.encoder.is_none() {
            self.encoder = Encoder::new(self.coding).map_err(|_| local())?;
        }
        // Only identity has no encoder, and it is never asked for here.
        self.encoder.as_mut().ok_or_else(local)
    }

    fn compress_slice(&mut self) -> Result<Bytes, BodyError> {
        let slice = self.rest.split_to(self.rest.len().min(SLICE));
        self.dirty = true;
        self.tired = slice.len() == SLICE;
        self.encoder()?.write(&slice).map_err(|_| local())
    }

    fn finish(&mut self) -> Result<Bytes, BodyError> {
        self.ended = true;
        // Content of no bytes still has a beginning and an end in its coding.
        self.encoder()?;
        match self.encoder.take() {
            Some(encoder) => encoder.finish().map_err(|_| local()),
            None => Err(local()),
        }
    }
}

fn local() -> BodyError {
    BodyFailure::Local.into()
}

impl BodySource for CompressedBody {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Polled {
        loop {
            if self.ended {
                return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::Trailers(trailers))));
            }
            if std::mem::take(&mut self.tired) {
                // Megabytes of text can shrink to a few packets: without a pause the driver would ask for them all at once.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let made = if self.rest.is_empty() {
                match self.inner.poll_frame(context) {
                    Poll::Ready(Some(Ok(Frame::Data(data)))) => {
                        self.rest = data;
                        continue;
                    }
                    Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) => {
                        self.trailers = Some(trailers);
                        self.finish()
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready(None) => self.finish(),
                    Poll::Pending if self.dirty => {
                        self.dirty = false;
                        self.encoder().and_then(|encoder| encoder.flush().map_err(|_| local()))
                    }
                    Poll::Pending => return Poll::Pending,
                }
            } else {
                self.compress_slice()
            };
            match made {
                // The compressor wants more before it gives anything.
                Ok(bytes) if bytes.is_empty() => {}
                made => return Poll::Ready(Some(made.map(Frame::Data))),
            }
        }
    }
}
