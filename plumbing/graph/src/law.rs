//! The projection of random histories against the slow model.

use crate::fixture::{job, session};
use crate::history::{Codes, Version};
use crate::model::Model;
use crate::{History, Projection, Record, Show, Why, project};
use proptest::prelude::*;
use roar_object::{Class, Kind, ObjectId, RecordedPath};

/// One job of a random history: program, argument, outcome, and for each path what it read (0
/// nothing, 1 what the world holds, else a content) and wrote (0 nothing, 1 a deletion, else a
/// content); and which of the directories it read as a whole.
type Drawn = (u8, u8, bool, [u8; 4], [u8; 4], u8);

const PATHS: [&str; 4] = ["a", "b", "c/d", "c/e/f"];
const DIRECTORIES: [&str; 4] = ["", "c", "c/e", "c/d"];

fn history_of(jobs: &[Drawn]) -> Vec<Record> {
    let mut world: [Option<String>; 4] = Default::default();
    let mut records = Vec::new();
    for &(program, argument, good, reads, writes, whole) in jobs {
        let mut record = job(&format!("p{program} x --n={argument}"));
        for (at, path) in PATHS.iter().enumerate() {
            let content = match reads[at] {
                0 => None,
                1 => world[at].clone(),
                other => Some(other.to_string()),
            };
            record = content.map_or(record.clone(), |content| {
                record.reads(&format!("{path}={content}"))
            });
        }
        for (at, directory) in DIRECTORIES.iter().enumerate() {
            if whole & (1 << at) != 0 {
                record = record.scans(directory);
            }
        }
        for (at, path) in PATHS.iter().enumerate() {
            match writes[at] {
                0 => continue,
                1 => world[at] = None,
                other => world[at] = Some(other.to_string()),
            }
            let content = world[at].clone().unwrap_or_default();
            record = record.writes(&format!("{path}={content}"));
        }
        records.push(if good { record } else { record.fails() });
    }
    session(records)
}

fn drawn_job() -> impl Strategy<Value = Drawn> {
    let read = prop_oneof![6 => Just(0u8), 6 => Just(1), 1 => 2u8..5];
    let write = prop_oneof![8 => Just(0u8), 1 => Just(1), 6 => 2u8..5];
    let good = prop_oneof![4 => Just(true), 1 => Just(false)];
    (
        0u8..3,
        0u8..2,
        good,
        prop::array::uniform4(read),
        prop::array::uniform4(write),
        prop_oneof![4 => Just(0u8), 1 => 0u8..16],
    )
}

/// Jobs of two programs and two files that are mostly updated in place.
fn crowded_job() -> impl Strategy<Value = Drawn> {
    let read = prop_oneof![1 => Just(0u8), 3 => Just(1), 1 => 2u8..4];
    let write = prop_oneof![1 => Just(0u8), 1 => Just(1), 6 => 2u8..6];
    let files = (read.clone(), read, write.clone(), write);
    (0u8..2, 0u8..2, prop::bool::weighted(0.9), files).prop_map(
        |(program, argument, good, files)| {
            let (read_a, read_b, write_a, write_b) = files;
            (
                program,
                argument,
                good,
                [read_a, read_b, 0, 0],
                [write_a, write_b, 0, 0],
                0,
            )
        },
    )
}

/// Jobs of few commands that often make nothing, or nothing but a cache: what they write to the last path
/// is no product.
fn idle_job() -> impl Strategy<Value = Drawn> {
    let read = prop_oneof![4 => Just(0u8), 6 => Just(1), 1 => 2u8..4];
    let write = prop_oneof![12 => Just(0u8), 1 => Just(1), 3 => 2u8..5];
    let files = (prop::array::uniform4(read), prop::array::uniform4(write));
    (0u8..2, 0u8..2, prop::bool::weighted(0.85), files).prop_map(
        |(program, argument, good, (reads, writes))| (program, argument, good, reads, writes, 0),
    )
}

