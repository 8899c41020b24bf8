//! Filters: any pattern is a rule or refused, rules come and go, and any path has a class.

use crate::draw::Draw;
use crate::scratch;
use roar_object::{Base, ByteStr, Class, RecordedPath};
use roar_repo::config::{Config, Layer, Sources};
use roar_repo::filters::{Filters, add, remove};
use std::path::Path;

pub(super) fn check(data: &[u8]) {
    let mut draw = Draw::new(data);
    let (pattern, class) = (draw.text(), draw.pick(&Class::ALL));
    let other = draw.text();
    let path = RecordedPath {
        base: draw.pick(&[Base::Project, Base::Root]),
        path: draw.byte_str(),
    };
    let free = RecordedPath {
        base: Base::Root,
        path: ByteStr(draw.rest().to_vec()),
    };
    let built_in = Filters::default();
    scratch::within(|dir| {
        let file = dir.join("config");
        drop(std::fs::remove_file(&file));
        let mut config = load(&file);
        let _ = add(&mut config, Layer::Shared, &other, Class::Code);
        let before = Filters::load(&config).expect("only rules get in");
        if !add(&mut config, Layer::Shared, &pattern, class).is_ok_and(|new| new) {
            return;
        }
        let again = add(&mut config, Layer::Shared, &pattern, class);
        assert!(again.is_ok_and(|new| !new), "'{pattern}' is new twice");
        let mut config = load(&file);
        let filters = Filters::load(&config).expect("what was added is read");
        let first = &filters.rules()[0];
        assert_eq!((&first.pattern, first.class), (&pattern, class));
        for path in [&path, &free] {
            let (found, by_user) = filters.classify(path, false);
            assert!(by_user || found == built_in.classify(path, false).0);
            before.classify(path, true);
        }
        assert!(remove(&mut config, Layer::Shared, &pattern).expect("it is writable"));
        let left = Filters::load(&load(&file))
            .expect("what is left is read")
            .rules();
        assert!(
            left.iter()
                .all(|rule| rule.layer.is_none() || rule.pattern != pattern)
        );
    });
}

fn load(file: &Path) -> Config {
    let files = vec![(Layer::Shared, file.to_owned())];
    Config::load(Sources {
        files,
        ..Sources::default()
    })
    .expect("only rules get in")
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let rules = [
        ("*.log", "data/raw/", "deep/down/a.log"),
        ("/mnt/**/x", "{a,b}*", "mnt/a/b/x"),
        ("[!a-z]", "a[", "lib/python3.11/site-packages/x.py"),
        ("/", "**", ""),
        ("\\*\"'\n{,{,{a,b}}}", "é?", "\u{ff}"),
    ];
    let line = |(pattern, other, path): (&str, &str, &str)| {
        let field = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        [
            field(pattern),
            vec![1],
            field(other),
            vec![1],
            field(path),
            path.into(),
        ]
        .concat()
    };
    rules.into_iter().map(line).collect()
}
