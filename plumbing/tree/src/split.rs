//! Where a level of a tree is cut into nodes: after an entry whose name says so.

use roar_object::TreeNode;
use std::sync::LazyLock;

/// The BLAKE3 key-derivation context of the rule.
const CONTEXT: &str = "roar 2026 tree split v1";

/// A name ends its node when these bits of the first byte of its digest are all zero: one in 32.
const BITS: u8 = 0x1f;

/// From this level on only the cap ends a node, so that every set of names, even one that was
/// chosen to be cut after each entry, comes to one root below [`TreeNode::MAX_LEVEL`].
const LAST_SPLIT_LEVEL: u8 = 7;

/// Tells where nodes end. A hasher is large, so one is kept for many names.
#[derive(Clone, Debug)]
pub(crate) struct Splitter(blake3::Hasher);

impl Default for Splitter {
    fn default() -> Self {
        static HASHER: LazyLock<blake3::Hasher> =
            LazyLock::new(|| blake3::Hasher::new_derive_key(CONTEXT));
        Self(HASHER.clone())
    }
}

impl Splitter {
    /// Returns whether a node of `level` with `len` entries, `name` the last of them, is complete.
    pub(crate) fn ends_node(&mut self, level: u8, len: usize, name: &[u8]) -> bool {
        len >= TreeNode::MAX_ENTRIES || self.name_ends_node(level, name)
    }

    /// Returns whether a name ends its node whatever the node's length.
    fn name_ends_node(&mut self, level: u8, name: &[u8]) -> bool {
        if level > LAST_SPLIT_LEVEL {
            return false;
        }
        let Self(hasher) = self;
        hasher.reset();
        hasher.update(&[level]);
        hasher.update(name);
        hasher.finalize().as_bytes()[0] & BITS == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_thirty_two_ends_a_node_and_levels_differ() {
        let ends = |level| {
            (0..32_000u32)
                .filter(|number| {
                    Splitter::default().name_ends_node(level, number.to_string().as_bytes())
                })
                .collect::<Vec<_>>()
        };
        let (low, high) = (ends(0), ends(1));
        assert!((900..1100).contains(&low.len()) && (900..1100).contains(&high.len()));
        assert_ne!(low, high);
    }

    #[test]
    fn the_rule_never_changes() {
        let ends: Vec<_> = (0..200u32)
            .filter(|number| {
                Splitter::default().name_ends_node(0, format!("file-{number}").as_bytes())
            })
            .collect();
        // As `printf "\\0file-20" | b3sum --derive-key "roar 2026 tree split v1"` shows, and so on.
        assert_eq!(ends, [20, 29, 46, 65, 75, 95, 100, 153]);
    }

    #[test]
    fn a_node_ends_at_the_cap_whatever_its_names() {
        let mut splitter = Splitter::default();
        assert!(splitter.ends_node(0, 96, b"x") && splitter.ends_node(15, 96, b"x"));
        let mut names = (0..1000u32).map(|number| number.to_string());
        assert!(!names.any(|name| splitter.ends_node(8, 1, name.as_bytes())));
    }
}
