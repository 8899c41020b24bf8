//! Going through part of an index from front to back, past the map: what is looked at once need not stay
//! in memory.

use crate::error::PackError;
use crate::table::Bytes;

/// How much is read at once, in bytes.
const PIECE: usize = 1 << 16;

/// Rows of `N` bytes that follow one another; ends after an error.
#[derive(Debug)]
pub(crate) struct Rows<'i, const N: usize> {
    bytes: &'i Bytes,
    /// Where the rows begin that were not read yet.
    at: usize,
    /// How many those are.
    left: usize,
    piece: Vec<u8>,
    /// How much of the piece was handed out.
    used: usize,
}

impl<'i, const N: usize> Rows<'i, N> {
    /// Goes through `count` rows from `at`.
    pub(crate) const fn new(bytes: &'i Bytes, at: usize, count: u32) -> Self {
        Self {
            bytes,
            at,
            left: count as usize,
            piece: Vec::new(),
            used: 0,
        }
    }

    fn read_on(&mut self) -> Result<(), PackError> {
        let count = self.left.min(PIECE / N);
        self.piece.resize(count * N, 0);
        self.used = 0;
        let read = self.bytes.read_at(self.at, &mut self.piece);
        self.at += count * N;
        self.left -= count;
        read
    }
}

impl<const N: usize> Iterator for Rows<'_, N> {
    type Item = Result<[u8; N], PackError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.used == self.piece.len() {
            if self.left == 0 {
                return None;
            }
            if let Err(err) = self.read_on() {
                (self.left, self.used) = (0, 0);
                self.piece.clear();
                return Some(Err(err));
            }
        }
        let row = self.piece[self.used..].first_chunk::<N>()?;
        self.used += N;
        Some(Ok(*row))
    }

    fn nth(&mut self, count: usize) -> Option<Self::Item> {
        let here = count.min((self.piece.len() - self.used) / N);
        self.used += N * here;
        // Pieces that nothing is wanted of need not be read.
        let there = (count - here).min(self.left);
        self.at += N * there;
        self.left -= there;
        self.next()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    const COUNT: u32 = 20_000;

    fn bytes() -> Bytes {
        let rows = (0..COUNT).flat_map(|row| [row, !row, row]);
        Bytes::Owned(rows.flat_map(u32::to_le_bytes).collect())
    }

    fn number(row: [u8; 12]) -> u32 {
        u32::from_le_bytes(*row.first_chunk().unwrap())
    }

    #[test]
    fn rows_come_one_after_the_other() {
        let bytes = bytes();
        let rows = Rows::<12>::new(&bytes, 12, COUNT - 1);
        assert!(rows.map(|row| number(row.unwrap())).eq(1..COUNT));
        assert_eq!(Rows::<12>::new(&bytes, 0, 0).count(), 0);
    }

    #[test]
    fn rows_can_be_passed_over() {
        let bytes = bytes();
        for step in [1, 2, 100, 5461, 5462, 9999, 30_000] {
            let rows = Rows::<12>::new(&bytes, 0, COUNT).step_by(step);
            let expected = (0..COUNT).step_by(step);
            assert!(rows.map(|row| number(row.unwrap())).eq(expected), "{step}");
        }
    }

    #[test]
    fn bytes_that_are_missing_end_it() {
        let bytes = bytes();
        let rows: Vec<_> = Rows::<12>::new(&bytes, 0, COUNT + 1)
            .take(2 * COUNT as usize)
            .collect();
        assert!(rows.last().unwrap().is_err());
        assert!(rows.iter().filter(|row| row.is_err()).count() == 1);
    }
}
