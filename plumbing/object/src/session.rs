//! Sessions: chains of links, each naming the one before and what it adds.

use crate::code::{Version1, coded};
use crate::{Body, JobKind, Kind, ObjectId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A step as people name it: `@3`, or `@B1` for a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepName {
    /// Builds are counted apart.
    pub build: bool,
    /// From 1.
    pub number: u32,
}

/// Why a word is not the name of a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{word}' is not the name of a step, which is '@' and a number, or '@B' and a number")]
pub struct StepNameError {
    /// The word.
    pub word: String,
}

impl StepName {
    /// Names the step of a job of this kind.
    pub const fn new(kind: JobKind, number: u32) -> Self {
        Self {
            build: matches!(kind, JobKind::Build),
            number,
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.build { "@B" } else { "@" }, self.number)
    }
}

impl FromStr for StepName {
    type Err = StepNameError;

    fn from_str(word: &str) -> Result<Self, StepNameError> {
        let refuse = || StepNameError {
            word: word.to_owned(),
        };
        let rest = word.strip_prefix('@').ok_or_else(refuse)?;
        let (build, digits) = match rest.strip_prefix(['B', 'b']) {
            Some(digits) => (true, digits),
            None => (false, rest),
        };
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|&number| plain && number > 0);
        number
            .map(|number| Self { build, number })
            .ok_or_else(refuse)
    }
}

coded! {
    /// What a link adds.
    pub enum SessionEvent {
        /// The session begins; `text` is its name.
        Begin = 1,
        /// A job was recorded as `step`.
        Ran = 2,
    }
}

/// One link of a session's chain. The session's head, and so its hash, is its newest link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    version: Version1,
    /// The link before; absent in the first.
    pub parent: Option<ObjectId>,
    /// How many links came before.
    pub sequence: u64,
    /// When the link was added: nanoseconds since 1970. Says nothing about order.
    pub at_ns: i64,
    /// What the link adds.
    pub event: SessionEvent,
    /// The job, of [`SessionEvent::Ran`].
    pub job: Option<ObjectId>,
    /// The step that the job is recorded as, of [`SessionEvent::Ran`].
    pub step: Option<StepName>,
    /// The name, of [`SessionEvent::Begin`].
    pub text: Option<String>,
}

impl Session {
    /// Begins a session.
    pub fn begin(name: &str, at_ns: i64) -> Self {
        Self {
            version: Version1,
            parent: None,
            sequence: 0,
            at_ns,
            event: SessionEvent::Begin,
            job: None,
            step: None,
            text: Some(name.to_owned()),
        }
    }

    /// Adds a job after the link `parent` with number `sequence - 1`.
    pub fn ran(parent: ObjectId, sequence: u64, at_ns: i64, job: ObjectId, step: StepName) -> Self {
        Self {
            version: Version1,
            parent: Some(parent),
            sequence,
            at_ns,
            event: SessionEvent::Ran,
            job: Some(job),
            step: Some(step),
            text: None,
        }
    }
}

impl Body for Session {
    const KIND: Kind = Kind::Session;

    fn check(&self) -> Result<(), String> {
        let first = self.sequence == 0;
        let complete = match self.event {
            SessionEvent::Begin => {
                first && self.text.is_some() && self.job.is_none() && self.step.is_none()
            }
            SessionEvent::Ran => {
                !first && self.text.is_none() && self.job.is_some() && self.step.is_some()
            }
        };
        if complete && self.parent.is_none() == first {
            Ok(())
        } else {
            Err("its fields do not fit what it adds".to_owned())
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn steps_are_named_by_number_and_builds_apart() {
        for word in ["@1", "@B2", "@4294967295"] {
            assert_eq!(word.parse::<StepName>().unwrap().to_string(), word);
        }
        assert_eq!("@b2".parse::<StepName>().unwrap().to_string(), "@B2");
        for word in [
            "",
            "@",
            "1",
            "@0",
            "@-1",
            "@+1",
            "@B",
            "@1x",
            "@4294967296",
            "@ 1",
        ] {
            assert!(word.parse::<StepName>().is_err(), "{word}");
        }
    }
}
