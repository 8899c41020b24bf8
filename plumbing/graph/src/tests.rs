//! Every sentence of the definition.

use crate::fixture::{job, session};
use crate::{History, Record, Show, State, Why, Written, next_step, project};
use roar_object::{ContentId, RecordedPath};

pub(crate) fn states(records: &[Record]) -> String {
    let projection = project(records);
    let word = |at: usize| format!("{}:{}", records[at].step, projection.state(at).name());
    (0..records.len()).map(word).collect::<Vec<_>>().join(" ")
}

/// Writes a view as `step<parents`, parents before children.
pub(crate) fn drawn(records: &[Record], show: Show) -> String {
    let dag = project(records).dag(show);
    let name = |at: usize| records[dag.nodes[at].record].step.to_string();
    let line = |at: usize| {
        let parents: Vec<_> = dag.nodes[at]
            .parents
            .iter()
            .map(|edge| name(edge.parent))
            .collect();
        format!("{}<{}", name(at), parents.join(","))
    };
    (0..dag.nodes.len()).map(line).collect::<Vec<_>>().join(" ")
}

fn pipeline() -> Vec<Record> {
    session([
        job("python prep.py")
            .reads("raw=r")
            .writes("train=t1 test=e1"),
        job("python train.py --lr 1")
            .reads("train=t1")
            .writes("model=m1"),
        job("python eval.py")
            .reads("model=m1 test=e1")
            .writes("score=s1"),
    ])
}

pub(crate) fn then(mut records: Vec<Record>, job: Record) -> Vec<Record> {
    records = session(records.into_iter().chain([job]));
    records
}

#[test]
fn a_pipeline_is_current_and_every_edge_is_there() {
    let records = pipeline();
    assert_eq!(states(&records), "@1:current @2:current @3:current");
    assert_eq!(drawn(&records, Show::Current), "@1< @2<@1 @3<@1,@2");
}

#[test]
fn other_arguments_or_one_shard_fewer_are_a_rerun() {
    let retrained = then(
        pipeline(),
        job("python train.py --lr 2")
            .reads("train=t1")
            .writes("model=m2"),
    );
    assert_eq!(
        states(&retrained),
        "@1:current @2:superseded @3:stale @2:current"
    );
    let fewer = then(
        pipeline(),
        job("python prep.py -n 1").reads("raw=r").writes("train=t2"),
    );
    assert_eq!(states(&fewer), "@1:superseded @2:stale @3:stale @1:current");
}

#[test]
fn another_output_path_is_another_step_and_two_scripts_are_two_steps() {
    let records = session([
        job("python train.py a").writes("a=1"),
        job("python train.py b").writes("b=1"),
        job("python other.py a").writes("a=2"),
    ]);
    assert_eq!(states(&records), "@1:superseded @2:current @3:current");
}

#[test]
fn a_run_that_built_on_the_earlier_one_does_not_replace_it() {
    let records = session([
        job("append.py log").writes("log=1"),
        job("append.py log").reads("log=1").writes("log=2"),
        job("append.py log").reads("log=2").writes("log=3"),
    ]);
    assert_eq!(states(&records), "@1:current @2:current @3:current");
    assert_eq!(drawn(&records, Show::Current), "@1< @2<@1 @3<@2");
}

#[test]
fn an_overwritten_chain_of_updates_is_superseded_as_a_whole() {
    let records = session([
        job("make.py").writes("log=1"),
        job("append.py").reads("log=1").writes("log=2"),
        job("fresh.py").writes("log=3"),
    ]);
    assert_eq!(states(&records), "@1:superseded @2:superseded @3:current");
}

#[test]
fn an_update_in_place_keeps_its_producer_and_a_new_one_makes_it_stale() {
    let records = session([
        job("make.py").writes("a=1 b=1"),
        job("update.py").reads("a=1").writes("a=2 c=1"),
    ]);
    assert_eq!(states(&records), "@1:current @2:current");
    let again = then(records, job("make.py").writes("a=5 b=2"));
    assert_eq!(states(&again), "@1:superseded @2:stale @1:current");
}

