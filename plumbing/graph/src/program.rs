//! Which part of a command says what program runs.

mod known;

use known::{LAUNCHERS, Launcher, MODULES, WRAPPERS};
use roar_object::ByteStr;

/// Returns the part of a command that says what program runs.
///
/// It ends with the first argument that is not an option: the script of an interpreter, the module
/// after `-m`, the text after `-c`, or whatever comes first for a program that is not known here.
/// An option of a known launcher whose value is the next argument (`python -W ignore`,
/// `torchrun --nnodes 2`) takes that argument with it; `--` ends the options. Without such an
/// argument the whole command is the program.
///
/// A script that is run by its own name (`./train.sh --lr 3`) is the program, whatever its arguments are.
/// A command that only runs another (`env LR=1 python train.py`, `nice`, `timeout 60`, `uv run`) is that
/// other's program, so that changing a variable does not make another step.
pub fn program(argv: &[ByteStr]) -> &[ByteStr] {
    let mut rest = argv;
    while let Some(inner) = unwrapped(rest) {
        rest = inner;
    }
    let (launcher, words) = match find(LAUNCHERS, rest) {
        (Some(known), words) => (Some(known), words),
        (None, _) => runs_a_module(rest),
    };
    if launcher.is_none() && rest.first().is_some_and(|word| is_script(word)) {
        return &rest[..1];
    }
    let Some(end) = end_of(launcher, rest, words) else {
        return rest;
    };
    let more = match launcher {
        // What follows a program that is not known here may be a command of an interpreter.
        None => find(LAUNCHERS, &rest[end..]),
        Some(_) if *rest[end - 1] == *b"-m" => find(MODULES, &rest[end..]),
        Some(_) => (None, 0),
    };
    let further = more
        .0
        .and_then(|launcher| end_of(Some(launcher), &rest[end..], more.1));
    &rest[..=end + further.unwrap_or(0)]
}

/// Returns the command that a wrapper runs, if this is one and it runs one.
fn unwrapped(argv: &[ByteStr]) -> Option<&[ByteStr]> {
    let (wrapper, words) = find(WRAPPERS, argv);
    let wrapper = wrapper?;
    let mut at = end_of(Some(wrapper), argv, words)?;
    // `uv run -m module` runs the module itself, as an interpreter does.
    if wrapper
        .ends
        .iter()
        .any(|end| *argv[at - 1] == *end.as_bytes())
    {
        return None;
    }
    if wrapper.names.contains(&"env") {
        while argv.get(at).is_some_and(|word| word.contains(&b'=')) {
            at += 1;
        }
    }
    argv.get(at + wrapper.words..)
        .filter(|rest| !rest.is_empty())
}

/// Returns how the options of `uv run` are read where it runs a module itself.
fn runs_a_module(argv: &[ByteStr]) -> (Option<&'static Launcher>, usize) {
    match find(WRAPPERS, argv) {
        (Some(wrapper), words) if !wrapper.ends.is_empty() => (Some(wrapper), words),
        _ => (None, 1),
    }
}

/// Returns whether a word in the place of a program names a script: by the name of its language, or because
/// it lies where the command is run.
fn is_script(word: &[u8]) -> bool {
    const LANGUAGES: [&[u8]; 7] = [b"py", b"sh", b"R", b"pl", b"rb", b"jl", b"js"];
    let ending = word.rsplit(|&byte| byte == b'.').next();
    // What was installed in the project is no script of it.
    const INSTALLED: [&[u8]; 4] = [b".venv/", b"venv/", b"env/", b"node_modules/"];
    let inner = word.strip_prefix(b"./").unwrap_or(word);
    let is_installed = INSTALLED
        .iter()
        .any(|directory| inner.starts_with(directory));
    let is_here = word.contains(&b'/') && !word.starts_with(b"/") && !is_installed;
    is_here || ending.is_some_and(|ending| ending.len() < word.len() && LANGUAGES.contains(&ending))
}

/// Finds a program in a table, and how many words its name has.
fn find<'t>(table: &'t [Launcher], argv: &[ByteStr]) -> (Option<&'t Launcher>, usize) {
    let Some(first) = argv.first() else {
        return (None, 0);
    };
    let name = base_name(first);
    let named = |launcher: &&Launcher, words: usize| {
        launcher
            .names
            .iter()
            .filter_map(|known| known.as_bytes().strip_prefix(name))
            .any(|rest| match rest {
                [] => words == 1 && !name.contains(&b' '),
                [b' ', command @ ..] => {
                    words == 2 && argv.get(1).is_some_and(|word| **word == *command)
                }
                _ => false,
            })
    };
    for words in [2, 1] {
        if let Some(found) = table.iter().find(|launcher| named(launcher, words)) {
            return (Some(found), words);
        }
    }
    (None, 1)
}

