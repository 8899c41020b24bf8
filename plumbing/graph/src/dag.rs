//! What of a projection is shown, in an order that can be drawn.

use crate::{Projection, Read, Record, State};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// What is current, and failed runs whose products the world holds.
    #[default]
    Current,
    /// What is stale as well.
    Stale,
    /// The whole history.
    All,
}

/// How many records are not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Stale ones.
    pub stale: usize,
    /// Superseded ones.
    pub superseded: usize,
    /// Failed ones.
    pub failed: usize,
}

impl Hidden {
    /// Returns how many there are in all.
    pub const fn total(self) -> usize {
        self.stale + self.superseded + self.failed
    }
}

/// A line from a node to one of those that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The place of the parent among the nodes; lower than the child's.
    pub parent: usize,
    /// What was read that runs along it: by the child, or for what it stands for.
    pub inputs: Vec<Read>,
    /// Whether the world holds something else by now than what was read.
    pub outdated: bool,
}

/// A record that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its place in the history.
    pub record: usize,
    /// What it is.
    pub state: State,
    /// What it came from, ascending.
    pub parents: Vec<Edge>,
}

/// What is shown of a projection: parents before children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dag {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// What is not among them.
    pub hidden: Hidden,
}

impl Projection<'_> {
    /// Chooses what to show.
    ///
    /// In the whole history a line leads to the very record that made an input; else it leads to the
    /// one that has its place now. Should later runs close a circle that way, the lines that would
    /// lead back are left out.
    pub fn dag(&self, show: Show) -> Dag {
        let records = self.history().records();
        let shown: Vec<_> = (0..records.len())
            .filter(|&at| self.is_shown(at, show))
            .collect();
        let mut hidden = Hidden::default();
        for record in (0..records.len()).filter(|&at| !self.is_shown(at, show)) {
            match self.state(record) {
                State::Stale => hidden.stale += 1,
                State::Failed => hidden.failed += 1,
                State::Superseded | State::Current => hidden.superseded += 1,
            }
        }
        let lines = self.lines(&shown, show);
        let nodes = in_order(&shown, lines, |record| order_key(records, record, show))
            .into_iter()
            .map(|(record, parents)| Node {
                record,
                state: self.state(record),
                parents,
            })
            .collect();
        Dag { nodes, hidden }
    }

    fn is_shown(&self, record: usize, show: Show) -> bool {
        match self.state(record) {
            _ if show == Show::All => true,
            State::Current => true,
            State::Stale => show == Show::Stale,
            State::Superseded => false,
            State::Failed => self.replaced_by(record).is_none() && self.holds(record),
        }
    }

    /// Returns the lines into each shown record, by the record that they come from.
    fn lines(&self, shown: &[usize], show: Show) -> Vec<Vec<(usize, Line)>> {
        let mut places = vec![None; self.history().records().len()];
        for (place, &record) in shown.iter().enumerate() {
            places[record] = Some(place);
        }
        let into = |&record: &usize| {
            let mut lines: Vec<(usize, Line)> = Vec::new();
            for (input, producer) in self.made_inputs(record) {
                let parent = match show {
                    Show::All => producer.record,
                    Show::Current | Show::Stale => self.standing_producer(input, producer),
                };
                let Some(parent) = places[parent].filter(|_| parent != record) else {
                    continue;
                };
                let outdated = self.is_outdated(input);
                match lines.iter_mut().find(|(known, _)| *known == parent) {
                    Some((_, line)) => line.add(input, outdated),
                    None => lines.push((
                        parent,
                        Line {
                            inputs: vec![input],
                            outdated,
                        },
                    )),
                }
            }
            lines
        };
        shown.iter().map(into).collect()
    }
}

/// What runs from one record to another.
struct Line {
    inputs: Vec<Read>,
    outdated: bool,
}

impl Line {
    fn add(&mut self, input: Read, outdated: bool) {
        self.inputs.push(input);
        self.outdated |= outdated;
    }
}

/// Returns what decides among records that could come next: the step, or in a history the time.
fn order_key(records: &[&Record], record: usize, show: Show) -> (u32, bool, usize) {
    match show {
        Show::All => (0, false, record),
        Show::Current | Show::Stale => {
            let step = records[record].step;
            (step.number, step.build, record)
        }
    }
}

/// Puts parents before children, else the lowest key first. When only circles are left, the lowest
/// key breaks one.
fn in_order<K: Ord + Copy>(
    shown: &[usize],
    lines: Vec<Vec<(usize, Line)>>,
    key: impl Fn(usize) -> K,
) -> Vec<(usize, Vec<Edge>)> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); shown.len()];
    let mut waits_for: Vec<usize> = lines.iter().map(Vec::len).collect();
    for (child, lines) in lines.iter().enumerate() {
        for (parent, _) in lines {
            children[*parent].push(child);
        }
    }
    let entry = |place: usize| Reverse((key(shown[place]), place));
    let mut ready: BinaryHeap<_> = (0..shown.len())
        .filter(|&place| waits_for[place] == 0)
        .map(entry)
        .collect();
    let mut rest: Vec<usize> = (0..shown.len()).collect();
    rest.sort_by_key(|&place| Reverse((key(shown[place]), place)));
    let mut position = vec![None; shown.len()];
    let mut order = Vec::new();
    while order.len() < shown.len() {
        let place = match ready.pop() {
            Some(Reverse((_, place))) => place,
            None => rest.pop().expect("what is not placed is still in the list"),
        };
        if position[place].is_some() {
            continue;
        }
        position[place] = Some(order.len());
        order.push(place);
        for &child in &children[place] {
            waits_for[child] = waits_for[child].saturating_sub(1);
            if waits_for[child] == 0 {
                ready.push(entry(child));
            }
        }
    }
    edges(shown, &order, lines, &position)
}

fn edges(
    shown: &[usize],
    order: &[usize],
    mut lines: Vec<Vec<(usize, Line)>>,
    position: &[Option<usize>],
) -> Vec<(usize, Vec<Edge>)> {
    let nodes = order.iter().enumerate().map(|(at, &place)| {
        let into = std::mem::take(&mut lines[place]).into_iter();
        let mut edges: Vec<_> = into
            .filter_map(|(parent, line)| Some((position[parent]?, line)))
            .filter(|&(parent, _)| parent < at)
            .map(|(parent, line)| Edge {
                parent,
                inputs: line.inputs,
                outdated: line.outdated,
            })
            .collect();
        edges.sort_by_key(|edge| edge.parent);
        (shown[place], edges)
    });
    nodes.collect()
}
