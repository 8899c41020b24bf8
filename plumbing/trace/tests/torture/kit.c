/* Many small programs in one: `kit NAME` does one peculiar thing to the files `in`, `out`, … here.
 *
 * Whatever fails ends the program with 99, so that a case that did not do its work is not taken
 * for one that left no trace. Exit code 77 means that this kernel does not have the call. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

extern char **environ;

static void die(const char *what) {
    if (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM) exit(77);
    perror(what);
    exit(99);
}

#define E(call) ({ long r_ = (long)(call); if (r_ < 0) die(#call); r_; })
#define NEED(ptr) ({ __typeof__(ptr) p_ = (ptr); if (!p_) die(#ptr); p_; })

static char buf[4096];
static int rd(const char *p) { return E(open(p, O_RDONLY)); }
static int wr(const char *p) { return E(open(p, O_WRONLY | O_CREAT | O_TRUNC, 0644)); }
static void put(int fd, const char *s) { E(write(fd, s, strlen(s))); }
static void get(int fd) { E(read(fd, buf, sizeof buf)); }
static void wait_for(pid_t pid) {
    int status;
    E(waitpid(pid, &status, 0));
    if (!WIFEXITED(status) || WEXITSTATUS(status)) exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
}

static void c_openat2(void) {
    struct open_how how = {.flags = O_RDONLY};
    get(E(syscall(SYS_openat2, AT_FDCWD, "in", &how, sizeof how)));
    how.flags = O_WRONLY | O_CREAT, how.mode = 0644;
    put(E(syscall(SYS_openat2, AT_FDCWD, "out", &how, sizeof how)), "x");
}
static void c_openat2_in_root(void) {
    int sub = E(open("sub", O_PATH | O_DIRECTORY));
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
    get(E(syscall(SYS_openat2, sub, "/../abs", &how, sizeof how)));
}
static void c_creat(void) { put(E(creat("out", 0644)), "x"); }
static void c_dup(void) {
    E(dup2(rd("in"), 50)), E(dup2(wr("out"), 51));
    get(50), put(51, "x");
}
static void c_fallocate(void) { E(fallocate(E(open("out", O_WRONLY | O_CREAT, 0644)), 0, 0, 10)); }
static void c_freopen(void) {
    NEED(freopen("in", "r", stdin)), NEED(freopen("out", "w", stdout));
    putchar(getchar());
}
static void c_stdio(void) {
    FILE *in = NEED(fopen("in", "r")), *out = NEED(fopen("out", "w"));
    fputc(fgetc(in), out), fclose(out);
}
static void must(int holds) {
    if (!holds) exit(96);
}
/* Streams of all kinds are what they are without us: as they are opened, and as they are refused. */
static void c_streams(void) {
    FILE *s = NEED(fopen("in", "re"));
    must(fcntl(fileno(s), F_GETFD) == FD_CLOEXEC && ftell(s) == 0 && fgetc(s) == 'i');
    must(!fseek(s, 1, SEEK_SET) && fgetc(s) == 'n' && fputc('x', s) == EOF && errno == EBADF && !fclose(s));
    s = NEED(fopen64("in", "rb")), must(fcntl(fileno(s), F_GETFD) == 0 && !fclose(s));
    must(!fopen("none", "r") && errno == ENOENT), must(!fopen("in", "?") && errno == EINVAL);
    must(!fopen("in", "wx") && errno == EEXIST), must(!fopen((char *)1, "r") && errno == EFAULT);
    s = NEED(fopen("in", "r,ccs=UTF-8")), must(fgetwc(s) == L'i' && !fclose(s));
    s = NEED(fopen(".", "r")), must(fgetc(s) == EOF && errno == EISDIR && !fclose(s));
    E(mkfifo("fifo", 0644));
    pid_t child = E(fork());
    if (child == 0) s = NEED(fopen("fifo", "w")), fputc('f', s), fclose(s), _exit(0);
    s = NEED(fopen("fifo", "r")), must(fgetc(s) == 'f' && !fclose(s)), wait_for(child);
    s = NEED(fopen("file", "r+")), must(fgetc(s) == 'o' && !fseek(s, 0, SEEK_SET) && fputc('O', s) == 'O'), fclose(s);
    s = NEED(fopen("out", "w")), must(fputc('x', s) == 'x' && !fclose(s));
    s = NEED(fopen("out", "a")), must(fputc('y', s) == 'y' && ftell(s) == 2 && !fclose(s));
}
/* Looks for a program in directories, of which some are none, and returns why it was not executed. */
static int search(const char *path, const char *name) {
    char *argv[] = {(char *)name, 0};
    if (path) setenv("PATH", path, 1);
    else unsetenv("PATH");
    errno = 0;
    pid_t pid = vfork();
    if (pid == 0) execvp(name, argv), _exit(0);
    if (errno == 0) wait_for(pid);
    else waitpid(pid, 0, 0);
    return errno;
}
static void c_search(void) {
    char none[8192], far[8192], *argv[] = {"x", 0}, *here = NEED(get_current_dir_name());
    sprintf(none, "%s/none:%s/in/x:%s/none/more", here, here, here), sprintf(far, "%s:%s/sub:%s/bin", none, here, here);
    must(execve("none", argv, environ) < 0 && errno == ENOENT), must(execve("in/x", argv, environ) < 0 && errno == ENOTDIR);
    must(execve("sub", argv, environ) < 0 && errno == EACCES), must(execve((char *)1, argv, environ) < 0 && errno == EFAULT);
    must(execv("none", argv) < 0 && errno == ENOENT), must(execv("in/x", argv) < 0 && errno == ENOTDIR);
    must(search(none, "script") == ENOENT), must(search(none, "") == ENOENT), must(search("", "none") == ENOENT);
    must(search(far, "script") == 0), must(search("none:bin", "script") == 0), must(search(0, "true") == 0);
    must(search("none:sub", "script") == EACCES), sprintf(far, "%s:%s/sub", none, here), must(search(far, "script") == EACCES);
}
static void c_mmap_read(void) {
    char *p = mmap(0, 4, PROT_READ, MAP_PRIVATE, rd("in"), 0);
    if (p == MAP_FAILED || p[0] == 0) die("mmap");
}
static void c_mmap_write(void) {
    int fd = E(open("file", O_RDWR));
    char *p = mmap(0, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) die("mmap");
    close(fd), p[0] = 'Z';
}
static void c_mmap_mprotect(void) {
    int fd = E(open("file", O_RDWR));
    char *p = mmap(0, 4, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) die("mmap");
    E(mprotect(p, 4, PROT_READ | PROT_WRITE)), p[0] = 'Z';
}
static void c_preadv(void) {
    struct iovec v = {buf, 2};
    E(preadv(rd("in"), &v, 1, 0)), E(pwritev(wr("out"), &v, 1, 0));
}
static void c_sendfile(void) { E(sendfile(wr("out"), rd("in"), 0, 100)); }
static void c_splice(void) {
    int p[2];
    E(pipe(p)), E(splice(rd("in"), 0, p[1], 0, 100, 0)), E(splice(p[0], 0, wr("out"), 0, 100, 0));
}
static void c_copy_file_range(void) { E(copy_file_range(rd("in"), 0, wr("out"), 0, 100, 0)); }
static void tmpfile_link(const char *text, int by_proc) {
    char path[64];
    int fd = E(open(".", O_TMPFILE | O_WRONLY, 0644));
    if (*text) put(fd, text);
    sprintf(path, "/proc/self/fd/%d", fd);
    if (by_proc) E(linkat(AT_FDCWD, path, AT_FDCWD, "out", AT_SYMLINK_FOLLOW));
    else E(linkat(fd, "", AT_FDCWD, "out", AT_EMPTY_PATH));
}
static void c_tmpfile_link(void) { tmpfile_link("x", 1); }
static void c_tmpfile_link_empty(void) { tmpfile_link("", 1); }
static void c_tmpfile_link_fd(void) { tmpfile_link("x", 0); }
static void c_tmpfile_lost(void) { put(E(open(".", O_TMPFILE | O_WRONLY, 0644)), "x"); }
static void c_truncate(void) { E(truncate("file", 1)); }
static void c_truncate_zero(void) { E(truncate("file", 0)); }
static void c_truncate_grow(void) { E(truncate("file", 1 << 20)); }
static void c_ftruncate(void) { E(ftruncate(E(open("out", O_WRONLY | O_CREAT, 0644)), 1L << 22)); }
static void c_link(void) { E(link("in", "out")); }
static void c_link_follow(void) { E(linkat(AT_FDCWD, "lnk", AT_FDCWD, "out", AT_SYMLINK_FOLLOW)); }
static void c_link_read(void) { E(link("in", "out")), get(rd("out")); }
static void c_rename(void) { put(wr("tmp"), "x"), E(rename("tmp", "out")); }
static void c_renameat(void) {
    int a = E(open("a", O_RDONLY | O_DIRECTORY)), b = E(open("b", O_PATH));
    put(E(openat(a, "t", O_CREAT | O_WRONLY, 0644)), "x"), E(renameat(a, "t", b, "out"));
}
static void c_rename_over(void) { put(wr("tmp"), "x"), E(rename("tmp", "file")); }
static void c_rename_away_and_back(void) { E(rename("file", "other")), E(rename("other", "file")); }
static void c_exchange(void) {
    put(wr("b"), "x");
    E(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 2));
}
static void c_noreplace(void) {
    if (syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 1) == 0) exit(99);
}
static void c_rename_dir(void) {
    E(mkdir("d", 0755)), put(wr("d/out"), "x"), E(rename("d", "e"));
    put(E(open("e/out", O_WRONLY | O_APPEND)), "y");
}
static void c_rename_dir_with_files(void) { E(rename("old", "new")); }
static void c_exchange_dirs(void) {
    E(syscall(SYS_renameat2, AT_FDCWD, "p", AT_FDCWD, "q", 2));
    get(rd("q/only_p"));
}
static void c_replace_input(void) {
    get(rd("file")), put(wr("tmp"), "x"), E(rename("tmp", "file"));
}
static void c_read_then_unlink(void) { get(rd("file")), E(unlink("file")); }
static void c_read_unlink_create(void) {
    get(rd("file")), E(unlink("file")), put(E(open("file", O_CREAT | O_EXCL | O_WRONLY, 0644)), "new");
}
static void c_update_in_place(void) {
    int fd = E(open("file", O_RDWR));
    get(fd), E(pwrite(fd, "Z", 1, 0));
}
static void c_same_bytes(void) {
    int fd = E(open("file", O_WRONLY));
    usleep(20000), E(pwrite(fd, "old", 3, 0));
}
static void c_rdwr_readonly(void) { get(E(open("in", O_RDWR))); }
static void c_wronly_nothing(void) { E(open("in", O_WRONLY)); }
static void c_write_zero(void) { E(write(E(open("in", O_WRONLY)), "", 0)); }
static void c_opath_only(void) {
    struct stat st;
    E(fstat(E(open("in", O_PATH)), &st));
}
static void c_failed_opens(void) {
    if (open("none", O_RDONLY) >= 0 || open("in", O_CREAT | O_EXCL | O_WRONLY, 0644) >= 0) exit(99);
    if (open("lnk", O_RDONLY | O_NOFOLLOW) >= 0 || open("in/x", O_RDONLY) >= 0) exit(99);
    if (open("no/x", O_CREAT | O_WRONLY, 0644) >= 0 || rename("none", "in") == 0) exit(99);
    if (unlink("none") == 0 || link("in", "lnk") == 0 || symlink("x", "in") == 0) exit(99);
    if (open((char *)8, O_RDONLY) >= 0 || open("", O_RDONLY) >= 0) exit(99);
}
static void c_touch_empty(void) { E(open("out", O_WRONLY | O_CREAT, 0644)); }
static void c_read_creates(void) { E(open("out", O_RDONLY | O_CREAT, 0644)); }
static void c_dangling(void) { put(wr("lnk"), "x"); }
static void c_create_delete(void) { put(wr("out"), "x"), E(unlink("out")); }
static void c_trunc_write_read(void) {
    int fd = E(open("file", O_RDWR | O_TRUNC));
    put(fd, "new"), E(lseek(fd, 0, SEEK_SET)), get(fd), get(rd("file"));
}
static void c_own_output(void) { put(wr("out"), "x"), get(rd("out")); }
static void c_write_after_unlink(void) {
    int fd = E(open("file", O_WRONLY | O_APPEND));
    E(unlink("file")), put(fd, "x");
}
static void c_proc_self_fd(void) {
    char path[64];
    sprintf(path, "/proc/self/fd/%d", (int)E(open("in", O_PATH)));
    get(rd(path));
    sprintf(path, "/dev/fd/%d", (int)E(open("out", O_WRONLY | O_CREAT, 0644)));
    put(E(open(path, O_WRONLY)), "x");
}
static void *cross(void *fd) { return get((int)(long)fd), put(wr("out"), "x"), NULL; }
static void c_thread_cross_fd(void) {
    pthread_t t;
    if (pthread_create(&t, 0, cross, (void *)(long)rd("in"))) die("thread");
    pthread_join(t, 0);
}
static void *chdir_thread(void *x) { return E(chdir("sub")), put(wr("out"), "x"), x; }
static void c_thread_chdir(void) {
    pthread_t t;
    if (pthread_create(&t, 0, chdir_thread, 0)) die("thread");
    pthread_join(t, 0), get(rd("in"));
}
static void *own_fs_thread(void *x) {
    return E(unshare(CLONE_FS)), E(chdir("sub")), put(wr("out"), "x"), x;
}
static void c_thread_own_cwd(void) {
    pthread_t t;
    if (pthread_create(&t, 0, own_fs_thread, 0)) die("thread");
    pthread_join(t, 0), get(rd("in"));
}
static void c_vfork_chdir(void) {
    pid_t pid = vfork();
    if (!pid) {
        if (chdir("sub")) _exit(99);
        execl("/bin/cat", "cat", "in", (char *)0), _exit(99);
    }
    wait_for(pid);
}
static void c_spawn(void) {
    char *argv[] = {"cat", "in", 0};
    pid_t pid;
    posix_spawn_file_actions_t a;
    posix_spawn_file_actions_init(&a);
    posix_spawn_file_actions_addopen(&a, 1, "out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (posix_spawn(&pid, "/bin/cat", &a, 0, argv, environ)) die("spawn");
    wait_for(pid);
}
static int shared_files(void *x) { return E(dup2(rd("in"), 60)), (void)x, 0; }
static void c_clone_files(void) {
    static char stack[65536];
    wait_for(E(clone(shared_files, stack + sizeof stack, CLONE_FILES | SIGCHLD, 0)));
    get(60);
}
static void c_clone3(void) {
    struct { unsigned long long f[8]; } args = {{0, 0, 0, 0, SIGCHLD}};
    pid_t pid = E(syscall(SYS_clone3, &args, sizeof args));
    if (!pid) get(rd("in")), put(wr("out"), "x"), _exit(0);
    wait_for(pid);
}
static void c_daemon(void) {
    int p[2];
    E(pipe(p));
    if (!E(fork())) {
        E(setsid());
        if (E(fork())) _exit(0);
        put(wr("out"), "x"), put(p[1], "done"), _exit(0);
    }
    close(p[1]), get(p[0]);
}
static void c_scm_rights(void) {
    int s[2], fd;
    char control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec v = {buf, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    E(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    if (!E(fork())) {
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof fd);
        fd = wr("out"), memcpy(CMSG_DATA(c), &fd, sizeof fd);
        E(sendmsg(s[1], &m, 0)), _exit(0);
    }
    E(recvmsg(s[0], &m, 0));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd), put(fd, "x");
}
static void c_pidfd_getfd(void) {
    int p[2];
    E(pipe(p));
    pid_t pid = E(fork());
    if (!pid) E(dup2(wr("out"), 70)), put(p[1], "x"), pause();
    get(p[0]);
    put(E(syscall(SYS_pidfd_getfd, E(syscall(SYS_pidfd_open, pid, 0)), 70, 0)), "x");
    kill(pid, SIGKILL);
}
static void c_fchdir(void) {
    E(fchdir(E(open("sub", O_RDONLY | O_DIRECTORY))));
    get(rd("../in")), put(wr("out"), "x");
}
static void c_dirfd(void) {
    int d = E(open("sub", O_PATH));
    get(E(openat(d, "in", O_RDONLY))), put(E(openat(d, "../out", O_WRONLY | O_CREAT, 0644)), "x");
}
static void c_fork_cwd(void) {
    if (!E(fork())) E(chdir("sub")), put(wr("out"), "x"), _exit(0);
    wait(0), get(rd("in"));
}
static void c_rawsys(void) {
    char *in = "in", *out = "out";
    int fd = E(syscall(SYS_open, in, O_RDONLY)), o = E(syscall(SYS_open, out, O_WRONLY | O_CREAT, 0644));
    get(fd), put(o, "x");
}
static long int80(long n, long a, long b, long c) {
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
    return r;
}
static void c_int80(void) {
    char *low = mmap((void *)0x100000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (low == MAP_FAILED) die("mmap");
    strcpy(low, "in"), strcpy(low + 8, "out");
    int fd = int80(5, (long)low, O_RDONLY, 0);
    if (fd == -ENOSYS) exit(77);
    if (fd < 0) exit(99);
    get(fd);
    int out = int80(295, AT_FDCWD & 0xffffffff, (long)low + 8, O_WRONLY | O_CREAT);
    if (out < 0) exit(99);
    put(out, "x");
}
static void c_execveat(void) {
    char *argv[] = {"cat", "in", 0};
    int d = E(open("sub", O_PATH));
    E(syscall(SYS_execveat, d, "prog", argv, environ, 0));
}
static void c_fexecve(void) {
    char *argv[] = {"cat", "in", 0};
    E(fexecve(E(open("sub/prog", O_PATH | O_CLOEXEC)), argv, environ));
}
static void c_memfd(void) {
    char *argv[] = {"cat", "in", 0};
    int m = E(memfd_create("m", MFD_CLOEXEC)), f = rd("sub/prog");
    struct stat st;
    E(fstat(f, &st)), E(sendfile(m, f, 0, st.st_size)), E(fexecve(m, argv, environ));
}
static void *exec_thread(void *x) { return E(execl("sub/prog", "cat", "in", (char *)0)), x; }
static void c_exec_from_thread(void) {
    pthread_t t;
    if (pthread_create(&t, 0, exec_thread, 0)) die("thread");
    pthread_join(t, 0);
}
static void c_chroot(void) {
    E(chroot("jail")), E(chdir("/"));
    get(rd("/data/in")), get(rd("abs")), put(wr("/out"), "x");
}
static void c_mount_ns(void) {
    E(unshare(CLONE_NEWNS)), E(mount("", "/", 0, MS_REC | MS_PRIVATE, 0));
    get(rd("in")), put(wr("out"), "x");
}
static void c_bind_mount(void) {
    E(unshare(CLONE_NEWNS)), E(mount("", "/", 0, MS_REC | MS_PRIVATE, 0));
    E(mount("a", "b", 0, MS_BIND, 0)), get(rd("b/in"));
}
struct handle { unsigned bytes; int type; unsigned char f[128]; };
static void c_handle(void) {
    struct handle h = {.bytes = 128};
    int mount;
    E(syscall(SYS_name_to_handle_at, AT_FDCWD, "in", &h, &mount, 0));
    get(E(syscall(SYS_open_by_handle_at, AT_FDCWD, &h, O_RDONLY)));
}
static void c_uring(void) {
    char params[256] = {0};
    if (syscall(SYS_io_uring_setup, 4, params) < 0) exit(77);
}
static void c_longpath(void) {
    char name[201];
    memset(name, 'n', 200), name[200] = 0;
    int d = E(open(".", O_PATH));
    for (int i = 0; i < 25; i++) {
        E(mkdirat(d, name, 0755));
        d = E(openat(d, name, O_PATH | O_DIRECTORY));
    }
    put(E(openat(d, "out", O_WRONLY | O_CREAT, 0644)), "x");
}
static void c_longpath_cwd(void) {
    char name[201];
    memset(name, 'n', 200), name[200] = 0;
    for (int i = 0; i < 25; i++) E(mkdir(name, 0755)), E(chdir(name));
    put(wr("out"), "x");
}
static void c_long_argument(void) {
    char path[4090] = "";
    while (strlen(path) < 4080) strcat(path, "./");
    strcat(path, "in"), get(rd(path));
}
static void c_names(void) {
    put(wr("new\nline"), "x"), put(wr("\xff\xfe"), "x"), put(wr("tab\t\"quote'\x1b[31m"), "x");
    memset(buf, 'y', 255), buf[255] = 0, put(wr(buf), "x");
}
static void c_symlink(void) { E(symlink("in", "lnk")), get(rd("lnk")); }
static void c_symlink_swapped(void) {
    get(rd("lnk")), E(symlink("b", "tmp")), E(rename("tmp", "lnk")), get(rd("lnk"));
}
static void c_dir_symlink_swapped(void) {
    get(rd("cur/in")), E(symlink("v2", "tmp")), E(rename("tmp", "cur")), get(rd("cur/in"));
}
static void c_special(void) {
    E(mkfifo("fifo", 0644));
    E(open("fifo", O_RDWR)), get(rd("/dev/zero")), get(rd("/proc/self/status"));
    put(E(open("/dev/null", O_WRONLY | O_TRUNC)), "x");
}
static void c_move_then_read(void) { E(rename("file", "moved")), get(rd("moved")); }
static void c_move_then_append(void) {
    E(rename("file", "moved")), put(E(open("moved", O_WRONLY | O_APPEND)), "x");
}
static void c_nobody(void) {
    E(setresgid(65534, 65534, 65534)), E(setresuid(65534, 65534, 65534));
    get(rd("in"));
    if (open("in", O_RDWR) >= 0 || unlink("in") == 0 || open("new", O_CREAT | O_WRONLY, 0644) >= 0) exit(99);
}
/* Forbids itself, after its first file, all but what opening a file needs without us. */
static void c_sandbox(void) {
    get(rd("file"));
#define DENY(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), DENY(SYS_getpid), DENY(SYS_getppid), DENY(SYS_getcwd),
        DENY(SYS_fstat), DENY(SYS_readlink), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    E(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)), E(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    get(rd("in")), put(wr("out"), "x");
}
/* Forbids itself, before its first file, what streams and programs do not need without us. */
static void c_sandbox_first(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), DENY(SYS_fcntl), DENY(SYS_stat), DENY(SYS_openat2),
        DENY(SYS_readlinkat), DENY(SYS_getpid), DENY(SYS_getcwd), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    E(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)), E(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    FILE *in = fopen("in", "r");
    if (!in || fgetc(in) == EOF) die("in");
    put(wr("out"), "x"), execl("/bin/true", "true", (char *)0);
}
static void *read_many(void *first) {
    char name[32];
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "many/%d", ((int)(long)first + i) % 3000);
        close(rd(name));
    }
    return 0;
}
/* Several threads of several processes read thousands of files, and call for nothing else. */
static void c_flood(void) {
    pid_t child = E(fork());
    pthread_t threads[3];
    for (long i = 0; i < 3; i++) E(-pthread_create(&threads[i], 0, read_many, (void *)(i * 1000)));
    for (int i = 0; i < 3; i++) E(-pthread_join(threads[i], 0));
    if (child == 0) _exit(0);
    wait_for(child);
}
/* Readers are killed at whatever they are doing; what is read afterwards must be told still. */
static void c_killed_readers(void) {
    for (int n = 0; n < 200; n++) {
        int ready[2];
        E(pipe(ready));
        pid_t child = E(fork());
        if (child == 0) {
            for (int i = 0;; i++) {
                close(rd("in"));
                if (i == n) put(ready[1], "x");
            }
        }
        get(ready[0]), E(kill(child, SIGKILL)), E(waitpid(child, 0, 0));
        close(ready[0]), close(ready[1]);
    }
    get(rd("file"));
}
/* There is no memory left to map anything. */
static void c_no_memory(void) {
    struct rlimit none = {1, 1};
    E(setrlimit(RLIMIT_AS, &none));
    int in = rd("in"), out = wr("out");
    get(in), put(out, "x");
}
/* Locks belong to the process, and end when it closes any descriptor of the file. */
static void c_locks(void) {
    static char name[250];
    memset(name, 'l', sizeof name - 1), memcpy(name, "long", 4);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    put(wr(name), "x");
    int file = E(open(name, O_RDWR));
    E(fcntl(file, F_SETLK, &lock)), get(rd("in")), get(rd(name));
    pid_t child = E(fork());
    if (child == 0) E(fcntl(file, F_GETLK, &lock)), _exit(lock.l_type == F_WRLCK ? 0 : 97);
    wait_for(child);
}
static void c_other_pid(void) {
    get(rd("in"));
    pid_t child = E(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
    if (child == 0) get(rd("file")), _exit(0);
    wait_for(child);
}
static void open_in_handler(int signal) { get(rd("in")), put(wr("out"), "x"); }
static void c_signal_handler(void) { signal(SIGUSR1, open_in_handler), raise(SIGUSR1); }
static void c_signal(void) { get(rd("in")), raise(SIGTERM); }

#define CASE(name) {#name, c_##name}
static const struct { const char *name; void (*run)(void); } cases[] = {
    CASE(openat2), CASE(openat2_in_root), CASE(creat), CASE(dup), CASE(fallocate), CASE(freopen),
    CASE(stdio), CASE(streams), CASE(search), CASE(mmap_read), CASE(mmap_write), CASE(mmap_mprotect), CASE(preadv), CASE(sendfile),
    CASE(splice), CASE(copy_file_range), CASE(tmpfile_link), CASE(tmpfile_link_empty),
    CASE(tmpfile_link_fd), CASE(tmpfile_lost), CASE(truncate), CASE(truncate_zero),
    CASE(truncate_grow), CASE(ftruncate), CASE(link), CASE(link_follow), CASE(link_read), CASE(rename),
    CASE(renameat), CASE(rename_over), CASE(rename_away_and_back), CASE(exchange), CASE(noreplace),
    CASE(rename_dir), CASE(rename_dir_with_files), CASE(exchange_dirs), CASE(replace_input),
    CASE(read_then_unlink), CASE(read_unlink_create), CASE(update_in_place), CASE(same_bytes),
    CASE(rdwr_readonly), CASE(wronly_nothing), CASE(write_zero), CASE(opath_only), CASE(failed_opens),
    CASE(touch_empty), CASE(read_creates), CASE(dangling), CASE(create_delete), CASE(trunc_write_read),
    CASE(own_output), CASE(write_after_unlink), CASE(proc_self_fd), CASE(thread_cross_fd),
    CASE(thread_chdir), CASE(thread_own_cwd), CASE(vfork_chdir), CASE(spawn), CASE(clone_files),
    CASE(clone3), CASE(daemon), CASE(scm_rights), CASE(pidfd_getfd), CASE(fchdir), CASE(dirfd),
    CASE(fork_cwd), CASE(rawsys), CASE(int80), CASE(execveat), CASE(fexecve), CASE(memfd),
    CASE(exec_from_thread), CASE(chroot), CASE(mount_ns), CASE(bind_mount), CASE(handle), CASE(uring),
    CASE(longpath), CASE(longpath_cwd), CASE(long_argument), CASE(names), CASE(symlink),
    CASE(symlink_swapped), CASE(dir_symlink_swapped), CASE(special), CASE(move_then_read),
    CASE(move_then_append), CASE(nobody), CASE(signal), CASE(sandbox), CASE(sandbox_first),
    CASE(flood), CASE(killed_readers), CASE(no_memory), CASE(signal_handler), CASE(locks), CASE(other_pid),
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof *cases; i++)
        if (!strcmp(argv[1], cases[i].name)) return cases[i].run(), 0;
    return 98;
}