/// Returns a program's name without directory and version: `python` of `/usr/bin/python3.11`.
fn base_name(word: &[u8]) -> &[u8] {
    let name = word.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let version = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let end = name
        .iter()
        .rposition(|byte| !version(byte))
        .map_or(name.len(), |at| at + 1);
    &name[..end]
}

/// Returns the place of the argument that ends a program, looking from `at` on.
fn end_of(launcher: Option<&Launcher>, argv: &[ByteStr], mut at: usize) -> Option<usize> {
    while let Some(word) = argv.get(at) {
        let option = matches!(word.first(), Some(b'-' | b'+')) && word.len() > 1;
        if !option || !launcher.is_none_or(|known| known.takes(word)) {
            return Some(at);
        }
        if **word == *b"--" {
            return argv.get(at + 1).map(|_| at + 1);
        }
        match launcher.map_or(Next::Option, |known| known.after(word)) {
            Next::Option => at += 1,
            Next::Value => at += 2,
            Next::Here => return Some(at),
            Next::Program => return Some((at + 1).min(argv.len() - 1)),
        }
    }
    None
}

/// What follows an option.
enum Next {
    /// Another option, or the end.
    Option,
    /// The option's value.
    Value,
    /// What says which program runs.
    Program,
    /// Nothing: this word says it.
    Here,
}

impl Launcher {
    /// Returns whether a word that looks like an option is one: only shells have `+o`.
    fn takes(&self, word: &[u8]) -> bool {
        word.starts_with(b"-") || self.valued.contains(&"+o")
    }

    /// Returns whether this is a shell, whose `-c` is a mere flag: the text is the next argument
    /// wherever in a word the letter stands.
    fn is_shell(&self) -> bool {
        self.names.contains(&"sh")
    }

    fn after(&self, word: &[u8]) -> Next {
        let is = |list: &[&str]| list.iter().any(|known| known.as_bytes() == word);
        if is(self.ends) {
            Next::Program
        } else if is(self.valued) {
            Next::Value
        } else {
            self.after_letters(word)
        }
    }

    /// Reads a word of several letters, each an option by itself.
    fn after_letters(&self, word: &[u8]) -> Next {
        let [b'-', letters @ ..] = word else {
            return Next::Option;
        };
        let is =
            |list: &[&str], letter: u8| list.iter().any(|known| known.as_bytes() == [b'-', letter]);
        for (at, &letter) in letters.iter().enumerate() {
            let last = at + 1 == letters.len();
            if is(self.ends, letter) {
                return if last || self.is_shell() {
                    Next::Program
                } else {
                    Next::Here
                };
            }
            if !letter.is_ascii_alphanumeric() || is(self.valued, letter) {
                // The rest of the word is a value, or a value follows the word.
                return if last { Next::Value } else { Next::Option };
            }
        }
        Next::Option
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, expected: &str) {
        let argv: Vec<ByteStr> = command.split(' ').map(ByteStr::from).collect();
        let found: Vec<_> = program(&argv)
            .iter()
            .map(|word| word.escape_ascii().to_string())
            .collect();
        assert_eq!(found.join(" "), expected, "{command}");
    }

    #[test]
    fn an_unknown_program_is_told_by_its_first_argument_that_is_no_option() {
        check("true", "true");
        check("cp -a from to", "cp -a from");
        check("ls -l", "ls -l");
        check("sort -- -odd", "sort -- -odd");
        check("cat - x", "cat -");
        assert!(program(&[]).is_empty());
    }

    #[test]
    fn a_script_is_told_by_itself() {
        check("./train --lr=3 data", "./train");
        check("bin/train --lr 3", "bin/train");
        check("/home/me/train.py --lr 3", "/home/me/train.py");
        check("/usr/bin/sort -r data", "/usr/bin/sort -r data");
        check(".venv/bin/pytest tests/a", ".venv/bin/pytest tests/a");
        check(".venv/bin/python3 train.py 3", ".venv/bin/python3 train.py");
    }

