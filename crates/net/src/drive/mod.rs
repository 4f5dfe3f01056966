//! The drivers: each pumps one sans-IO machine with a stream, the clock and a handler. Written against
//! [`edgeway_base::World`] and tokio's traits, so the same driver runs on the kernel's sockets, on our own
//! TCP/IP and in the lab.

pub mod accept;
pub mod body;
pub mod datagrams;
pub mod gate;
pub mod handler;
pub mod http1;
pub mod http2;
pub mod messages;
pub mod outside;
pub mod pool;
pub mod proxy_protocol;
pub mod recycle;
pub mod timer;
pub mod tls;
pub mod transport;
pub mod tunnel;
pub mod upstream;

pub use body::{Body, BodyError, BodyFailure, BodySource, Frame};
pub use handler::{Answer, Answering, ConnectionFacts, Handler, Link, Request, Response, Sent, TlsFacts, Tunnel};
