//! Where a reader finds objects: packs, and the places in the journal. Both are of one moment, though
//! somebody may be moving objects from the one to the others.

use crate::Notice;
use crate::base::{Base, Stamp};
use crate::file::{FileError, FileResult};
use crate::frame::Head;
use crate::notice::explain;
use crate::packs::Packs;
use crate::places::{Damage, Places};
use crate::scan::FrameAt;
use crate::store::Layout;
use roar_pack::PackName;
use std::sync::OnceLock;

/// How often a look at the store is taken again because it changed meanwhile. Each time somebody has
/// finished collecting, which takes much longer than looking.
pub(crate) const LOOKS: u32 = 50;

/// Packs and places that belong together.
#[derive(Debug)]
pub(crate) struct Shelf {
    stamp: Stamp,
    base: Base,
    pub(crate) packs: Packs,
    places: OnceLock<Places>,
}

impl Shelf {
    /// Looks which packs there are. The journal is looked at when it is needed.
    pub(crate) fn read(layout: &Layout) -> FileResult<Self> {
        settled(layout, |stamp| {
            let base = Base::read(layout)?;
            Ok(Some(Self {
                stamp,
                base,
                packs: Packs::look(layout)?,
                places: OnceLock::new(),
            }))
        })
    }

    /// Returns the places of the objects in the journal; nothing if the journal has been moved on since
    /// the packs were looked at.
    pub(crate) fn places(&self, layout: &Layout, trusted: u64) -> FileResult<Option<&Places>> {
        if let Some(places) = self.places.get() {
            return Ok(Some(places));
        }
        let places = Places::read(layout, &self.base, trusted);
        if Stamp::read(layout)? != self.stamp {
            return Ok(None);
        }
        let places = places?;
        Ok(Some(self.places.get_or_init(|| places)))
    }

    /// Returns the first damage in the part of the journal that is gone through to find objects; nothing also if
    /// the journal has been moved on.
    pub(crate) fn damage(&self, layout: &Layout) -> FileResult<Option<Damage>> {
        if let Some(places) = self.places.get() {
            return Ok(places.damage());
        }
        let damage = Places::first_damage(layout, &self.base);
        if Stamp::read(layout)? != self.stamp {
            return Ok(None);
        }
        damage
    }

    /// Adds what a commit brought.
    pub(crate) fn add(&mut self, frame: &FrameAt, head: &Head<'_>) {
        if let Some(places) = self.places.get_mut() {
            places.add(frame, head);
        }
    }

    /// Returns the first pack that is missing, though the store cannot do without it, or that cannot be
    /// read.
    pub(crate) fn lost_pack(&self) -> Option<Notice> {
        let mut all = self.packs.all();
        let broken = all.find_map(|opened| {
            let damage = opened.damage.as_ref()?;
            let pack = opened.listed.name.to_string();
            Some(match opened.out_of_reach() {
                Some(err) => {
                    let why = err.source.to_string();
                    Notice::PackUnread { pack, why }
                }
                None => {
                    let why = explain(damage);
                    Notice::PackDamaged { pack, why }
                }
            })
        });
        let is_there = |name: &PackName| self.packs.all().any(|opened| opened.listed.name == *name);
        let missing = self.base.packs.iter().find(|name| !is_there(name));
        let missing = missing.map(|name| Notice::PackMissing {
            pack: name.to_string(),
        });
        missing.or(broken)
    }
}

/// Looks at the store until it has not changed meanwhile. `look` returns nothing where it saw itself that
/// it did.
pub(crate) fn settled<T>(
    layout: &Layout,
    mut look: impl FnMut(Stamp) -> FileResult<Option<T>>,
) -> FileResult<T> {
    let mut stamp = Stamp::read(layout)?;
    for _ in 1..LOOKS {
        let seen = look(stamp);
        let now = Stamp::read(layout)?;
        if now == stamp
            && let Some(seen) = seen.transpose()
        {
            return seen;
        }
        stamp = now;
    }
    look(stamp)?.ok_or_else(|| restless(layout))
}

/// What is said of a store that is never seen twice the same.
pub(crate) fn restless(layout: &Layout) -> FileError {
    let busy = std::io::Error::from(std::io::ErrorKind::ResourceBusy);
    FileError::at("look at", layout.dir())(busy)
}
