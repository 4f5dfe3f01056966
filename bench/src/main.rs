//! What stands on the other core during a measurement. `cargo xtask bench` starts this program once per role,
//! pinned beside the load and away from the server under test:
//!
//! * [`backend`]: the application behind the proxies, as cheap as a program can be, so that the proxy is what is measured;
//! * [`handshake`]: a client that opens a new TLS 1.3 connection for each request;
//! * [`idle`]: a crowd of connections that have each asked once and then keep silent.
//!
//! Each role prints one line of JSON for the program that started it.

mod backend;
mod handshake;
mod idle;
mod trust;

use clap::Parser;
use std::io::Result;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "edgeway-bench", about = "Backend and special loads for `cargo xtask bench`")]
enum Role {
    /// Answers `/1k` and `/1m` (and `/` with 1 KB) over HTTP/1.1 until it is ended.
    Backend,
    /// Full TLS 1.3 handshakes, one request each, for some seconds.
    Handshake {
        /// The server under test.
        address: SocketAddr,
        /// PEM file of the authority that signed the server's certificate.
        #[arg(long)]
        trust: PathBuf,
        /// Path of the request.
        #[arg(long, default_value = "/1k")]
        path: String,
        /// How long to go on, in seconds.
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
        /// Connections open at the same time.
        #[arg(long, default_value_t = 16)]
        concurrency: usize,
    },
    /// Opens connections, asks once on each, and holds them until standard input closes.
    Idle {
        /// The server under test.
        address: SocketAddr,
        /// PEM file of the authority that signed the server's certificate; without it the connections are plain.
        #[arg(long)]
        trust: Option<PathBuf>,
        /// Path of the request.
        #[arg(long, default_value = "/1k")]
        path: String,
        /// How many connections to hold.
        #[arg(long, default_value_t = 4000)]
        count: usize,
    },
}

fn main() -> Result<()> {
    match Role::parse() {
        Role::Backend => backend::serve(),
        Role::Handshake { address, trust, path, seconds, concurrency } => {
            handshake::run(address, &trust, &path, seconds, concurrency)
        }
        Role::Idle { address, trust, path, count } => idle::hold(address, trust.as_deref(), &path, count),
    }
}
