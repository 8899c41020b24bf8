//! Indexes of packs, damaged and lying: they may hide an object, and never lead to another.

use crate::draw::Draw;
use crate::scratch;
use crate::seal;
use roar_object::{Object, ObjectId, Variables};
use roar_pack::{MultiIndex, PackFile, Writer};
use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Two packs that have some objects in common, their indexes, and the one over both.
struct Packs {
    objects: Vec<Object>,
    paths: [PathBuf; 2],
    indexes: [Vec<u8>; 2],
    multi: Vec<u8>,
}

thread_local! {
    static PACKS: OnceCell<Packs> = const { OnceCell::new() };
}

pub(super) fn check(data: &[u8]) {
    PACKS.with(|packs| {
        let packs = packs.get_or_init(Packs::make);
        one(packs, data.to_vec());
        several(packs, data.to_vec());
        let mut draw = Draw::new(data);
        let (is_multi, repair) = (draw.flag(), draw.flag());
        let mut bytes = match is_multi {
            true => packs.multi.clone(),
            false => packs.indexes[0].clone(),
        };
        edit(&mut draw, &mut bytes);
        match (is_multi, repair) {
            (true, true) => seal::multi_index_head(&mut bytes),
            (false, true) => seal::index_head(&mut bytes),
            _ => {}
        }
        match is_multi {
            true => several(packs, bytes),
            false => one(packs, bytes),
        }
    });
}

/// Puts fuzz bytes into places of an index, or cuts it.
fn edit(draw: &mut Draw<'_>, bytes: &mut Vec<u8>) {
    while !draw.is_empty() && !bytes.is_empty() {
        let at = usize::from(u16::from_le_bytes(draw.array())) % bytes.len();
        match draw.below(4) {
            0 => bytes[at] ^= draw.byte(),
            1 if draw.flag() => bytes.truncate(at),
            _ => {
                let new = draw.bytes();
                let len = new.len().min(bytes.len() - at);
                bytes[at..at + len].copy_from_slice(&new[..len]);
            }
        }
    }
}

fn one(packs: &Packs, index: Vec<u8>) {
    let Ok(file) = PackFile::with_index(&packs.paths[0], index) else {
        return;
    };
    for object in &packs.objects {
        if let Ok(Some(found)) = file.find(object.id()) {
            assert_eq!(found, *object);
        }
        let _ = file.describe(object.id());
    }
    let nowhere = file.find(ObjectId::from_bytes([9; 32]));
    assert!(!matches!(nowhere, Ok(Some(_))));
    let _ = file.with_prefix(&"8a00".parse().expect("four digits"));
    let _ = file.each_object(|entry, object| {
        if let Ok(object) = object {
            assert!(object.is_genuine() && object.id() == entry.id);
        }
        ControlFlow::Continue(())
    });
    let _ = file.verify().expect("the pack can be read");
    let _ = MultiIndex::write(&[&file], std::io::sink());
}

fn several(packs: &Packs, index: Vec<u8>) {
    let Ok(multi) = MultiIndex::from_bytes(index) else {
        return;
    };
    let files = packs.open();
    for object in &packs.objects {
        let Ok(Some(found)) = multi.find(object.id()) else {
            continue;
        };
        let Some(file) = files.get(found.pack) else {
            continue;
        };
        let entry = file.entry_found(&found);
        if let Ok(read) = entry.and_then(|entry| file.object(&entry)) {
            assert_eq!(read, *object);
        }
    }
    let _ = multi.entries().filter(Result::is_ok).count();
    let _ = multi.with_prefix(&"8a00".parse().expect("four digits"));
}

impl Packs {
    fn make() -> Self {
        let objects: Vec<_> = (0..60u16).map(object).collect();
        let [(first, one), (second, two)] = [pack(&objects[..40]), pack(&objects[30..])];
        let mut paths = [PathBuf::new(), PathBuf::new()];
        scratch::within(|directory| {
            paths = ["one.rpk", "two.rpk"].map(|name| directory.join(name));
        });
        for (path, bytes) in paths.iter().zip([first, second]) {
            std::fs::write(path, bytes).expect("there is room");
        }
        let mut packs = Self {
            objects,
            paths,
            indexes: [one, two],
            multi: Vec::new(),
        };
        let files = packs.open();
        MultiIndex::write(&[&files[0], &files[1]], &mut packs.multi).expect("they are right");
        packs
    }

    fn open(&self) -> Vec<PackFile> {
        let both = self.paths.iter().zip(&self.indexes);
        both.map(|(path, index)| PackFile::with_index(path, index.clone()).expect("it fits"))
            .collect()
    }
}

/// Some are large, so that there is more than one block.
fn object(number: u16) -> Object {
    let len = if number.is_multiple_of(9) { 20_000 } else { 30 };
    let tag: Vec<u8> = (0..len)
        .map(|at: u32| (at * at / 7) as u8 ^ number as u8)
        .collect();
    Object::encode(&Variables::new(vec![("NAME".into(), tag.into())]))
}

fn pack(objects: &[Object]) -> (Vec<u8>, Vec<u8>) {
    let mut writer = Writer::new(Vec::new()).expect("memory takes everything");
    for object in objects {
        writer.add(object).expect("it is genuine");
    }
    let (bytes, contents) = writer.finish().expect("memory takes everything");
    (bytes, contents.to_index())
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let (_, index) = pack(&[object(1), object(2)]);
    // One right index, and edits of heads, fan-outs and places.
    let edits = [
        vec![0, 1, 10, 0, 2, 1, 16],
        vec![0, 1, 12, 0, 2, 4, 0xff, 0xff, 0xff, 0xff],
        vec![0, 0, 80, 0, 2, 4, 9, 0, 0, 0],
        vec![
            0, 0, 80, 4, 2, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
        ],
        vec![1, 1, 16, 0, 2, 4, 0xff, 0xff, 0xff, 0xff],
        vec![1, 0, 0, 9, 2, 8, 1, 0, 0, 0, 9, 0, 0, 0],
    ];
    let mut seeds = edits.to_vec();
    seeds.push(index);
    seeds
}