/// Jobs of one or two programs that often make only a part of what they made before.
fn partial_job() -> impl Strategy<Value = Drawn> {
    let read = prop_oneof![4 => Just(0u8), 3 => Just(1), 2 => 2u8..4];
    let write = prop_oneof![9 => Just(0u8), 1 => Just(1), 6 => 2u8..5];
    let files = (prop::array::uniform4(read), prop::array::uniform4(write));
    let whole = prop_oneof![3 => Just(0u8), 1 => 0u8..16];
    let good = prop::bool::weighted(0.85);
    (
        prop_oneof![4 => Just(0u8), 1 => Just(1)],
        good,
        files,
        whole,
    )
        .prop_map(|(program, good, (reads, writes), whole)| {
            (program, 0, good, reads, writes, whole)
        })
}

/// Makes some of the records repeat earlier ones: each as far back as the number says, or none for 0.
fn repeating(records: &[Record], back: &[u8]) -> Vec<Record> {
    let mut records = records.to_vec();
    for at in 0..records.len() {
        records[at].job = ObjectId::of(Kind::Job, &[u8::try_from(at).unwrap_or(u8::MAX)]);
        let earlier = at.checked_sub(back.get(at).copied().unwrap_or(0).into());
        let earlier = earlier.filter(|&earlier| earlier < at);
        records[at].repeats = earlier.map(|earlier| records[earlier].job);
        if let Some(earlier) = earlier {
            // Now and then it was another command after all.
            records[at].argv = records[earlier].argv.clone();
        }
    }
    session(records)
}

