//! Programs that open little are soon started without the library, and others from the same place with it.

use crate::cases::HABITS;
use crate::stage::Stage;

#[test]
#[cfg(target_arch = "x86_64")]
fn who_opens_little_is_without_the_library_and_keeps_it_from_nobody() {
    let stage = Stage::new();
    for way in ["notify+notes", "ptrace+notes"] {
        let outcome = stage.run(&HABITS, Some(way));
        assert_eq!(outcome.coverage(), ("complete", ""), "{way}");
        let output = String::from_utf8_lossy(&outcome.output);
        let loaded: Vec<_> = output.lines().collect();
        let expected = [["/proc/self/maps"; 4], ["without"; 4], ["with"; 4]];
        assert_eq!(loaded, expected.as_flattened(), "{way}");
        let told = outcome.told();
        let many = told.iter().filter(|line| line.starts_with("R many/"));
        assert_eq!(many.count(), 20, "{way}");
        assert!(told.contains(&"R in".to_owned()), "{way}: {told:?}");
    }
}
