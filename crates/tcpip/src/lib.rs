//! TCP/IP as machines (RFC 9293, 791, 8200, 768, 826, 4861 and their company): packets and the time go in;
//! packets, events and the next deadline come out. No socket, clock, thread or die.
//!
//! Read in this order: [`host`], the whole: interfaces, sockets and the five verbs; [`wire`], one file per header;
//! [`network`], what lies between link and transport; [`udp`]; [`tcp`]. Every bound stands in [`limits`].
//!
//! Called by `net` (real devices) and `lab` (memory); hands on nothing.

mod arena;
pub mod error;
pub mod host;
pub mod limits;
pub mod network;
pub mod packet;
pub mod tcp;
pub mod timer_wheel;
pub mod udp;
pub mod wire;

pub use error::HostError;
pub use host::{Event, Host, HostSettings, InterfaceId, InterfaceSettings, Medium};
pub use network::cidr::Cidr;
pub use packet::{ChecksumState, Packet};
