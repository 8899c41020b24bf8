//! Words that name something: hex prefixes, whole names, steps, refs.

use roar_object::{ContentId, ObjectId, Prefix, StepName};
use roar_store::RefName;

pub(super) fn check(data: &[u8]) {
    let Ok(word) = std::str::from_utf8(data) else {
        return;
    };
    prefix(word);
    whole(word);
    step(word);
    reference(word);
}

/// A prefix agrees with its digits, whatever their case, on every name.
fn prefix(word: &str) {
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lawful = hex && (Prefix::MIN..=64).contains(&word.len());
    let Ok(prefix) = word.parse::<Prefix>() else {
        assert!(!lawful, "'{word}' is refused");
        return;
    };
    assert!(lawful, "'{word}' is taken");
    let digits = word.to_ascii_lowercase();
    let mut above = *prefix.lowest();
    above[31] |= 1;
    let mut beside = *prefix.lowest();
    beside[digits.len().div_ceil(2) - 1] ^= 0x10;
    for name in [*prefix.lowest(), above, beside, [0xff; 32]] {
        let text = ContentId::from_bytes(name).to_string();
        assert_eq!(prefix.matches(&name), text.starts_with(&digits));
        assert!(!prefix.matches(&name) || prefix.lowest() <= &name);
    }
    assert_eq!(prefix.whole().is_some(), digits.len() == 64);
}

fn whole(word: &str) {
    if let Ok(name) = word.parse::<ObjectId>() {
        assert_eq!(name.to_string(), word.to_ascii_lowercase());
        assert!(name.to_string().starts_with(name.short().as_str()));
    }
}

/// A step's name, printed, names the same step.
fn step(word: &str) {
    let Ok(step) = word.parse::<StepName>() else {
        return;
    };
    assert!(step.number > 0);
    assert_eq!(step.to_string().parse(), Ok(step));
}

/// What is taken for a ref is what `git check-ref-format --allow-onelevel` takes, and short.
fn reference(word: &str) {
    let taken = RefName::new(word);
    assert_eq!(taken.is_ok(), is_git_ref(word), "{word:?}");
    match taken {
        Ok(name) => assert_eq!(name.as_str(), word),
        Err(err) => assert!(!err.to_string().contains(char::is_control)),
    }
}

/// The rules again, letter by letter.
fn is_git_ref(word: &str) -> bool {
    let bytes = word.as_bytes();
    let part = |part: &[u8]| !part.is_empty() && part[0] != b'.' && !part.ends_with(b".lock");
    (1..=255).contains(&bytes.len())
        && bytes != b"@"
        && bytes.last() != Some(&b'.')
        && !bytes
            .iter()
            .any(|&byte| byte <= b' ' || byte == 0x7f || b"~^:?*[\\".contains(&byte))
        && !bytes.windows(2).any(|pair| pair == b".." || pair == b"@{")
        && bytes.split(|&byte| byte == b'/').all(part)
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let words = [
        "0123",
        "deadBEEF1",
        "@1",
        "@B2",
        "@b4294967295",
        "@007",
        "sessions/main",
        "HEAD",
        "labels/größe",
        "a.lock/b",
        "x@{y",
        "a..b",
        "\u{80}\u{9b}\u{2028}",
    ];
    let whole = ContentId::of(b"").to_string();
    let all = words
        .into_iter()
        .map(str::to_owned)
        .chain([whole, "x".repeat(255)]);
    all.map(String::into_bytes).collect()
}
