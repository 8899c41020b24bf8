//! Objects whose bytes have changed in the journal, and of which the index has a copy that is whole.
//!
//! Such a copy goes to a pack, where it is found before the one in the journal. The journal stays what it
//! is: what it says of commits is right, and only these bodies are not.

use crate::base::Base;
use crate::file::FileResult;
use crate::index::{Held, Index};
use crate::new_pack::PackWriter;
use crate::places::Places;
use crate::recover::is_index_there;
use crate::store::Layout;
use crate::{Notice, Reader};
use roar_object::{Object, ObjectId};

/// Looks for damaged objects in the journal, and puts those in a pack that the index has whole. Tells how
/// many there were of either sort, if there were any.
pub(super) fn heal(layout: &Layout) -> FileResult<Option<Notice>> {
    let damaged = damaged(layout)?;
    if damaged.is_empty() {
        return Ok(None);
    }
    let whole = copies(layout, &damaged);
    let mut pack = PackWriter::create(layout)?;
    for object in &whole {
        pack.add_body(object.kind(), object.id(), object.body())?;
    }
    pack.finish()?;
    Ok(Some(Notice::ObjectsHealed {
        healed: whole.len(),
        damaged: damaged.len() - whole.len(),
    }))
}

/// Returns the objects that are nowhere but in the journal, and not what their names say there.
fn damaged(layout: &Layout) -> FileResult<Vec<ObjectId>> {
    let reader = Reader::new(layout.clone());
    let places = Places::read(layout, &Base::read(layout)?, u64::MAX)?;
    let is_damaged = |(segment, at): &_| reader.object_at(*segment, at).is_err();
    let mut damaged: Vec<_> = places
        .all()
        .filter(is_damaged)
        .map(|(_, at)| at.id)
        .filter(|id| !reader.is_packed(*id))
        .collect();
    damaged.sort_unstable();
    damaged.dedup();
    Ok(damaged)
}

/// Returns what the index has whole of these. An index that cannot be read has nothing.
fn copies(layout: &Layout, ids: &[ObjectId]) -> Vec<Object> {
    if !is_index_there(layout) {
        return Vec::new();
    }
    let Ok(index) = Index::open(&layout.sled()) else {
        return Vec::new();
    };
    let copy = |id: &ObjectId| match index.object(*id).ok()?? {
        Held::Inline(kind, body) => {
            let object = Object::from_parts(*id, kind, body);
            object.is_genuine().then_some(object)
        }
        Held::At { .. } => None,
    };
    ids.iter().filter_map(copy).collect()
}