#[test]
fn identical_bytes_make_nothing_stale() {
    let written_again = then(
        pipeline(),
        job("python prep.py")
            .reads("raw=r")
            .writes("train=t1 test=e1"),
    );
    assert_eq!(
        states(&written_again),
        "@1:superseded @2:current @3:current @1:current"
    );
    assert_eq!(drawn(&written_again, Show::Current), "@1< @2<@1 @3<@1,@2");
    let left_as_it_was = then(pipeline(), job("python prep.py").reads("raw=r"));
    assert_eq!(
        states(&left_as_it_was),
        "@1:current @2:current @3:current @1:superseded"
    );
    assert_eq!(drawn(&left_as_it_was, Show::Current), "@1< @2<@1 @3<@1,@2");
}

#[test]
fn a_run_that_changed_less_stands_for_what_it_left() {
    let again = job("python prep.py").reads("raw=r").writes("test=e2");
    let records = then(pipeline(), again);
    let kept = project(&records).kept(3);
    let train = Written {
        record: 0,
        output: 1,
    };
    assert_eq!(kept, [train]);
    let other = job("shuffle.py").writes("test=x train=y");
    assert_eq!(project(&then(records, other)).state(3), State::Superseded);
}

/// `make` that builds once, and then finds nothing to do.
fn made() -> Vec<Record> {
    session([
        job("make").reads("Makefile=m in.csv=i").writes("out=o"),
        job("wc out").reads("out=o").writes("n=1"),
        job("make").reads("Makefile=m"),
    ])
}

#[test]
fn a_run_that_made_nothing_replaces_none_that_made_something() {
    let records = made();
    assert_eq!(states(&records), "@1:current @2:current @1:superseded");
    assert_eq!(drawn(&records, Show::Current), "@1< @2<@1");
    assert_eq!(drawn(&records, Show::All), "@1< @2<@1 @1<");
    let projection = project(&records);
    assert_eq!(
        (projection.found(2), projection.replaced_by(0)),
        (Some(0), None)
    );
    assert_eq!(projection.stands_for(2), 0);
    let hidden = projection.dag(Show::Current).hidden;
    assert_eq!((hidden.stale, hidden.superseded, hidden.failed), (0, 1, 0));
}

#[test]
fn what_builds_again_after_that_replaces_the_first_and_keeps_its_number() {
    let built = || job("make").reads("Makefile=m in.csv=i2").writes("out=o2");
    let records = then(then(made(), job("make").reads("Makefile=m")), built());
    let all = "@1:superseded @2:stale @1:superseded @1:superseded @1:current";
    assert_eq!(states(&records), all);
    let projection = project(&records);
    assert_eq!([0, 2, 3].map(|at| projection.stands_for(at)), [4; 3]);
    // One that looked at more was a step of its own, and gives way to the one that made it all.
    let looked = then(made(), job("make").reads("Makefile=m2 more.mk=m"));
    assert_eq!(looked[3].step.to_string(), "@3");
    let records = then(looked, built());
    assert_eq!(
        states(&records),
        "@1:superseded @2:stale @1:superseded @3:superseded @1:current"
    );
}

#[test]
fn a_run_that_made_nothing_belongs_to_the_run_that_read_as_much() {
    let sort = |from: &str| job("sort").reads(&format!("{from}=1"));
    let records = session([
        sort("a").writes("a.out=1"),
        sort("b").writes("b.out=2"),
        sort("a"),
        sort("b"),
        sort("c"),
        job("sort -r").reads("a=1"),
    ]);
    assert_eq!(
        states(&records),
        "@1:current @2:current @1:superseded @2:superseded @3:current @4:current"
    );
    let found = (0..6).map(|at| project(&records).found(at));
    assert!(found.eq([None, None, Some(0), Some(1), None, None]));
    // Of several it is the latest.
    let latest = then(records, job("sort"));
    assert_eq!(project(&latest).found(6), Some(1));
}

