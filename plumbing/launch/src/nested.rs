//! Running inside another run.
//!
//! The kernel lets one supervisor at a time see a call. A filter that notifies comes before one
//! that traces, so a run inside another would either see nothing or take the other's calls away.
//! The outer run sees all that the inner one does: the inner one leaves it at that.
//!
//! Another supervisor of this program is known by its name. (A helper that a run has left behind
//! has a name of its own, and watches nothing.)

use std::fs;

use crate::signals::parent_of;

/// How far up ancestors are looked for.
const LEVELS: usize = 1 << 12;

/// Tells whether an ancestor of this process is of the same program, by name.
///
/// That alone does not say that it watches; it says whose listener one is that is found.
pub fn is_nested() -> bool {
    let own = name_of("self");
    let parents = std::iter::successors(parent_of(std::process::id().cast_signed()), |pid| {
        parent_of(*pid)
    });
    own.is_some()
        && parents
            .take_while(|pid| *pid > 0)
            .take(LEVELS)
            .any(|pid| name_of(&pid.to_string()) == own)
}

/// Tells whether this process is traced, behind a filter, by a process of the same program, by name:
/// a listener in here would come before that tracer.
pub fn has_own_tracer() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = field(&status, "TracerPid:").filter(|tracer| *tracer != "0");
    let filtered = field(&status, "Seccomp:").is_some_and(|mode| mode != "0");
    filtered && tracer.is_some_and(|tracer| name_of(tracer).is_some_and(is_own_name))
}

fn is_own_name(name: Vec<u8>) -> bool {
    name_of("self") == Some(name)
}

fn name_of(process: &str) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{process}/comm")).ok()
}

/// Returns what follows a label in `/proc/PID/status` (`proc_pid_status(5)`).
pub(crate) fn field<'a>(status: &'a str, label: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(label));
    line.map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_label() {
        let status = "Name:\tSeccomp: 7\nTracerPid:\t12\nSeccomp:\t2\nSeccomp_filters:\t1\n";
        assert_eq!(field(status, "Seccomp:"), Some("2"));
        assert_eq!(field(status, "TracerPid:"), Some("12"));
        assert_eq!(field(status, "Seccomp_"), Some("filters:\t1"));
        assert_eq!(field(status, "Nothing:"), None);
    }

    #[test]
    fn this_process_has_no_tracer_of_its_own_name() {
        assert!(!has_own_tracer());
    }
}
