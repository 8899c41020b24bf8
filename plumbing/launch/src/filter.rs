//! The seccomp filter: classic BPF that picks out the interesting system calls.
//!
//! The kernel keeps, per filter, a bitmap of the numbers that it allows whatever their arguments
//! are, and does not run the program for those. So the program decides by architecture and number
//! first, and looks at an argument only for the numbers where that spares most stops: an `open` or
//! `openat` of a directory, or of a path alone, reads and writes no file, of all uses of `prctl`
//! one is of interest, and of those that set times the ones that name a file. Who wants to know where a command looks, too, is told of all openings. Where a
//! call comes from is asked of `openat2` alone.
//!
//! Instruction set and `struct seccomp_data`: `linux/filter.h`, `linux/seccomp.h`, and
//! `Documentation/userspace-api/seccomp_filter.rst`.

use crate::call::Arch;
use crate::sys::{self, Sys, X32_BIT, meaning};

/// One instruction of classic BPF, laid out as the kernel takes it.
pub(crate) type Instruction = libc::sock_filter;

/// What the kernel does with an interesting call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Holds the thread until whoever has the listener answers.
    Notify,
    /// Stops the thread for its tracer; without one the call fails with `ENOSYS`.
    Trace,
}

impl Action {
    fn returns(self) -> u32 {
        match self {
            Self::Notify => libc::SECCOMP_RET_USER_NOTIF,
            Self::Trace => libc::SECCOMP_RET_TRACE,
        }
    }
}

const AUDIT_X86_64: u32 = 0xC000_003E;
const AUDIT_I386: u32 = 0x4000_0003;
const AUDIT_AARCH64: u32 = 0xC000_00B7;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const POINTER: u32 = 8;
const ARGS: u32 = 16;

/// What of an address tells the page.
const PAGE: u32 = 0xffff_f000;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// The bit of `O_TMPFILE` that `O_DIRECTORY` does not have.
const TMPFILE: u32 = (libc::O_TMPFILE & !libc::O_DIRECTORY) as u32;
const NO_CONTENT: u32 = (libc::O_DIRECTORY | libc::O_PATH) as u32;

/// Splits what the kernel calls `arch` and `nr` into our table and its number.
///
/// Returns `None` for an architecture that this machine cannot run or that has no table here.
pub fn decode(audit_arch: u32, number: u32) -> Option<(Arch, u32)> {
    match audit_arch {
        AUDIT_X86_64 if number & X32_BIT != 0 => Some((Arch::X32, number & !X32_BIT)),
        AUDIT_X86_64 => Some((Arch::X86_64, number)),
        AUDIT_I386 => Some((Arch::X86, number)),
        AUDIT_AARCH64 => Some((Arch::Aarch64, number)),
        _ => None,
    }
}

/// Builds the program that takes `action` on every interesting call of this machine; with `looks`
/// also on those by which a command only looks at what is there. `openat2` from the page at `gate` passes.
pub(crate) fn program(action: Action, looks: bool, gate: Option<u64>) -> Vec<Instruction> {
    let mut code = Assembler::default();
    code.load(ARCH);
    dispatch(&mut code, looks);
    end(&mut code, action, gate);
    code.finish()
}

#[cfg(not(target_arch = "aarch64"))]
fn dispatch(code: &mut Assembler, looks: bool) {
    code.jump_if_equal(AUDIT_I386, Label::Table32);
    code.unless_equal(AUDIT_X86_64, Label::Allow);
    code.load(NUMBER);
    code.jump_if_any_bit(X32_BIT, Label::TableX32);
    table(code, rows(sys::X86_64, sys::LOOKS_X86_64, looks), looks);
    code.here(Label::TableX32);
    code.and(!X32_BIT);
    table(code, x32_table(looks), looks);
    code.here(Label::Table32);
    code.load(NUMBER);
    table(code, rows(sys::X86, sys::LOOKS_X86, looks), looks);
}

#[cfg(target_arch = "aarch64")]
fn dispatch(code: &mut Assembler, looks: bool) {
    code.unless_equal(AUDIT_AARCH64, Label::Allow);
    code.load(NUMBER);
    table(code, rows(sys::AARCH64, sys::LOOKS_AARCH64, looks), looks);
}

/// One table, or two of them.
fn rows(
    table: &'static [(u32, Sys)],
    more: &'static [(u32, Sys)],
    both: bool,
) -> impl Iterator<Item = (u32, Sys)> {
    let more = if both { more } else { &[] };
    table.iter().chain(more).copied()
}

