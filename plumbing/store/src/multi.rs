//! The index over all packs, so that one that is looked for is looked for once.

use crate::door;
use crate::file::{FileError, FileResult};
use crate::new_pack::{io_error, write_through};
use crate::packs::Packs;
use crate::store::Layout;
use roar_pack::{MultiIndex, PackFile};

/// From how many packs on an index over them is worth while.
const MANY: usize = 3;

/// Makes the index over all packs anew, or removes it where there are few. It can be made again, so it is
/// not synced.
pub(crate) fn renew(layout: &Layout) -> FileResult<()> {
    let path = layout.multi_index();
    let packs = Packs::look(layout)?;
    let whole = packs.all().filter(|opened| opened.damage.is_none());
    let whole: Vec<&PackFile> = whole.filter_map(|opened| opened.pack.as_ref()).collect();
    if whole.len() < MANY {
        return match door::remove(&path) {
            Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
                Err(FileError::at("remove", &path)(err))
            }
            _ => Ok(()),
        };
    }
    write_through(layout, &path, |out| {
        MultiIndex::write(&whole, out).map_err(io_error)
    })
}
