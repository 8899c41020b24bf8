//! Which tone has which colour, and whether the terminal can show more than ASCII.

use anstyle::{AnsiColor, Style};
use roar_view::Tone;
use std::env;

/// Returns a piece of text in the style of its tone.
pub(super) fn styled(tone: Tone, text: &str) -> String {
    let style = style(tone);
    format!("{style}{text}{style:#}")
}

const fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Step => AnsiColor::Cyan.on_default(),
        Tone::Title => Style::new().bold(),
        Tone::Dim => Style::new().dimmed(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Warn => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default(),
    }
}

/// Returns whether the locale's encoding is UTF-8, by the first variable that says anything.
pub(super) fn locale_is_utf8() -> bool {
    let told = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty());
    let Some(told) = told else { return false };
    let told = told.to_string_lossy().to_ascii_lowercase();
    told.contains("utf-8") || told.contains("utf8")
}
