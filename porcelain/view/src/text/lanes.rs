//! Lines between nodes in text: one column for each node whose children are still to come.
//!
//! Every node has a row. In it, a line runs from the column of each parent to the node. A parent's
//! column ends with its last child. So no line is left out, a chain stays in one column, and a fan
//! takes two.

/// The rows of a drawing.
pub(crate) struct Lanes {
    /// For each node: its row, and the row for lines of text below it.
    pub(crate) rows: Vec<(String, String)>,
}

/// More columns than this are not followed by any eye.
const MOST: usize = 12;

/// The characters that lines are made of.
struct Pens {
    down: char,
    across: char,
    right_of: char,
    left_of: char,
    cross: char,
    end_right: char,
    end_left: char,
    end_both: char,
}

const BOXES: Pens = Pens {
    down: '│',
    across: '─',
    right_of: '├',
    left_of: '┤',
    cross: '┼',
    end_right: '╰',
    end_left: '╯',
    end_both: '┴',
};

const ASCII: Pens = Pens {
    down: '|',
    across: '-',
    right_of: '+',
    left_of: '+',
    cross: '+',
    end_right: '`',
    end_left: '\'',
    end_both: '+',
};

impl Lanes {
    /// Lays out nodes, each given by its parents (which come before it) and its mark. Returns nothing
    /// if that would take too many columns.
    pub(crate) fn new(parents: &[Vec<usize>], marks: &[char], ascii: bool) -> Option<Self> {
        let pens = if ascii { &ASCII } else { &BOXES };
        let mut children_left = vec![0usize; parents.len()];
        for &parent in parents.iter().flatten() {
            children_left[parent] += 1;
        }
        let mut lanes: Vec<Option<usize>> = Vec::new();
        let mut rows = Vec::new();
        for (node, parents) in parents.iter().enumerate() {
            for &parent in parents {
                children_left[parent] -= 1;
            }
            let row = Row::new(&mut lanes, parents, &children_left);
            if lanes.len() > MOST {
                return None;
            }
            let shown = row.draw(&lanes, marks[node], pens);
            row.settle(&mut lanes, node, children_left[node] > 0);
            rows.push((shown, below(&lanes, pens)));
        }
        Some(Self { rows })
    }
}

/// One node's row while it is drawn.
struct Row {
    /// The node's column.
    own: usize,
    /// Columns of parents, and whether each goes on below.
    joined: Vec<(usize, bool)>,
}

impl Row {
    fn new(lanes: &mut Vec<Option<usize>>, parents: &[usize], children_left: &[usize]) -> Self {
        let column = |parent: usize| lanes.iter().position(|lane| *lane == Some(parent));
        let joined: Vec<_> = parents
            .iter()
            .filter_map(|&parent| Some((column(parent)?, children_left[parent] > 0)))
            .collect();
        // The first parent that has no other children to come hands its column down.
        let ending = joined
            .iter()
            .filter(|(_, goes_on)| !goes_on)
            .map(|&(column, _)| column);
        let free = || {
            lanes
                .iter()
                .position(Option::is_none)
                .unwrap_or(lanes.len())
        };
        let own = ending.min().unwrap_or_else(free);
        if own == lanes.len() {
            lanes.push(None);
        }
        Self { own, joined }
    }

    fn draw(&self, lanes: &[Option<usize>], mark: char, pens: &Pens) -> String {
        let columns = || {
            self.joined
                .iter()
                .map(|&(column, _)| column)
                .chain([self.own])
        };
        let (left, right) = (columns().min().unwrap_or(0), columns().max().unwrap_or(0));
        let mut shown = String::new();
        for column in 0..lanes.len() {
            let runs = (left..right).contains(&column);
            shown.push(self.pen(lanes, column, (left, right), mark, pens));
            shown.push(if runs { pens.across } else { ' ' });
        }
        shown
    }

    fn pen(
        &self,
        lanes: &[Option<usize>],
        column: usize,
        (left, right): (usize, usize),
        mark: char,
        pens: &Pens,
    ) -> char {
        if column == self.own {
            return mark;
        }
        let goes_on = self.joined.iter().find(|(joined, _)| *joined == column);
        match goes_on {
            Some((_, true)) if column == left => pens.right_of,
            Some((_, true)) if column == right => pens.left_of,
            Some((_, true)) => pens.cross,
            Some((_, false)) if column == left => pens.end_right,
            Some((_, false)) if column == right => pens.end_left,
            Some((_, false)) => pens.end_both,
            None if lanes[column].is_some() => pens.down,
            None if (left..right).contains(&column) => pens.across,
            None => ' ',
        }
    }

    fn settle(self, lanes: &mut Vec<Option<usize>>, node: usize, has_children: bool) {
        for (column, goes_on) in self.joined {
            if !goes_on {
                lanes[column] = None;
            }
        }
        lanes[self.own] = has_children.then_some(node);
        while lanes.last() == Some(&None) {
            lanes.pop();
        }
    }
}

fn below(lanes: &[Option<usize>], pens: &Pens) -> String {
    let pen = |lane: &Option<usize>| [if lane.is_some() { pens.down } else { ' ' }, ' '];
    lanes.iter().flat_map(pen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(parents: &[&[usize]]) -> String {
        let parents: Vec<_> = parents.iter().map(|parents| parents.to_vec()).collect();
        let marks: Vec<_> = (0..parents.len())
            .map(|at| char::from(b'0' + at as u8))
            .collect();
        let Some(lanes) = Lanes::new(&parents, &marks, false) else {
            return "too wide".to_owned();
        };
        lanes
            .rows
            .iter()
            .map(|(row, _)| format!("{}\n", row.trim_end()))
            .collect()
    }

    #[test]
    fn a_chain_stays_in_one_column() {
        assert_eq!(drawn(&[&[], &[0], &[1]]), "0\n1\n2\n");
    }

    #[test]
    fn a_fan_takes_two_columns() {
        assert_eq!(drawn(&[&[], &[0], &[0], &[0]]), "0\n├─1\n├─2\n3\n");
    }

    #[test]
    fn every_parent_is_joined() {
        assert_eq!(drawn(&[&[], &[0], &[0, 1]]), "0\n├─1\n2─╯\n");
        assert_eq!(
            drawn(&[&[], &[], &[], &[0, 2], &[1, 3]]),
            "0\n│ 1\n│ │ 2\n3─│─╯\n4─╯\n"
        );
    }

    #[test]
    fn a_thousand_columns_are_not_drawn() {
        let mut parents: Vec<Vec<usize>> = vec![Vec::new(); 1000];
        parents.push((0..1000).collect());
        assert!(Lanes::new(&parents, &vec!['*'; 1001], true).is_none());
    }
}
