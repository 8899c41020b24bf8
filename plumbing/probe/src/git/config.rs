//! A repository's configuration file, as far as layout and remotes go.
//!
//! Reading the file costs a tenth of what a `git config` process costs. A file
//! that includes others is left to git itself.

use std::fs;
use std::path::PathBuf;

use super::discover::Layout;
use super::run::{Git, path_of};

/// Settings in file order, sections and keys in lower case.
#[derive(Debug, Default)]
pub(super) struct Config {
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    section: Vec<u8>,
    subsection: Vec<u8>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Config {
    /// Reads the configuration of the repository at `layout`.
    ///
    /// What cannot be read is empty: git has judged the file before this.
    pub(super) fn of_repository(git: &Git, layout: &Layout) -> Self {
        let text = fs::read(layout.common_dir.join("config")).unwrap_or_default();
        let config = Self::parse(&text);
        if config.includes() {
            let listed = git.config(&layout.toplevel).unwrap_or_default();
            return Self::parse_list(&listed);
        }
        config
    }

    /// Reads the syntax of git-config(1).
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut parser = Parser { text, at: 0 };
        Self {
            entries: parser.entries(),
        }
    }

    /// Reads `git config --list --null`.
    fn parse_list(text: &[u8]) -> Self {
        let entries = text.split(|&byte| byte == 0).filter_map(listed).collect();
        Self { entries }
    }

    fn includes(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.section.starts_with(b"include"))
    }

    fn value(&self, section: &[u8], subsection: &[u8], key: &[u8]) -> Option<&[u8]> {
        self.entries
            .iter()
            .find(|entry| {
                entry.section == section && entry.subsection == subsection && entry.key == key
            })
            .map(|entry| entry.value.as_slice())
    }

    /// Returns the URL of the remote that stands for this repository.
    pub(super) fn remote(&self, branch: Option<&str>) -> Option<String> {
        let of_branch = branch.and_then(|name| self.value(b"branch", name.as_bytes(), b"remote"));
        let url = self
            .remote_url(b"origin")
            .or_else(|| self.remote_url(of_branch?))
            .or_else(|| self.only_remote())?;
        Some(String::from_utf8_lossy(url).into_owned())
    }

    fn remote_url(&self, name: &[u8]) -> Option<&[u8]> {
        self.value(b"remote", name, b"url")
    }

    fn only_remote(&self) -> Option<&[u8]> {
        let mut urls = self
            .entries
            .iter()
            .filter(|entry| entry.section == b"remote" && entry.key == b"url");
        let first = urls.next()?;
        let alone = urls.all(|entry| entry.subsection == first.subsection);
        alone.then_some(first.value.as_slice())
    }

    /// Returns the top of the work tree, which `core.worktree` may move.
    pub(super) fn work_tree(&self, layout: &Layout) -> PathBuf {
        let moved = self.value(b"core", b"", b"worktree");
        match moved {
            Some(path) if !layout.linked => {
                let joined = layout.git_dir.join(path_of(path));
                fs::canonicalize(joined).unwrap_or_else(|_| layout.toplevel.clone())
            }
            _ => layout.toplevel.clone(),
        }
    }

    /// Returns the length of an object name in hex.
    pub(super) fn name_digits(&self) -> usize {
        match self.value(b"extensions", b"", b"objectformat") {
            Some(b"sha256") => 64,
            _ => 40,
        }
    }

    /// Returns the paths a `.gitmodules` file names.
    pub(super) fn submodule_paths(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.entries
            .iter()
            .filter(|entry| entry.section == b"submodule" && entry.key == b"path")
            .map(|entry| entry.value.clone())
            .filter(|path| super::discover::stays_inside(path))
    }
}