#[test]
fn what_is_gone_was_not_found_in_place() {
    let removed = then(made(), job("rm out").writes("out="));
    let records = then(removed, job("make").reads("Makefile=m"));
    assert_eq!(records[4].step.to_string(), "@4");
    let mut update = session([
        job("init.py").writes("log=1"),
        job("append.py").reads("log=1").writes("log=2"),
        job("init.py"),
    ]);
    assert_eq!(states(&update), "@1:current @2:current @1:superseded");
    update = then(update, job("other.py").writes("log=3"));
    assert_eq!(then(update, job("init.py"))[4].step.to_string(), "@4");
    let deleted = session([job("rm -f x").writes("x="), job("rm -f x")]);
    assert_eq!(states(&deleted), "@1:current @1:superseded");
}

#[test]
fn a_failed_run_that_made_nothing_is_history_of_its_step() {
    let records = then(made(), job("make").reads("Makefile=m broken.h=b").fails());
    assert_eq!(
        states(&records),
        "@1:current @2:current @1:superseded @1:failed"
    );
    assert_eq!(project(&records).found(3), Some(0));
    let mended = then(records, job("make").reads("Makefile=m").writes("out=o3"));
    assert_eq!(mended[4].step.to_string(), "@1");
}

#[test]
fn a_failed_run_has_not_failed_once_all_went_well_on_what_it_made() {
    let built = job("make test").reads("a=1").writes("prog=p").fails();
    let again = || job("make test").reads("a=1");
    let records = then(session([built]), again().fails());
    assert_eq!(states(&records), "@1:failed @1:failed");
    let records = then(then(records, again()), again().fails());
    assert_eq!(
        states(&records),
        "@1:current @1:failed @1:superseded @1:failed"
    );
    assert_eq!(drawn(&records, Show::Current), "@1<");
}

#[test]
fn what_a_run_makes_takes_the_place_of_one_that_made_nothing() {
    let records = session([
        job("make").reads("Makefile=m"),
        job("make").reads("Makefile=m"),
        job("make").reads("Makefile=m in.csv=i").writes("out=o"),
    ]);
    assert_eq!(states(&records), "@1:superseded @1:superseded @1:current");
    assert_eq!(project(&records).stands_for(0), 2);
}

#[test]
fn staleness_goes_all_the_way_down_until_work_is_done_again() {
    let mut records = then(
        pipeline(),
        job("python prep.py")
            .reads("raw=r2")
            .writes("train=t2 test=e2"),
    );
    assert_eq!(
        states(&records),
        "@1:superseded @2:stale @3:stale @1:current"
    );
    assert_eq!(drawn(&records, Show::Current), "@1<");
    assert_eq!(drawn(&records, Show::Stale), "@1< @2<@1 @3<@1,@2");
    let hidden = project(&records).dag(Show::Current).hidden;
    assert_eq!((hidden.stale, hidden.superseded, hidden.failed), (2, 1, 0));
    records = then(
        records,
        job("python train.py --lr 1")
            .reads("train=t2")
            .writes("model=m2"),
    );
    records = then(
        records,
        job("python eval.py")
            .reads("model=m2 test=e2")
            .writes("score=s2"),
    );
    assert_eq!(drawn(&records, Show::Current), "@1< @2<@1 @3<@1,@2");
    assert_eq!(
        drawn(&records, Show::All),
        "@1< @2<@1 @3<@1,@2 @1< @2<@1 @3<@1,@2"
    );
}

#[test]
fn a_stale_job_says_what_changed() {
    let records = then(
        pipeline(),
        job("python prep.py")
            .reads("raw=r2")
            .writes("train=t2 test="),
    );
    let projection = project(&records);
    let at = |path: &str| {
        projection
            .at(&RecordedPath::inside(path))
            .unwrap_or(Written {
                record: 9,
                output: 9,
            })
    };
    let why: Vec<_> = projection
        .reasons(1)
        .iter()
        .map(|reason| reason.why)
        .collect();
    let now = Some(ContentId::of(b"t2"));
    assert_eq!(
        why,
        [Why::Overwritten {
            by: at("train"),
            now
        }]
    );
    let why: Vec<_> = projection
        .reasons(2)
        .iter()
        .map(|reason| reason.why)
        .collect();
    assert_eq!(
        why,
        [
            Why::StaleProducer { record: 1 },
            Why::Deleted { by: at("test") }
        ]
    );
}

