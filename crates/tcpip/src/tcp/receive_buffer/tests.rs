//! Overlaps, orders and bounds of the receive buffer, against a model that remembers one byte at a time.

use edgeway_base::{Entropy, SeededEntropy};

use super::*;

fn bytes(start: i64, end: i64, salt: u8) -> Bytes {
    (start..end).map(|position| (position as u8).wrapping_mul(31) ^ salt).collect::<Vec<u8>>().into()
}

#[test]
fn hostile_039_first_received_bytes_win_in_every_overlap() {
    let mut entropy = SeededEntropy::new(39);
    for _ in 0..2000 {
        let mut buffer = ReceiveBuffer::new(1);
        let mut model: Vec<Option<u8>> = vec![None; 66];
        for salt in 0..12 {
            let start = 1 + i64::from(entropy.below(60));
            let end = (start + 1 + i64::from(entropy.below(20))).min(65);
            let payload = bytes(start, end, salt);
            let next = buffer.next();
            for position in start.max(next)..end {
                let slot = &mut model[position as usize];
                *slot = slot.or(Some(payload[(position - start) as usize]));
            }
            buffer.insert(start, payload);
        }
        let expected: Vec<u8> = model[1..].iter().map_while(|byte| *byte).collect();
        let mut read = vec![0; 100];
        assert_eq!(buffer.read(&mut read, true), expected.len());
        assert_eq!(buffer.read(&mut read, false), expected.len());
        assert_eq!(&read[..expected.len()], expected);
        let waiting = model[1 + expected.len()..].iter().flatten().count();
        assert_eq!(buffer.out_of_order(), waiting);
    }
}

#[test]
fn hostile_040_all_orders_of_five_segments_with_recent_ranges_first() {
    let segments = [(1, 2), (2, 4), (4, 8), (8, 16), (16, 32)];
    let mut orders = 0;
    permute(&mut [0, 1, 2, 3, 4], 0, &mut |order| {
        orders += 1;
        let mut buffer = ReceiveBuffer::new(1);
        for &index in order {
            let (start, end) = segments[index];
            let arrival = buffer.insert(start, bytes(start, end, 0));
            assert_eq!(arrival.duplicate, None);
            if let Some((first, last)) = buffer.recent_ranges(4).next().filter(|_| !arrival.advanced) {
                assert!(first <= start && end <= last, "the range just changed is reported first");
            }
        }
        assert_eq!((buffer.next(), buffer.has_gaps(), buffer.readable()), (32, false, 31), "{order:?}");
    });
    assert_eq!(orders, 120);
}

fn permute(order: &mut [usize; 5], fixed: usize, visit: &mut impl FnMut(&[usize; 5])) {
    if fixed == 5 {
        return visit(order);
    }
    for index in fixed..5 {
        order.swap(fixed, index);
        permute(order, fixed + 1, visit);
        order.swap(fixed, index);
    }
}

#[test]
fn duplicates_are_reported_once_and_first() {
    let mut buffer = ReceiveBuffer::new(1);
    buffer.insert(1, bytes(1, 100, 0));
    for start in [200, 400, 600] {
        buffer.insert(start, bytes(start, start + 100, 0));
    }
    for (start, end, duplicate) in [
        (50, 75, Some((50, 75))),
        (400, 550, Some((400, 500))),
        (150, 180, None),
        (250, 650, Some((250, 300))),
        (60, 120, Some((60, 100))),
    ] {
        assert_eq!(buffer.insert(start, bytes(start, end, 1)).duplicate, duplicate, "{start}..{end}");
    }
}

#[test]
fn hostile_041_ten_thousand_holes_stay_bounded() {
    let mut buffer = ReceiveBuffer::new(1);
    for index in 0..10_000 {
        buffer.insert(10 + index * 2, bytes(0, 1, 0));
    }
    assert_eq!(buffer.ranges.len(), OUT_OF_ORDER_RANGES_MAX);
    assert_eq!((buffer.recent.len(), buffer.out_of_order()), (OUT_OF_ORDER_RANGES_MAX, OUT_OF_ORDER_RANGES_MAX));
    assert!(!buffer.insert(1, bytes(1, 10, 0)).refused, "what is in order always goes in");
    assert_eq!(buffer.next(), 11);
}

#[test]
fn one_byte_does_not_pin_a_frame_and_nothing_is_kept_after_reading() {
    let mut buffer = ReceiveBuffer::new(1);
    for position in 1..2000 {
        buffer.insert(position, bytes(position, position + 1, 0));
    }
    assert!(buffer.ready.len() <= 1, "small arrivals are gathered");
    let mut sink = vec![0; 4000];
    assert_eq!(buffer.read(&mut sink, false), 1999);
    assert_eq!((buffer.ready.capacity(), buffer.tail.capacity()), (0, 0));
}
