//! Transactions: the bytes are the only ones of what they say, and nothing forged gets in.

use crate::draw::Draw;
use crate::seal;
use roar_object::{Kind, Object, ObjectId, Session};
use roar_store::{Expect, RefChange, RefName, Transaction};

/// As they come, with lengths and checksum made to fit, and as values.
pub(super) fn check(data: &[u8]) {
    decode(data);
    decode(&seal::transaction(data));
    let drawn = drawn(&mut Draw::new(data));
    let Ok(bytes) = drawn.to_bytes() else {
        return;
    };
    let back = Transaction::from_bytes(&bytes).expect("what was written is read");
    assert_eq!(
        (&back.refs, &back.note, back.at_ns),
        (&drawn.refs, &drawn.note, drawn.at_ns)
    );
    assert_eq!(back.to_bytes().as_ref(), Ok(&bytes));
    for end in [0, bytes.len() / 2, bytes.len() - 1] {
        assert!(Transaction::from_bytes(&bytes[..end]).is_err());
    }
}

fn decode(bytes: &[u8]) {
    match Transaction::from_bytes(bytes) {
        Ok(transaction) => {
            assert!(transaction.objects.iter().all(Object::is_genuine));
            assert_eq!(transaction.to_bytes().as_deref(), Ok(bytes));
        }
        Err(err) => assert!(!err.to_string().is_empty()),
    }
}

fn drawn(draw: &mut Draw<'_>) -> Transaction {
    let mut transaction = Transaction {
        at_ns: draw.number() as i64,
        note: draw.text(),
        ..Transaction::default()
    };
    while !draw.is_empty() && transaction.objects.len() + transaction.refs.len() < 32 {
        if draw.flag() {
            let kind = draw.pick(&Kind::ALL);
            transaction
                .objects
                .push(Object::from_body(kind, draw.bytes().to_vec()));
        } else if let Ok(name) = RefName::new(draw.text()) {
            let expect = draw.below(3);
            let expect = [Expect::Any, Expect::Absent, Expect::Is(draw.object())][expect];
            let new = draw.flag().then(|| draw.object());
            transaction.refs.push(RefChange { name, expect, new });
        }
    }
    transaction
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let object = Object::encode(&Session::begin("main", 7));
    let change = |name: &str, expect, new| RefChange {
        name: RefName::new(name).expect("a legal name"),
        expect,
        new,
    };
    let transaction = Transaction {
        refs: vec![
            change("sessions/main", Expect::Absent, Some(object.id())),
            change("a", Expect::Is(ObjectId::from_bytes([1; 32])), None),
            change("b", Expect::Any, None),
        ],
        objects: vec![object, Object::from_body(Kind::Tree, b"x".to_vec())],
        note: "init".into(),
        at_ns: 1,
    };
    let bytes = transaction.to_bytes().expect("it can be written");
    vec![seal::open_transaction(&bytes), bytes, Vec::new()]
}
