//! What a test lets happen at the door.

pub(crate) use roar_testkit::fault::Fault;
use roar_testkit::fault::{WAYS, met, watch};
use std::fs::File;
use std::io;

/// Sets a stage and does something on it, again and again, each time with one act more before one goes
/// wrong, in every way; `judge` is told which and what came of it. Returns how many were tried.
pub(crate) fn sweep<S, T>(
    set: impl Fn() -> S,
    work: impl Fn(&S) -> T,
    judge: impl Fn(Fault, &S, T),
) -> usize {
    let mut tried = 0;
    for (_, way) in WAYS {
        for at in 0.. {
            let (stage, fault) = (set(), Fault { at, ..way });
            let (outcome, acts) = watch(fault, || work(&stage));
            judge(fault, &stage, outcome);
            if acts <= at {
                break;
            }
            tried += 1;
        }
    }
    tried
}

pub(super) fn pass<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match met() {
        Some(fault) => Err(fault.error()),
        None => work(),
    }
}

pub(super) fn pass_bytes<T>(file: &File, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let Some(fault) = met() else {
        return work();
    };
    let before = file.metadata()?.len();
    if fault.is_torn && work().is_ok() {
        let after = file.metadata()?.len();
        file.set_len(before + (after - before) / 2)?;
    }
    Err(fault.error())
}
