//! Packs from anywhere: what gets in is genuine and is found again, and all else is an error.

use crate::draw::Draw;
use crate::scratch;
use crate::seal;
use roar_object::{Object, Session, Variables};
use roar_pack::{Contents, Limits, PackError, PackFile, PackName, Writer, read};
use std::ops::ControlFlow;

/// A pack that fuzz bytes make is smaller.
const LIMITS: Limits = Limits {
    objects: 2000,
    raw: 1 << 20,
    ratio: 1000,
};

/// As they come, and as blocks with checks, totals and name made to fit.
pub(super) fn check(data: &[u8]) {
    take(data);
    take(&drawn(&mut Draw::new(data)));
    salvage(data);
}

/// What is left of a damaged pack is genuine, too.
fn salvage(bytes: &[u8]) {
    scratch::within(|directory| {
        let path = directory.join("it.rpk");
        std::fs::write(&path, bytes).expect("there is room");
        let name = PackName::from_bytes([7; 32]);
        let file = PackFile::salvage(&path, name).expect("it can be read");
        let visited = file.each_object(|_, object| {
            assert!(object.expect("it was there").verify().is_ok());
            ControlFlow::Continue(())
        });
        visited.expect("the index was just made");
    });
}

fn take(bytes: &[u8]) {
    match read_all(bytes) {
        Ok((objects, contents)) => is_right(bytes, &objects, &contents),
        Err(err) => assert!(!err.to_string().is_empty()),
    }
}

fn read_all(bytes: &[u8]) -> Result<(Vec<Object>, Contents), PackError> {
    let mut objects = Vec::new();
    let contents = read(bytes, &LIMITS, &mut |object| {
        objects.push(object);
        Ok(())
    })?;
    Ok((objects, contents))
}

fn is_right(bytes: &[u8], objects: &[Object], contents: &Contents) {
    assert!(objects.iter().all(|object| object.verify().is_ok()));
    assert_eq!(contents.objects(), objects.len() as u64);
    assert_eq!(contents.bytes(), bytes.len() as u64);
    for end in [0, bytes.len() / 2, bytes.len() - 1] {
        assert!(read_all(&bytes[..end]).is_err());
    }
    let mut writer = Writer::new(Vec::new()).expect("memory takes everything");
    for object in objects {
        assert!(writer.add(object).expect("it is genuine"));
    }
    let (written, own) = writer.finish().expect("memory takes everything");
    assert_eq!(own.raw(), contents.raw());
    assert_eq!(
        read_all(&written).expect("what was written is read").0,
        objects
    );
    scratch::within(|directory| {
        let path = directory.join("it.rpk");
        std::fs::write(&path, bytes).expect("there is room");
        let file = PackFile::with_index(&path, contents.to_index()).expect("it fits");
        for object in objects {
            let found = file.find(object.id()).expect("it is there");
            assert_eq!(found.as_ref(), Some(object));
        }
        assert!(file.verify().expect("it can be read").damage.is_empty());
    });
}

fn drawn(draw: &mut Draw<'_>) -> Vec<u8> {
    let mut pack = seal::pack_header();
    let mut totals = [0; 3];
    while !draw.is_empty() && totals[1] < 16 {
        let objects = u16::from(draw.byte());
        totals[0] += u64::from(objects);
        totals[1] += 1;
        totals[2] = totals[2].wrapping_add(draw.number());
        let bytes = match draw.flag() {
            true => draw.bytes().repeat(1 + draw.below(64)),
            false => draw.bytes().to_vec(),
        };
        let len = bytes.len() as u32;
        let block = match draw.below(8) {
            // Packed as it should be, and packed with another length.
            0 | 1 => seal::pack_block(1, objects, len, &frame(&bytes)),
            2 => seal::pack_block(1, objects, draw.number() as u32, &frame(&bytes)),
            3 => seal::pack_block(1, objects, draw.number() as u32, &bytes),
            4 => seal::pack_block(draw.byte(), objects, draw.number() as u32, &bytes),
            _ => seal::pack_block(0, objects, len, &bytes),
        };
        pack.extend_from_slice(&block);
    }
    seal::pack_end(&mut pack, totals);
    pack
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).expect("memory takes everything")
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let objects: Vec<_> = (0..30u8).map(object).collect();
    let pack = |objects: &[Object]| {
        let mut writer = Writer::new(Vec::new()).expect("memory takes everything");
        for object in objects {
            writer.add(object).expect("it is genuine");
        }
        writer.finish().expect("memory takes everything").0
    };
    vec![
        pack(&objects),
        pack(&objects[..2]),
        pack(&[]),
        block_of(&objects[..2], 7),
        block_of(&objects[3..5], 0),
    ]
}

fn object(number: u8) -> Object {
    match number % 3 {
        0 => Object::encode(&Session::begin("main", i64::from(number))),
        _ => Object::encode(&Variables::new(vec![(vec![number].into(), "x".into())])),
    }
}

/// What [`drawn`] makes a pack of one right block of.
fn block_of(objects: &[Object], way: u8) -> Vec<u8> {
    let bodies: usize = objects.iter().map(|object| object.body().len()).sum();
    let mut raw = Vec::new();
    for object in objects {
        raw.extend_from_slice(&[object.kind().code(), object.body().len() as u8]);
        raw.extend_from_slice(object.body());
    }
    let mut seed = vec![objects.len() as u8, bodies as u8, 0, raw.len() as u8];
    seed.extend_from_slice(&raw);
    seed.push(way);
    seed
}