#[test]
fn a_failed_rerun_replaces_a_good_one_only_if_it_changed_the_outputs() {
    let harmless = then(
        pipeline(),
        job("python train.py --lr 1").reads("train=t1").fails(),
    );
    assert_eq!(
        states(&harmless),
        "@1:current @2:current @3:current @2:failed"
    );
    assert_eq!(drawn(&harmless, Show::Current), "@1< @2<@1 @3<@1,@2");
    let harmful = then(
        pipeline(),
        job("python train.py --lr 1")
            .reads("train=t1")
            .writes("model=bad")
            .fails(),
    );
    assert_eq!(
        states(&harmful),
        "@1:current @2:superseded @3:stale @2:failed"
    );
    assert_eq!(drawn(&harmful, Show::Current), "@1< @2<@1");
}

#[test]
fn a_failed_run_is_history_unless_the_world_holds_its_outputs() {
    let records = session([
        job("a.py").fails(),
        job("b.py").writes("b=1").fails(),
        job("c.py").reads("b=1"),
    ]);
    assert_eq!(drawn(&records, Show::Current), "@2< @3<@2");
    assert_eq!(project(&records).dag(Show::Current).hidden.failed, 1);
    let fixed = then(records, job("a.py").writes("a=1"));
    assert_eq!(drawn(&fixed, Show::Current), "@1< @2< @3<@2");
}

#[test]
fn work_on_files_that_a_job_deleted_is_stale() {
    let records = then(pipeline(), job("rm model").writes("model="));
    assert_eq!(
        states(&records),
        "@1:current @2:superseded @3:stale @4:current"
    );
}

#[test]
fn one_file_moved_on_by_its_reader_keeps_its_producer() {
    let records = session([
        job("make.py").writes("a=1"),
        job("mv a b").reads("a=1").writes("a= b=1"),
    ]);
    assert_eq!(states(&records), "@1:current @2:current");
}

#[test]
fn a_producer_is_sought_at_the_path_before_elsewhere_and_never_in_the_future() {
    let records = session([
        job("scratch.py").writes("kept=x"),
        job("copy.py").reads("kept=x").writes("copy=x"),
        job("use.py").reads("kept=x").writes("out=1"),
        job("use2.py").reads("moved=x").writes("out2=1"),
        job("late.py").writes("kept=x"),
    ]);
    let history = History::new(&records);
    assert_eq!(history.parents(2), [0]);
    assert_eq!(history.parents(3), [1]);
    assert!(
        history
            .producer(3, 0)
            .is_some_and(|producer| producer.elsewhere)
    );
}

#[test]
fn an_original_does_not_come_from_its_copy() {
    let copied = session([
        job("cp raw.csv backup.csv")
            .reads("raw.csv=r")
            .writes("backup.csv=r"),
        job("wc raw.csv").reads("raw.csv=r").writes("n=1"),
    ]);
    assert_eq!(drawn(&copied, Show::Current), "@1< @2<");
    let gone = then(copied.clone(), job("rm backup.csv").writes("backup.csv="));
    assert_eq!(project(&gone).state(1), State::Current);
    let other = then(copied, job("date").writes("backup.csv=d"));
    assert_eq!(project(&other).state(1), State::Current);
}

#[test]
fn what_was_there_before_a_copy_keeps_the_producer_that_it_had() {
    let records = session([
        job("fetch.py").writes("tmp=x"),
        job("use.py").reads("moved=x").writes("a=1"),
        job("cp tmp copy").reads("tmp=x").writes("copy=x"),
        job("use2.py").reads("moved=x").writes("b=1"),
        job("use3.py").reads("unknown=x").writes("c=1"),
    ]);
    let history = History::new(&records);
    let parents = [1, 3, 4].map(|at| history.parents(at));
    assert_eq!(parents, [[0], [0], [2]]);
}