/// `section.sub.section.key\nvalue`: only the first and the last dot divide.
fn listed(record: &[u8]) -> Option<Entry> {
    let newline = record.iter().position(|&byte| byte == b'\n')?;
    let (name, value) = (&record[..newline], &record[newline + 1..]);
    let first = name.iter().position(|&byte| byte == b'.')?;
    let last = name.iter().rposition(|&byte| byte == b'.')?;
    Some(Entry {
        section: name[..first].to_ascii_lowercase(),
        subsection: name.get(first + 1..last).unwrap_or_default().to_owned(),
        key: name[last + 1..].to_ascii_lowercase(),
        value: value.to_owned(),
    })
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn entries(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let (mut section, mut subsection) = (Vec::new(), Vec::new());
        while let Some(byte) = self.peek() {
            match byte {
                b'#' | b';' => self.skip_line(),
                b'[' => (section, subsection) = self.header(),
                byte if byte.is_ascii_whitespace() => self.at += 1,
                _ => {
                    let (key, value) = self.setting();
                    let (section, subsection) = (section.clone(), subsection.clone());
                    entries.push(Entry {
                        section,
                        subsection,
                        key,
                        value,
                    });
                }
            }
        }
        entries
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn skip_line(&mut self) {
        while self.next().is_some_and(|byte| byte != b'\n') {}
    }

    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> Vec<u8> {
        let start = self.at;
        while self.peek().is_some_and(&keep) {
            self.at += 1;
        }
        self.text[start..self.at].to_owned()
    }

    /// `[section]`, `[section "sub section"]`, or the old `[section.sub]`.
    fn header(&mut self) -> (Vec<u8>, Vec<u8>) {
        self.at += 1;
        let mut name = self.take_while(|byte| !matches!(byte, b']' | b'"' | b'\n' | b' ' | b'\t'));
        name.make_ascii_lowercase();
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
        let mut sub = Vec::new();
        if self.peek() == Some(b'"') {
            self.at += 1;
            sub = self.quoted_subsection();
        } else if let Some(dot) = name.iter().position(|&byte| byte == b'.') {
            sub = name.split_off(dot)[1..].to_owned();
        }
        self.take_while(|byte| !matches!(byte, b']' | b'\n'));
        self.next();
        (name, sub)
    }

    fn quoted_subsection(&mut self) -> Vec<u8> {
        let mut sub = Vec::new();
        while let Some(byte) = self.next() {
            match byte {
                b'"' | b'\n' => break,
                b'\\' => sub.extend(self.next()),
                _ => sub.push(byte),
            }
        }
        sub
    }

    fn setting(&mut self) -> (Vec<u8>, Vec<u8>) {
        let mut key = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        key.make_ascii_lowercase();
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
        match self.next() {
            Some(b'=') => (key, self.value()),
            Some(b'\n') | None => (key, b"true".to_vec()),
            Some(_) => {
                self.skip_line();
                (key, Vec::new())
            }
        }
    }

    /// A value ends with its line or at a comment; quotes keep blanks, a
    /// backslash at the end goes on.
    fn value(&mut self) -> Vec<u8> {
        let (mut value, mut kept, mut quoted) = (Vec::new(), 0, false);
        while let Some(byte) = self.next() {
            match byte {
                b'\n' => break,
                b'#' | b';' if !quoted => {
                    self.skip_line();
                    break;
                }
                b'"' => quoted = !quoted,
                b'\\' => value.extend(self.next().and_then(unescape)),
                b' ' | b'\t' | b'\r' if !quoted => {
                    if kept > 0 {
                        value.push(byte);
                    }
                    continue;
                }
                _ => value.push(byte),
            }
            kept = value.len();
        }
        value.truncate(kept);
        value
    }
}

fn unescape(byte: u8) -> Option<u8> {
    match byte {
        b'\n' => None,
        b'n' => Some(b'\n'),
        b't' => Some(b'\t'),
        b'b' => Some(8),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_remote_is_read_through_quotes_comments_and_continuations() {
        let config = Config::parse(
            b"[core]\n\tbare = false ; no\n[remote \"up \\\"x\\\"\"] # here\n url = \"https://h/a b\"#c\n\
              [Remote \"two\"]\n\tURL = https://h/\\\ncontinued  \n",
        );
        assert_eq!(config.remote_url(b"up \"x\""), Some(&b"https://h/a b"[..]));
        assert_eq!(config.remote_url(b"two"), Some(&b"https://h/continued"[..]));
        assert_eq!(config.remote(None), None, "two remotes, neither origin");
    }

    #[test]
    fn origin_wins_then_the_branch_then_the_only_one() {
        let two = b"[remote \"a\"]\nurl=1\n[remote \"b\"]\nurl=2\n[branch \"main\"]\nremote=b\n";
        assert_eq!(
            Config::parse(two).remote(Some("main")).as_deref(),
            Some("2")
        );
        let only = b"[remote \"a\"]\nurl=1\n";
        assert_eq!(Config::parse(only).remote(Some("x")).as_deref(), Some("1"));
        let origin = b"[remote \"a\"]\nurl=1\n[remote \"origin\"]\nurl=0\n";
        assert_eq!(Config::parse(origin).remote(None).as_deref(), Some("0"));
    }

    #[test]
    fn a_listing_is_split_at_its_first_and_last_dot() {
        let config = Config::parse_list(b"remote.my.host.url\nhttps://h/r\0core.bare\nfalse\0");
        assert_eq!(config.remote_url(b"my.host"), Some(&b"https://h/r"[..]));
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_panic(text in "[\\[\\]\"\\\\=#; .a-c\n\t]{0,80}") {
            Config::parse(text.as_bytes());
            Config::parse_list(text.as_bytes());
        }

        #[test]
        fn a_quoted_value_is_given_back_as_it_was(value in "[a-z #;=\t]{0,20}") {
            let text = format!("[remote \"origin\"]\n\turl = \"{value}\"\n");
            prop_assert_eq!(Config::parse(text.as_bytes()).remote(None), Some(value));
        }
    }
}
