//! However much is read at once, all of it is told, and by whom.

use roar_trace::{replay, state_of};

use crate::cases::FLOOD;
use crate::stage::Stage;

#[test]
fn thousands_of_files_are_told_and_who_read_them() {
    let stage = Stage::new();
    for way in ["notify", "notify+notes", "ptrace", "ptrace+notes"] {
        let outcome = stage.run(&FLOOD, Some(way));
        assert_eq!(outcome.code, Some(0), "{way}");
        assert_eq!(outcome.coverage(), ("complete", ""), "{way}");
        let told = outcome.told();
        let many = told.iter().filter(|line| line.starts_with("R many/"));
        assert_eq!(many.count(), 3000, "{way}");
        let observation = replay(&outcome.spool, state_of).observation;
        let [parent, child] = observation.processes.as_slice() else {
            panic!("{way}: {:?}", observation.processes);
        };
        assert_eq!(child.parent, parent.pid, "{way}");
        let read = observation.files.iter().filter(|file| {
            file.path.starts_with(
                outcome
                    .directory
                    .join("many")
                    .as_os_str()
                    .as_encoded_bytes(),
            )
        });
        let mut readers = [parent.pid, child.pid];
        readers.sort_unstable();
        for file in read {
            let mut pids = file.pids.clone();
            pids.sort_unstable();
            assert_eq!(pids, readers, "{way}");
        }
    }
}
