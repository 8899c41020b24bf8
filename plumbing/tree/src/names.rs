//! The names in one directory, in one piece of memory: a million of them should not be a million
//! pieces.

use nix::dir::Type;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use rustix::fs::{FileType, RawDir};
use std::cell::RefCell;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::OwnedFd;

/// How directories are opened.
pub(crate) const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NONBLOCK);

/// Bytes that the kernel fills with names at once.
const AT_ONCE: usize = 32 * 1024;

thread_local! {
    static ROOM: RefCell<Vec<MaybeUninit<u8>>> =
        RefCell::new(vec![MaybeUninit::uninit(); AT_ONCE]);
}

/// What is listed in a directory, sorted by name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// All names, each with the NUL that ends it.
    text: Vec<u8>,
    list: Vec<Listed>,
}

#[derive(Clone, Copy, Debug)]
struct Listed {
    /// The bytes behind what all names begin with; most names differ in these.
    key: u64,
    start: u32,
    /// Without the NUL.
    len: u16,
    /// What the directory says it is; nothing on file systems that do not.
    kind: Option<Type>,
}

impl Listed {
    fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + usize::from(self.len)
    }
}

impl Names {
    /// Lists an open directory, once. The descriptor is left to open what was found.
    pub(crate) fn of(fd: &OwnedFd) -> nix::Result<Self> {
        ROOM.with_borrow_mut(|room| {
            let mut names = Self::default();
            let mut listing = RawDir::new(fd, room);
            while let Some(item) = listing.next() {
                let item = match item {
                    Ok(item) => item,
                    // The directory has been removed.
                    Err(rustix::io::Errno::NOENT) => break,
                    Err(err) => return Err(Errno::from_raw(err.raw_os_error())),
                };
                if !matches!(item.file_name().to_bytes(), b"." | b"..") {
                    names.add(item.file_name(), kind(item.file_type()))?;
                }
            }
            names.sort();
            Ok(names)
        })
    }

    fn add(&mut self, name: &CStr, kind: Option<Type>) -> nix::Result<()> {
        let overflow = |_| Errno::EOVERFLOW;
        let listed = Listed {
            key: 0,
            start: u32::try_from(self.text.len()).map_err(overflow)?,
            len: u16::try_from(name.count_bytes()).map_err(overflow)?,
            kind,
        };
        self.text.extend_from_slice(name.to_bytes_with_nul());
        self.list.push(listed);
        Ok(())
    }

    fn sort(&mut self) {
        let Self { text, list } = self;
        let name = |listed: &Listed| &text[listed.range()];
        let shared = shared_start(list.iter().map(name));
        for listed in &mut *list {
            listed.key = key(&name(listed)[shared..]);
        }
        let order = |a: &Listed, b: &Listed| a.key.cmp(&b.key).then_with(|| name(a).cmp(name(b)));
        list.sort_unstable_by(order);
        // A directory that changes while it is listed may show one name twice.
        list.dedup_by(|a, b| a.key == b.key && name(a) == name(b));
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns the name at a place, as system calls want it.
    pub(crate) fn get(&self, place: usize) -> &CStr {
        let listed = self.list[place];
        let text = &self.text[listed.start as usize..=listed.range().end];
        CStr::from_bytes_with_nul(text).expect("names were put in with the NUL that ends them")
    }

    pub(crate) fn bytes(&self, place: usize) -> &[u8] {
        &self.text[self.list[place].range()]
    }

    pub(crate) fn kind(&self, place: usize) -> Option<Type> {
        self.list[place].kind
    }
}

/// Returns what a directory says of an entry; nothing if it does not.
const fn kind(found: FileType) -> Option<Type> {
    Some(match found {
        FileType::RegularFile => Type::File,
        FileType::Directory => Type::Directory,
        FileType::Symlink => Type::Symlink,
        FileType::Fifo => Type::Fifo,
        FileType::Socket => Type::Socket,
        FileType::CharacterDevice => Type::CharacterDevice,
        FileType::BlockDevice => Type::BlockDevice,
        FileType::Unknown => return None,
    })
}

/// Returns how many bytes all names begin with.
fn shared_start<'n>(mut names: impl Iterator<Item = &'n [u8]>) -> usize {
    let Some(first) = names.next() else { return 0 };
    names.fold(first.len(), |shared, name| {
        let same = |(a, b): &(&u8, &u8)| a == b;
        first[..shared].iter().zip(name).take_while(same).count()
    })
}

/// Returns the first eight bytes as a number that sorts as they do, zeroes standing for what is
/// missing; there are none in names.
fn key(name: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let len = name.len().min(8);
    bytes[..len].copy_from_slice(&name[..len]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::ffi::CString;

    fn name() -> impl Strategy<Value = CString> {
        let byte = prop_oneof![Just(b'a'), Just(b'b'), Just(0xff), Just(1)];
        let text = prop::collection::vec(byte, 1..14);
        text.prop_map(|bytes| CString::new(bytes).expect("no NUL"))
    }

    #[test]
    fn a_directory_that_has_been_removed_holds_nothing() {
        let directory = tempfile::tempdir().expect("there is room");
        std::fs::write(directory.path().join("x"), "").expect("there is room");
        let open = || {
            let directory = std::fs::File::open(directory.path()).expect("it is there");
            OwnedFd::from(directory)
        };
        let fd = open();
        assert_eq!(Names::of(&open()).map(|names| names.len()), Ok(1));
        directory.close().expect("nobody is in the way");
        assert_eq!(Names::of(&fd).map(|names| names.len()), Ok(0));
    }

    proptest! {
        #[test]
        fn names_come_in_order_and_once(names in prop::collection::vec(name(), 0..60), start in name()) {
            let mut listed = Names::default();
            let mut expected = BTreeSet::new();
            for name in names {
                let name = CString::new([start.as_bytes(), name.as_bytes()].concat()).expect("no NUL");
                listed.add(&name, None).expect("few and short");
                expected.insert(name);
            }
            listed.sort();
            let found: Vec<_> = (0..listed.len()).map(|place| listed.get(place).to_owned()).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