#[cfg(not(target_arch = "aarch64"))]
fn x32_table(looks: bool) -> impl Iterator<Item = (u32, Sys)> {
    let common = rows(sys::X86_64, sys::LOOKS_X86_64, looks);
    let numbers = common.chain(sys::X32_OWN.iter().copied());
    numbers.filter_map(|(number, _)| Some((number, meaning(Arch::X32, number)?)))
}

/// Jumps to where the number, which is loaded, leads; allows what is not in the table.
fn table(code: &mut Assembler, rows: impl Iterator<Item = (u32, Sys)>, looks: bool) {
    for (number, sys) in rows {
        code.jump_if_equal(number, judge(sys, looks));
    }
    code.give(libc::SECCOMP_RET_ALLOW);
}

fn judge(sys: Sys, looks: bool) -> Label {
    match sys {
        Sys::Open if !looks => Label::FlagsSecond,
        Sys::Openat if !looks => Label::FlagsThird,
        Sys::Prctl => Label::Purpose,
        Sys::Futimesat | Sys::Utimensat => Label::Path,
        Sys::Openat2 => Label::Gate,
        _ => Label::Act,
    }
}

fn end(code: &mut Assembler, action: Action, gate: Option<u64>) {
    flags(code, Label::FlagsSecond, 1);
    flags(code, Label::FlagsThird, 2);
    purpose(code);
    path(code);
    code.here(Label::Gate);
    if let Some(page) = gate {
        pass(code, page);
    }
    code.here(Label::Act);
    code.give(action.returns());
    code.here(Label::Allow);
    code.give(libc::SECCOMP_RET_ALLOW);
}

/// Judges an opening by its flags. Their 32 bits are the low half of the argument, which comes
/// first on the machines that are served (all little-endian).
fn flags(code: &mut Assembler, label: Label, argument: u32) {
    code.here(label);
    code.load(ARGS + 8 * argument);
    code.jump_if_any_bit(TMPFILE, Label::Act);
    code.jump_if_any_bit(NO_CONTENT, Label::Allow);
    code.give_via(Label::Act);
}

/// Judges a `prctl` by what it is for: of all its uses, one is of interest.
fn purpose(code: &mut Assembler) {
    code.here(Label::Purpose);
    code.load(ARGS);
    code.jump_if_equal(libc::PR_SET_SECCOMP as u32, Label::Act);
    code.give(libc::SECCOMP_RET_ALLOW);
}

/// Judges a call by whether it has a path, its second argument: without one it is about an open file, which programs
/// do with each that they have written.
fn path(code: &mut Assembler) {
    code.here(Label::Path);
    for half in [0, 4] {
        code.load(ARGS + 8 + half);
        code.jump_if_any_bit(u32::MAX, Label::Act);
    }
    code.give(libc::SECCOMP_RET_ALLOW);
}

/// Lets a call pass that comes from this page, and goes on behind for all others.
fn pass(code: &mut Assembler, page: u64) {
    code.load(POINTER + 4);
    code.unless_equal((page >> 32) as u32, Label::Act);
    code.load(POINTER);
    code.and(PAGE);
    code.jump_if_equal(page as u32 & PAGE, Label::Allow);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(target_arch = "aarch64", expect(dead_code, reason = "one table only"))]
enum Label {
    Table32,
    TableX32,
    FlagsSecond,
    FlagsThird,
    Purpose,
    Path,
    Gate,
    Act,
    Allow,
}

/// Writes instructions whose jumps lead forward to labels that are set later.
#[derive(Default)]
struct Assembler {
    code: Vec<Instruction>,
    /// Where a jump is, whether its true branch jumps, and where to.
    jumps: Vec<(usize, bool, Label)>,
    labels: Vec<(Label, usize)>,
}

impl Assembler {
    fn load(&mut self, offset: u32) {
        self.push(LOAD, offset);
    }

    fn and(&mut self, mask: u32) {
        self.push(AND, mask);
    }

    fn give(&mut self, value: u32) {
        self.push(RETURN, value);
    }

    /// Goes to `to` in any case: a comparison whose both ways lead there.
    fn give_via(&mut self, to: Label) {
        self.jumps.push((self.code.len(), true, to));
        self.jumps.push((self.code.len(), false, to));
        self.push(JUMP_IF_EQUAL, 0);
    }

