//! `[limits]`: how much anyone may ask for.

use crate::config::read::Located;
use crate::config::read::table::table;
use crate::config::words::{Period, Size};

table! {
    /// How much anyone may ask for. A server open to the internet is a list of limits; these are the ones that
    /// depend on what it serves.
    "[limits]" Limits {
        /// Connections that clients may hold open at once, all workers together. Further ones wait in the kernel.
        connections: Located<u32> = "65536",
        /// The head of a request: all header fields together. More is answered with 431.
        header_size: Located<Size> = "32KB",
        /// Header fields in a request. More is answered with 431.
        header_count: Located<u32> = "100",
        /// The target of a request (the path and what follows `?`). More is answered with 414.
        uri_size: Located<Size> = "16KB",
        /// The body of a request. More is answered with 413. A route can say otherwise with `limit_body`.
        body_size: Located<Size> = "100MB",
        /// Time for the head of a request to arrive, from its first byte. Later is answered with 408.
        header_timeout: Located<Period> = "30s",
        /// Time between two pieces of a request body. Longer is answered with 408.
        body_timeout: Located<Period> = "30s",
        /// The slowest pace at which a request body may arrive, per second, after its first ten seconds. Slower is
        /// answered with 408: a few bytes now and then would hold a connection for ever.
        body_rate_min: Located<Size> = "240B",
        /// Time that a connection may stay open without a request.
        idle_timeout: Located<Period> = "75s",
        /// Time that a client may take to accept more of a response.
        write_timeout: Located<Period> = "30s",
        /// Time that requests have to finish when Edgeway stops or hands over to a new version.
        stop_timeout: Located<Period> = "30s",
        /// Equal answers a second to one network (/24, /56) by UDP, for each worker; beyond it they are held back, because
        /// the asker may be forged and the network its victim. 0 sets no limit.
        dns_rate: Located<u32> = "20",
    }
}
