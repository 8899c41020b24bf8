//! Checking packs and their indexes.

use super::objects::report_once;
use super::{Options, Report};
use crate::FileError;
use crate::base::Base;
use crate::notice::explain;
use crate::packs::{Opened, TEMPORARY};
use crate::reader::{ReadError, Reader};
use crate::store::Layout;
use roar_pack::{MultiIndex, PackError, PackFile, PackName};
use std::fs::File;

/// Checks that the packs that are needed are there, and that those which are there can be read. Returns
/// those of which every object was read and is right.
pub(super) fn check(
    layout: &Layout,
    base: &Base,
    reader: &Reader,
    options: Options,
    report: &mut Report,
) -> Result<Vec<PackName>, ReadError> {
    let shelf = reader.shelf()?;
    shelf.packs.within_reach()?;
    let all: Vec<_> = shelf.packs.all().collect();
    for name in &base.packs {
        if !all.iter().any(|opened| opened.listed.name == *name) {
            report.error("pack-missing", subject(*name, "rpk"), "it is not there");
        }
    }
    let mut sound = Vec::new();
    for opened in &all {
        if check_pack(opened, options, report) {
            sound.push(opened.listed.name);
        }
    }
    check_multi_index(layout, &all, report);
    check_abandoned(layout, report)?;
    Ok(sound)
}

fn subject(name: PackName, extension: &str) -> String {
    format!("packs/{name}.{extension}")
}

/// Returns whether every object was read and is right.
fn check_pack(opened: &Opened, options: Options, report: &mut Report) -> bool {
    let name = opened.listed.name;
    if !opened.is_indexed && opened.damage.is_none() {
        let text = "it is not there or not right; the next writer makes it again";
        report.warning("pack-index-unreadable", subject(name, "rix"), text);
    }
    let before = report.findings.len();
    match (&opened.damage, &opened.pack) {
        (Some(err), _) => report.error("pack-damaged", subject(name, "rpk"), explain(err)),
        (None, Some(pack)) if pack.name() != name => {
            let text = format!("it is pack '{}'", pack.name());
            report.error("pack-damaged", subject(name, "rpk"), text);
        }
        (None, Some(pack)) if options.full => verify(pack, report),
        (None, Some(pack)) if !pack.is_index_sound() => {
            let text = "its bytes do not fit its checksum";
            report.warning("pack-index-wrong", subject(name, "rix"), text);
        }
        (None, _) => return false,
    }
    report.findings.len() == before && opened.damage.is_none()
}

/// Reads a whole pack.
fn verify(pack: &PackFile, report: &mut Report) {
    let damage = match pack.verify() {
        Ok(checked) => checked.damage,
        Err(err) => vec![err],
    };
    for err in damage {
        match err.bare() {
            PackError::NotGenuine { id, .. } => {
                report_once(report, "object-damaged", *id, explain(&err));
            }
            PackError::Unfit { .. } | PackError::Index { .. } => {
                let subject = subject(pack.name(), "rix");
                report.warning("pack-index-wrong", subject, explain(&err));
            }
            _ => report.error("pack-damaged", subject(pack.name(), "rpk"), explain(&err)),
        }
    }
}

/// Compares the index over several packs with theirs.
fn check_multi_index(layout: &Layout, all: &[&Opened], report: &mut Report) {
    let path = layout.multi_index();
    if path.symlink_metadata().is_err() {
        return;
    }
    let checked = MultiIndex::open(&path).and_then(|index| {
        let of = |name: PackName| {
            let pack = all.iter().filter_map(|opened| opened.pack.as_ref());
            pack.into_iter().find(|pack| pack.name() == name)
        };
        let packs: Option<Vec<_>> = index.packs().iter().map(|pack| of(pack.name)).collect();
        // One that is over packs that are gone is not used.
        packs.map_or(Ok(()), |packs| index.verify(&packs))
    });
    if let Err(err) = checked {
        report.warning("multi-index-wrong", "packs/multi.rmx", explain(&err));
    }
}

/// Tells of packs that nobody finished.
fn check_abandoned(layout: &Layout, report: &mut Report) -> Result<(), FileError> {
    let Ok(entries) = std::fs::read_dir(layout.packs()) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_free = || File::open(entry.path()).is_ok_and(|file| file.try_lock_shared().is_ok());
        if name.starts_with(TEMPORARY) && is_free() {
            let text = "somebody began it and is gone; the next writer removes it";
            report.info("pack-unfinished", format!("packs/{name}"), text);
        }
    }
    Ok(())
}
