//! Whose fault an error is. Every house's `error.rs` answers it; status code, log level, retry and
//! ban all follow from the answer.

/// Who caused it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Blame {
    /// The other side of the connection we serve: a client's malformed or abusive input.
    Peer,
    /// The server we asked on someone's behalf.
    Upstream,
    /// The person who wrote our configuration, zone or command line.
    Operator,
    /// The machine or network beneath: no memory, no route, no file descriptors.
    Environment,
    /// Ourselves: a mistake in this program.
    Us,
}

/// The three questions an error answers beside its text.
pub trait Blamed {
    /// Whose fault it is.
    fn blame(&self) -> Blame;

    /// Whether the same thing may work when tried again, elsewhere or later.
    fn may_retry(&self) -> bool {
        false
    }
}
