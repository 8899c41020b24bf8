//! How much of a run was seen.

use std::collections::BTreeMap;

use roar_observe::Observation;

/// How much was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// All of it.
    Complete,
    /// Not all of it, and it is known what is missing.
    Partial,
    /// Nothing that can be relied on.
    Blind,
}

impl Verdict {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Blind => "blind",
        }
    }
}

/// How much of a run was seen, by what, and what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The verdict.
    pub verdict: Verdict,
    /// The name of the event source.
    pub backend: &'static str,
    /// What was not seen, in plain words; empty when all was.
    pub reasons: Vec<String>,
}

impl Coverage {
    /// The coverage of a run that nothing watched, because of `why`.
    pub(crate) fn blind(why: String) -> Self {
        Self {
            verdict: Verdict::Blind,
            backend: "none",
            reasons: vec![why],
        }
    }
}

/// What a verdict is made of.
pub(crate) struct Evidence<'a> {
    pub(crate) backend: &'static str,
    /// Whether the command was seen to execute.
    pub(crate) started: bool,
    pub(crate) observation: &'a Observation,
    /// How often something was missed, where that was counted.
    pub(crate) missed: &'a BTreeMap<&'static str, u64>,
    /// What else is known to be missing.
    pub(crate) others: Vec<String>,
}

impl Evidence<'_> {
    pub(crate) fn judge(self) -> Coverage {
        let mut reasons = Vec::new();
        if !self.started {
            reasons.push("the command was not even seen to start".to_owned());
        }
        let blind = !self.started || self.observation.files.is_empty();
        if blind && self.started {
            reasons.push("no file was seen to be used".to_owned());
        }
        reasons.extend(self.observation.gaps.iter().map(|gap| self.counted(gap)));
        reasons.extend(self.others);
        let verdict = match (blind, reasons.is_empty()) {
            (true, _) => Verdict::Blind,
            (false, true) => Verdict::Complete,
            (false, false) => Verdict::Partial,
        };
        Coverage {
            verdict,
            backend: self.backend,
            reasons,
        }
    }

    fn counted(&self, gap: &str) -> String {
        match self.missed.get(gap) {
            Some(times) if *times > 1 => format!("{gap} ({times} times)"),
            _ => gap.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use roar_events::{Access, Record, State};
    use roar_observe::Fold;

    use super::*;

    fn seen() -> Fold {
        let mut fold = Fold::new();
        let (path, before) = (b"/link", State::Symlink);
        fold.take(&Record::Open {
            pid: 1,
            access: Access::READ,
            path,
            before,
        });
        fold
    }

    fn judge(fold: &Fold, started: bool, missed: &BTreeMap<&'static str, u64>) -> Coverage {
        let observation = &fold.observe(|_| State::Symlink);
        Evidence {
            backend: "test",
            started,
            observation,
            missed,
            others: Vec::new(),
        }
        .judge()
    }

    #[test]
    fn a_run_seen_whole_is_complete() {
        let coverage = judge(&seen(), true, &BTreeMap::new());
        assert_eq!(
            (coverage.verdict, coverage.reasons.len()),
            (Verdict::Complete, 0)
        );
    }

    #[test]
    fn a_command_not_seen_to_start_is_blind_whatever_else_was_seen() {
        assert_eq!(
            judge(&seen(), false, &BTreeMap::new()).verdict,
            Verdict::Blind
        );
    }

    #[test]
    fn a_run_without_any_file_is_blind() {
        assert_eq!(
            judge(&Fold::new(), true, &BTreeMap::new()).verdict,
            Verdict::Blind
        );
    }

    #[test]
    fn gaps_are_told_with_how_often_they_occurred() {
        let mut fold = seen();
        fold.take(&Record::Gap { why: b"lost" });
        let coverage = judge(&fold, true, &BTreeMap::from([("lost", 3)]));
        assert_eq!(coverage.verdict, Verdict::Partial);
        assert_eq!(coverage.reasons, ["lost (3 times)"]);
    }
}
