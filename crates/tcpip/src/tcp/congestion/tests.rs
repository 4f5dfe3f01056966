//! The laws by themselves: growth, reduction, undoing, and numbers too large for carelessness.

use super::*;
use crate::tcp::settings::TcpSettings;

fn new(congestion: CongestionAlgorithm) -> Box<dyn Controller> {
    controller(&TcpSettings { congestion, ..TcpSettings::default() }, 1000)
}

fn acknowledged(now: Instant, bytes: u64, sent: i64) -> Acknowledged {
    Acknowledged {
        now,
        bytes,
        in_flight: 100_000,
        delivered: sent as u64,
        lost: 0,
        round_trip: Some(Duration::from_millis(50)),
        smoothed: Duration::from_millis(50),
        minimum: Duration::from_millis(50),
        window_limited: true,
        rate: None,
        acknowledged: sent,
        sent: sent + 100_000,
        recovering: false,
    }
}

#[test]
fn slow_start_doubles_per_round_and_the_initial_window_is_ten() {
    for algorithm in [CongestionAlgorithm::Reno, CongestionAlgorithm::Cubic] {
        let mut law = new(algorithm);
        assert_eq!(law.window(), 10_000, "RFC 6928");
        law.on_acknowledged(&acknowledged(Instant::from_millis(50), 10_000, 10_000));
        assert_eq!(law.window(), 20_000, "{}", law.name());
    }
}

#[test]
fn reductions_are_a_half_and_three_tenths_and_can_be_undone() {
    for (algorithm, share) in [(CongestionAlgorithm::Reno, 0.5), (CongestionAlgorithm::Cubic, 0.7)] {
        let mut law = new(algorithm);
        law.on_acknowledged(&acknowledged(Instant::from_millis(50), 90_000, 90_000));
        let before = law.window();
        law.on_congestion(Instant::from_millis(60), before);
        let expected = (before as f64 * share) as u64;
        assert!(law.window().abs_diff(expected) < 1000, "{} {}", law.name(), law.window());
        law.undo();
        assert_eq!(law.window(), before, "{}", law.name());
        law.on_timeout(Instant::from_millis(70), before);
        assert_eq!(law.window(), 1000, "must 19: slow start from one segment");
    }
}

#[test]
fn hostile_052_splitting_acknowledgements_gains_nothing() {
    let (mut whole, mut split) = (new(CongestionAlgorithm::Reno), new(CongestionAlgorithm::Reno));
    whole.on_acknowledged(&acknowledged(Instant::ZERO, 1000, 1000));
    for _ in 0..1000 {
        split.on_acknowledged(&acknowledged(Instant::ZERO, 1, 1000));
    }
    assert_eq!(whole.window(), split.window());
}

#[test]
fn cubic_returns_to_the_plateau_in_k_seconds() {
    let mut law = new(CongestionAlgorithm::Cubic);
    law.on_acknowledged(&acknowledged(Instant::ZERO, 990_000, 0));
    let plateau = law.window();
    law.on_congestion(Instant::ZERO, plateau);
    // RFC 9438 §4.2: K = cbrt(W_max * (1 - beta) / C) = cbrt(1000 * 0.3 / 0.4) = 9.09 s.
    let mut now = Instant::ZERO;
    let mut reached = None;
    for round in 0..400_i64 {
        now += Duration::from_millis(50);
        law.on_acknowledged(&acknowledged(now, law.window(), round));
        if reached.is_none() && law.window() + 2000 >= plateau {
            reached = Some(now.as_millis());
        }
    }
    assert!((7000..9100).contains(&reached.unwrap()), "two segments short of it: {reached:?}");
    assert!(law.window() > plateau * 12 / 10, "and goes on to look for more");
}

#[test]
fn huge_windows_and_long_times_neither_overflow_nor_fall_below_one_segment() {
    for algorithm in [CongestionAlgorithm::Reno, CongestionAlgorithm::Cubic, CongestionAlgorithm::Bbr] {
        let mut law = new(algorithm);
        let mut now = Instant::ZERO;
        for round in 0..2000_i64 {
            now += Duration::from_secs(3600 * 24);
            let rate =
                Some(RateSample { rate: 12_500_000_000, application_limited: false, prior_delivered: u64::MAX / 2 });
            law.on_acknowledged(&Acknowledged { rate, ..acknowledged(now, 1 << 40, round << 40) });
            if round % 100 == 99 {
                law.on_congestion(now, u64::MAX / 4);
                law.on_recovered(now);
                law.on_idle(Duration::from_secs(1 << 40), Duration::from_nanos(1));
                law.set_segment_size(500 + round as u32);
            }
            assert!(law.window() >= 500, "{} {}", law.name(), law.window());
        }
    }
}

#[test]
fn hystart_leaves_slow_start_when_round_trips_grow() {
    let mut law = new(CongestionAlgorithm::Cubic);
    let mut position = 0_i64;
    for round in 0..12_u64 {
        for _ in 0..10 {
            position += 1000;
            let round_trip = Some(Duration::from_millis(50 + if round > 3 { 40 } else { 0 }));
            let event = acknowledged(Instant::from_millis(round * 50), 1000, position);
            law.on_acknowledged(&Acknowledged { round_trip, sent: position + 9000, ..event });
        }
    }
    assert!(law.slow_start_threshold() < 1 << 30, "left without a loss");
}

#[test]
fn bbr_finds_the_rate_and_keeps_two_products_under_way() {
    let mut law = new(CongestionAlgorithm::Bbr);
    let mut delivered = 0;
    for round in 0..60_u64 {
        for step in 0..5_u64 {
            let now = Instant::from_millis(round * 50 + step * 10);
            let prior_delivered = delivered;
            delivered += 10_000;
            let rate = Some(RateSample { rate: 1_000_000, application_limited: false, prior_delivered });
            let event = acknowledged(now, 10_000, delivered as i64);
            law.on_acknowledged(&Acknowledged { rate, delivered, in_flight: 50_000, ..event });
        }
    }
    // 1 MB/s * 50 ms = 50 kB; twice that and three segments.
    assert!((95_000..=105_000).contains(&law.window()), "{}", law.window());
    let pace = law.pacing_rate().unwrap();
    assert!((700_000..=1_300_000).contains(&pace), "{pace}");
}
