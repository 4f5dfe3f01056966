//! Field blocks that come in pieces (RFC 9113 §4.3, §6.10). Owned by the connection; a whole block goes to the decoder.

use crate::h2::error::{ConnectionError, ErrorCode};
use crate::h2::limits::{BLOCK_SIZE_MAX, CONTINUATIONS_MAX};
use crate::h2::wire::frame::OldPriority;
use crate::h2::wire::{FrameHead, FrameKind, StreamId};

/// What a block is the fields of.
#[derive(Clone, Copy, Debug)]
pub(super) enum BlockOwner {
    /// A HEADERS frame's stream.
    Headers { stream: StreamId, ends: bool, priority: Option<OldPriority> },
    /// A promised stream, on the stream it was promised on.
    Promise { stream: StreamId, promised: StreamId },
}

impl BlockOwner {
    const fn stream(&self) -> StreamId {
        match self {
            Self::Headers { stream, .. } | Self::Promise { stream, .. } => *stream,
        }
    }
}

/// The block in pieces, when there is one.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    owner: Option<BlockOwner>,
    bytes: Vec<u8>,
    continuations: u32,
}

impl Assembly {
    /// RFC 9113 §6.10: between the pieces of a block nothing else may come, on any stream, and pieces come nowhere else.
    pub(super) fn check(&self, head: FrameHead) -> Result<(), ConnectionError> {
        let fault = |reason| Err(ConnectionError::by_peer(ErrorCode::PROTOCOL_ERROR, reason));
        match (&self.owner, head.kind) {
            (None, FrameKind::Continuation) => fault("CONTINUATION without a block"),
            (Some(owner), FrameKind::Continuation) if owner.stream() == head.stream => Ok(()),
            (Some(_), _) => fault("a frame inside a field block"),
            (None, _) => Ok(()),
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        self.owner.is_some()
    }

    /// Begins a block that is not whole.
    pub(super) fn begin(&mut self, owner: BlockOwner, piece: &[u8]) -> Result<(), ConnectionError> {
        self.owner = Some(owner);
        self.continuations = 0;
        self.bytes.clear();
        self.add(piece)
    }

    /// Adds a CONTINUATION. When it is the last, gives the owner and the whole block.
    pub(super) fn extend(
        &mut self,
        piece: &[u8],
        is_last: bool,
    ) -> Result<Option<(BlockOwner, Vec<u8>)>, ConnectionError> {
        self.continuations += 1;
        if self.continuations > CONTINUATIONS_MAX {
            return Err(ConnectionError::by_peer(ErrorCode::ENHANCE_YOUR_CALM, "CONTINUATION flood"));
        }
        self.add(piece)?;
        if !is_last {
            return Ok(None);
        }
        Ok(self.owner.take().map(|owner| (owner, std::mem::take(&mut self.bytes))))
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), ConnectionError> {
        if self.bytes.len() + piece.len() > BLOCK_SIZE_MAX {
            return Err(ConnectionError::by_peer(ErrorCode::ENHANCE_YOUR_CALM, "field block too large"));
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}
