//! Objects, field by field, as they are stored. For `roar cat-object`.

use super::{path, text};
use roar_object::{
    Base, ByteStr, DecodeError, Entry, Environment, Job, Kind, Mode, Object, ObjectId, Outcome,
    Process, Role, Session, SessionEvent, Source, Step, TreeNode, Variables,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Returns an object as JSON, with its name and kind in front.
///
/// # Errors
///
/// When its body is not what its kind says.
pub(crate) fn object(object: &Object) -> Result<Value, DecodeError> {
    let fields = match object.kind() {
        Kind::Tree => tree(&object.decode()?),
        Kind::Step => step(&object.decode()?),
        Kind::Job => job(&object.decode()?),
        Kind::Session => session(&object.decode()?),
        Kind::Environment => environment(&object.decode()?),
        Kind::Source => source(&object.decode()?),
        Kind::Variables => variables(&object.decode()?),
    };
    let mut whole = json!({ "id": object.id().to_string(), "object": object.kind().name() });
    if let (Value::Object(whole), Value::Object(fields)) = (&mut whole, fields) {
        whole.extend(fields);
    }
    Ok(whole)
}

/// Returns the word for what an entry is.
pub(crate) const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::File => "file",
        Mode::Executable => "executable",
        Mode::Symlink => "symlink",
        Mode::Directory => "directory",
        Mode::Unnamed => "unnamed",
        Mode::Node => "node",
    }
}

/// Returns what an entry names, in hex; nothing for a file that could not be read.
pub(crate) fn entry_id(entry: &Entry) -> Option<String> {
    let content = entry.content_id().map(|id| id.to_string());
    content.or_else(|| entry.tree_id().map(|id| id.to_string()))
}

fn id(id: Option<ObjectId>) -> Value {
    json!(id.map(|id| id.to_string()))
}

fn list<T>(items: &[T], each: impl Fn(&T) -> Value) -> Value {
    items.iter().map(each).collect()
}

fn tree(node: &TreeNode) -> Value {
    json!({ "level": node.level, "entries": list(&node.entries, entry) })
}

fn entry(entry: &Entry) -> Value {
    json!({
        "name": text(&entry.name),
        "mode": mode(entry.mode),
        "id": entry_id(entry),
        "size": entry.size,
        "files": entry.files,
    })
}

fn step(step: &Step) -> Value {
    let reads = list(&step.reads, |set| {
        json!({
            "class": set.class.name(),
            "base": base(set.base),
            "tree": set.tree.to_string(),
            "files": set.files,
            "bytes": set.bytes,
        })
    });
    json!({
        "kind": step.kind.name(),
        "argv": list(&step.argv, |word| text(word)),
        "directory": path(&step.directory),
        "variables": list(&step.variables, |(name, value)| json!([text(name), text(value)])),
        "reads": reads,
        "environment": id(step.environment),
    })
}

const fn base(base: Base) -> &'static str {
    match base {
        Base::Project => "project",
        Base::Root => "root",
    }
}

fn job(job: &Job) -> Value {
    let writes = list(&job.writes, |set| {
        json!({
            "change": set.change.name(),
            "class": set.class.name(),
            "base": base(set.base),
            "tree": set.tree.to_string(),
            "files": set.files,
            "bytes": set.bytes,
        })
    });
    let datasets = list(&job.datasets, |set| {
        json!({
            "role": role(set.role),
            "path": path(&set.path),
            "tree": set.tree.to_string(),
            "files": set.files,
            "bytes": set.bytes,
        })
    });
    let (exit, signal) = ending(job.outcome);
    json!({
        "step": job.step.to_string(),
        "name": job.name,
        "started_ns": job.started_ns,
        "duration_ns": job.duration_ns,
        "exit": exit,
        "signal": signal,
        "interrupted": job.interrupted,
        "coverage": {
            "verdict": job.coverage.verdict.name(),
            "backend": job.coverage.backend,
            "reasons": job.coverage.reasons,
        },
        "writes": writes,
        "datasets": datasets,
        "source": id(job.source),
        "variables": id(job.variables),
        "processes": {
            "count": job.processes.count,
            "list": list(&job.processes.list, process),
        },
        "reruns": id(job.reruns),
    })
}

/// Returns exit code and signal; at most one is there.
const fn ending(outcome: Outcome) -> (Option<i32>, Option<i32>) {
    match outcome {
        Outcome::Exited(code) => (Some(code), None),
        Outcome::Killed(signal) => (None, Some(signal)),
        Outcome::Unknown => (None, None),
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Read => "read",
        Role::Written => "written",
        Role::Deleted => "deleted",
    }
}

fn process(process: &Process) -> Value {
    json!({ "parent": process.parent, "program": text(&process.program) })
}

fn session(link: &Session) -> Value {
    let event = match link.event {
        SessionEvent::Begin => "begin",
        SessionEvent::Ran => "ran",
    };
    json!({
        "parent": id(link.parent),
        "sequence": link.sequence,
        "at_ns": link.at_ns,
        "event": event,
        "job": id(link.job),
        "step": link.step.map(|step| step.to_string()),
        "text": link.text,
    })
}

fn environment(environment: &Environment) -> Value {
    let facts: BTreeMap<_, _> = environment.facts.iter().cloned().collect();
    let packages = list(&environment.packages, |package| {
        json!({
            "manager": package.manager,
            "name": package.name,
            "version": package.version,
        })
    });
    json!({ "facts": facts, "packages": packages })
}

fn source(source: &Source) -> Value {
    json!({
        "commit": source.commit,
        "branch": source.branch,
        "remote": source.remote,
        "dirty": source.dirty,
        "tree": source.tree,
        "prefix": text(&source.prefix),
        "broken": source.broken,
    })
}

fn variables(variables: &Variables) -> Value {
    let pair = |(name, tag): &(ByteStr, ByteStr)| json!({ "name": text(name), "tag": roar_object::Hex::of(tag).to_string() });
    json!({ "list": list(&variables.list, pair) })
}
