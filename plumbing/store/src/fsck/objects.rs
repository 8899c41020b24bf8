//! Checking objects: what each is, and whether all that it leads to is there.

use super::Report;
use super::seen::Seen;
use crate::closure::{self, Link};
use crate::notice::explain;
use crate::reader::{ReadError, Reader};
use roar_object::{Kind, Object, ObjectId, Objects};
use roar_pack::PackName;

/// Hashes and decodes every object but those of packs that were found to be `sound`.
pub(super) fn check_objects(
    reader: &Reader,
    sound: &[PackName],
    report: &mut Report,
) -> Result<(), ReadError> {
    reader.each_held_beside(sound, &mut |held| match reader.object_of(&held) {
        Err(err) => report_once(report, "object-damaged", held.id(), explain(&err)),
        Ok(object) => {
            if let Err(err) = object.verify() {
                report_once(report, "object-malformed", held.id(), explain(&err));
            }
        }
    })
}

/// Reports an object that the check of its pack may have reported already.
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

/// Follows every ref, and every object from there: one bit of memory for each in a pack.
pub(super) fn check_closure(reader: &Reader, report: &mut Report) -> Result<(), ReadError> {
    let refs = reader.references("")?;
    let mut walk = Walk {
        reader,
        refs: refs.iter().map(|(name, _)| name.to_string()).collect(),
        seen: Seen::new(reader)?,
        todo: Vec::new(),
        report,
    };
    for (at, (name, id)) in refs.iter().enumerate() {
        walk.begin(at as u32, name.as_str(), *id)?;
    }
    walk.run()
}

/// Something that is to be looked at, and what asks for it.
#[derive(Clone, Copy, Debug)]
struct Need {
    id: ObjectId,
    /// The object that names it; nothing if the ref does.
    from: Option<ObjectId>,
    /// The job that it belongs to.
    job: Option<ObjectId>,
    /// The ref that leads there.
    by: u32,
}

struct Walk<'r> {
    reader: &'r Reader,
    refs: Vec<String>,
    seen: Seen,
    todo: Vec<Need>,
    report: &'r mut Report,
}

impl Walk<'_> {
    fn begin(&mut self, by: u32, name: &str, id: ObjectId) -> Result<(), ReadError> {
        if !self.has(id)? {
            let text = format!("it names '{id}', which is not there");
            self.report.error("ref-dangling", name, text);
            return Ok(());
        }
        self.todo.push(Need {
            id,
            from: None,
            job: None,
            by,
        });
        Ok(())
    }

    fn run(mut self) -> Result<(), ReadError> {
        while let Some(need) = self.todo.pop() {
            if self.seen.add(need.id) {
                self.follow(need)?;
            }
        }
        Ok(())
    }

    fn has(&self, id: ObjectId) -> Result<bool, ReadError> {
        Ok(self.reader.describe(id)?.is_some())
    }

    fn follow(&mut self, need: Need) -> Result<(), ReadError> {
        match self.reader.find(need.id) {
            Ok(Some(object)) => self.follow_links(need, &object),
            Ok(None) => {
                let subject = need.id.to_string();
                let text = self.told(need);
                self.report.error("object-missing", subject, text);
                Ok(())
            }
            Err(err) => {
                let text = format!("{}; {}", explain(&err), self.told(need));
                report_once(self.report, "object-damaged", need.id, text);
                Ok(())
            }
        }
    }

    fn follow_links(&mut self, need: Need, object: &Object) -> Result<(), ReadError> {
        let links = match closure::links(object) {
            Ok(links) => links,
            Err(err) => {
                report_once(self.report, "object-malformed", need.id, explain(&err));
                return Ok(());
            }
        };
        let is_job = object.kind() == Kind::Job;
        let is_link = object.kind() == Kind::Session;
        for Link { to, optional } in links {
            let next = Need {
                id: to,
                from: Some(need.id),
                job: if is_job {
                    Some(need.id)
                } else {
                    need.job.filter(|_| !is_link)
                },
                by: need.by,
            };
            if !optional || self.has(to)? {
                self.todo.push(next);
            } else {
                let text = format!("'{}' names it", need.id);
                self.report.info("dataset-not-kept", to.to_string(), text);
            }
        }
        Ok(())
    }

    /// Returns who needs an object, in words.
    fn told(&self, need: Need) -> String {
        let by = self.refs.get(need.by as usize).map_or("", String::as_str);
        let from = match need.from {
            Some(from) => format!("'{from}' names it"),
            None => format!("'{by}' names it"),
        };
        match need.job.filter(|job| Some(*job) != need.from) {
            Some(job) => format!("{from}, for job '{job}' of '{by}'"),
            None => format!("{from}, which '{by}' leads to"),
        }
    }
}
