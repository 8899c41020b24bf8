//! The bytes of `docs/format/bundle.md`.

mod common;

const PAGE: &str = include_str!("../../../docs/format/bundle.md");

/// `ROAR_BLESS=1` prints them.
#[test]
fn the_example_of_the_page_is_what_is_written() {
    let bytes = common::bundle(&[], None);
    let lines: Vec<String> = bytes
        .chunks(16)
        .map(|chunk| {
            chunk
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let text = lines.join("\n");
    assert!(PAGE.contains(&text), "{text}");
}
