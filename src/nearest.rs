//! "Did you mean": the known word nearest to one that was mistyped.

/// Returns the candidate that is fewest edits away from `word`, if it is near enough to be meant.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A long word is compared with every candidate at the cost of its length; nobody mistypes that.
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let scored = candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate));
    scored
        .filter(|(edits, candidate)| *edits <= allowed(word, candidate))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// A third of the longer word may be wrong; a beginning of the right word counts as near.
fn allowed(word: &str, candidate: &str) -> usize {
    if word.len() >= 3 && candidate.starts_with(word) {
        return candidate.len();
    }
    (word.chars().count().max(candidate.chars().count()) / 3).max(1)
}

/// Returns how many insertions, deletions, changes and swaps of neighbours lie between two words.
///
/// Optimal string alignment, three rows at a time.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for row in 1..=left.len() {
        let mut current = vec![row];
        for column in 1..=right.len() {
            let same = usize::from(left[row - 1] != right[column - 1]);
            let mut best = (above[column] + 1)
                .min(current[column - 1] + 1)
                .min(above[column - 1] + same);
            if swapped(&left, &right, row, column) {
                best = best.min(swap_cost(&before, column));
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

fn swapped(left: &[char], right: &[char], row: usize, column: usize) -> bool {
    row > 1
        && column > 1
        && left[row - 1] == right[column - 2]
        && left[row - 2] == right[column - 1]
}

fn swap_cost(before: &[usize], column: usize) -> usize {
    before[column - 2] + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_is_one_slip() {
        assert_eq!(distance("dga", "dag"), 1);
        assert_eq!(distance("", "dag"), 3);
        assert_eq!(distance("status", "status"), 0);
    }

    #[test]
    fn only_what_could_be_meant_is_offered() {
        let words = ["dag", "status", "lineage", "run.dirty"];
        assert_eq!(nearest("dga", words), Some("dag"));
        assert_eq!(nearest("stat", words), Some("status"));
        assert_eq!(nearest("run.dity", words), Some("run.dirty"));
        assert_eq!(nearest("zzz", words), None);
        assert_eq!(nearest(&"dag".repeat(100), words), None);
    }
}