#[test]
fn a_copy_made_twice_is_one_step() {
    let copy = || job("cp in out").reads("in=x").writes("out=x");
    assert_eq!(
        states(&session([copy(), copy()])),
        "@1:superseded @1:current"
    );
    let shown = job("cat out").reads("out=x").writes("out2=x");
    let again = session([copy(), shown.clone(), copy()]);
    assert_eq!(states(&again), "@1:superseded @2:current @1:current");
    assert_eq!(drawn(&again, Show::Current), "@1< @2<@1");
    let unchanged = session([copy(), shown, job("cp in out").reads("in=x")]);
    assert_eq!(drawn(&unchanged, Show::Current), "@1< @2<@1");
}

#[test]
fn an_empty_file_is_nobodys_product_elsewhere() {
    let mut records = session([job("a.py").writes("done=x"), job("b.py").reads("init=x")]);
    records[0].writes[0].size = 0;
    records[1].reads[0].size = 0;
    assert_eq!(History::new(&records).producer(1, 0), None);
}

#[test]
fn code_counts_as_input_where_a_job_made_it() {
    let mut records = session([
        job("gen.py").writes("gen.h=1"),
        job("make").reads("gen.h=1 main.c=2"),
    ]);
    for read in &mut records[1].reads {
        read.class = roar_object::Class::Code;
    }
    let history = History::new(&records);
    assert!(history.is_input(1, 0) && !history.is_input(1, 1));
    assert!(history.inputs(1).is_empty());
    assert_eq!(history.lineage_of_job(1).artifacts.len(), 1);
}

#[test]
fn builds_are_counted_apart() {
    let mut build = job("make");
    build.kind = roar_object::JobKind::Build;
    let records = session([job("a"), job("b"), build.clone(), job("c")]);
    let steps: Vec<_> = records
        .iter()
        .map(|record| record.step.to_string())
        .collect();
    assert_eq!(steps, ["@1", "@2", "@B1", "@3"]);
    assert_eq!(next_step(&records, &build).to_string(), "@B1");
    assert_eq!(next_step(&records, &job("d")).to_string(), "@4");
}

#[test]
fn commands_without_outputs_are_told_apart_by_their_arguments() {
    let records = session([
        job("sh -c text a"),
        job("sh -c text b"),
        job("sh -c text a"),
    ]);
    assert_eq!(states(&records), "@1:superseded @2:current @1:current");
    let report = [
        job("python cli.py train").writes("model=1"),
        job("python cli.py report").reads("model=1"),
    ];
    assert_eq!(states(&session(report)), "@1:current @2:current");
}

#[test]
fn a_replaced_number_is_not_given_to_what_fits_only_the_replaced_run() {
    let records = session([
        job("p x").writes("a=1 b=1"),
        job("q x").writes("b=2"),
        job("p x").writes("a=2"),
        job("p x").writes("b=3"),
    ]);
    assert_eq!(
        states(&records),
        "@1:superseded @2:superseded @1:current @3:current"
    );
}

#[test]
fn a_circle_that_reruns_close_is_drawn_without_the_line_back() {
    let records = session([
        job("a.py").writes("x=1"),
        job("b.py").reads("x=1").writes("y=1"),
        job("a.py").reads("y=1").writes("z=1 x=1"),
    ]);
    // The third run descends from the first, so it is a step of its own, and the world has x from it.
    assert_eq!(drawn(&records, Show::All), "@1< @2<@1 @3<@2");
    assert_eq!(
        drawn(&records, Show::Stale).matches('<').count(),
        project(&records).dag(Show::Stale).nodes.len()
    );
}

#[test]
fn a_long_chain_is_walked_without_recursion() {
    let chain = (0..20_000).map(|at| {
        job(&format!("step{at}"))
            .reads(&format!("f{at}={at}"))
            .writes(&format!("f{}={}", at + 1, at + 1))
    });
    let mut records: Vec<_> = chain.collect();
    for (at, record) in records.iter_mut().enumerate() {
        record.step.number = u32::try_from(at).unwrap_or(0) + 1;
    }
    let projection = project(&records);
    assert_eq!(projection.history().ancestors(19_999).len(), 19_999);
    assert_eq!(projection.history().descendants(0).len(), 19_999);
    assert_eq!(projection.dag(Show::Current).nodes.len(), 20_000);
    assert_eq!(projection.history().inputs(19_999).len(), 1);
}

