//! Writing over secrets in what is told of a job, before anything of it is stored.
//!
//! Whether a job was run here or is described, its texts pass through here: the words of the command,
//! the step's name, and what git says. Names of files, the directory among them, stay as they are.

use roar_object::{ByteStr, Source};
use roar_secrets::Rules;
use std::collections::BTreeSet;

/// Scrubs the words of a command; returns also how many of them held a secret.
pub(crate) fn argv(words: &[Vec<u8>], secrets: &Rules) -> (Vec<ByteStr>, usize) {
    let (words, findings) = secrets.scrub_argv(words);
    let held: BTreeSet<usize> = findings.iter().map(|finding| finding.index).collect();
    (words.into_iter().map(ByteStr).collect(), held.len())
}

/// Scrubs what the user calls a step.
pub(crate) fn name(name: &str, secrets: &Rules) -> String {
    String::from_utf8_lossy(&secrets.scrub_text(name.as_bytes()).bytes).into_owned()
}

/// Scrubs what git said.
///
/// Commit and tree are left, being ids of objects, and so is the prefix, a path.
pub(crate) fn source(source: Source, secrets: &Rules) -> Source {
    let url = |text: String| {
        String::from_utf8_lossy(&secrets.scrub_url(text.as_bytes()).bytes).into_owned()
    };
    Source {
        branch: source.branch.map(url),
        remote: source.remote.map(url),
        broken: source.broken.map(|why| name(&why, secrets)),
        ..source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";

    #[test]
    fn no_text_of_a_source_keeps_a_token() {
        let secrets = Rules::standard([7; 32]);
        let told = Source {
            commit: Some("ab".repeat(20)),
            branch: Some(TOKEN.to_owned()),
            remote: Some(format!("https://bob:{TOKEN}@example.com/x.git")),
            broken: Some(format!("cannot read https://{TOKEN}@example.com")),
            ..Source::default()
        };
        let scrubbed = source(told.clone(), &secrets);
        assert!(!format!("{scrubbed:?}").contains(TOKEN), "{scrubbed:?}");
        assert!(
            scrubbed
                .remote
                .is_some_and(|url| url.contains("example.com/x.git"))
        );
        assert_eq!(scrubbed.commit, told.commit);
    }

    #[test]
    fn words_with_secrets_are_counted_once_each() {
        let secrets = Rules::standard([7; 32]);
        let words = ["curl", "--token", TOKEN, "x"].map(|word| word.as_bytes().to_vec());
        let (scrubbed, held) = argv(&words, &secrets);
        assert_eq!((scrubbed.len(), held), (4, 1));
        assert_eq!(name("plain", &secrets), "plain");
        assert!(!name(TOKEN, &secrets).contains(TOKEN));
    }
}
