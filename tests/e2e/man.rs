use crate::sandbox;
use std::fs;

#[test]
fn every_command_has_a_page() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["man", "--dir", "man1"]).success();
    let mut pages: Vec<_> = fs::read_dir(sandbox.path("man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    for page in [
        "roar.1",
        "roar-config.1",
        "roar-config-set.1",
        "roar-help.1",
    ] {
        assert!(pages.iter().any(|it| it == page), "{page} of {pages:?}");
    }
    let page = String::from_utf8(sandbox.read("man1/roar-config.1")).unwrap();
    assert!(page.contains(".SH SYNOPSIS") && page.contains("roar config set run.dirty refuse"));
}

#[test]
fn one_page_is_printed() {
    let page = sandbox().roar(["man", "config"]).success().out();
    assert!(page.contains(".TH roar-config 1"), "{page}");
    assert_eq!(sandbox().roar(["man", "nothing"]).code, 3);
}
