//! Checking objects: what each is, and whether all that it leads to is there.

use super::Report;
use crate::closure::{self, Link};
use crate::notice::explain;
use crate::reader::{ReadError, Reader};
use roar_object::{ObjectId, Objects};
use std::collections::HashSet;

/// Hashes and decodes every object.
pub(super) fn check_objects(reader: &Reader, report: &mut Report) -> Result<(), ReadError> {
    reader.each_held(&mut |held| match reader.object_of(&held) {
        Err(err) => report_once(report, "object-damaged", held.id(), explain(&err)),
        Ok(object) => {
            if let Err(err) = object.verify() {
                report_once(report, "object-malformed", held.id(), explain(&err));
            }
        }
    })
}

/// Follows every ref, and every object from there.
pub(super) fn check_closure(reader: &Reader, report: &mut Report) -> Result<(), ReadError> {
    let mut seen = HashSet::new();
    let mut todo = Vec::new();
    for (name, id) in reader.references("")? {
        if has(reader, id)? {
            todo.push((id, name.to_string()));
        } else {
            report.error(
                "ref-dangling",
                name.as_str(),
                format!("it names '{id}', which is not there"),
            );
        }
    }
    while let Some((id, from)) = todo.pop() {
        if seen.insert(id) {
            follow(reader, id, &from, &mut todo, report)?;
        }
    }
    Ok(())
}

fn has(reader: &Reader, id: ObjectId) -> Result<bool, ReadError> {
    Ok(reader.describe(id)?.is_some())
}

fn follow(
    reader: &Reader,
    id: ObjectId,
    from: &str,
    todo: &mut Vec<(ObjectId, String)>,
    report: &mut Report,
) -> Result<(), ReadError> {
    let object = match reader.find(id) {
        Ok(object) => object,
        Err(err) => {
            report_once(report, "object-damaged", id, explain(&err));
            return Ok(());
        }
    };
    let Some(object) = object else {
        report.error(
            "object-missing",
            id.to_string(),
            format!("'{from}' names it"),
        );
        return Ok(());
    };
    match closure::links(&object) {
        Ok(links) => queue(reader, id, links, todo, report),
        Err(err) => {
            report_once(report, "object-malformed", id, explain(&err));
            Ok(())
        }
    }
}

/// Reports an object that the full check may have reported already.
pub(super) fn report_once(report: &mut Report, id: &'static str, object: ObjectId, text: String) {
    let subject = object.to_string();
    if !report
        .findings
        .iter()
        .any(|known| known.id == id && known.subject == subject)
    {
        report.error(id, subject, text);
    }
}

fn queue(
    reader: &Reader,
    from: ObjectId,
    links: Vec<Link>,
    todo: &mut Vec<(ObjectId, String)>,
    report: &mut Report,
) -> Result<(), ReadError> {
    for Link { to, optional } in links {
        if !optional || has(reader, to)? {
            todo.push((to, from.to_string()));
        } else {
            report.info(
                "dataset-not-kept",
                to.to_string(),
                format!("'{from}' names it"),
            );
        }
    }
    Ok(())
}