#[test]
fn a_lineage_holds_each_job_once_and_ends_at_roots() {
    let records = pipeline();
    let history = History::new(&records);
    let score = history.latest_write(&RecordedPath::inside("score"));
    let lineage = history.lineage(score.unwrap_or(Written {
        record: 0,
        output: 0,
    }));
    assert_eq!(lineage.jobs, [0, 1, 2]);
    let paths: Vec<_> = lineage
        .artifacts
        .iter()
        .map(|artifact| artifact.path.shown())
        .collect();
    assert_eq!(paths, [&b"model"[..], b"raw", b"score", b"test", b"train"]);
    let roots = history.inputs(2);
    assert_eq!((roots.len(), &roots[0].readers[..]), (1, &[0][..]));
    assert_eq!(
        history.writers(ContentId::of(b"m1")),
        [Written {
            record: 1,
            output: 0
        }]
    );
    assert_eq!(history.readers(ContentId::of(b"m1")), [(2, 0)]);
    assert_eq!(
        history.latest_read(&RecordedPath::inside("raw")),
        Some((0, 0))
    );
}

#[test]
fn records_survive_their_bytes() {
    let records = pipeline();
    for record in &records {
        let bytes = rmp_serde::to_vec(record).expect("records are made of plain values");
        assert_eq!(
            rmp_serde::from_slice::<Record>(&bytes).expect("what was written"),
            *record
        );
    }
}

/// A build of two files, and what is made of it.
fn built() -> Vec<Record> {
    session([
        job("make")
            .reads("a.c=ac1 b.c=bc1")
            .writes("a.o=ao1 b.o=bo1 x=x1"),
        job("test").reads("x=x1").writes("res=res1"),
    ])
}

#[test]
fn a_build_that_reads_what_it_need_not_make_again_is_one_step() {
    let again = job("make").reads("a.o=ao1 b.c=bc2").writes("b.o=bo2 x=x2");
    let records = then(built(), again);
    let all = "@1:superseded @2:stale @1:current";
    assert_eq!(states(&records), all);
    let inputs = project(&records)
        .inputs(2)
        .map(|(_, input)| input.path.shown())
        .collect::<Vec<_>>();
    assert_eq!(inputs, [&b"b.c"[..], b"a.c"]);
    assert_eq!(drawn(&records, Show::Stale), "@1< @2<@1");
    // Of what the files that are left were made from, the step's own do not count either.
    let third = job("make").reads("a.c=ac2 b.o=bo2").writes("a.o=ao2 x=x3");
    let third = then(records, third);
    assert_eq!(
        states(&third),
        "@1:superseded @2:stale @1:superseded @1:current"
    );
    // What it reads and makes anew it goes on from; another command, or what came by way of another step.
    for new in [
        job("make").reads("a.o=ao1 x=x1").writes("x=x2"),
        job("make -j2").reads("a.o=ao1").writes("x=x2"),
        job("make").reads("res=res1").writes("x=x2"),
    ] {
        let records = then(built(), new);
        assert_eq!(records[2].step.to_string(), "@3", "{:?}", records[2].argv);
        assert_eq!(project(&records).replaced_by(0), None);
    }
}