    fn jump_if_equal(&mut self, value: u32, to: Label) {
        self.jumps.push((self.code.len(), true, to));
        self.push(JUMP_IF_EQUAL, value);
    }

    fn unless_equal(&mut self, value: u32, to: Label) {
        self.jumps.push((self.code.len(), false, to));
        self.push(JUMP_IF_EQUAL, value);
    }

    fn jump_if_any_bit(&mut self, mask: u32, to: Label) {
        self.jumps.push((self.code.len(), true, to));
        self.push(JUMP_IF_ANY_BIT, mask);
    }

    fn here(&mut self, label: Label) {
        self.labels.push((label, self.code.len()));
    }

    fn push(&mut self, code: u16, k: u32) {
        self.code.push(Instruction {
            code,
            jt: 0,
            jf: 0,
            k,
        });
    }

    fn finish(mut self) -> Vec<Instruction> {
        for (at, when_true, label) in &self.jumps {
            let target = self.labels.iter().find(|row| row.0 == *label);
            let target = target
                .expect("every label is set before the program is finished")
                .1;
            let distance = u8::try_from(target - at - 1).expect("the program is short");
            let jump = &mut self.code[*at];
            *(if *when_true {
                &mut jump.jt
            } else {
                &mut jump.jf
            }) = distance;
        }
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpret(code: &[Instruction], arch: u32, number: u32, args: [u64; 6]) -> (u32, bool) {
        interpret_at(0x7f00_1234_5678, code, arch, number, args)
    }

    /// Runs a program as the kernel would, on `struct seccomp_data` of a call from `pointer`.
    fn interpret_at(
        pointer: u64,
        code: &[Instruction],
        arch: u32,
        number: u32,
        args: [u64; 6],
    ) -> (u32, bool) {
        let (mut a, mut pc, mut looked_at_args) = (0_u32, 0_usize, false);
        loop {
            let step = code[pc];
            pc += 1;
            let jump = |yes| usize::from(if yes { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    looked_at_args |= step.k >= ARGS;
                    a = match step.k {
                        NUMBER => number,
                        ARCH => arch,
                        POINTER => pointer as u32,
                        at if at == POINTER + 4 => (pointer >> 32) as u32,
                        at => {
                            let argument = args[(at - ARGS) as usize / 8];
                            (argument >> (at % 8 * 8)) as u32
                        }
                    };
                }
                JUMP_IF_EQUAL => pc += jump(a == step.k),
                JUMP_IF_ANY_BIT => pc += jump(a & step.k != 0),
                AND => a &= step.k,
                RETURN => return (step.k, looked_at_args),
                other => panic!("instruction {other:#x} is not known"),
            }
        }
    }

    fn verdict(arch: u32, number: u32, args: [u64; 6]) -> u32 {
        interpret(&program(Action::Notify, false, None), arch, number, args).0
    }

    fn is_look(arch: u32, number: u32) -> bool {
        decode(arch, number).is_some_and(|(table, n)| meaning(table, n).is_some_and(Sys::is_look))
    }

    /// Arguments with which every call that can be interesting is.
    const TELLING: [u64; 6] = [libc::PR_SET_SECCOMP as u64, 2, 0, 0, 0, 0];

    const STOP: u32 = libc::SECCOMP_RET_USER_NOTIF;
    const GO: u32 = libc::SECCOMP_RET_ALLOW;

    #[cfg(not(target_arch = "aarch64"))]
    const ARCHES: [u32; 2] = [AUDIT_X86_64, AUDIT_I386];
    #[cfg(target_arch = "aarch64")]
    const ARCHES: [u32; 1] = [AUDIT_AARCH64];

    #[test]
    fn exactly_the_calls_with_a_meaning_stop() {
        for arch in ARCHES {
            for number in (0..1024).chain(X32_BIT..X32_BIT + 1024) {
                let means = decode(arch, number).and_then(|(table, n)| meaning(table, n));
                let wide = interpret(&program(Action::Notify, true, None), arch, number, TELLING);
                let expected = if means.is_some() {
                    let by_argument = [Sys::Prctl, Sys::Futimesat, Sys::Utimensat];
                    (STOP, means.is_some_and(|sys| by_argument.contains(&sys)))
                } else {
                    (GO, false)
                };
                assert_eq!(wide, expected, "{arch:#x} {number:#x}");
                let narrow = means.is_some() && !is_look(arch, number);
                let expected = if narrow { STOP } else { GO };
                let found = verdict(arch, number, TELLING);
                assert_eq!(found, expected, "{arch:#x} {number:#x}");
            }
        }
    }

    #[test]
    fn who_wants_to_know_where_a_command_looks_is_told_of_directories_too() {
        let program = program(Action::Notify, true, None);
        let arch = ARCHES[0];
        let openat = (0..1024).find(|&number| {
            decode(arch, number).and_then(|(table, n)| meaning(table, n)) == Some(Sys::Openat)
        });
        let flags = [0, 0, libc::O_DIRECTORY as u64, 0, 0, 0];
        let number = openat.expect("every machine has it");
        assert_eq!(interpret(&program, arch, number, flags), (STOP, false));
    }

    #[test]
    fn a_number_that_is_not_in_the_table_is_decided_without_its_arguments() {
        for arch in ARCHES {
            for number in 0..1024 {
                let (action, looked) =
                    interpret(&program(Action::Trace, false, None), arch, number, TELLING);
                assert!(
                    action == libc::SECCOMP_RET_TRACE || !looked,
                    "{arch:#x} {number}"
                );
            }
        }
    }

    #[test]
    fn an_opening_of_a_directory_or_a_path_alone_goes_on() {
        for arch in ARCHES {
            for number in 0..1024 {
                let Some((table, number)) = decode(arch, number) else {
                    continue;
                };
                let at = match meaning(table, number) {
                    Some(Sys::Open) => 1,
                    Some(Sys::Openat) => 2,
                    _ => continue,
                };
                for (flags, expected) in [
                    (libc::O_RDONLY, STOP),
                    (libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC, STOP),
                    (libc::O_DIRECTORY, GO),
                    (libc::O_PATH | libc::O_NOFOLLOW, GO),
                    (libc::O_TMPFILE | libc::O_RDWR, STOP),
                ] {
                    let mut args = [u64::MAX; 6];
                    args[at] = 0xdead_beef_0000_0000 | flags as u64;
                    assert_eq!(verdict(arch, number, args), expected, "{flags:o}");
                }
            }
        }
    }

    #[test]
    fn an_opening_from_the_gate_goes_on_and_all_else_stops() {
        const GATE: u64 = 0x5052_4f41_5000;
        for action in [Action::Notify, Action::Trace] {
            let program = program(action, false, Some(GATE));
            for arch in ARCHES {
                for number in 0..1024 {
                    let stops = verdict(arch, number, TELLING) == STOP;
                    let at = |pointer| interpret_at(pointer, &program, arch, number, TELLING).0;
                    let means = decode(arch, number).and_then(|(table, n)| meaning(table, n));
                    let passes = !stops || means == Some(Sys::Openat2);
                    assert_eq!(at(GATE + 2) == GO, passes, "{number}");
                    assert_eq!(at(GATE + 4095) == GO, passes, "{number}");
                    let beside = [GATE - 1, GATE + 4096, GATE & 0xffff_ffff, GATE | 1 << 40];
                    for pointer in beside {
                        assert_eq!(
                            at(pointer) == action.returns(),
                            stops,
                            "{pointer:#x} {number}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn of_all_that_prctl_does_only_a_new_filter_stops() {
        for arch in ARCHES {
            for number in 0..1024 {
                let Some((table, number)) = decode(arch, number) else {
                    continue;
                };
                if meaning(table, number) == Some(Sys::Prctl) {
                    let with = |option| verdict(arch, number, [option, 2, 0, 0, 0, 0]);
                    assert_eq!(with(libc::PR_SET_SECCOMP as u64), STOP);
                    assert_eq!(with(libc::PR_SET_NAME as u64), GO);
                }
            }
        }
    }

    #[test]
    fn times_that_are_set_of_an_open_file_are_of_no_interest() {
        for arch in ARCHES {
            let mut numbers = (0..1024).filter(|number| {
                let means = decode(arch, *number).and_then(|(table, n)| meaning(table, n));
                means == Some(Sys::Utimensat)
            });
            let number = numbers.next().expect("every table has it");
            let with = |path| verdict(arch, number, [7, path, 0, 0, 0, 0]);
            assert_eq!(with(0), GO);
            assert_eq!([with(8), with(1 << 40)], [STOP, STOP]);
        }
    }

    #[test]
    fn a_foreign_architecture_is_let_through() {
        assert_eq!(verdict(0x1234, 2, [0; 6]), GO);
        assert_eq!(decode(0x1234, 2), None);
    }
}
