//! TCP (RFC 9293). Read in this order: [`settings`] and [`state`]; [`connection`], which owns [`send_side`],
//! [`receive_side`], [`recovery`], [`congestion`] and [`timers`]; then what moves it: `input`, `output`,
//! [`timeouts`]; last [`endpoint`], which finds the connection for a segment.

pub mod congestion;
pub mod connection;
pub mod counters;
pub mod ecn;
pub mod endpoint;
mod fast_open;
pub mod info;
mod input;
pub mod listener;
mod output;
pub mod receive_buffer;
pub mod receive_side;
pub mod recovery;
pub mod round_trip;
pub mod secrets;
pub mod send_buffer;
pub mod send_side;
pub mod settings;
pub mod state;
pub mod time_wait;
pub mod timeouts;
pub mod timers;
pub mod timestamps;
pub mod token_bucket;

pub use endpoint::{ListenerId, TcpEvent, TcpId};
pub use info::TcpInfo;
pub use listener::ListenerSettings;
pub use settings::{CongestionAlgorithm, EcnMode, KeepAlive, TcpSettings};
pub use state::{State, TcpError};