/// Checks a history against the slow model.
fn agrees(records: &[Record]) -> Result<(), TestCaseError> {
    let (projection, model) = (project(records), Model::new(records));
    for at in 0..records.len() {
        for input in 0..records[at].reads.len() {
            let found = projection
                .history()
                .producer(at, input)
                .map(|producer| producer.record);
            prop_assert_eq!(found, model.producer(at, input).map(|(record, _)| record));
        }
        prop_assert_eq!(projection.replaced_by(at), model.by[at]);
        prop_assert_eq!(projection.found(at), model.found[at]);
        prop_assert_eq!(projection.stands_for(at), model.stands_for(at));
        prop_assert_eq!(
            projection.state(at),
            model.state(at),
            "{} of {:?}",
            at,
            records
        );
        prop_assert_eq!(
            projection.word_on(at),
            model.word_on(at),
            "{} of {:?}",
            at,
            records
        );
        prop_assert_eq!(projection.inherited_reads(at), &*model.inherited_reads[at]);
        prop_assert_eq!(projection.inherited_scans(at), &*model.inherited_scans[at]);
        prop_assert_eq!(!projection.reasons(at).is_empty(), model.stale[at]);
        for reason in projection.reasons(at) {
            let Why::Grown { scan, by } = reason.why else {
                continue;
            };
            let path = &records[by.record].writes[by.output].path;
            prop_assert!(path.is_under(&records[scan.record].datasets[scan.dataset].path));
            prop_assert_eq!(projection.at(path), Some(by));
            prop_assert!(records[at].reads.iter().all(|read| read.path != *path));
        }
        let step = model.same_as[at].map(|earlier| records[earlier].step);
        match step {
            Some(step) => prop_assert_eq!(records[at].step, step),
            None => prop_assert!(
                records[..at]
                    .iter()
                    .all(|earlier| earlier.step != records[at].step)
            ),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_projection_is_what_the_definition_says(jobs in prop::collection::vec(drawn_job(), 0..12)) {
        agrees(&history_of(&jobs))?;
    }

    #[test]
    fn so_it_is_where_everything_is_written_over_and_over(jobs in prop::collection::vec(crowded_job(), 0..16)) {
        agrees(&history_of(&jobs))?;
    }

    #[test]
    fn so_it_is_where_most_find_their_work_done(jobs in prop::collection::vec(idle_job(), 0..16)) {
        let mut records = history_of(&jobs);
        for output in records.iter_mut().flat_map(|record| &mut record.writes) {
            if output.path == RecordedPath::inside(PATHS[3]) {
                output.class = Class::Package;
            }
        }
        let records = session(records);
        agrees(&records)?;
        for at in 0..records.len() {
            let idle = |at: usize| records[at].products().next().is_none();
            let earlier = project(&records).found(at);
            prop_assert!(earlier.is_none_or(|earlier| idle(at) && !idle(earlier)));
            let replaced = (0..at).filter(|&earlier| project(&records).replaced_by(earlier) == Some(at));
            prop_assert!(!idle(at) || replaced.into_iter().all(idle));
        }
    }

    #[test]
    fn so_it_is_where_runs_make_only_a_part(jobs in prop::collection::vec(partial_job(), 0..14)) {
        let records = history_of(&jobs);
        agrees(&records)?;
        let projection = project(&records);
        for at in 0..records.len() {
            let reads = projection.inherited_reads(at);
            prop_assert!(reads.is_empty() || projection.replaced_by(at).is_none());
            for read in reads {
                prop_assert!(projection.stands_for(read.record) == at && read.record < at);
            }
        }
    }

    #[test]
    fn so_it_is_where_runs_are_repeated(
        jobs in prop::collection::vec(partial_job(), 0..14),
        back in prop::collection::vec(prop_oneof![2 => Just(0u8), 3 => 1u8..5], 14),
    ) {
        agrees(&repeating(&history_of(&jobs), &back))?;
    }

    #[test]
    fn so_it_is_where_files_are_updated_in_place_by_the_same_commands(
        jobs in prop::collection::vec(crowded_job(), 0..14),
        back in prop::collection::vec(prop_oneof![2 => Just(0u8), 3 => 1u8..5], 14),
    ) {
        agrees(&repeating(&history_of(&jobs), &back))?;
    }

    #[test]
    fn every_view_has_parents_before_children_and_counts_what_it_hides(jobs in prop::collection::vec(drawn_job(), 0..12)) {
        let records = history_of(&jobs);
        let projection = project(&records);
        for show in [Show::Current, Show::Stale, Show::All] {
            let dag = projection.dag(show);
            prop_assert_eq!(dag.nodes.len() + dag.hidden.total(), records.len());
            for (at, node) in dag.nodes.iter().enumerate() {
                prop_assert!(node.parents.iter().all(|edge| edge.parent < at));
            }
        }
        for (path, held) in projection.world() {
            prop_assert_eq!(projection.at(path), Some(held));
            prop_assert_eq!(&records[held.record].writes[held.output].path, path);
        }
    }

    #[test]
    fn numbers_from_elsewhere_change_no_answer(jobs in prop::collection::vec(crowded_job(), 0..12), fit in any::<bool>()) {
        let records = history_of(&jobs);
        let mut codes = Codes::of(&records.iter().collect::<Vec<_>>());
        for code in codes.reads.iter_mut().chain(&mut codes.writes) {
            code.path = 100 - 2 * code.path;
            code.content = if code.content < 2 { 0 } else { 2 + 3 * code.content };
        }
        if !fit {
            codes.writes.push(Version { path: 0, content: 0 });
        }
        let (coded, named) = (Projection::of(History::with_codes(&records, &codes)), project(&records));
        prop_assert_eq!(coded.world(), named.world());
        prop_assert_eq!(coded.dag(Show::All), named.dag(Show::All));
        for (at, record) in records.iter().enumerate() {
            prop_assert_eq!(coded.state(at), named.state(at));
            prop_assert_eq!(coded.reasons(at), named.reasons(at));
            prop_assert_eq!(coded.kept(at).len(), named.kept(at).len());
            let (a, b) = (coded.history(), named.history());
            prop_assert_eq!(a.lineage_of_job(at), b.lineage_of_job(at));
            for id in record.writes.iter().filter_map(|output| output.id) {
                prop_assert_eq!(a.writers(id), b.writers(id));
                prop_assert_eq!(a.readers(id), b.readers(id));
            }
        }
    }
}