#[test]
fn what_is_asked_for_again_is_the_step_that_was_asked_for() {
    let first = || job("train").reads("in=in1").writes("model=model1 log=log1");
    let went_on = |repeats: &Record| {
        let again = job("train")
            .reads("in=in2 log=log1")
            .writes("model=model2 log=log2 more=more1");
        session([repeats.clone(), again.repeats(repeats)])
    };
    let records = went_on(&first());
    assert_eq!(states(&records), "@1:superseded @1:current");
    // That it went on from what another step has made of its log changes nothing; what it only read would.
    let records = session([
        first(),
        job("tidy").reads("log=log1").writes("log=log2"),
        job("train")
            .reads("in=in2 log=log2")
            .writes("model=model2 log=log3")
            .repeats(&first()),
    ]);
    assert_eq!(records[2].step.to_string(), "@1");
    let by_way = session([
        first(),
        job("tidy").reads("log=log1").writes("tidied=t"),
        job("train")
            .reads("in=in2 tidied=t")
            .writes("model=model2 log=log3")
            .repeats(&first()),
    ]);
    assert_eq!(by_way[2].step.to_string(), "@3");
    // Nor is it that step if it makes other files, as where a shell sends its output elsewhere.
    let records = session([
        first(),
        job("train")
            .reads("in=in2")
            .writes("other=other1")
            .repeats(&first()),
    ]);
    assert_eq!(records[1].step.to_string(), "@2");
    // What is done already is done, whatever was looked at.
    let records = session([first(), job("train").reads("new=new1").repeats(&first())]);
    assert_eq!(
        (records[1].step.to_string(), project(&records).found(1)),
        ("@1".to_owned(), Some(0))
    );
}

#[test]
fn a_good_run_takes_over_what_a_failed_one_had_made_before() {
    let records = session([
        job("make")
            .reads("a.c=ac1 b.c=bc1")
            .writes("a.o=ao1 b.o=bo1 x=x1"),
        job("make")
            .reads("a.c=ac1 b.c=bc2")
            .writes("a.o=ao1")
            .fails(),
        job("make").reads("b.c=bc3 a.o=ao1").writes("b.o=bo3 x=x3"),
    ]);
    assert_eq!(states(&records), "@1:superseded @1:failed @1:current");
    assert_eq!(project(&records).replaced_by(1), Some(2));
}

#[test]
fn a_later_run_of_the_same_command_has_the_last_word_on_what_it_has_to_do_with() {
    let make = |n: u32| job("make").reads(&format!("Makefile=Makefile{n}"));
    let made = || make(1).reads("a.c=ac1").writes("a.o=ao1 x=x1");
    let records = session([
        job("configure").writes("Makefile=Makefile1"),
        made(),
        job("configure").writes("Makefile=Makefile2"),
        make(2).reads("a.o=ao1 b.c=bc1").writes("b.o=bo1 x=x2"),
    ]);
    // It makes another file, so it is another step; but it has read the new Makefile, and left a.o.
    assert_eq!(
        states(&records),
        "@1:superseded @2:current @1:current @3:current"
    );
    assert_eq!(project(&records).word_on(1), Some(3));
    let unrelated = session([
        job("configure").writes("Makefile=Makefile1"),
        made(),
        job("configure").writes("Makefile=Makefile2"),
        make(2).reads("b.c=bc1").writes("b.o=bo1"),
    ]);
    assert_eq!(project(&unrelated).state(1), State::Stale);
    let failed = then(
        records[..3].to_vec(),
        make(2).reads("a.o=ao1").writes("b.o=bo1 x=x2").fails(),
    );
    assert_eq!(project(&failed).state(1), State::Stale);
    // One that compares, and finds all as it would make it, has seen what is there.
    let compares = then(records[..3].to_vec(), make(2).reads("a.c=ac1"));
    assert_eq!(project(&compares).found(3), Some(1));
    assert_eq!(
        states(&compares),
        "@1:superseded @2:current @1:current @2:superseded"
    );
}

#[test]
fn what_came_from_outside_is_outdated_once_a_job_writes_there() {
    let records = session([
        job("clean").reads("raw=raw1").writes("clean=clean1"),
        job("fetch").writes("raw=raw2"),
    ]);
    assert_eq!(states(&records), "@1:stale @2:current");
    let same = session([
        job("clean").reads("raw=raw1").writes("clean=clean1"),
        job("fetch").writes("raw=raw1"),
    ]);
    assert_eq!(states(&same), "@1:current @2:current");
    // What somebody has changed since a job wrote it is newer than that.
    let by_hand = session([
        job("fetch").writes("raw=raw1"),
        job("clean").reads("raw=raw2").writes("clean=clean2"),
    ]);
    assert_eq!(states(&by_hand), "@1:current @2:current");
    let in_place = session([job("tidy").reads("raw=raw1").writes("raw=raw2")]);
    assert_eq!(states(&in_place), "@1:current");
}
