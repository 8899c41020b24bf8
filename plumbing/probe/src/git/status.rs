//! The output of `git status --porcelain=v2 -z`.
//!
//! Records end in NUL. A header is `# name value`; a changed path is
//! `1 XY sub mH mI mW hH hI path`, an unmerged one `u XY sub m1 m2 m3 mW h1 h2
//! h3 path`, an untracked one `? path` (git-status(1), "Porcelain Format
//! Version 2").

use super::head::object_name;
use super::{UNTRACKED_LISTED, Untracked};

/// What one status said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) commit: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) changed: Vec<Vec<u8>>,
    pub(super) unstaged: Vec<Vec<u8>>,
    pub(super) untracked: Untracked,
}

impl Status {
    /// Reads what git printed; a record of an unknown kind is passed over.
    pub(super) fn parse(output: &[u8]) -> Self {
        let mut status = Self::default();
        let mut records = output.split(|&byte| byte == 0);
        while let Some(record) = records.next() {
            match record.first() {
                Some(b'#') => status.header(record),
                Some(b'1') => status.change(record, 8),
                Some(b'u') => status.change(record, 10),
                Some(b'2') => {
                    status.change(record, 9);
                    // A rename carries its old name as a record of its own.
                    records.next();
                }
                Some(b'?') => status.untracked(record),
                _ => {}
            }
        }
        status
    }

    fn header(&mut self, record: &[u8]) {
        if let Some(id) = record.strip_prefix(b"# branch.oid ") {
            self.commit = object_name(id);
        } else if let Some(name) = record.strip_prefix(b"# branch.head ")
            && name != b"(detached)"
        {
            self.branch = Some(String::from_utf8_lossy(name).into_owned());
        }
    }

    fn change(&mut self, record: &[u8], fields: usize) {
        let Some(path) = record.splitn(fields + 1, |&byte| byte == b' ').nth(fields) else {
            return;
        };
        self.changed.push(path.to_owned());
        let staged_only = record.get(3) == Some(&b'.');
        if !staged_only {
            self.unstaged.push(path.to_owned());
        }
    }

    fn untracked(&mut self, record: &[u8]) {
        let Some(path) = record.get(2..) else { return };
        self.untracked.count += 1;
        if self.untracked.listed.len() < UNTRACKED_LISTED {
            self.untracked.listed.push(path.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rename_from_an_older_configuration_keeps_the_new_name() {
        let text = b"2 R. N... 100644 100644 100644 a b R100 new name\0old\0? u\0";
        let status = Status::parse(text);
        assert_eq!(status.changed, [b"new name".to_vec()]);
        assert_eq!(status.untracked.listed, [b"u".to_vec()]);
        assert!(status.unstaged.is_empty());
    }

    proptest! {
        #[test]
        fn any_output_is_read_without_panic(text in "[#12u?! .a\\x00]{0,80}") {
            Status::parse(text.as_bytes());
        }

        #[test]
        fn a_changed_path_is_given_back_as_it_was(path in prop::collection::vec(1_u8.., 1..40)) {
            let mut text = b"1 .M N... 100644 100644 100644 a b ".to_vec();
            text.extend(&path);
            text.push(0);
            let status = Status::parse(&text);
            prop_assert_eq!(&status.changed, &vec![path]);
            prop_assert_eq!(&status.unstaged, &status.changed);
        }
    }
}
