//! The cases: what to do, and what must be told of it.

/// One case.
pub(crate) struct Case {
    /// Its name.
    pub(crate) name: &'static str,
    /// What is done beforehand, unseen, after [`SETUP`].
    pub(crate) setup: &'static str,
    /// A shell script with one command behind `$ROAR`, which is the one that is watched.
    pub(crate) script: &'static str,
    /// What must be told of files below the case's directory, and nothing else: `R` read, `C`
    /// created, `M` modified, `D` deleted, `+` before `x` executed, `l` symbolic link; then the path.
    /// With `?` in front it may be told, and a `*` at the end stands for anything.
    pub(crate) expect: &'static [&'static str],
    /// Words that the reasons must hold, when not everything can be seen.
    pub(crate) partial: Option<&'static str>,
}

/// What every case begins with.
pub(crate) const SETUP: &str = "echo in >in; echo old >file; mkdir sub; echo sub >sub/in; \
     cp /bin/cat sub/prog";

const fn case(
    name: &'static str,
    setup: &'static str,
    script: &'static str,
    expect: &'static [&'static str],
) -> Case {
    Case {
        name,
        setup,
        script,
        expect,
        partial: None,
    }
}

const fn kit(name: &'static str, script: &'static str, expect: &'static [&'static str]) -> Case {
    case(name, "", script, expect)
}

const fn partial(
    name: &'static str,
    script: &'static str,
    expect: &'static [&'static str],
    reason: &'static str,
) -> Case {
    Case {
        name,
        setup: "",
        script,
        expect,
        partial: Some(reason),
    }
}

const IN_OUT: &[&str] = &["R in", "C out"];

/// Thousands of files, read by threads of two processes.
pub(crate) const FLOOD: Case = case(
    "flood",
    "mkdir many; seq 0 2999 | (cd many; xargs touch)",
    "$ROAR kit flood",
    &[],
);

/// A program that opens little, and one that opens much: each prints whether it has the library.
pub(crate) const HABITS: Case = case(
    "habits",
    "mkdir many; seq 0 19 | (cd many; xargs touch)",
    "$ROAR sh -c 'for time in 1 2 3 4 5 6 7 8; do \
     grep -l roar-preload /proc/self/maps in || echo without; done; for time in 1 2 3 4; do \
     cat /proc/self/maps many/* | { grep -q roar-preload && echo with || echo without; }; done'",
    &[],
);

