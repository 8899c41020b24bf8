//! Proofs that a path is, or is not, in the tree of a name: the nodes on the way to it.
//!
//! Who knows a root's name and nothing else can check one. The bytes are described in
//! `docs/format/tree.md`, under *A proof*.

use crate::listing::lookup;
use crate::node::{MAX_DEPTH, TreeError};
use roar_object::{Entry, FindError, Kind, MemoryObjects, Object, ObjectId, Objects, TreeNode};
use std::cell::RefCell;

const MAGIC: &[u8; 8] = b"roarprf\x01";
/// Bytes of the BLAKE3 at the end.
const CHECK: usize = 32;
/// Longest path: as many directories as a tree may have, each with the longest name and a slash.
const MAX_PATH: usize = MAX_DEPTH * (TreeNode::MAX_NAME + 1);
/// Most nodes: in each directory one per level.
const MAX_NODES: usize = MAX_DEPTH * (TreeNode::MAX_LEVEL as usize + 1);
/// Largest node: its longest entries, and what is around them.
const MAX_NODE: usize = TreeNode::MAX_ENTRIES * (TreeNode::MAX_NAME + 64) + 16;

/// The way from a root to a path, or to the place where it would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    path: Vec<u8>,
    /// Bodies of nodes, the root first.
    nodes: Vec<Vec<u8>>,
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The bytes are not those of a proof.
    #[error("it is no proof, or a damaged one: {0}")]
    Malformed(&'static str),
    /// It begins with the root of another tree.
    #[error("it is about the tree '{found}'")]
    Root {
        /// The tree that it is about.
        found: ObjectId,
    },
    /// The nodes do not lead to the path.
    #[error("its nodes do not lead to '{}'", .path.escape_ascii())]
    Way {
        /// The path.
        path: Vec<u8>,
        /// Where they end.
        #[source]
        source: TreeError,
    },
    /// It holds nodes that prove nothing.
    #[error("it holds nodes that are not on the way to '{}'", .path.escape_ascii())]
    Surplus {
        /// The path.
        path: Vec<u8>,
    },
}

impl Proof {
    /// Largest proof in bytes, more than any that is made.
    pub const MAX_LEN: usize = 64 << 20;

    /// Looks up a path, and returns what is there, as [`lookup`] does, with the proof of it.
    ///
    /// # Errors
    ///
    /// Those of [`lookup`].
    pub fn of<O: Objects>(
        objects: O,
        root: ObjectId,
        path: &[u8],
    ) -> Result<(Option<Entry>, Self), TreeError> {
        let way = Way {
            objects,
            nodes: RefCell::default(),
        };
        let found = lookup(&way, root, path)?;
        let (path, nodes) = (path.to_vec(), way.nodes.into_inner());
        Ok((found, Self { path, nodes }))
    }

    /// Returns the path that it is about.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// Returns what the tree `root` has at the path; nothing if it has nothing there.
    ///
    /// # Errors
    ///
    /// When that is not what is proved.
    pub fn check(&self, root: ObjectId) -> Result<Option<Entry>, ProofError> {
        let mut nodes = MemoryObjects::default();
        let mut ids = self.nodes.iter().map(|body| {
            let object = Object::from_body(Kind::Tree, body.clone());
            nodes.insert(object)
        });
        let first = ids.next().ok_or(ProofError::Malformed("it has no nodes"))?;
        ids.for_each(drop);
        if first != root {
            return Err(ProofError::Root { found: first });
        }
        let path = || self.path.clone();
        let way = Self::of(&nodes, root, &self.path);
        let (found, again) = way.map_err(|source| ProofError::Way {
            path: path(),
            source,
        })?;
        if again != *self {
            return Err(ProofError::Surplus { path: path() });
        }
        Ok(found)
    }

    /// Returns the bytes of the proof.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_block(&mut bytes, &self.path);
        put_number(&mut bytes, self.nodes.len());
        for node in &self.nodes {
            put_block(&mut bytes, node);
        }
        let check = blake3::hash(&bytes);
        bytes.extend_from_slice(check.as_bytes());
        bytes
    }

    /// Reads the bytes of a proof, which proves nothing before it is checked.
    ///
    /// # Errors
    ///
    /// When they are not just that.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        let (content, check) = bytes
            .split_last_chunk::<CHECK>()
            .ok_or(ProofError::Malformed("it is cut short"))?;
        if bytes.len() > Self::MAX_LEN {
            return Err(ProofError::Malformed("it is too long"));
        }
        let mut rest = content
            .strip_prefix(MAGIC)
            .ok_or(ProofError::Malformed("it begins otherwise"))?;
        if blake3::hash(content) != blake3::Hash::from_bytes(*check) {
            return Err(ProofError::Malformed("its checksum is wrong"));
        }
        let path = take_block(&mut rest, MAX_PATH)?;
        let count = take_number(&mut rest, MAX_NODES)?;
        let take = |_| take_block(&mut rest, MAX_NODE);
        let nodes = (0..count).map(take).collect::<Result<_, _>>()?;
        if !rest.is_empty() {
            return Err(ProofError::Malformed("it goes on behind its end"));
        }
        Ok(Self { path, nodes })
    }
}

/// Objects, and which of them were asked for.
struct Way<O> {
    objects: O,
    nodes: RefCell<Vec<Vec<u8>>>,
}

impl<O: Objects> Objects for Way<O> {
    fn find(&self, id: ObjectId) -> Result<Option<Object>, FindError> {
        let found = self.objects.find(id)?;
        let body = found.iter().map(|object| object.body().to_vec());
        self.nodes.borrow_mut().extend(body);
        Ok(found)
    }
}

fn put_number(bytes: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).expect("far below what a proof may hold");
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_block(bytes: &mut Vec<u8>, block: &[u8]) {
    put_number(bytes, block.len());
    bytes.extend_from_slice(block);
}

fn take_number(rest: &mut &[u8], most: usize) -> Result<usize, ProofError> {
    let (number, behind) = rest
        .split_first_chunk()
        .ok_or(ProofError::Malformed("it is cut short"))?;
    *rest = behind;
    let number = u32::from_le_bytes(*number) as usize;
    if number > most {
        return Err(ProofError::Malformed("a length in it is too large"));
    }
    Ok(number)
}

fn take_block(rest: &mut &[u8], most: usize) -> Result<Vec<u8>, ProofError> {
    let len = take_number(rest, most)?;
    let (block, behind) = rest
        .split_at_checked(len)
        .ok_or(ProofError::Malformed("it is cut short"))?;
    *rest = behind;
    Ok(block.to_vec())
}
