use crate::sandbox;
use std::fs;

/// `ROAR_BLESS=1` writes the page anew.
#[test]
fn the_reference_in_the_docs_is_what_the_program_says() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
    let said = sandbox().roar(["command-reference"]).success().stdout;
    if std::env::var_os("ROAR_BLESS").is_some() {
        fs::write(page, &said).unwrap();
    }
    let written = fs::read(page).unwrap_or_default();
    assert!(
        written == said,
        "docs/commands.md is out of date; run the tests with ROAR_BLESS=1"
    );
}
