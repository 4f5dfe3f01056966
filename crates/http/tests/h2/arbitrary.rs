//! The properties of `properties.rs` on seeded bytes: noise, and noise that looks like something.

use edgeway_base::{Entropy, SeededEntropy};

use super::properties::{blocks_come_back, frames_come_back, server_survives};

fn noise(entropy: &mut SeededEntropy, most: u32) -> Vec<u8> {
    let mut bytes = vec![0; entropy.below(most) as usize];
    entropy.fill(&mut bytes);
    bytes
}

#[test]
fn any_frames() {
    let mut entropy = SeededEntropy::new(1);
    for _ in 0..5_000 {
        let mut bytes = Vec::new();
        for _ in 0..4 {
            let payload = noise(&mut entropy, 24);
            bytes.extend([0, 0, payload.len() as u8, entropy.below(18) as u8, entropy.next_u16() as u8, 0, 0, 0]);
            bytes.push(entropy.below(4) as u8);
            bytes.extend(payload);
        }
        frames_come_back(&bytes);
    }
}

#[test]
fn any_blocks() {
    let mut entropy = SeededEntropy::new(2);
    for round in 0..20_000 {
        let mut bytes = noise(&mut entropy, 60);
        if round % 2 == 0 {
            // Short lengths and low indices: more of it decodes.
            bytes.iter_mut().for_each(|byte| *byte &= [0x47, 0x87, 0xbf, 0x7f, 0x0f][(*byte % 5) as usize]);
        }
        blocks_come_back(&bytes);
    }
}

#[test]
fn any_input_and_any_calls() {
    let mut entropy = SeededEntropy::new(3);
    for _ in 0..5_000 {
        let mut bytes = Vec::new();
        for _ in 0..entropy.below(80) {
            let stream = entropy.below(8) as u8;
            match entropy.below(3) {
                // A request of four bytes.
                0 => bytes.extend([1, 5, stream, 4 | entropy.below(2) as u8, 0x82, 0x87, 0x84, 0x41, 0x00]),
                1 => bytes.extend([8, 4, stream, 0, 0, 0, entropy.below(3) as u8, entropy.below(9) as u8]),
                _ => bytes.extend([entropy.below(16) as u8, entropy.below(30) as u8, stream, entropy.next_u16() as u8]),
            }
        }
        server_survives(&bytes);
    }
}
