//! What a TLS session costs: memory of an idle server session, CPU of a handshake, CPU of a record.
//! Compares this crate's `Session` with rustls's buffered `ServerConnection` in the same run.
//! `cargo run -p edgeway-tls --profile quick --example session_cost`

use std::hint::black_box;
use std::io::{IoSlice, Read, Write};
use std::sync::Arc;

use bytes::BytesMut;
use edgeway_base::WallTime;
use edgeway_tls::SharedClock;
use edgeway_tls::authority::Authority;
use edgeway_tls::client::{ClientSettings, Trust};
use edgeway_tls::server::{Choice, Front, FrontSettings, Hello, Memory, Site, Source};
use edgeway_tls::session::Session;
use rustls::{ClientConfig, ServerConfig, ServerConnection};
use rustls_pki_types::ServerName;

/// Memory of this process, in bytes: the only measure that has aws-lc's own allocations in it.
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = text.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    pages * 4096
}

struct Bench {
    front: Arc<Front>,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

fn main() {
    let now = WallTime::from_seconds(1_795_305_600);
    let clock = SharedClock::new(now);
    let authority = Arc::new(Authority::create("bench", now).expect("an authority"));
    let site = Site::new(vec!["example.com".parse().expect("a name")], Source::Authority);
    let settings = FrontSettings {
        alpn: vec![b"http/1.1".to_vec()],
        authority: Some(Arc::clone(&authority)),
        ..FrontSettings::default()
    };
    let front = Arc::new(Front::build(&Memory::new(clock.clone()), vec![site], settings).expect("a front"));
    let trust = Trust::from_pem(false, authority.root_pem().as_bytes()).expect("a root");
    let settings = ClientSettings { trust, alpn: vec![b"http/1.1".to_vec()], ..ClientSettings::default() };
    let mut client = (*settings.build(&clock).expect("a client")).clone();
    client.resumption = rustls::client::Resumption::disabled();
    let hello = Hello { server_name: Some("example.com"), ..Hello::default() };
    let Choice::Serve { config: server, .. } = front.choose(&hello) else { panic!("the site is served") };
    let bench = Bench { front, client: Arc::new(client), server };

    memory(&bench);
    handshakes(&bench);
    records(&bench);
}

/// A client and a server of ours after the handshake, its tickets taken.
fn pair(bench: &Bench) -> (Session, Session) {
    let mut client = connect(bench);
    let mut server = Session::accept(Arc::clone(&bench.front), None);
    while !client.output().is_empty() || !server.output().is_empty() {
        carry(&mut client, &mut server);
        carry(&mut server, &mut client);
    }
    (client, server)
}

fn carry(from: &mut Session, to: &mut Session) {
    let count = from.output().len();
    if count > 0 {
        to.input_space()[..count].copy_from_slice(from.output());
        from.consume_output(count);
        to.handle_input(count).expect("a good handshake");
        to.read_plaintext(&mut BytesMut::new(), 1 << 20).expect("good records");
    }
}

/// The same with rustls's buffered server.
fn buffered_pair(bench: &Bench) -> (Session, ServerConnection) {
    let mut client = connect(bench);
    let mut server = ServerConnection::new(Arc::clone(&bench.server)).expect("a server");
    while !client.output().is_empty() {
        let mut flight = Vec::new();
        answer(&mut client, &mut server, &mut flight);
        receive(&mut client, &flight);
    }
    (client, server)
}

fn memory(bench: &Bench) {
    const COUNT: usize = 4000;
    let (_, warm) = pair(bench);
    drop(warm);
    let mut kept = Vec::with_capacity(COUNT);
    let before = resident_bytes();
    for _ in 0..COUNT {
        kept.push(pair(bench).1);
    }
    report_memory("Session", before, COUNT);
    let buffers: usize = kept.iter().map(Session::buffered_bytes).sum();
    println!("  of that in buffers: {buffers}; size_of Session {}", size_of::<Session>());
    drop(kept);
    let mut kept = Vec::with_capacity(COUNT);
    let before = resident_bytes();
    for _ in 0..COUNT {
        kept.push(buffered_pair(bench).1);
    }
    report_memory("rustls ServerConnection", before, COUNT);
}

fn report_memory(what: &str, before: usize, count: usize) {
    println!("idle {what}: {} bytes resident", (resident_bytes().saturating_sub(before)) / count);
}

/// CPU of the server's half alone: the time around each of its steps, added up.
fn handshakes(bench: &Bench) {
    const ROUNDS: usize = 1000;
    for round in 0..3 {
        let (mut ours, mut theirs) = (0.0, 0.0);
        for _ in 0..ROUNDS {
            let (mut client, mut server) = (connect(bench), None);
            while !client.output().is_empty() {
                ours += cpu(|| {
                    let server = server.get_or_insert_with(|| Session::accept(Arc::clone(&bench.front), None));
                    carry(&mut client, server);
                });
                carry(server.as_mut().expect("it was made"), &mut client);
            }
            let (mut client, mut server) = (connect(bench), None);
            while !client.output().is_empty() {
                let mut flight = Vec::new();
                theirs += cpu(|| {
                    let new = || ServerConnection::new(Arc::clone(&bench.server)).expect("a server");
                    answer(&mut client, server.get_or_insert_with(new), &mut flight);
                });
                receive(&mut client, &flight);
            }
        }
        let each = 1e6 / ROUNDS as f64;
        println!(
            "full handshake at the server, round {round}: Session {:.1} us, ServerConnection {:.1} us",
            ours * each,
            theirs * each
        );
    }
}

fn connect(bench: &Bench) -> Session {
    let name = ServerName::try_from("example.com").expect("a name");
    Session::connect(Arc::clone(&bench.client), name).expect("a client")
}

/// Gives the client's output to a buffered server and collects its answer.
fn answer(client: &mut Session, server: &mut ServerConnection, flight: &mut Vec<u8>) {
    let mut bytes = client.output();
    while !bytes.is_empty() {
        server.read_tls(&mut bytes).expect("memory");
        server.process_new_packets().expect("a good handshake");
    }
    client.consume_output(client.output().len());
    while server.wants_write() {
        server.write_tls(flight).expect("memory");
    }
}

fn receive(client: &mut Session, flight: &[u8]) {
    if !flight.is_empty() {
        client.input_space()[..flight.len()].copy_from_slice(flight);
        client.handle_input(flight.len()).expect("a good handshake");
        client.read_plaintext(&mut BytesMut::new(), 1 << 20).expect("good records");
    }
}

fn records(bench: &Bench) {
    const ROUNDS: usize = 200_000;
    let (mut client, mut server) = pair(bench);
    let (_, mut buffered) = buffered_pair(bench);
    let (head, body) = ([b'h'; 200], [b'b'; 1024]);
    let chunks = [IoSlice::new(&head), IoSlice::new(&body)];
    for round in 0..3 {
        let ours = timed(ROUNDS, || {
            server.write_plaintext(&chunks).expect("an open session");
            let count = server.output().len();
            server.consume_output(black_box(count));
        });
        let mut wire = Vec::new();
        let theirs = timed(ROUNDS, || {
            black_box(buffered.writer().write_vectored(&chunks).expect("an open session"));
            wire.clear();
            buffered.write_tls(&mut wire).expect("memory");
        });
        println!("encrypt 200 B + 1 KB, round {round}: Session {ours:.3} us, ServerConnection {theirs:.3} us");
    }
    let big = vec![b'x'; 64 * 1024];
    let ours = timed(2000, || {
        server.write_plaintext(&[IoSlice::new(&big)]).expect("an open session");
        server.consume_output(server.output().len());
    });
    buffered.set_buffer_limit(None);
    let mut wire = Vec::new();
    let theirs = timed(2000, || {
        buffered.writer().write_all(&big).expect("an open session");
        wire.clear();
        while buffered.wants_write() {
            buffered.write_tls(&mut wire).expect("memory");
        }
    });
    println!("encrypt 64 KB: Session {ours:.2} us, ServerConnection {theirs:.2} us");

    let (mut client_two, mut buffered) = buffered_pair(bench);
    let request = [b'r'; 200];
    let mut plaintext = BytesMut::with_capacity(4096);
    let ours = timed(100_000, || {
        client.write_plaintext(&[IoSlice::new(&request)]).expect("an open session");
        let count = client.output().len();
        server.input_space()[..count].copy_from_slice(client.output());
        client.consume_output(count);
        server.handle_input(count).expect("a good record");
        plaintext.clear();
        server.read_plaintext(&mut plaintext, 1 << 20).expect("a good record");
    });
    let mut part = [0; 4096];
    let theirs = timed(100_000, || {
        client_two.write_plaintext(&[IoSlice::new(&request)]).expect("an open session");
        buffered.read_tls(&mut client_two.output()).expect("memory");
        client_two.consume_output(client_two.output().len());
        buffered.process_new_packets().expect("a good record");
        black_box(buffered.reader().read(&mut part).expect("plaintext"));
    });
    println!("encrypt at a client and decrypt 200 B: Session {ours:.3} us, ServerConnection {theirs:.3} us");
}

fn timed(rounds: usize, mut work: impl FnMut()) -> f64 {
    cpu(|| (0..rounds).for_each(|_| work())) * 1e6 / rounds as f64
}

/// Seconds of CPU that `work` took, which a busy machine does not disturb.
fn cpu(work: impl FnOnce()) -> f64 {
    let nanoseconds = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let before = nanoseconds();
    work();
    (nanoseconds() - before) / 1e9
}
