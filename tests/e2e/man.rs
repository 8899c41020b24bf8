use crate::sandbox;
use std::fs;
use std::process::Command;

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
    assert!(page.contains(".TH ROAR-CONFIG 1 "), "{page}");
    assert_eq!(sandbox().roar(["man", "nothing"]).code, 3);
    let by_words = sandbox().roar(["man", "config", "set"]).success().out();
    assert!(by_words.contains(".TH ROAR-CONFIG-SET 1 "), "{by_words}");
    for page in ["config-set", "roar-config-set"] {
        assert_eq!(sandbox().roar(["man", page]).success().out(), by_words);
    }
    assert_eq!(sandbox().roar(["man", "config", "nothing"]).code, 3);
}

#[test]
fn pages_are_as_other_programs_want_them() {
    let sandbox = sandbox();
    let _ = sandbox.roar(["man", "--dir", "man1"]).success();
    let pages = fs::read_dir(sandbox.path("man1")).unwrap();
    let pages: Vec<_> = pages.map(|entry| entry.unwrap().path()).collect();
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        let name = page.file_stem().unwrap().to_string_lossy().to_uppercase();
        let title = format!("\n.TH {name} 1 {} \"roar ", day(&text));
        assert!(text.contains(&title), "{title}: {text}");
        assert!(text.contains("\n[\\fB\\-C\\fR \\fIDIR\\fR]\n"), "{text}");
    }
    // Where there is one, whoever knows best is asked.
    let lint = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning"])
        .args(&pages)
        .output();
    if let Ok(lint) = lint {
        assert!(
            lint.status.success(),
            "{}",
            String::from_utf8_lossy(&lint.stdout)
        );
    }
}

/// Returns the day of a page, which is not that on which it was made.
fn day(page: &str) -> &str {
    let title = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
    let day = title.split(' ').nth(3).unwrap();
    let is_day = day.len() == 10 && day.split('-').all(|part| part.parse::<u32>().is_ok());
    assert!(is_day, "{title}");
    day
}
