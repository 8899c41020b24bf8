//! Checking the writers' index.

use super::journal::Places;
use super::{Options, Report};
use crate::Holder;
use crate::index::{Held, Index, Row};
use crate::lock::{Lock, Wait};
use crate::notice::explain;
use crate::reader::{ReadError, Reader};
use crate::recover::{is_index_there, try_open};
use crate::segment_index::Listed;
use crate::sled_fence::SledError;
use crate::state::State;
use crate::store::Layout;
use roar_object::{Kind, ObjectId};
use std::time::Duration;

/// Compares the writers' index with the journal.
pub(super) fn check_index(
    layout: &Layout,
    reader: &Reader,
    places: &Places,
    options: Options,
    report: &mut Report,
) -> Result<(), ReadError> {
    if !is_index_there(layout) {
        report.info("index-missing", "sled", "the next commit makes it");
        return Ok(());
    }
    let mut on_wait = |_: &Holder| {};
    let wait = Wait {
        up_to: Duration::ZERO,
        command: "roar fsck",
        on_wait: &mut on_wait,
    };
    let _lock = match Lock::take(&layout.lock(), wait) {
        Ok(lock) => lock,
        Err(err) => {
            report.info("index-unchecked", "sled", explain(&err));
            return Ok(());
        }
    };
    match compare_index(layout, reader, places, options, report) {
        Ok(()) => {}
        Err(SledError::Outdated) => {
            report.info(
                "index-behind",
                "sled",
                "it is of before the last collection",
            );
        }
        Err(err) if err.is_outer() => report.info("index-unchecked", "sled", explain(&err)),
        Err(err) => report.warning("index-damaged", "sled", explain(&err)),
    }
    Ok(())
}

fn compare_index(
    layout: &Layout,
    reader: &Reader,
    places: &Places,
    options: Options,
    report: &mut Report,
) -> Result<(), SledError> {
    let Ok(state) = reader.state() else {
        return Ok(());
    };
    let (index, applied) = try_open(layout, &state.base)?;
    if applied != state.tail.last {
        let text = format!("it knows {} commits", applied.sequence);
        report.info("index-behind", "sled", text);
        return Ok(());
    }
    for (name, id) in &state.refs {
        if index.reference(name)? != Some(*id) {
            report.warning(
                "index-wrong",
                name.as_str(),
                "the index has another value of this ref",
            );
        }
    }
    if options.full {
        compare_rows(&index, state, places, report)?;
    }
    Ok(())
}

fn compare_rows(
    index: &Index,
    state: &State,
    places: &Places,
    report: &mut Report,
) -> Result<(), SledError> {
    let mut objects = 0;
    index.each(&mut |row| match row {
        Row::Object(id, held) => {
            objects += 1;
            if !agrees(id, &held, places) {
                report.warning(
                    "index-wrong",
                    id.to_string(),
                    "the index has something else under this name",
                );
            }
        }
        Row::Ref(name, _) if !state.refs.contains_key(&name) => {
            report.warning(
                "index-wrong",
                name.as_str(),
                "the index has a ref that is not there",
            );
        }
        Row::Ref(..) | Row::Other => {}
        Row::Unreadable => {
            report.warning("index-wrong", "sled", "it has a row that makes no sense");
        }
    })?;
    if objects != places.len() {
        let text = format!("it has {objects} objects, the journal {}", places.len());
        report.warning("index-wrong", "sled", text);
    }
    Ok(())
}

fn agrees(id: ObjectId, held: &Held, places: &Places) -> bool {
    let Some((segment, listed)) = places.get(&id) else {
        return false;
    };
    match held {
        Held::Inline(kind, body) => *kind == listed.kind && named(*kind, body) == id,
        Held::At {
            kind,
            segment: in_segment,
            offset,
            len,
        } => {
            let there = Listed {
                id,
                kind: *kind,
                offset: *offset,
                len: *len,
            };
            (*in_segment, there) == (*segment, *listed)
        }
    }
}

fn named(kind: Kind, body: &[u8]) -> ObjectId {
    ObjectId::of(kind, body)
}