    #[test]
    fn what_runs_an_interpreter_is_told_by_what_that_runs() {
        check("watcher python3 a.py 1", "watcher python3 a.py");
        check(
            "watcher --fast python3 -m mod 1",
            "watcher --fast python3 -m mod",
        );
        check("which python3", "which python3");
        check(
            "python -m cProfile -o p.out train.py 3",
            "python -m cProfile -o p.out train.py",
        );
        check(
            "python -m coverage run -m pkg.train 3",
            "python -m coverage run -m pkg.train",
        );
        check(
            "python3 -m torch.distributed.run --nnodes 2 train.py 3",
            "python3 -m torch.distributed.run --nnodes 2 train.py",
        );
        check("python -m http.server 80", "python -m http.server");
        check("find . -name x", "find .");
    }

    #[test]
    fn an_interpreter_is_told_by_its_script_module_or_text() {
        check("python train.py --lr 3", "python train.py");
        check(
            "/usr/bin/python3.11 -u train.py 1",
            "/usr/bin/python3.11 -u train.py",
        );
        check(
            "python -W ignore -X dev x.py y",
            "python -W ignore -X dev x.py",
        );
        check("python -Wignore x.py y", "python -Wignore x.py");
        check("python -m pkg.train --lr 3", "python -m pkg.train");
        check("python -Bm pkg.train x", "python -Bm pkg.train");
        check("python -mtimeit x", "python -mtimeit");
        check("python3 -c pass x", "python3 -c pass");
        check("python -c", "python -c");
        check("sh -ec text $0", "sh -ec text");
        check("bash -ce text $0", "bash -ce text");
        check("bash -o pipefail -c text a", "bash -o pipefail -c text");
        check("bash +o history run.sh a", "bash +o history run.sh");
        check("perl -lane text file", "perl -lane text");
        check("perl -Mstrict -e text file", "perl -Mstrict -e text");
        check("Rscript --vanilla fit.R a", "Rscript --vanilla fit.R");
        check(
            "julia -t 4 --project=. fit.jl a",
            "julia -t 4 --project=. fit.jl",
        );
        check(
            "node --require ./hook.js app.js a",
            "node --require ./hook.js app.js",
        );
        check("java -Xmx4g -cp a:b Main arg", "java -Xmx4g -cp a:b Main");
    }

    #[test]
    fn a_launcher_of_many_processes_is_told_by_what_it_launches() {
        check(
            "torchrun --nproc_per_node=4 train.py --lr 3",
            "torchrun --nproc_per_node=4 train.py",
        );
        check(
            "torchrun --nnodes 2 --standalone train.py x",
            "torchrun --nnodes 2 --standalone train.py",
        );
        check(
            "torchrun --standalone -m pkg.train x",
            "torchrun --standalone -m pkg.train",
        );
        check(
            "accelerate launch --num_processes 2 train.py x",
            "accelerate launch --num_processes 2 train.py",
        );
        check(
            "deepspeed --num_gpus 2 train.py x",
            "deepspeed --num_gpus 2 train.py",
        );
    }

    #[test]
    fn a_command_that_only_runs_another_is_that_other() {
        check("env LR=1 python train.py a", "python train.py");
        check("env -u HOME -i A=1 B=2 cp from to", "cp from");
        check("nice -n 5 python train.py a", "python train.py");
        check("time -p sh -c text a", "sh -c text");
        check("uv run --with numpy python train.py a", "python train.py");
        check("uv run train.py a", "train.py");
        check("uv run -m pkg.train a", "uv run -m pkg.train");
        check("conda run -n ml python train.py a", "python train.py");
        check("env", "env");
        check("env A=1", "env A=1");
        check("nohup nice python x.py a", "python x.py");
        check("timeout -k 5 60 python x.py a", "python x.py");
        check("timeout 60", "timeout 60");
        check("numactl -l -m 0 python x.py a", "python x.py");
        check("taskset -c 0-3 ./train --lr 3", "./train");
        check("mpirun -np 4 --bind-to core python x.py a", "python x.py");
        check("srun -N1 --gres=gpu:1 -t 10 python x.py a", "python x.py");
        check("sudo -u me python x.py a", "python x.py");
        check("xargs -n 1 python x.py", "python x.py");
        check("parallel -j 4 python x.py {} ::: 1 2", "python x.py");
    }
}
