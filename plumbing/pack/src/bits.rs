//! Sets of numbers that are near to one another, one bit for each.

use std::ops::Range;

const WORD: usize = u64::BITS as usize;

/// A set of numbers below a bound, such as the ranks of some of the objects of a pack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Returns the empty set, which can take numbers below `bound`.
    pub fn none(bound: usize) -> Self {
        Self(vec![0; bound.div_ceil(WORD)])
    }

    /// Adds a number below the bound, and returns whether it is new.
    pub fn add(&mut self, number: usize) -> bool {
        let bit = 1 << (number % WORD);
        let word = &mut self.0[number / WORD];
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Returns whether a number is in the set.
    pub fn has(&self, number: usize) -> bool {
        let word = self.0.get(number / WORD);
        word.is_some_and(|word| word & 1 << (number % WORD) != 0)
    }

    /// Returns whether any of those numbers is in the set.
    pub fn has_any(&self, mut numbers: Range<usize>) -> bool {
        numbers.any(|number| self.has(number))
    }

    /// Returns whether all of those numbers are in the set.
    pub fn has_all(&self, mut numbers: Range<usize>) -> bool {
        numbers.all(|number| self.has(number))
    }

    /// Returns how many numbers are in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Returns whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

/// A set that does not change any more, and the place of each number among all that are in it.
#[derive(Debug)]
pub(crate) struct Numbered {
    bits: Bits,
    /// How many numbers are in the words before each.
    before: Vec<u32>,
    len: usize,
}

impl Numbered {
    /// Takes a set of fewer than 2^32 numbers.
    pub(crate) fn new(bits: Bits) -> Self {
        let mut sum = 0;
        let before = bits.0.iter().map(|word| {
            let before = sum;
            sum += word.count_ones();
            before
        });
        Self {
            before: before.collect(),
            len: bits.len(),
            bits,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn has(&self, number: usize) -> bool {
        self.bits.has(number)
    }

    /// Returns how many of the set are lower than a number, if it is in the set.
    pub(crate) fn place(&self, number: usize) -> Option<usize> {
        if !self.has(number) {
            return None;
        }
        let (word, bit) = (number / WORD, number % WORD);
        let lower = self.bits.0[word] & ((1 << bit) - 1);
        Some((self.before[word] + lower.count_ones()) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn bits_are_a_set(numbers in prop::collection::vec(0usize..400, 0..200)) {
            let mut bits = Bits::none(400);
            let mut set = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(bits.add(number), set.insert(number));
            }
            prop_assert_eq!((bits.len(), bits.is_empty()), (set.len(), set.is_empty()));
            for number in 0..1000 {
                prop_assert_eq!(bits.has(number), set.contains(&number));
            }
            prop_assert_eq!(bits.has_any(100..120), set.range(100..120).count() > 0);
            prop_assert_eq!(bits.has_all(100..103), set.range(100..103).count() == 3);
            let numbered = Numbered::new(bits);
            prop_assert_eq!(numbered.len(), set.len());
            for number in 0..1000 {
                let place = set.iter().position(|it| *it == number);
                prop_assert_eq!(numbered.place(number), place);
            }
        }
    }
}
