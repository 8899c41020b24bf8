//! The examples in the help, as command lines: they are tested.

/// Returns the examples of every command, split into words as a shell would.
#[cfg(test)]
pub(crate) fn all(command: &clap::Command) -> Vec<Vec<String>> {
    let own = command.get_after_long_help().map(ToString::to_string);
    let mut examples: Vec<Vec<String>> = own
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.trim().strip_prefix("$ "))
        .filter(|line| line.starts_with("roar "))
        .map(words)
        .collect();
    for inner in command.get_subcommands() {
        examples.extend(all(inner));
    }
    examples
}

/// Splits at blanks, keeps what stands in single quotes together, stops at shell operators.
#[cfg(test)]
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            '|' | '>' | '#' | '<' if !quoted => break,
            _ => words.last_mut().expect("never empty").push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