/// All cases.
pub(crate) const CASES: &[Case] = &[
    // Kinds of program.
    kit("static", "$ROAR kit-static copy_file_range", IN_OUT),
    kit("threads_static", "$ROAR kit-static thread_cross_fd", IN_OUT),
    kit("rename_static", "$ROAR kit-static rename", &["C out"]),
    kit("rawsys", "$ROAR kit rawsys", IN_OUT),
    kit("int80", "$ROAR kit int80", IN_OUT),
    kit("32_bit", "$ROAR kit32", IN_OUT),
    kit("32_bit_loaded", "$ROAR kit-loaded32", &[]),
    kit("sandbox", "$ROAR kit sandbox", &["R file", "R in", "C out"]),
    kit(
        "sandbox_first",
        "$ROAR kit sandbox_first",
        &["R in", "C out"],
    ),
    case(
        "link_to_own_stdin",
        "ln -s /proc/self/fd/0 x",
        "$ROAR sh -c 'cat x <in >out'",
        // Where the link leads is known while the process runs only.
        &["?R+l x", "R in", "C out"],
    ),
    case(
        "link_to_own_directory",
        "ln -s /proc/self/cwd own; echo x >sub/data; mkdir data",
        "$ROAR sh -c 'cd sub; cat ../own/data'",
        &["R+l own", "R sub/data"],
    ),
    kit(
        "proc_with_two_slashes",
        "$ROAR sh -c 'cd sub; cat //proc/self/cwd/in'",
        &["R sub/in"],
    ),
    case(
        "address_sanitizer",
        "echo 'int main(void) { return 0; }' >p.c; gcc -fsanitize=address -o p p.c 2>gcc || \
         { printf '#!/bin/sh\n' >p; chmod +x p; }",
        "$ROAR env ASAN_OPTIONS=detect_leaks=0 ./p 2>&1",
        &["R+x p"],
    ),
    kit(
        "ldd",
        "$ROAR ldd sub/prog | sed 's/ (.*//'",
        &["R sub/prog"],
    ),
    kit(
        "library_removed",
        "$ROAR sh -c 'rm -rf .library; cat in 2>&1'",
        &["R in"],
    ),
    kit("locks", "$ROAR kit locks", &["R in", "C long*"]),
    kit("other_pid", "$ROAR kit other_pid", &["R in", "R file"]),
    kit("no_memory", "$ROAR kit no_memory", IN_OUT),
    kit("signal_handler", "$ROAR kit signal_handler", IN_OUT),
    kit(
        "killed_readers",
        "$ROAR kit killed_readers",
        &["R in", "R file"],
    ),
    // Executing.
    kit("exec_elf", "$ROAR sub/prog in", &["R in", "R+x sub/prog"]),
    kit("execveat", "$ROAR kit execveat", &["R in", "R+x sub/prog"]),
    kit("fexecve", "$ROAR kit fexecve", &["R in", "R+x sub/prog"]),
    kit("memfd", "$ROAR kit memfd", &["R in", "R sub/prog"]),
    kit(
        "exec_from_thread",
        "$ROAR kit exec_from_thread",
        &["R in", "R+x sub/prog"],
    ),
    case(
        "shebang",
        "printf '#!/bin/sh\\ncat in\\n' >s; chmod +x s",
        "$ROAR ./s",
        &["R in", "R+x s"],
    ),
    case(
        "shebang_chain",
        "printf '#!./t -x\\n' >s; printf '#! /bin/cat\\n' >t; chmod +x s t",
        "$ROAR ./s",
        &["R+x s", "R+x t"],
    ),
    case(
        "no_shebang",
        "echo 'cat in' >s; chmod +x s",
        "$ROAR sh -c ./s",
        &["R in", "R+x s"],
    ),
    case(
        "exec_not_executable",
        "echo 'cat in' >s",
        "$ROAR sh -c './s; exit 3' 2>/dev/null",
        &[],
    ),
    kit(
        "exec_own_output",
        "$ROAR sh -c 'cp sub/prog p; ./p in >out'",
        &["R in", "C out", "C+x p", "R sub/prog"],
    ),
    kit(
        "xargs",
        "$ROAR sh -c 'echo in sub/in | xargs -n1 -P2 cat >/dev/null'",
        &["R in", "R sub/in"],
    ),
    // Ways of reading and writing.
    kit("openat2", "$ROAR kit openat2", IN_OUT),
    case(
        "openat2_in_root",
        "echo x >sub/abs; echo x >abs",
        "$ROAR kit openat2_in_root",
        &["R sub/abs"],
    ),
    kit("creat", "$ROAR kit creat", &["C out"]),
    kit("dup", "$ROAR kit dup", IN_OUT),
    kit("fallocate", "$ROAR kit fallocate", &["C out"]),
    kit("freopen", "$ROAR kit freopen", IN_OUT),
    kit("stdio", "$ROAR kit stdio", IN_OUT),
    kit(
        "streams",
        "$ROAR kit streams",
        &["R in", "RM file", "C out"],
    ),
    case(
        "search",
        "mkdir bin; echo 'read x <in' >bin/script; chmod +x bin/script; echo no >sub/script",
        "$ROAR kit search",
        &["R in", "R+x bin/script"],
    ),
    kit("mmap_read", "$ROAR kit mmap_read", &["R in"]),
    kit("mmap_write", "$ROAR kit mmap_write", &["RM file"]),
    kit("mmap_mprotect", "$ROAR kit mmap_mprotect", &["RM file"]),
    kit("preadv", "$ROAR kit preadv", IN_OUT),
    kit("sendfile", "$ROAR kit sendfile", IN_OUT),
    kit("splice", "$ROAR kit splice", IN_OUT),
    kit("copy_file_range", "$ROAR kit copy_file_range", IN_OUT),
    kit("truncate", "$ROAR kit truncate", &["RM file"]),
    kit("truncate_zero", "$ROAR kit truncate_zero", &["M file"]),
    kit("truncate_grow", "$ROAR kit truncate_grow", &["RM file"]),
    kit("ftruncate", "$ROAR kit ftruncate", &["C out"]),
    partial("uring", "$ROAR kit uring", &[], "io_uring"),
    // Names.
    kit("dirfd", "$ROAR kit dirfd", &["C out", "R sub/in"]),
    kit("fchdir", "$ROAR kit fchdir", &["R in", "C sub/out"]),
    kit(
        "chdir",
        "$ROAR sh -c 'cd sub; cat in ../in >../out'",
        &["R in", "C out", "R sub/in"],
    ),
    kit(
        "cd_subshell",
        "$ROAR sh -c '(cd sub; cat in); cat in'",
        &["R in", "R sub/in"],
    ),
    kit("fork_cwd", "$ROAR kit fork_cwd", &["R in", "C sub/out"]),
    kit(
        "thread_chdir",
        "$ROAR kit thread_chdir",
        &["R sub/in", "C sub/out"],
    ),
    kit(
        "thread_own_cwd",
        "$ROAR kit thread_own_cwd",
        &["R in", "C sub/out"],
    ),
    kit("vfork_chdir", "$ROAR kit vfork_chdir", &["R sub/in"]),
    kit("tmpfile_link", "$ROAR kit tmpfile_link", &["C out"]),
    kit(
        "tmpfile_link_empty",
        "$ROAR kit tmpfile_link_empty",
        &["C out"],
    ),
    kit("tmpfile_link_fd", "$ROAR kit tmpfile_link_fd", &["C out"]),
    kit("tmpfile_lost", "$ROAR kit tmpfile_lost", &[]),
    kit("link", "$ROAR kit link", &["C out"]),
    case(
        "link_follow",
        "ln -s in lnk",
        "$ROAR kit link_follow",
        &["R+l lnk", "C out"],
    ),
    case(
        "dir_link",
        "ln -s sub lnk; ln -s ../lnk sub/back",
        "$ROAR cat lnk/back/in",
        &["R+l lnk", "R+l sub/back", "R sub/in"],
    ),
    case(
        "dir_link_chdir",
        "ln -s sub lnk",
        "$ROAR sh -c 'cd lnk; cat in; cat in'",
        &["R+l lnk", "R sub/in"],
    ),
    case(
        "dir_link_own",
        "",
        "$ROAR sh -c 'ln -s sub lnk; cat lnk/in'",
        &["C+l lnk", "R sub/in"],
    ),
    case(
        "dir_link_turned",
        "ln -s sub lnk; mkdir new",
        "$ROAR sh -c 'cat lnk/in; ln -sfn new lnk; echo x >lnk/out'",
        &["RM+l lnk", "R sub/in", "C new/out"],
    ),
    case(
        "dir_becomes_link",
        "mkdir other; echo 1 >other/in",
        "$ROAR sh -c 'mv sub moved; ln -s other sub'",
        &[
            "C+l sub",
            "D sub/in",
            "D sub/prog",
            "C moved/in",
            "C moved/prog",
        ],
    ),
    kit("link_read", "$ROAR kit link_read", &["R in", "C out"]),
    kit("rename", "$ROAR kit rename", &["C out"]),
    case("renameat", "mkdir a b", "$ROAR kit renameat", &["C b/out"]),
    kit("rename_over", "$ROAR kit rename_over", &["M file"]),
    kit(
        "rename_away_and_back",
        "$ROAR kit rename_away_and_back",
        &[],
    ),
    case(
        "exchange",
        "echo a >a; echo b >b",
        "$ROAR kit exchange",
        &["M a", "M b"],
    ),
    case(
        "noreplace",
        "echo a >a; echo b >b",
        "$ROAR kit noreplace",
        &[],
    ),
    kit("rename_dir", "$ROAR kit rename_dir", &["C e/out"]),
    case(
        "rename_dir_with_files",
        "mkdir -p old/deep; echo 1 >old/1; echo 2 >old/deep/2",
        "$ROAR kit rename_dir_with_files",
        &["C new/1", "C new/deep/2", "D old/1", "D old/deep/2"],
    ),
    case(
        "exchange_dirs",
        "mkdir p q; echo p >p/only_p; echo q >q/only_q; echo p >p/both; echo q >q/both",
        "$ROAR kit exchange_dirs",
        &[
            "M p/both",
            "RD p/only_p",
            "C p/only_q",
            "M q/both",
            "C q/only_p",
            "D q/only_q",
        ],
    ),
    kit(
        "move_then_read",
        "$ROAR kit move_then_read",
        &["RD file", "C moved"],
    ),
    kit(
        "move_then_append",
        "$ROAR kit move_then_append",
        &["RD file", "C moved"],
    ),
    kit("proc_self_fd", "$ROAR kit proc_self_fd", IN_OUT),
    case(
        "chroot",
        "mkdir -p jail/data; echo x >jail/data/in; ln -s /data/in jail/abs",
        "$ROAR kit chroot",
        &["R+l jail/abs", "R jail/data/in", "C jail/out"],
    ),
    case(
        "chroot_and_exec",
        "mkdir jail; for it in /bin/cat $(ldd /bin/cat | grep -o '/[^ ]*'); do \
         mkdir -p jail${it%/*}; cp $it jail$it; done; echo x >jail/in",
        "$ROAR sh -c 'chroot jail /bin/cat /in 2>&1'",
        &[
            "R jail/in",
            "R+x jail/bin/cat",
            "?R jail/lib*",
            "?R jail/usr/lib*",
        ],
    ),
    kit("mount_ns", "$ROAR kit mount_ns", IN_OUT),
    Case {
        name: "bind_mount",
        setup: "mkdir a b; echo x >a/in",
        script: "$ROAR kit bind_mount",
        expect: &["?R a/in"],
        partial: Some("mount namespace"),
    },
    partial("handle", "$ROAR kit handle", &[], "handle"),
    kit("long_argument", "$ROAR kit long_argument", &["R in"]),
    kit(
        "names",
        "$ROAR kit names",
        &[
            "C \\xff\\xfe",
            "C new\\x0aline",
            "C tab\\x09\"quote'\\x1b[31m",
            "C yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\
         yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\
         yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
        ],
    ),
    kit("symlink", "$ROAR kit symlink", &["R in", "C+l lnk"]),
    case(
        "symlink_swapped",
        "echo a >a; echo b >b; ln -s a lnk",
        "$ROAR kit symlink_swapped",
        &["R a", "R b", "RM+l lnk"],
    ),
    case(
        "dir_symlink_swapped",
        "mkdir v1 v2; echo 1 >v1/in; echo 2 >v2/in; ln -s v1 cur",
        "$ROAR kit dir_symlink_swapped",
        &["RM+l cur", "R v1/in", "R v2/in"],
    ),
    case(
        "dangling",
        "ln -s out lnk",
        "$ROAR kit dangling",
        &["R+l lnk", "C out"],
    ),
    // Precision.
    kit("opath_only", "$ROAR kit opath_only", &[]),
    kit("rdwr_readonly", "$ROAR kit rdwr_readonly", &["R in"]),
    kit("wronly_nothing", "$ROAR kit wronly_nothing", &[]),
    kit("write_zero", "$ROAR kit write_zero", &[]),
    case(
        "failed_opens",
        "ln -s in lnk",
        "$ROAR kit failed_opens",
        &[],
    ),
    kit("touch_empty", "$ROAR kit touch_empty", &["C out"]),
    kit("read_creates", "$ROAR kit read_creates", &["C out"]),
    kit("create_delete", "$ROAR kit create_delete", &[]),
    kit(
        "trunc_write_read",
        "$ROAR kit trunc_write_read",
        &["M file"],
    ),
    kit("own_output", "$ROAR kit own_output", &["C out"]),
    kit("same_bytes", "$ROAR kit same_bytes", &[]),
    kit("special", "$ROAR kit special", &[]),
    kit("list", "$ROAR ls -lR .", &[]),
    case("nobody", "chmod 755 .", "$ROAR kit nobody", &["R in"]),
    // Changing what was read.
    kit("replace_input", "$ROAR kit replace_input", &["RM file"]),
    kit(
        "read_then_unlink",
        "$ROAR kit read_then_unlink",
        &["RD file"],
    ),
    kit(
        "read_unlink_create",
        "$ROAR kit read_unlink_create",
        &["RM file"],
    ),
    kit("update_in_place", "$ROAR kit update_in_place", &["RM file"]),
    kit(
        "write_after_unlink",
        "$ROAR kit write_after_unlink",
        &["D file"],
    ),
    kit(
        "times_set",
        "$ROAR sh -c 'cat file; touch -c -d @1 file; touch -c -d @2 in; cat file'",
        &["R file"],
    ),
    kit("append", "$ROAR sh -c 'echo x >>file'", &["RM file"]),
    kit("append_nothing", "$ROAR sh -c ': >>file'", &[]),
    kit("trunc_by_shell", "$ROAR sh -c 'echo x >file'", &["M file"]),
    kit(
        "trunc_same_bytes",
        "$ROAR sh -c 'sleep 0.02; echo old >file'",
        &["M file"],
    ),
    kit("delete", "$ROAR rm file", &["D file"]),
    // Processes and descriptors.
    kit("thread_cross_fd", "$ROAR kit thread_cross_fd", IN_OUT),
    kit("spawn", "$ROAR kit spawn", IN_OUT),
    kit("clone_files", "$ROAR kit clone_files", &["R in"]),
    kit("clone3", "$ROAR kit clone3", IN_OUT),
    kit("daemon", "$ROAR kit daemon", &["C out"]),
    kit("scm_rights", "$ROAR kit scm_rights", &["C out"]),
    kit("pidfd_getfd", "$ROAR kit pidfd_getfd", &["C out"]),
    kit(
        "orphan",
        "$ROAR sh -c '(sleep 0.2; echo x >out) & exit 0'",
        &["C out"],
    ),
    kit("stdin_inherited", "$ROAR cat <in", &["R in"]),
    kit("stdout_inherited", "$ROAR echo x >out", &["M out"]),
    kit("stdout_appended", "$ROAR echo x >>file", &["RM file"]),
    kit("stdout_unused", "$ROAR true >>file", &[]),
    kit("fd_inherited", "$ROAR sh -c 'cat <&7' 7<in", &["R in"]),
    kit("fd_unused", "$ROAR true 7<in", &[]),
    kit(
        "fd_read_write",
        "$ROAR sh -c 'echo x >&7' 7<>file",
        &["RM file"],
    ),
    kit("sh_redirect", "$ROAR sh -c 'cat <in >out'", IN_OUT),
    kit("here_document", "$ROAR cat <<x\nhello\nx\n", &[]),
    kit(
        "pipeline",
        "$ROAR sh -c 'cat in | sort | tee out >/dev/null'",
        IN_OUT,
    ),
    kit("killed", "$ROAR kit signal", &["R in"]),
    kit("exit_code", "$ROAR sh -c 'exit 42'", &[]),
    kit("env_i", "$ROAR env -i /bin/cp in out", IN_OUT),
    // Tools.
    kit("cp", "$ROAR cp in out", IN_OUT),
    kit("cp_reflink", "$ROAR cp --reflink=auto in out", IN_OUT),
    kit("cp_preserve", "$ROAR cp -p in file", &["R in", "M file"]),
    kit(
        "cp_tree",
        "$ROAR cp -r sub copy",
        &["C copy/in", "C copy/prog", "R sub/in", "R sub/prog"],
    ),
    kit("mv", "$ROAR mv file out", &["D file", "C out"]),
    kit("mv_over", "$ROAR mv in file", &["M file", "D in"]),
    kit(
        "mv_dir",
        "$ROAR mv sub dir",
        &["C dir/in", "C dir/prog", "D sub/in", "D sub/prog"],
    ),
    kit("ln_sf", "$ROAR ln -sf in file", &["M+l file"]),
    kit("install", "$ROAR install -m 644 in out", IN_OUT),
    kit("sed_i", "$ROAR sed -i s/old/new/ file", &["RM file"]),
    kit("tee", "$ROAR tee out <in", IN_OUT),
    kit("tee_a", "$ROAR tee -a file <in", &["RM file", "R in"]),
    kit(
        "dd_notrunc",
        "$ROAR dd if=in of=file bs=1 count=1 conv=notrunc status=none",
        &["RM file", "R in"],
    ),
    kit("touch_existing", "$ROAR touch file", &[]),
    kit("chmod", "$ROAR chmod 600 file", &[]),
    kit(
        "tar",
        "$ROAR tar cf out.tar in sub",
        &["R in", "C out.tar", "R sub/in", "R sub/prog"],
    ),
    case(
        "untar",
        "tar cf t.tar in; rm in",
        "$ROAR tar xf t.tar",
        &["C in", "R t.tar"],
    ),
    kit("gzip", "$ROAR gzip file", &["RD file", "C file.gz"]),
    case(
        "sort_o",
        "echo a >>file",
        "$ROAR sort -o file file",
        &["RM file"],
    ),
    kit(
        "split",
        "$ROAR split -b 1 in part.",
        &["R in", "C part.aa", "C part.ab", "C part.ac"],
    ),
    kit(
        "find_exec",
        "$ROAR find . -name in -exec cat {} +",
        &["R in", "R sub/in"],
    ),
    kit("diff", "$ROAR diff in sub/in", &["R in", "R sub/in"]),
    case(
        "make_j",
        "printf 'all: a.o b.o\\n\\tcat a.o b.o >all\\n%%.o: %%.c\\n\\tcat $< >$@\\n' >Makefile; \
         echo 1 >a.c; echo 2 >b.c",
        "$ROAR make -s -j2",
        &["R Makefile", "R a.c", "C a.o", "C all", "R b.c", "C b.o"],
    ),
    case(
        "gcc",
        "echo 'int main(void){return 0;}' >x.c",
        "$ROAR gcc -o x x.c",
        &["C x", "R x.c"],
    ),
    case(
        "git_commit",
        "git init -q .; git config user.name a; git config user.email a@b",
        "$ROAR sh -c 'git add in; git commit -q -m x'",
        &["R in", "?* .git/*"],
    ),
    case(
        "python",
        "echo 'x = 1' >mod.py; echo 'import mod; open(\"out\",\"w\").write(open(\"in\").read())' >p.py",
        "$ROAR python3 -B p.py",
        &["R in", "R mod.py", "C out", "R p.py"],
    ),
    case(
        "python_pyc",
        "echo 'x = 1' >mod.py; echo 'import mod' >p.py",
        "$ROAR python3 p.py",
        &["C __pycache__/mod.*", "R mod.py", "R p.py"],
    ),
    kit(
        "python_subprocess",
        "$ROAR python3 -c 'import subprocess as s; s.run([\"cp\",\"in\",\"out\"])'",
        IN_OUT,
    ),
    case(
        "sqlite_read",
        "sqlite3 db 'create table t(x); insert into t values(1)'",
        "$ROAR sqlite3 db 'select * from t'",
        &["R db"],
    ),
    case(
        "sqlite_write",
        "sqlite3 db 'create table t(x); insert into t values(1)'",
        "$ROAR sqlite3 db 'insert into t values(2)'",
        &["RM db"],
    ),
    case(
        "vim",
        "",
        "$ROAR vim -es -u NONE -c 's/old/new/' -c wq file",
        &["RM file"],
    ),
    kit(
        "strace_inside",
        "$ROAR strace -o log cat in",
        &["R in", "C log"],
    ),
    // Too long for the kernel's own way of telling a path.
    kit("longpath", "$ROAR kit longpath", &["C nnn*"]),
    kit("longpath_cwd", "$ROAR kit longpath_cwd", &["C nnn*"]),
];
