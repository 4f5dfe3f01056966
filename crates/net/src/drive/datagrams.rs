//! Pumps datagrams that are answered at once: a batch comes in, each is answered into memory that is used again, the answers
//! leave together. No task and no allocation for a datagram. Started by the binary, one for each UDP socket of a worker.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use edgeway_base::world::Datagrams;

use crate::limits::{DATAGRAM_ANSWER_BYTES, DATAGRAM_BYTES};

/// Answers datagrams.
pub trait DatagramHandler: 'static {
    /// Answers `datagram` into `into`: how many bytes, or `None` for silence.
    fn answer(&self, datagram: &[u8], from: SocketAddr, into: &mut [u8]) -> Option<usize>;
}

/// Answers one datagram of a batch.
pub type Answer<'a> = dyn FnMut(&[u8], SocketAddr, &mut [u8]) -> Option<usize> + 'a;

/// A socket that exchanges datagrams in batches.
pub trait Batches: 'static {
    /// Receives some datagrams, has each answered, and sends the answers; how many were received.
    fn poll_batch(&mut self, context: &mut Context<'_>, answer: &mut Answer<'_>) -> Poll<io::Result<usize>>;
}

/// Answers until the future is dropped.
pub async fn run<B: Batches, H: DatagramHandler>(mut socket: B, handler: Rc<H>) {
    loop {
        let mut answer = |datagram: &[u8], from: SocketAddr, into: &mut [u8]| handler.answer(datagram, from, into);
        let exchanged = std::future::poll_fn(|context| socket.poll_batch(context, &mut answer)).await;
        if let Err(error) = exchanged {
            // Errors of single answers are passed over below us; what arrives here is want of memory, which ends.
            tracing::warn!(%error, "receiving datagrams pauses");
            tokio::time::sleep(crate::limits::ACCEPT_PAUSE).await;
        }
        // A flood must not starve the connections of this worker.
        tokio::task::yield_now().await;
    }
}

/// A socket of any world, one datagram at a time.
pub struct OneByOne<D> {
    socket: D,
    input: Vec<u8>,
    output: Vec<u8>,
    /// An answer that has not left: its length and where to.
    waiting: Option<(usize, SocketAddr)>,
}

impl<D: Datagrams> OneByOne<D> {
    /// Exchanges the datagrams of `socket`.
    pub fn new(socket: D) -> Self {
        Self { socket, input: vec![0; DATAGRAM_BYTES], output: vec![0; DATAGRAM_ANSWER_BYTES], waiting: None }
    }
}

impl<D: Datagrams> Batches for OneByOne<D> {
    fn poll_batch(&mut self, context: &mut Context<'_>, answer: &mut Answer<'_>) -> Poll<io::Result<usize>> {
        if self.waiting.is_none() {
            let (length, from) = ready!(self.socket.poll_receive(context, &mut self.input))?;
            self.waiting = answer(&self.input[..length], from, &mut self.output).map(|length| (length, from));
        }
        if let Some((length, to)) = self.waiting {
            // An answer that cannot be sent is lost like any datagram.
            let _ = ready!(self.socket.poll_send(context, &self.output[..length], to));
            self.waiting = None;
        }
        Poll::Ready(Ok(1))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use edgeway_base::World as _;
    use tokio::net::UdpSocket;

    use super::*;
    use crate::os::datagram::BatchSocket;
    use crate::os::{Kernel, listen};

    /// Says everything twice, but nothing to `quiet`.
    struct Echo;

    impl DatagramHandler for Echo {
        fn answer(&self, datagram: &[u8], _: SocketAddr, into: &mut [u8]) -> Option<usize> {
            into[..datagram.len()].copy_from_slice(datagram);
            into[datagram.len()..2 * datagram.len()].copy_from_slice(datagram);
            (datagram != b"quiet").then_some(2 * datagram.len())
        }
    }

    async fn ask_a_hundred(server: SocketAddr) {
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(server).await.unwrap();
        for round in 0..100_u32 {
            client.send(&round.to_be_bytes()).await.unwrap();
            client.send(b"quiet").await.unwrap();
        }
        let mut seen = [false; 100];
        let mut buffer = [0; 64];
        for _ in 0..100 {
            let received = tokio::time::timeout(Duration::from_secs(10), client.recv(&mut buffer)).await;
            let length = received.expect("every question is answered").unwrap();
            assert_eq!((length, &buffer[..4]), (8, &buffer[4..8].to_vec()[..]));
            seen[u32::from_be_bytes(buffer[..4].try_into().unwrap()) as usize] = true;
        }
        assert!(seen.iter().all(|seen| *seen), "each got its own answer");
    }

    #[test]
    fn a_burst_is_answered_in_batches_and_one_by_one() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
        runtime.block_on(async {
            let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
            let socket = BatchSocket::adopt(listen::open_datagrams(anywhere).unwrap().into()).unwrap();
            let batches = socket.local_address();
            tokio::task::spawn_local(run(socket, Rc::new(Echo)));
            let socket = Kernel::new().bind(anywhere).unwrap();
            let single = socket.local_address();
            tokio::task::spawn_local(run(OneByOne::new(socket), Rc::new(Echo)));
            ask_a_hundred(batches).await;
            ask_a_hundred(single).await;
        });
    }

    #[test]
    fn hostile_044_an_answer_leaves_from_the_address_that_was_asked() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
        runtime.block_on(async {
            let socket = listen::open_datagrams("0.0.0.0:0".parse().unwrap()).unwrap();
            let socket = BatchSocket::adopt(socket.into()).unwrap();
            let port = socket.local_address().port();
            tokio::task::spawn_local(run(socket, Rc::new(Echo)));
            // Every address of 127/8 is ours; a connected socket hears only the one it asked.
            for asked in ["127.0.0.1", "127.9.8.7"] {
                ask_a_hundred(SocketAddr::new(asked.parse().unwrap(), port)).await;
            }
        });
    }
}
