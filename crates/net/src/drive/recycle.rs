//! Memory that goes from request to request: read buffers, heads. One store per worker thread; a connection holds none of it
//! while it is idle, which is why an idle connection is small and a busy worker does not allocate.

use std::cell::RefCell;

use bytes::BytesMut;
use edgeway_http::semantics::{RequestHead, ResponseHead, Status};

use crate::limits::{POOLED_BUFFERS, READ_BYTES};

/// Boxed, because a head moves through five owners on its way and is large.
#[allow(clippy::vec_box, reason = "the boxes are what is recycled")]
type Heads = Vec<Box<RequestHead>>;

thread_local! {
    static BUFFERS: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
    static REQUESTS: RefCell<Heads> = const { RefCell::new(Vec::new()) };
    static REPLIES: RefCell<Vec<ResponseHead>> = const { RefCell::new(Vec::new()) };
}

/// Heads larger than this (bytes of field memory) are freed, not kept: one fat request must not fatten the worker.
const HEAD_MEMORY_MAX: usize = 16 << 10;

/// An empty buffer with room for one read.
pub fn buffer() -> BytesMut {
    BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_else(|| BytesMut::with_capacity(READ_BYTES))
}

/// Gives a buffer back. One that grew, or whose memory is shared with a body still on its way, is let go.
pub fn give_buffer(mut buffer: BytesMut) {
    buffer.clear();
    if buffer.capacity() == 0 || !buffer.try_reclaim(READ_BYTES) || buffer.capacity() > 2 * READ_BYTES {
        return;
    }
    BUFFERS.with_borrow_mut(|buffers| {
        if buffers.len() < POOLED_BUFFERS {
            buffers.push(buffer);
        }
    });
}

/// An empty request head.
pub fn request() -> Box<RequestHead> {
    REQUESTS.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Gives a request head back.
pub fn give_request(mut head: Box<RequestHead>) {
    head.clear();
    if head.fields.memory() <= HEAD_MEMORY_MAX {
        REQUESTS.with_borrow_mut(|heads| {
            if heads.len() < POOLED_BUFFERS {
                heads.push(head);
            }
        });
    }
}

/// An empty response head.
pub fn reply() -> ResponseHead {
    REPLIES.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Gives a response head back.
pub fn give_reply(mut head: ResponseHead) {
    head.fields.clear();
    head.status = Status::OK;
    if head.fields.memory() <= HEAD_MEMORY_MAX {
        REPLIES.with_borrow_mut(|heads| {
            if heads.len() < POOLED_BUFFERS {
                heads.push(head);
            }
        });
    }
}
