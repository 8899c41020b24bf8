//! Which part of a command says what program runs.

use roar_object::ByteStr;

/// How a program's own options are read.
struct Launcher {
    /// The program's name, without directory and version.
    names: &'static [&'static str],
    /// Options that take the argument after them as their value.
    valued: &'static [&'static str],
    /// Options after which the program follows, as text or as the name of a module. A single letter
    /// may be the last of several, `-ne`, or have the text in the same word, `-mtimeit`.
    ends: &'static [&'static str],
}

const LAUNCHERS: &[Launcher] = &[
    Launcher {
        names: &["python", "pythonw", "pypy", "ipython"],
        valued: &["-W", "-X", "--check-hash-based-pycs"],
        ends: &["-c", "-m"],
    },
    Launcher {
        names: &["sh", "bash", "dash", "zsh", "ksh", "ash", "fish"],
        valued: &["-o", "+o", "-O", "+O", "--rcfile", "--init-file"],
        ends: &["-c"],
    },
    Launcher {
        names: &["perl"],
        valued: &["-I", "-M", "-m"],
        ends: &["-e", "-E"],
    },
    Launcher {
        names: &["ruby"],
        valued: &["-I", "-r", "-C", "-E"],
        ends: &["-e"],
    },
    Launcher {
        names: &["Rscript", "R"],
        valued: &["-f", "-g", "-d"],
        ends: &["-e"],
    },
    Launcher {
        names: &["julia"],
        valued: &[
            "-L",
            "--load",
            "-p",
            "--procs",
            "-t",
            "--threads",
            "-J",
            "--sysimage",
            "-C",
            "--cpu-target",
            "-H",
            "--home",
            "--machine-file",
            "--gcthreads",
        ],
        ends: &["-e", "--eval", "-E", "--print"],
    },
    Launcher {
        names: &["node", "nodejs"],
        valued: &[
            "-r",
            "--require",
            "--import",
            "--loader",
            "-C",
            "--conditions",
            "--env-file",
        ],
        ends: &["-e", "--eval", "-p", "--print"],
    },
    Launcher {
        names: &["java"],
        valued: &[
            "-cp",
            "-classpath",
            "--class-path",
            "--module-path",
            "--add-modules",
        ],
        ends: &["-jar", "--module"],
    },
    Launcher {
        names: &["torchrun"],
        valued: &[
            "--nnodes",
            "--nproc-per-node",
            "--nproc_per_node",
            "--rdzv-backend",
            "--rdzv_backend",
            "--rdzv-endpoint",
            "--rdzv_endpoint",
            "--rdzv-id",
            "--rdzv_id",
            "--rdzv-conf",
            "--rdzv_conf",
            "--max-restarts",
            "--max_restarts",
            "--monitor-interval",
            "--monitor_interval",
            "--start-method",
            "--start_method",
            "--role",
            "--log-dir",
            "--log_dir",
            "-r",
            "--redirects",
            "-t",
            "--tee",
            "--node-rank",
            "--node_rank",
            "--master-addr",
            "--master_addr",
            "--master-port",
            "--master_port",
            "--local-addr",
            "--local_addr",
        ],
        ends: &["-m", "--module"],
    },
    Launcher {
        names: &["deepspeed"],
        valued: &[
            "-H",
            "--hostfile",
            "-i",
            "--include",
            "-e",
            "--exclude",
            "--num_nodes",
            "--num_gpus",
            "--master_port",
            "--master_addr",
            "--launcher",
            "--launcher_args",
        ],
        ends: &["--module"],
    },
    Launcher {
        names: &["accelerate launch"],
        valued: &[
            "--config_file",
            "--num_processes",
            "--num_machines",
            "--machine_rank",
            "--mixed_precision",
            "--main_process_ip",
            "--main_process_port",
            "--gpu_ids",
            "--num_cpu_threads_per_process",
            "--dynamo_backend",
            "--rdzv_backend",
            "--same_network",
            "--deepspeed_config_file",
            "--fsdp_config",
        ],
        ends: &["-m", "--module"],
    },
];

/// Programs that run another one and add nothing to what it is.
const WRAPPERS: &[Launcher] = &[
    Launcher {
        names: &["env"],
        valued: &["-u", "--unset", "-C", "--chdir"],
        ends: &[],
    },
    Launcher {
        names: &["nice", "ionice", "chrt"],
        valued: &["-n", "--adjustment", "-c", "--class", "--classdata"],
        ends: &[],
    },
    Launcher {
        names: &["nohup", "setsid", "command", "exec"],
        valued: &[],
        ends: &[],
    },
    Launcher {
        names: &["time", "stdbuf"],
        valued: &[
            "-o", "--output", "-f", "--format", "-i", "-e", "--input", "--error",
        ],
        ends: &[],
    },
    Launcher {
        names: &["uv run"],
        valued: &[
            "--with",
            "--with-requirements",
            "--with-editable",
            "-p",
            "--python",
            "--extra",
            "--group",
            "--only-group",
            "--project",
            "--directory",
            "--env-file",
            "--package",
            "--index",
            "--index-url",
            "--cache-dir",
        ],
        ends: &["-m", "--module"],
    },
    Launcher {
        names: &[
            "poetry run",
            "pipenv run",
            "pdm run",
            "rye run",
            "pixi run",
            "hatch run",
        ],
        valued: &[
            "-C",
            "--directory",
            "-p",
            "--project",
            "-e",
            "--environment",
        ],
        ends: &[],
    },
    Launcher {
        names: &["conda run", "mamba run", "micromamba run"],
        valued: &["-n", "--name", "-p", "--prefix", "--cwd"],
        ends: &[],
    },
];

/// Returns the part of a command that says what program runs.
///
/// It ends with the first argument that is not an option: the script of an interpreter, the module
/// after `-m`, the text after `-c`, or whatever comes first for a program that is not known here.
/// An option of a known launcher whose value is the next argument (`python -W ignore`,
/// `torchrun --nnodes 2`) takes that argument with it; `--` ends the options. Without such an
/// argument the whole command is the program.
///
/// A command that only runs another (`env LR=1 python train.py`, `nice`, `time`, `uv run`) is that
/// other's program, so that changing a variable does not make another step.
pub fn program(argv: &[ByteStr]) -> &[ByteStr] {
    let mut rest = argv;
    while let Some(inner) = unwrapped(rest) {
        rest = inner;
    }
    let wrapped = rest.len() < argv.len();
    if wrapped && is_script(rest) {
        return &rest[..1];
    }
    let (launcher, words) = match find(LAUNCHERS, rest) {
        (Some(known), words) => (Some(known), words),
        (None, _) => runs_a_module(rest),
    };
    match end_of(launcher, rest, words) {
        Some(end) => &rest[..=end],
        None => rest,
    }
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
    argv.get(at..).filter(|rest| !rest.is_empty())
}

/// Returns how the options of `uv run` are read where it runs a module itself.
fn runs_a_module(argv: &[ByteStr]) -> (Option<&'static Launcher>, usize) {
    match find(WRAPPERS, argv) {
        (Some(wrapper), words) if !wrapper.ends.is_empty() => (Some(wrapper), words),
        _ => (None, 1),
    }
}

/// Returns whether a wrapper was given a script instead of a command, as `uv run` may be.
fn is_script(argv: &[ByteStr]) -> bool {
    argv.first().is_some_and(|word| word.ends_with(b".py"))
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
        check("./train.sh --fast data", "./train.sh --fast data");
        check("sort -- -odd", "sort -- -odd");
        check("cat - x", "cat -");
        assert!(program(&[]).is_empty());
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
    }
}
