//! Spool files: whole, torn, left behind, fought over.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use roar_store::{Spool, SpoolFrame, SpoolFrames, Transaction};

fn frame(kind: u8, body: &[u8]) -> SpoolFrame {
    SpoolFrame {
        kind,
        body: body.to_vec(),
    }
}

#[test]
fn what_was_appended_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path().join("runs");
    let mut spool = Spool::create(&runs).unwrap();
    spool.append(1, b"begin").unwrap();
    spool.append(2, b"").unwrap();
    spool.sync().unwrap();
    spool.append(3, &[9; 100_000]).unwrap();
    let pending = Spool::pending(&runs).unwrap();
    assert_eq!(pending.len(), 1);
    assert!(pending[0].alive);
    assert!(pending[0].claim().unwrap().is_none(), "its owner lives");
    let read = pending[0].read().unwrap();
    assert_eq!(
        read.frames,
        [frame(1, b"begin"), frame(2, b""), frame(3, &[9; 100_000])]
    );
    assert!(!read.torn);
    spool.finish().unwrap();
    assert_eq!(Spool::pending(&runs).unwrap(), []);
    assert_eq!(Spool::pending(&dir.path().join("none")).unwrap(), []);
}

#[test]
fn a_leftover_is_claimed_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::create(dir.path()).unwrap();
    let transaction = Transaction {
        note: "kept".to_owned(),
        at_ns: 3,
        ..Transaction::default()
    };
    spool.append(7, &transaction.to_bytes().unwrap()).unwrap();
    spool.flush().unwrap();
    drop(spool);
    let pending = Spool::pending(dir.path()).unwrap();
    assert!(!pending[0].alive);
    let claimed = pending[0].claim().unwrap().unwrap();
    assert!(pending[0].claim().unwrap().is_none());
    let frames = claimed.read().unwrap().frames;
    assert_eq!(
        Transaction::from_bytes(&frames[0].body).unwrap(),
        transaction
    );
    claimed.finish().unwrap();
    assert!(pending[0].claim().unwrap().is_none(), "it is done with");
}

#[test]
fn a_claim_that_is_given_up_can_be_made_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(Spool::create(dir.path()).unwrap());
    let pending = Spool::pending(dir.path()).unwrap();
    drop(pending[0].claim().unwrap().unwrap());
    assert!(pending[0].claim().unwrap().is_some());
}

#[test]
fn leftovers_come_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let spools: Vec<_> = (0..300)
        .map(|_| Spool::create(dir.path()).unwrap())
        .collect();
    let found: Vec<_> = Spool::pending(dir.path()).unwrap();
    assert_eq!(found.len(), 300);
    assert_eq!(found[0].path, spools[0].path());
}

#[test]
fn a_file_whose_maker_was_killed_too_early_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let hidden = dir.path().join("0000000000000001-00000001-00.new");
    std::fs::write(&hidden, b"").unwrap();
    assert_eq!(Spool::pending(dir.path()).unwrap(), []);
    assert!(!hidden.exists());
}

fn example() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::create(dir.path()).unwrap();
    spool.append(1, b"one").unwrap();
    spool.append(2, b"two").unwrap();
    spool.flush().unwrap();
    std::fs::read(spool.path()).unwrap()
}

#[test]
fn spool_files_never_change() {
    let bytes = example();
    let (first, second) = (&bytes[8..24], &bytes[24..]);
    assert_eq!(bytes[..8], *b"roarrun\n");
    assert_eq!(first[..8], *b"\x01\x03\0\0\0one");
    assert_eq!(second[..8], *b"\x02\x03\0\0\0two");
    let sums: String = [&first[8..], &second[8..]]
        .concat()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(sums, "3ee95ee89fbc61150606cdab8596efa6");
}

#[test]
fn a_torn_or_changed_file_is_read_up_to_there() {
    let bytes = example();
    for len in 0..bytes.len() {
        let read = SpoolFrames::decode(&bytes[..len]);
        let whole = usize::from(len >= 24);
        assert_eq!(
            (read.frames.len(), read.torn),
            (whole, ![8, 24].contains(&len)),
            "{len}"
        );
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let read = SpoolFrames::decode(&changed);
        assert!(read.torn, "byte {at}");
        assert_eq!(read.frames.len(), usize::from(at >= 24), "byte {at}");
    }
    let swapped = [&bytes[..8], &bytes[24..], &bytes[8..24]].concat();
    assert_eq!(
        SpoolFrames::decode(&swapped).frames,
        [],
        "frames keep their places"
    );
}
