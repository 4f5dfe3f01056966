//! Chance, as an argument. `net` fills it from the kernel; the lab and the tests from a seed.

/// A source of random bytes.
///
/// The kernel's implementation (in `net`) is fit for keys; [`SeededEntropy`] is not, and exists so
/// that the same seed gives the same run.
pub trait Entropy {
    /// Fills `bytes` completely.
    fn fill(&mut self, bytes: &mut [u8]);

    /// Sixteen random bits.
    fn next_u16(&mut self) -> u16 {
        let mut bytes = [0; 2];
        self.fill(&mut bytes);
        u16::from_le_bytes(bytes)
    }

    /// Thirty-two random bits.
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    /// Sixty-four random bits.
    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number in `0..bound`, evenly (Lemire's multiply-and-shift; the bias is below 2^-32 for any
    /// 32-bit bound). Zero when `bound` is zero.
    fn below(&mut self, bound: u32) -> u32 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u32
    }
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    fn fill(&mut self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }
}

impl<E: Entropy + ?Sized> Entropy for Box<E> {
    fn fill(&mut self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }
}

/// Chance from a seed (xoshiro256++): same seed, same run. Never for keys.
#[derive(Clone, Debug)]
pub struct SeededEntropy {
    state: [u64; 4],
}

impl SeededEntropy {
    /// A generator whose whole future follows from `seed`.
    pub const fn new(seed: u64) -> Self {
        // SplitMix64 spreads a small seed over the whole state, as xoshiro's authors advise.
        let mut state = [0; 4];
        let mut mix = seed;
        let mut index = 0;
        while index < 4 {
            mix = mix.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = mix;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            state[index] = z ^ (z >> 31);
            index += 1;
        }
        Self { state }
    }

    fn step(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (mut c, mut d) = (c ^ a, d ^ b);
        let (b, a) = (b ^ c, a ^ d);
        c ^= self.state[1] << 17;
        d = d.rotate_left(45);
        self.state = [a, b, c, d];
        result
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.step().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_run_other_seed_other_run() {
        let draw = |seed| {
            let mut entropy = SeededEntropy::new(seed);
            [entropy.next_u64(), entropy.next_u64(), entropy.next_u64()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut entropy = SeededEntropy::new(1);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[entropy.below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
        assert_eq!(entropy.below(0), 0);
    }
}
