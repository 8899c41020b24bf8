//! What an object leads to, one step at a time.

use roar_object::{DecodeError, Job, Kind, Object, ObjectId, Session, Step, TreeNode};

/// Something that an object names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The other object.
    pub to: ObjectId,
    /// Whether the object makes sense without it: a dataset is known by its name even where its list
    /// of files was not kept.
    pub optional: bool,
}

impl Link {
    const fn needed(to: ObjectId) -> Self {
        Self {
            to,
            optional: false,
        }
    }
}

/// Returns what an object names.
///
/// # Errors
///
/// When the object's body is not a valid one of its kind.
pub fn links(object: &Object) -> Result<Vec<Link>, DecodeError> {
    match object.kind() {
        Kind::Tree => object.decode().map(|tree| tree_links(&tree)),
        Kind::Step => object.decode().map(|step| step_links(&step)),
        Kind::Job => object.decode().map(|job| job_links(&job)),
        Kind::Session => object.decode().map(|session| session_links(&session)),
        Kind::Environment | Kind::Source | Kind::Variables => Ok(Vec::new()),
    }
}

fn tree_links(tree: &TreeNode) -> Vec<Link> {
    tree.entries
        .iter()
        .filter_map(roar_object::Entry::tree_id)
        .map(Link::needed)
        .collect()
}

fn step_links(step: &Step) -> Vec<Link> {
    let trees = step.reads.iter().map(|set| set.tree);
    trees.chain(step.environment).map(Link::needed).collect()
}

fn job_links(job: &Job) -> Vec<Link> {
    let written = job.writes.iter().map(|set| set.tree);
    let others = [job.source, job.variables, job.reruns]
        .into_iter()
        .flatten();
    let needed = std::iter::once(job.step)
        .chain(written)
        .chain(others)
        .map(Link::needed);
    let datasets = job.datasets.iter().map(|set| Link {
        to: set.tree,
        optional: true,
    });
    needed.chain(datasets).collect()
}

fn session_links(session: &Session) -> Vec<Link> {
    session
        .parent
        .into_iter()
        .chain(session.job)
        .map(Link::needed)
        .collect()
}
