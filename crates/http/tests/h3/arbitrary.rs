//! The properties of `properties.rs` on seeded bytes.

use edgeway_base::{Entropy, SeededEntropy};

use super::properties::{qpack_survives, server_survives};

#[test]
fn any_bytes_to_qpack() {
    let mut entropy = SeededEntropy::new(1);
    for round in 0..20_000 {
        let mut bytes = vec![0; entropy.below(80) as usize];
        entropy.fill(&mut bytes);
        if round % 2 == 0 {
            // Short lengths and low indices: more of it decodes.
            bytes.iter_mut().for_each(|byte| *byte &= [0x47, 0x83, 0xfe, 0xc3, 0x05][(*byte % 5) as usize]);
        }
        qpack_survives(&bytes);
    }
}

#[test]
fn any_streams_and_any_calls() {
    let mut entropy = SeededEntropy::new(2);
    for _ in 0..5_000 {
        let mut bytes = Vec::new();
        for _ in 0..entropy.below(60) {
            let stream = entropy.below(5) as u8 * 4;
            match entropy.below(3) {
                // A request by the static table.
                0 => bytes.extend([entropy.below(2) as u8, 10, stream, 1, 8, 0, 0, 0xd1, 0xd7, 0xc1, 0x50, 1, b'a']),
                // An insertion, or a section that waits for it.
                1 => bytes.extend([0, 5, 6, 0x43, b'x', 0x2d, 1, b'y']),
                _ => bytes.extend([entropy.below(12) as u8, entropy.below(12) as u8, entropy.below(32) as u8]),
            }
        }
        server_survives(&bytes);
    }
}
