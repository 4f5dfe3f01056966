//! Recovery without a connection around it: segments of 1000 bytes, acknowledgements by hand.

use super::*;
use crate::tcp::congestion::controller;
use crate::tcp::settings::CongestionAlgorithm;

struct Bench {
    recovery: Recovery,
    round_trip: RoundTrip,
    controller: Box<dyn Controller>,
    settings: TcpSettings,
    now: Instant,
    acknowledged: i64,
    sent: i64,
}

impl Bench {
    fn new(selective: bool) -> Self {
        Self::with(selective, TcpSettings { congestion: CongestionAlgorithm::Reno, ..TcpSettings::default() })
    }

    fn with(selective: bool, settings: TcpSettings) -> Self {
        let mut round_trip = RoundTrip::new(&settings);
        round_trip.measured(Instant::ZERO, Duration::from_millis(100), &settings);
        let controller = controller(&settings, 1000);
        Self {
            recovery: Recovery::new(selective),
            round_trip,
            controller,
            settings,
            now: Instant::ZERO,
            acknowledged: 0,
            sent: 0,
        }
    }

    fn send(&mut self, segments: i64) {
        for _ in 0..segments {
            self.recovery.on_sent(self.now, self.sent, self.sent + 1000);
            self.sent += 1000;
        }
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }

    fn ack(&mut self, position: i64, blocks: &[(i64, i64)]) -> Change {
        let ack = Acknowledgement {
            now: self.now,
            previous: self.acknowledged,
            position,
            sent: self.sent,
            blocks,
            pure: true,
            echo: None,
            echo_age: None,
            congestion_echo: false,
            window_limited: true,
        };
        self.acknowledged = position;
        let change =
            self.recovery.on_acknowledged(&ack, &mut self.round_trip, self.controller.as_mut(), &self.settings, 1000);
        self.recovery.check(position, self.sent).unwrap();
        change
    }

    fn resend(&mut self) -> Option<i64> {
        let (start, end) = self.recovery.next_retransmission()?;
        self.recovery.on_retransmitted(self.now, start, end, None);
        Some(start)
    }
}

#[test]
fn one_loss_is_found_by_three_later_deliveries_and_repaired_once() {
    let mut bench = Bench::new(true);
    bench.send(10);
    bench.wait(100);
    assert_eq!(bench.ack(0, &[(1000, 2000)]).lost, 0, "may be reordering");
    assert_eq!(bench.ack(0, &[(1000, 3000)]).lost, 0);
    let change = bench.ack(0, &[(1000, 4000)]);
    assert_eq!((change.lost, change.reduced), (1000, true));
    assert_eq!((bench.resend(), bench.resend()), (Some(0), None));
    bench.wait(100);
    bench.ack(10_000, &[]);
    assert_eq!(bench.recovery.phase_name(), "Open");
    assert_eq!(bench.controller.window(), 5000, "half of what was under way");
    assert_eq!(bench.recovery.counts().recoveries, 1);
}

#[test]
fn hostile_059_reordering_is_waited_for_once_it_was_seen() {
    let mut bench = Bench::new(true);
    bench.send(10);
    bench.wait(100);
    bench.ack(0, &[(1000, 2000)]);
    bench.wait(1);
    bench.ack(2000, &[]);
    assert!(bench.recovery.reordering_seen());
    bench.send(10);
    bench.wait(100);
    assert_eq!(bench.ack(2000, &[(3000, 9000)]).lost, 0, "a quarter of the shortest round trip is waited");
    let again = bench.recovery.look_again().unwrap();
    assert_eq!((again - bench.now).as_millis(), 25, "a quarter of 100 ms");
    bench.wait(30);
    let reduced = bench.recovery.on_reordering_timeout(
        bench.now,
        (2000, bench.sent),
        &bench.round_trip,
        bench.controller.as_mut(),
        &bench.settings,
        1000,
    );
    assert!(reduced && bench.resend() == Some(2000));
}

#[test]
fn hostile_061_a_coarse_clock_does_not_make_everything_lost() {
    for granularity in [1_000, 1_000_000, 16_000_000] {
        let settings = TcpSettings { clock_granularity: Duration::from_nanos(granularity), ..TcpSettings::default() };
        let mut bench = Bench::with(true, settings);
        let tick = |bench: &mut Bench, milliseconds: u64| {
            bench.wait(milliseconds);
            let coarse = bench.now.as_nanos() / granularity * granularity;
            Instant::from_nanos(coarse)
        };
        let mut losses = 0;
        for round in 0..20 {
            let exact = bench.now;
            bench.now = tick(&mut bench, 0);
            bench.send(10);
            bench.now = exact;
            bench.wait(40);
            for index in 1..=10 {
                let exact = bench.now;
                bench.now = tick(&mut bench, 0);
                losses += bench.ack(round * 10_000 + index * 1000, &[]).lost;
                bench.now = exact;
                bench.wait(1);
            }
        }
        assert_eq!(losses, 0, "{granularity}");
    }
}

#[test]
fn hostile_057_a_lost_retransmission_is_found_again() {
    let mut bench = Bench::new(true);
    bench.send(10);
    bench.wait(100);
    bench.ack(0, &[(1000, 5000)]);
    assert_eq!(bench.resend(), Some(0));
    bench.send(3);
    bench.wait(100);
    // The new segments arrive, the retransmission before them did not.
    let change = bench.ack(0, &[(1000, 13_000)]);
    assert_eq!(change.lost, 1000);
    assert_eq!(bench.resend(), Some(0));
}

