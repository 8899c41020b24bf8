//! Bundles from anywhere: what gets in has the names that it says, and all else is an error.

use crate::draw::Draw;
use roar_bundle::{Asked, BundleError, Limits, Manifest, Summary, Taken, Taker, Tip, Writer, read};
use roar_object::{ContentId, Object, Session, Variables};
use std::collections::BTreeMap;
use std::io::Read;

/// A bundle that fuzz bytes make is smaller.
const LIMITS: Limits = Limits {
    pack: roar_pack::Limits {
        objects: 2000,
        raw: 1 << 20,
        ratio: 1000,
    },
    files: 100,
    bytes: 1 << 20,
};

/// As they come, with a right name at the end, and as sections drawn in any order.
pub(super) fn check(data: &[u8]) {
    take(data);
    take(&named(data.to_vec()));
    take(&sections(&mut Draw::new(data)));
    written(&mut Draw::new(data));
}

#[derive(Default)]
struct Kept {
    manifest: Option<Manifest>,
    objects: Vec<Object>,
    files: Vec<(ContentId, Vec<u8>)>,
    code: Option<Vec<u8>>,
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

    fn file(&mut self, id: ContentId, length: u64, bytes: &mut dyn Read) -> Taken {
        // Every second one is left for the reader to pass over.
        let mut file = Vec::new();
        if length % 2 == 0 {
            bytes.read_to_end(&mut file)?;
        }
        self.files.push((id, file));
        Ok(())
    }

    fn code(&mut self, _: u64, bytes: &mut dyn Read) -> Taken {
        let mut code = Vec::new();
        bytes.read_to_end(&mut code)?;
        self.code = Some(code);
        Ok(())
    }
}

fn take(bytes: &[u8]) {
    match read_all(bytes) {
        Ok((summary, kept)) => {
            assert_eq!(summary.bytes, bytes.len() as u64);
            assert_eq!(summary.objects, kept.objects.len() as u64);
            assert!(kept.objects.iter().all(|object| object.verify().is_ok()));
            let right = |(id, bytes): &(ContentId, Vec<u8>)| {
                bytes.is_empty() || *id == ContentId::of(bytes)
            };
            assert!(kept.files.iter().all(right));
            for end in [0, bytes.len() / 2, bytes.len() - 1] {
                assert!(read_all(&bytes[..end]).is_err());
            }
        }
        Err(err) => assert!(!err.to_string().is_empty()),
    }
}

fn read_all(bytes: &[u8]) -> Result<(Summary, Kept), BundleError> {
    let mut kept = Kept::default();
    let summary = read(bytes, &LIMITS, &mut kept)?;
    Ok((summary, kept))
}

/// Puts the right name at the end.
fn named(mut bytes: Vec<u8>) -> Vec<u8> {
    let Some(end) = bytes.len().checked_sub(32) else {
        return bytes;
    };
    let name = blake3::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(name.as_bytes());
    bytes
}

fn sections(draw: &mut Draw<'_>) -> Vec<u8> {
    let mut bytes = b"ROARBDL\n\x01\0\0\0\0\0\0\0".to_vec();
    while !draw.is_empty() {
        let kind = draw.byte() % 7;
        let body = match kind {
            1 if draw.flag() => manifest(draw).map_or_else(Vec::new, |it| front(&it)),
            2 if draw.flag() => pack(draw),
            _ => draw.bytes().to_vec(),
        };
        let length = if draw.byte() == 0 {
            draw.number()
        } else {
            body.len() as u64
        };
        bytes.push(kind);
        bytes.extend_from_slice(&[0; 7]);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&body);
    }
    bytes.extend_from_slice(&[0; 32]);
    named(bytes)
}

/// Returns the body of a manifest as a writer puts it.
fn front(manifest: &Manifest) -> Vec<u8> {
    let mut bundle = Vec::new();
    Writer::new(&mut bundle, manifest).expect("memory takes everything");
    // Behind the header and the section's head.
    bundle.split_off(32)
}

fn manifest(draw: &mut Draw<'_>) -> Option<Manifest> {
    let tips = (0..draw.below(4)).map(|at| Tip {
        name: format!("tip-{at}"),
        id: draw.object(),
    });
    let tips = tips.collect();
    let asked = (0..draw.below(3)).map(|_| Asked {
        kind: draw.byte() % 3,
        hash: *draw.object().as_bytes(),
        path: draw.byte_str(),
    });
    let asked = asked.collect();
    Manifest::new(draw.number() as i64, tips, asked).ok()
}

fn pack(draw: &mut Draw<'_>) -> Vec<u8> {
    let mut pack = roar_pack::Writer::new(Vec::new()).expect("memory takes everything");
    for _ in 0..draw.below(4) {
        let object = Object::encode(&Variables::new(vec![(draw.byte_str(), draw.byte_str())]));
        pack.add(&object).expect("it is genuine");
    }
    pack.finish().expect("memory takes everything").0
}

/// What is written is read, and the same.
fn written(draw: &mut Draw<'_>) {
    let Some(manifest) = manifest(draw) else {
        return;
    };
    let pack = pack(draw);
    let files = (0..draw.below(5)).map(|_| draw.bytes().to_vec());
    let files: BTreeMap<ContentId, Vec<u8>> =
        files.map(|file| (ContentId::of(&file), file)).collect();
    let code = draw.flag().then(|| draw.bytes().to_vec());
    let mut writer = Writer::new(Vec::new(), &manifest).expect("memory takes everything");
    let fine = "the parts come in order";
    writer
        .pack(pack.len() as u64, &mut pack.as_slice())
        .expect(fine);
    for (id, file) in &files {
        writer
            .file(*id, file.len() as u64, &mut file.as_slice())
            .expect(fine);
    }
    if let Some(code) = &code {
        writer
            .code(code.len() as u64, &mut code.as_slice())
            .expect(fine);
    }
    let (bytes, name, length) = writer.finish().expect(fine);
    assert_eq!(length, bytes.len() as u64);
    let (summary, kept) = read_all(&bytes).expect("what was written is read");
    assert_eq!(summary.name, name);
    assert_eq!((kept.manifest, kept.code), (Some(manifest), code));
    assert!(kept.files.iter().map(|(id, _)| id).eq(files.keys()));
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let object = Object::encode(&Session::begin("main", 7));
    let tip = Tip {
        name: "session".to_owned(),
        id: object.id(),
    };
    let manifest = Manifest::new(9, vec![tip], Vec::new()).expect("it keeps the rules");
    let mut pack = roar_pack::Writer::new(Vec::new()).expect("memory takes everything");
    pack.add(&object).expect("it is genuine");
    let (pack, _) = pack.finish().expect("memory takes everything");
    let mut writer = Writer::new(Vec::new(), &manifest).expect("memory takes everything");
    let fine = "the parts come in order";
    writer
        .pack(pack.len() as u64, &mut pack.as_slice())
        .expect(fine);
    writer
        .file(ContentId::of(b"file"), 4, &mut &b"file"[..])
        .expect(fine);
    writer.code(4, &mut &b"code"[..]).expect(fine);
    vec![
        writer.finish().expect(fine).0,
        vec![1; 200],
        (0..=255).collect(),
    ]
}
