//! Bundles for tests, and a taker that keeps what it is handed.

#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use roar_bundle::{Asked, BundleError, Limits, Manifest, Summary, Taken, Taker, Tip, Writer, read};
use roar_object::{ByteStr, ContentId, Object, Session};
use std::io::Read;

pub(crate) fn begin() -> Object {
    Object::encode(&Session::begin("main", 7))
}

pub(crate) fn manifest() -> Manifest {
    let id = begin().id();
    let tip = Tip {
        name: "session".to_owned(),
        id,
    };
    let asked = Asked {
        kind: 1,
        hash: *id.as_bytes(),
        path: ByteStr(Vec::new()),
    };
    Manifest::new(9, vec![tip], vec![asked]).unwrap()
}

pub(crate) fn pack() -> Vec<u8> {
    let mut writer = roar_pack::Writer::new(Vec::new()).unwrap();
    writer.add(&begin()).unwrap();
    writer.finish().unwrap().0
}

/// A bundle with these files (sorted here) and this code.
pub(crate) fn bundle(files: &[&[u8]], code: Option<&[u8]>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &manifest()).unwrap();
    let pack = pack();
    writer
        .pack(pack.len() as u64, &mut pack.as_slice())
        .unwrap();
    let mut files: Vec<_> = files
        .iter()
        .map(|file| (ContentId::of(file), *file))
        .collect();
    files.sort();
    for (id, mut file) in files {
        writer.file(id, file.len() as u64, &mut file).unwrap();
    }
    if let Some(mut code) = code {
        writer.code(code.len() as u64, &mut code).unwrap();
    }
    writer.finish().unwrap().0
}

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) manifest: Option<Manifest>,
    pub(crate) objects: Vec<Object>,
    pub(crate) files: Vec<(ContentId, Vec<u8>)>,
    pub(crate) code: Vec<u8>,
}

impl Taker for Kept {
    fn manifest(&mut self, manifest: &Manifest) -> Taken {
        self.manifest = Some(manifest.clone());
        Ok(())
    }
    fn object(&mut self, object: Object) -> Taken {
        self.objects.push(object);
        Ok(())
    }
    fn file(&mut self, id: ContentId, _: u64, bytes: &mut dyn Read) -> Taken {
        let mut file = Vec::new();
        bytes.read_to_end(&mut file)?;
        self.files.push((id, file));
        Ok(())
    }
    fn code(&mut self, _: u64, bytes: &mut dyn Read) -> Taken {
        bytes.read_to_end(&mut self.code)?;
        Ok(())
    }
}

pub(crate) fn take(bytes: &[u8]) -> Result<(Summary, Kept), BundleError> {
    let mut kept = Kept::default();
    let summary = read(bytes, &Limits::default(), &mut kept)?;
    Ok((summary, kept))
}

/// Puts the right name at the end of changed bytes.
pub(crate) fn renamed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 32;
    let name = blake3::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(name.as_bytes());
    bytes
}
