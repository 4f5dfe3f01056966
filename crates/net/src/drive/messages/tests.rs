//! Streams of messages over loopback: split, pipelined, many answers to one, a client that never reads.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::os::{Kernel, KernelListener, listen};

/// Repeats a message; `N many` is answered with N messages of 60,000 bytes, `quiet` with nothing.
struct Echo;

struct Countdown(u32);

impl Replies for Countdown {
    fn next(&mut self, into: &mut [u8]) -> Option<usize> {
        self.0 = self.0.checked_sub(1)?;
        into[..60_000].fill(self.0 as u8);
        Some(60_000)
    }
}

impl MessageHandler for Echo {
    fn answer(&self, message: &[u8], _: Asker, into: &mut [u8]) -> Reply {
        if let Some(count) = message.strip_suffix(b" many") {
            return Reply::Many(Box::new(Countdown(std::str::from_utf8(count).unwrap().parse().unwrap())));
        }
        into[..message.len()].copy_from_slice(message);
        if message == b"quiet" { Reply::Silence } else { Reply::One(message.len()) }
    }
}

fn with_server<F: Future<Output = ()>>(test: impl FnOnce(std::net::SocketAddr, Rc<Gate>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
    runtime.block_on(async {
        let socket = listen::open(&Address::Ip("127.0.0.1:0".parse().unwrap())).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let gate = Gate::new();
        let sharing =
            Sharing { handler: Rc::new(Echo), gate: Rc::clone(&gate), addresses: Rc::default(), scratch: scratch() };
        let entrance = Entrance {
            certificates: None,
            proxy_protocol: None,
            limits: Default::default(),
            http2: Default::default(),
            handshake_timeout: Duration::from_secs(5),
            connections_max: 100,
            connections_per_address_max: 2,
        };
        let listener = KernelListener::adopt(socket).unwrap();
        tokio::task::spawn_local(accept(listener, Door::new(entrance), Kernel::new(), sharing));
        let ended = tokio::time::timeout(Duration::from_secs(20), test(address, gate)).await;
        ended.expect("the test ends in time");
    });
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

async fn next(client: &mut TcpStream) -> Vec<u8> {
    let mut message = vec![0; usize::from(client.read_u16().await.unwrap())];
    client.read_exact(&mut message).await.unwrap();
    message
}

#[test]
fn hostile_037_split_anywhere() {
    with_server(async |address, _| {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.set_nodelay(true).unwrap();
        for byte in framed(b"hello") {
            client.write_all(&[byte]).await.unwrap();
        }
        assert_eq!(next(&mut client).await, b"hello");
        // A message of no bytes is still a message; what follows a promise that is never kept is nothing.
        client.write_all(&[0, 0, 0xff, 0xff, 1, 2, 3]).await.unwrap();
        assert_eq!(next(&mut client).await, b"");
        client.shutdown().await.unwrap();
        assert_eq!(client.read(&mut [0; 9]).await.unwrap(), 0);
    });
}

#[test]
fn hostile_038_a_thousand_at_once() {
    with_server(async |address, _| {
        let mut client = TcpStream::connect(address).await.unwrap();
        let all: Vec<u8> =
            (0..1_000).flat_map(|n: u32| [framed(b"quiet"), framed(&n.to_be_bytes())].concat()).collect();
        client.write_all(&all).await.unwrap();
        client.shutdown().await.unwrap();
        for number in 0..1_000_u32 {
            assert_eq!(next(&mut client).await, number.to_be_bytes());
        }
        assert_eq!(client.read(&mut [0; 9]).await.unwrap(), 0, "a half-closed client gets its answers, then the end");
    });
}

#[test]
fn many_answers_are_made_as_they_leave() {
    with_server(async |address, _| {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&[framed(b"200 many"), framed(b"after")].concat()).await.unwrap();
        for number in (0..200_u8).rev() {
            let message = next(&mut client).await;
            assert!(message.len() == 60_000 && message.iter().all(|byte| *byte == number));
        }
        assert_eq!(next(&mut client).await, b"after");
    });
}

#[test]
fn hostile_040_one_address_holds_so_many_and_a_drain_ends_idle_ones() {
    with_server(async |address, gate| {
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        for client in &mut clients[..2] {
            client.write_all(&framed(b"x")).await.unwrap();
            assert_eq!(next(client).await, b"x");
        }
        assert_eq!(clients[2].read(&mut [0; 9]).await.unwrap_or(0), 0, "the third is closed");
        gate.drain();
        assert_eq!(clients[0].read(&mut [0; 9]).await.unwrap(), 0);
        std::future::poll_fn(|context| gate.poll_empty(context)).await;
    });
}