#[test]
fn hostile_058_a_spurious_timeout_is_taken_back() {
    let mut bench = Bench::new(true);
    bench.send(10);
    let before = bench.controller.window();
    bench.wait(400);
    bench.recovery.on_timeout(bench.now, 0, bench.sent, bench.controller.as_mut());
    assert_eq!(bench.controller.window(), 1000);
    assert_eq!(bench.resend(), Some(0));
    bench.wait(10);
    // The delayed originals arrive: the first two are acknowledged at once, the second of them never sent again.
    let change = bench.ack(2000, &[]);
    assert!(change.undone);
    assert!(bench.controller.window() >= before);
    assert_eq!(bench.resend(), None, "nothing is lost after all");
}

#[test]
fn a_real_timeout_is_kept() {
    let mut bench = Bench::new(true);
    bench.send(5);
    bench.wait(400);
    bench.recovery.on_timeout(bench.now, 0, bench.sent, bench.controller.as_mut());
    assert_eq!(bench.resend(), Some(0));
    bench.wait(100);
    assert!(!bench.ack(1000, &[]).undone);
    bench.send(2);
    bench.wait(100);
    assert!(!bench.ack(1000, &[(5000, 6000)]).undone);
    assert_eq!(bench.resend(), Some(1000));
}

#[test]
fn duplicates_reported_for_every_retransmission_take_the_reduction_back() {
    let mut bench = Bench::new(true);
    bench.send(10);
    bench.wait(100);
    bench.ack(0, &[(1000, 5000)]);
    assert_eq!(bench.resend(), Some(0));
    bench.wait(5);
    bench.ack(5000, &[]);
    bench.wait(95);
    assert!(bench.ack(10_000, &[(0, 1000)]).undone);
    assert_eq!(bench.recovery.counts().undone, 1);
}

#[test]
fn must_18_karn_no_round_trip_from_a_retransmission() {
    let mut bench = Bench::new(true);
    bench.send(1);
    bench.wait(1000);
    bench.recovery.on_timeout(bench.now, 0, bench.sent, bench.controller.as_mut());
    bench.resend();
    bench.wait(1);
    let smoothed = bench.round_trip.smoothed();
    bench.ack(1000, &[]);
    assert_eq!(bench.round_trip.smoothed(), smoothed);
}

#[test]
fn peers_without_sack_get_newreno() {
    let mut bench = Bench::new(false);
    bench.send(10);
    bench.wait(100);
    for _ in 0..3 {
        bench.ack(0, &[]);
    }
    assert_eq!((bench.resend(), bench.resend()), (Some(0), None));
    for _ in 0..5 {
        bench.ack(0, &[]);
        assert_eq!(bench.resend(), None, "the head is on its way");
    }
    bench.wait(100);
    bench.ack(3000, &[]);
    assert_eq!(bench.resend(), Some(3000), "a partial acknowledgement shows the next hole");
    bench.wait(100);
    bench.ack(10_000, &[]);
    assert_eq!(bench.recovery.phase_name(), "Open");
}

#[test]
fn hostile_043_nonsense_blocks_change_nothing() {
    let mut bench = Bench::new(true);
    bench.send(10);
    bench.ack(2000, &[]);
    bench.wait(100);
    for blocks in [
        &[(5000, 4000)][..],
        &[(9000, 11_000)],
        &[(0, 1500), (-500, 700)],
        &[(1000, 3000)],
        &[(i64::MIN / 2, i64::MAX / 2)],
    ] {
        let change = bench.ack(2000, blocks);
        assert_eq!((change.delivered, change.lost), (0, 0), "{blocks:?}");
    }
    bench.ack(2000, &[(3000, 4000), (3500, 6000), (3000, 6000), (7500, 7600)]);
    assert_eq!(bench.recovery.progress().2, 3100, "overlapping blocks count once");
}

#[test]
fn hostile_043_reneging_is_survived() {
    let mut bench = Bench::new(true);
    bench.send(4);
    bench.wait(100);
    bench.ack(0, &[(1000, 4000)]);
    bench.resend();
    bench.wait(50);
    bench.ack(1000, &[]);
    // Everything is sacked, nothing acknowledged: the peer threw it away.
    bench.wait(500);
    bench.recovery.on_timeout(bench.now, 1000, bench.sent, bench.controller.as_mut());
    assert_eq!(bench.recovery.progress().2, 0);
    assert_eq!(bench.resend(), Some(1000));
}

#[test]
fn hostile_042_sixteen_thousand_tiny_segments_with_shifting_blocks_stay_quick() {
    let mut bench = Bench::new(true);
    for index in 0..16_000 {
        bench.recovery.on_sent(bench.now, index, index + 1);
    }
    bench.sent = 16_000;
    bench.wait(100);
    for end in (2..16_000).step_by(7) {
        let ack = Acknowledgement {
            now: bench.now,
            previous: 0,
            position: 0,
            sent: 16_000,
            blocks: &[(1, end)],
            pure: true,
            echo: None,
            echo_age: None,
            congestion_echo: false,
            window_limited: true,
        };
        bench.recovery.on_acknowledged(&ack, &mut bench.round_trip, bench.controller.as_mut(), &bench.settings, 48);
    }
    bench.recovery.check(0, 16_000).unwrap();
}
