//! Where the nodes of a picture go: a layered drawing after Sugiyama, Tagawa and Toda (1981).
//!
//! A node is one layer below the lowest of its parents. A line that passes layers gets a bend in
//! each. Within the layers, nodes are ordered by the mean of their neighbours' places (the
//! barycentre), going down and up a few times and keeping the best order; then each is moved
//! towards the mean of its neighbours as far as its layer allows.

/// How often the layers are ordered and moved.
const SWEEPS: usize = 8;

/// More bends than this are not worth ordering; lines are drawn straight then.
const MOST_BENDS: usize = 20_000;

/// A place in the picture, in units: a node is one unit wide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// From the left, the middle of the node.
    pub(super) x: f64,
    /// Which layer, from the top.
    pub(super) layer: usize,
}

/// Where everything goes.
pub(super) struct Placed {
    /// Of each node.
    pub(super) nodes: Vec<Place>,
    /// Of each line: child, place in its list of parents, and the bends from parent to child.
    pub(super) lines: Vec<(usize, usize, Vec<Place>)>,
    /// How wide it is.
    pub(super) width: f64,
    /// How many layers it has.
    pub(super) layers: usize,
}

/// Nodes and bends alike.
struct Net {
    layer: Vec<usize>,
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
    layers: Vec<Vec<usize>>,
    /// How much room each takes: bends take less.
    room: Vec<f64>,
}

/// Places nodes, each given by its parents, which come before it.
pub(super) fn place(parents: &[Vec<usize>]) -> Placed {
    let layer = layers(parents);
    let bends: usize = parents
        .iter()
        .enumerate()
        .flat_map(|(child, parents)| parents.iter().map(move |&parent| (child, parent)))
        .map(|(child, parent)| layer[child] - layer[parent] - 1)
        .sum();
    let (mut net, chains) = net(parents, layer, bends <= MOST_BENDS);
    net.order();
    let x = net.move_together();
    let at = |item: usize| Place {
        x: x[item],
        layer: net.layer[item],
    };
    let lines = chains
        .into_iter()
        .map(|(child, which, bends)| (child, which, bends.into_iter().map(at).collect()));
    Placed {
        nodes: (0..parents.len()).map(at).collect(),
        lines: lines.collect(),
        width: x
            .iter()
            .zip(&net.room)
            .map(|(x, room)| x + room / 2.0)
            .fold(1.0, f64::max),
        layers: net.layers.len(),
    }
}

fn layers(parents: &[Vec<usize>]) -> Vec<usize> {
    let mut layer = vec![0; parents.len()];
    for (child, parents) in parents.iter().enumerate() {
        layer[child] = parents
            .iter()
            .map(|&parent| layer[parent] + 1)
            .max()
            .unwrap_or(0);
    }
    layer
}

type Chains = Vec<(usize, usize, Vec<usize>)>;

/// Adds the bends.
fn net(parents: &[Vec<usize>], layer: Vec<usize>, with_bends: bool) -> (Net, Chains) {
    let count = parents.len();
    let mut net = Net {
        layers: vec![Vec::new(); layer.iter().max().map_or(0, |last| last + 1)],
        layer,
        above: vec![Vec::new(); count],
        below: vec![Vec::new(); count],
        room: vec![1.0; count],
    };
    let mut chains = Vec::new();
    for (child, parents) in parents.iter().enumerate() {
        for (which, &parent) in parents.iter().enumerate() {
            let mut bends = Vec::new();
            let mut last = parent;
            if with_bends {
                for layer in net.layer[parent] + 1..net.layer[child] {
                    let bend = net.add_bend(layer);
                    net.join(last, bend);
                    bends.push(bend);
                    last = bend;
                }
            }
            net.join(last, child);
            chains.push((child, which, bends));
        }
    }
    for item in 0..net.layer.len() {
        net.layers[net.layer[item]].push(item);
    }
    (net, chains)
}

impl Net {
    fn add_bend(&mut self, layer: usize) -> usize {
        self.layer.push(layer);
        self.above.push(Vec::new());
        self.below.push(Vec::new());
        self.room.push(0.25);
        self.layer.len() - 1
    }

    fn join(&mut self, upper: usize, lower: usize) {
        self.below[upper].push(lower);
        self.above[lower].push(upper);
    }

