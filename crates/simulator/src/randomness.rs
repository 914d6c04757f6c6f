//! The one source of chance: streams of numbers that follow from the seed alone.

use std::sync::Arc;

use parking_lot::Mutex;
use workload::Random;

/// A stream of random numbers. Clones draw from the same stream.
#[derive(Clone)]
pub struct Randomness {
    numbers: Arc<Mutex<Random>>,
}

impl Randomness {
    /// The stream of this purpose for this seed: what one purpose draws does not shift what another
    /// one gets, so that a shrunk run stays like the whole one.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Self {
        let purposes = Random::new(seed).number() ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self { numbers: Arc::new(Mutex::new(Random::new(purposes))) }
    }

    /// Any number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.numbers.lock().number()
    }

    /// A number below `bound`; 0 if that is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        self.numbers.lock().below(bound)
    }

    /// Whether something happens that happens so many times in a million.
    #[must_use]
    pub fn happens(&self, in_a_million: u32) -> bool {
        in_a_million > 0 && self.below(1_000_000) < u64::from(in_a_million)
    }

    /// One of these; the default if there are none.
    #[must_use]
    pub fn one_of<T: Copy + Default>(&self, choices: &[T]) -> T {
        self.numbers.lock().pick(choices).copied().unwrap_or_default()
    }
}

impl node::Random for Randomness {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let number = self.number().to_le_bytes();
            part.iter_mut().zip(number).for_each(|(byte, random)| *byte = random);
        }
    }
}
