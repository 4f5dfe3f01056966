//! Content in motion: what a request carries in and a response carries out, pulled frame by frame. Drivers pull
//! response bodies when the client has room; stages pull request bodies when the upstream has room. That is
//! the whole of back-pressure: nobody pulls, nothing is read.

use std::fmt;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use edgeway_base::{Blame, Blamed};
use edgeway_http::semantics::{BodyLength, Fields};

/// A piece of content, or its trailers, which come last.
#[derive(Debug)]
pub enum Frame {
    /// Bytes; never empty.
    Data(Bytes),
    /// The trailer section; nothing follows it.
    Trailers(Box<Fields>),
}

/// Something that yields frames.
pub trait BodySource {
    /// The next frame; `None` when the content is complete. After an error or `None` it is not called again.
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>>;

    /// How long it is, as far as known before it is read.
    fn length(&self) -> BodyLength {
        BodyLength::Unknown
    }
}

/// The content of a message.
#[derive(Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// All of it, in memory.
    Full(Bytes),
    /// To be pulled.
    Source(Box<dyn BodySource>),
}

impl Body {
    /// How long it is.
    pub fn length(&self) -> BodyLength {
        match self {
            Self::Empty => BodyLength::None,
            Self::Full(bytes) => BodyLength::Known(bytes.len() as u64),
            Self::Source(source) => source.length(),
        }
    }

    /// Whether there is certainly nothing to read.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty) || matches!(self, Self::Full(bytes) if bytes.is_empty())
    }

    /// The next frame; `None` when complete.
    pub fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::Data(bytes))))
            }
            Self::Source(source) => source.poll_frame(context),
        }
    }

    /// The next frame; `None` when complete.
    pub async fn frame(&mut self) -> Option<Result<Frame, BodyError>> {
        std::future::poll_fn(|context| self.poll_frame(context)).await
    }

    /// All of it in memory, trailers left out. Content of more than `limit` bytes is [`BodyFailure::TooLarge`],
    /// found before more than `limit` bytes were kept.
    pub async fn collect(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        if let Self::Full(bytes) = self
            && bytes.len() <= limit
        {
            return Ok(std::mem::take(bytes));
        }
        if matches!(self.length(), BodyLength::Known(length) if length > limit as u64) {
            return Err(BodyFailure::TooLarge.into());
        }
        let mut collected = BytesMut::new();
        while let Some(frame) = self.frame().await {
            if let Frame::Data(data) = frame? {
                if collected.len() + data.len() > limit {
                    return Err(BodyFailure::TooLarge.into());
                }
                collected.extend_from_slice(&data);
            }
        }
        Ok(collected.freeze())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Body({:?})", self.length())
    }
}

/// Why content ended before it was complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyFailure {
    /// The sender closed or reset before the end.
    Disconnected,
    /// The sender was too slow (408 when a client, 504 when an upstream).
    TimedOut,
    /// More than the limit allows (413).
    TooLarge,
    /// Framing that makes no sense (400, 502).
    Malformed,
    /// Our own disk or memory failed (500).
    Local,
}

/// An incomplete body: why, and whose fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BodyError {
    /// What happened.
    pub failure: BodyFailure,
    /// The client's, the upstream's, the machine's.
    pub blame: Blame,
}

impl From<BodyFailure> for BodyError {
    /// Blames the peer, or the environment where the failure is local.
    fn from(failure: BodyFailure) -> Self {
        let blame = if failure == BodyFailure::Local { Blame::Environment } else { Blame::Peer };
        Self { failure, blame }
    }
}

impl Blamed for BodyError {
    fn blame(&self) -> Blame {
        self.blame
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.failure {
            BodyFailure::Disconnected => "the content ended before it was complete",
            BodyFailure::TimedOut => "the content came too slowly",
            BodyFailure::TooLarge => "the content is larger than allowed",
            BodyFailure::Malformed => "the content's framing is malformed",
            BodyFailure::Local => "the content could not be read or written here",
        })
    }
}

impl std::error::Error for BodyError {}