    /// Orders each layer so that few lines cross.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.layers.clone());
        let mut wanted = vec![0.0; self.layer.len()];
        for sweep in 0..SWEEPS {
            let down = sweep % 2 == 0;
            let mut position = self.positions();
            for step in 0..self.layers.len() {
                let at = if down {
                    step
                } else {
                    self.layers.len() - 1 - step
                };
                let neighbours = if down { &self.above } else { &self.below };
                let mut layer = std::mem::take(&mut self.layers[at]);
                for &item in &layer {
                    wanted[item] = mean(&neighbours[item], &position).unwrap_or(position[item]);
                }
                layer.sort_unstable_by(|&a, &b| wanted[a].total_cmp(&wanted[b]).then(a.cmp(&b)));
                for (place, &item) in layer.iter().enumerate() {
                    position[item] = place as f64;
                }
                self.layers[at] = layer;
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
    }

    fn positions(&self) -> Vec<f64> {
        let mut position = vec![0.0; self.layer.len()];
        for layer in &self.layers {
            for (place, &item) in layer.iter().enumerate() {
                position[item] = place as f64;
            }
        }
        position
    }

    /// Counts how many pairs of lines cross, layer by layer, by counting inversions.
    fn crossings(&self) -> u64 {
        let position = self.positions();
        let place = |item: usize| position[item] as usize;
        let (mut total, mut ends) = (0, Vec::new());
        for layer in &self.layers {
            let widest = layer
                .iter()
                .flat_map(|&item| &self.below[item])
                .map(|&item| place(item))
                .max();
            let Some(widest) = widest else { continue };
            let mut seen = Fenwick(vec![0; widest + 2]);
            let mut count = 0;
            for &item in layer {
                ends.clear();
                ends.extend(self.below[item].iter().map(|&item| place(item)));
                ends.sort_unstable();
                total += ends.iter().map(|&end| count - seen.up_to(end)).sum::<u64>();
                for &end in &ends {
                    seen.add(end);
                    count += 1;
                }
            }
        }
        total
    }

    /// Returns where each item goes: as near to its neighbours as the order of its layer allows.
    fn move_together(&self) -> Vec<f64> {
        let mut x = self.positions();
        for layer in &self.layers {
            self.spread(layer, &mut x);
        }
        for sweep in 0..SWEEPS {
            for step in 0..self.layers.len() {
                let down = sweep % 2 == 0;
                let at = if down {
                    step
                } else {
                    self.layers.len() - 1 - step
                };
                let neighbours = if down { &self.above } else { &self.below };
                for &item in &self.layers[at] {
                    x[item] = mean(&neighbours[item], &x).unwrap_or(x[item]);
                }
                self.spread(&self.layers[at], &mut x);
            }
        }
        let left = x
            .iter()
            .zip(&self.room)
            .map(|(x, room)| x - room / 2.0)
            .fold(f64::MAX, f64::min);
        x.iter_mut().for_each(|x| *x -= left);
        x
    }

    /// Makes room between the items of a layer. Pushing from the left and from the right and taking
    /// the middle moves none further than needed.
    fn spread(&self, layer: &[usize], x: &mut [f64]) {
        let wanted: Vec<f64> = layer.iter().map(|&item| x[item]).collect();
        let gap = |at: usize| (self.room[layer[at - 1]] + self.room[layer[at]]) / 2.0 + 0.1;
        let mut from_left = wanted.clone();
        for at in 1..layer.len() {
            from_left[at] = from_left[at].max(from_left[at - 1] + gap(at));
        }
        let mut from_right = wanted;
        for at in (1..layer.len()).rev() {
            from_right[at - 1] = from_right[at - 1].min(from_right[at] - gap(at));
        }
        for (at, &item) in layer.iter().enumerate() {
            x[item] = (from_left[at] + from_right[at]) / 2.0;
        }
    }
}

fn mean(items: &[usize], position: &[f64]) -> Option<f64> {
    let sum: f64 = items.iter().map(|&item| position[item]).sum();
    (!items.is_empty()).then(|| sum / items.len() as f64)
}

/// A Fenwick tree: how many of the numbers so far are at most this one.
struct Fenwick(Vec<u64>);

impl Fenwick {
    fn add(&mut self, number: usize) {
        let mut at = number + 1;
        while at < self.0.len() {
            self.0[at] += 1;
            at += at & at.wrapping_neg();
        }
    }

    fn up_to(&self, number: usize) -> u64 {
        let (mut at, mut sum) = (number + 1, 0);
        while at > 0 {
            sum += self.0[at];
            at &= at - 1;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_nodes_overlap_and_lines_lead_down() {
        let parents: Vec<Vec<usize>> = (0..60usize)
            .map(|at| {
                (0..at)
                    .filter(|parent| (at * 7 + parent * 3) % 11 == 0)
                    .collect()
            })
            .collect();
        let placed = place(&parents);
        for (a, first) in placed.nodes.iter().enumerate() {
            for second in &placed.nodes[a + 1..] {
                assert!(first.layer != second.layer || (first.x - second.x).abs() > 1.0);
            }
            assert!(
                parents[a]
                    .iter()
                    .all(|&parent| placed.nodes[parent].layer < first.layer)
            );
            assert!(first.x >= 0.5 && first.x <= placed.width - 0.5);
        }
    }

    #[test]
    fn two_lines_that_need_not_cross_do_not() {
        let placed = place(&[vec![], vec![], vec![1], vec![0]]);
        let x = |at: usize| placed.nodes[at].x;
        assert_eq!(x(0) < x(1), x(3) < x(2));
    }

    #[test]
    fn an_empty_picture_has_a_size() {
        let placed = place(&[]);
        assert_eq!((placed.width, placed.layers), (1.0, 0));
    }
}
