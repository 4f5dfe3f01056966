//! Random operations on two sessions with a wire between them: writes of any size, reads with any
//! limit, pieces of any length, and now and then a damaged byte. What arrives is what was sent, in its
//! order; damage ends the session and nothing else; idle sessions hold no buffers.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::BytesMut;
use edgeway_base::{Entropy, SeededEntropy, WallTime};
use edgeway_tls::authority::Authority;
use edgeway_tls::client::{ClientSettings, Trust};
use edgeway_tls::server::{Front, FrontSettings, Memory, Site, Source};
use edgeway_tls::session::Session;
use edgeway_tls::{ServerName, SharedClock, rustls};

/// One side: its session, what was sent by it, and what it received.
struct Side {
    session: Session,
    sent: Vec<u8>,
    received: BytesMut,
    failed: bool,
}

impl Side {
    fn new(session: Session) -> Self {
        Self { session, sent: Vec::new(), received: BytesMut::new(), failed: false }
    }

    /// Writes one to three chunks of any size.
    fn write(&mut self, entropy: &mut SeededEntropy) {
        let chunks: Vec<Vec<u8>> = (0..=entropy.below(2))
            .map(|_| {
                let scale = [10, 2_000, 40_000][entropy.below(3) as usize];
                let length = entropy.below(scale) as usize;
                let first = entropy.next_u16() as u8;
                (0..length).map(|index| first.wrapping_add(index as u8)).collect()
            })
            .collect();
        let slices: Vec<IoSlice<'_>> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
        match self.session.write_plaintext(&slices) {
            Ok(taken) => self.sent.extend_from_slice(&chunks.concat()[..taken]),
            Err(_) => self.failed = true,
        }
    }

    fn read(&mut self, at_most: usize) {
        self.failed |= self.session.read_plaintext(&mut self.received, at_most).is_err();
    }
}

/// Moves some bytes; perhaps one of them damaged.
fn carry(from: &mut Side, to: &mut Side, at_most: usize, damage: bool) -> bool {
    let space = to.session.input_space();
    let count = from.session.output().len().min(space.len()).min(at_most);
    space[..count].copy_from_slice(&from.session.output()[..count]);
    if damage && count > 0 {
        space[count / 2] ^= 0x10;
    }
    from.session.consume_output(count);
    to.failed |= to.session.handle_input(count).is_err();
    count > 0
}

fn front_and_client() -> (Arc<Front>, Arc<rustls::ClientConfig>) {
    let now = WallTime::from_seconds(1_795_305_600);
    let clock = SharedClock::new(now);
    let authority = Arc::new(Authority::create("operations", now).unwrap());
    let site = Site::new(vec!["example.com".parse().unwrap()], Source::Authority);
    let settings = FrontSettings { authority: Some(Arc::clone(&authority)), ..FrontSettings::default() };
    let front = Front::build(&Memory::new(clock.clone()), vec![site], settings).unwrap();
    let trust = Trust::from_pem(false, authority.root_pem().as_bytes()).unwrap();
    let client = ClientSettings { trust, ..ClientSettings::default() }.build(&clock).unwrap();
    (Arc::new(front), client)
}

/// Runs one seed; gives whether the wire was damaged.
fn run(seed: u64, front: &Arc<Front>, client: &Arc<rustls::ClientConfig>) -> bool {
    let mut entropy = SeededEntropy::new(seed);
    let name = ServerName::try_from("example.com").unwrap();
    let mut sides = [
        Side::new(Session::connect(Arc::clone(client), name).unwrap()),
        Side::new(Session::accept(Arc::clone(front), None)),
    ];
    let damaged_at = (entropy.below(3) == 0).then(|| entropy.below(150));
    let mut damaged = false;
    for turn in 0..150 {
        let [client, server] = &mut sides;
        let (from, to) = if entropy.below(2) == 0 { (client, server) } else { (server, client) };
        match entropy.below(8) {
            0 | 1 => from.write(&mut entropy),
            2 | 3 => to.read([1, 1_000, 100_000][entropy.below(3) as usize]),
            _ => {
                let damage = !damaged && damaged_at.is_some_and(|at| turn >= at);
                let at_most = [1, 50, 5_000, 100_000][entropy.below(4) as usize];
                damaged |= carry(from, to, at_most, damage) && damage;
            }
        }
    }
    settle(&mut sides);
    let [client, server] = &sides;
    for (from, to) in [(client, server), (server, client)] {
        let arrived = &to.received[..];
        assert!(from.sent.starts_with(arrived), "seed {seed}: what arrives is what was sent");
        if damaged {
            continue;
        }
        assert!(!from.failed && !to.failed, "seed {seed}: {:?} {:?}", from.session, to.session);
        assert_eq!(arrived.len(), from.sent.len(), "seed {seed}: all of it");
        assert_eq!(to.session.buffered_bytes(), 0, "seed {seed}: idle sessions hold nothing");
    }
    damaged
}

/// Carries and reads until nothing moves.
fn settle(sides: &mut [Side; 2]) {
    loop {
        let [client, server] = sides;
        let mut moved = carry(client, server, usize::MAX, false);
        moved |= carry(server, client, usize::MAX, false);
        for side in [client, server] {
            let before = side.received.len();
            side.read(usize::MAX);
            moved |= side.received.len() > before;
        }
        if !moved {
            return;
        }
    }
}

#[test]
fn random_operations() {
    let (front, client) = front_and_client();
    let damaged = (0..150).filter(|seed| run(*seed, &front, &client)).count();
    assert!((10..100).contains(&damaged), "{damaged} of 150 wires were damaged");
}
