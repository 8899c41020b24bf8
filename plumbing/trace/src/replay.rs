//! Judging a run from what its tracer kept.

use roar_events::{Record, Records, State};
use roar_observe::{Fold, Observation};

/// A run as told by its records.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What the run did, up to where its records end.
    pub observation: Observation,
    /// Whether the command was seen to execute.
    pub started: bool,
    /// What is known to be missing, in plain words.
    pub reasons: Vec<String>,
}

/// Folds the stream that a [`Sink`](crate::Sink) was given, and judges each file by what it is
/// `now`.
///
/// A stream may end anywhere: its writer may have been killed. From where it cannot be read on it
/// is left out, and [`Replay::reasons`] says so.
pub fn replay(stream: &[u8], now: impl FnMut(&[u8]) -> State) -> Replay {
    let mut fold = Fold::new();
    let mut records = Records::new(stream);
    let mut started = false;
    let mut damage = None;
    for record in records.by_ref() {
        match record {
            Ok(record) => {
                started |= matches!(record, Record::Exec { .. });
                fold.take(&record);
            }
            Err(corrupt) => damage = Some(corrupt.to_string()),
        }
    }
    let observation = fold.observe(now);
    let mut reasons = observation.gaps.clone();
    if damage.is_none() && records.offset() < stream.len() {
        damage = Some("the last trace record was cut short".to_owned());
    }
    reasons.extend(damage);
    Replay {
        observation,
        started,
        reasons,
    }
}

#[cfg(test)]
mod tests {
    use roar_events::{Access, HEADER};

    use super::*;

    fn stream() -> Vec<u8> {
        let mut stream = HEADER.to_vec();
        let (path, before) = (b"/a", State::Symlink);
        Record::Open {
            pid: 1,
            access: Access::READ,
            path,
            before,
        }
        .encode(&mut stream);
        Record::Symlink {
            pid: 1,
            path: b"/b",
        }
        .encode(&mut stream);
        stream
    }

    #[test]
    fn a_stream_cut_anywhere_is_judged_up_to_there() {
        let stream = stream();
        for end in 0..=stream.len() {
            let replay = replay(&stream[..end], |_| State::Symlink);
            assert!(replay.observation.files.len() <= 2);
            assert!(replay.reasons.len() <= 1);
        }
        assert_eq!(
            replay(&stream, |_| State::Symlink).observation.files.len(),
            2
        );
    }

    #[test]
    fn damage_is_told_and_what_came_before_is_kept() {
        let mut stream = stream();
        let end = stream.len() - 6;
        stream[end] ^= 1;
        let replay = replay(&stream, |_| State::Symlink);
        assert_eq!(replay.observation.files.len(), 1);
        assert_eq!(replay.reasons.len(), 1);
    }
}
