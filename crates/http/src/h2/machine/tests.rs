//! What only the inside shows: sizes and memory. Behaviour is tested from outside, in `crates/http/tests/`.

use edgeway_base::Instant;

use super::connection::Connection;
use super::streams::Stream;
use super::{ServerConnection, event::Event};
use crate::h2::Limits;

#[test]
fn an_idle_connection_is_small() {
    let mut server = ServerConnection::new(Limits::default(), Instant::ZERO);
    let mut out = bytes::BytesMut::new();
    server.poll_output(&mut out, 1 << 20);
    server.release_memory();
    println!(
        "connection {} B, stream {} B, event {} B",
        size_of::<Connection>(),
        size_of::<Stream>(),
        size_of::<Event>()
    );
    assert!(server.memory() <= 2_048, "{}", server.memory());
    assert!(size_of::<Stream>() <= 256, "{}", size_of::<Stream>());
}
