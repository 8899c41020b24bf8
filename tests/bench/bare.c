/* The least that watching by seccomp user notification can cost: `bare COMMAND [ARGUMENT…]` takes every
 * call that names a file, reads the name from the caller's memory, and lets the call go. Nothing is looked
 * at, understood or kept. A watcher that does its work is measured against this. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* `SECCOMP_IOCTL_NOTIF_SET_FLAGS` and `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`; older headers lack them. */
#define SET_FLAGS 0x40082104UL
#define SYNC_WAKE_UP 1UL

enum { PATH_STEP = 512 };

/* Calls with the name of a file, and which argument that is. */
static const struct named {
    int number, argument;
} NAMED[] = {
#ifdef __NR_open
    {__NR_open, 0},      {__NR_creat, 0},     {__NR_rename, 0},  {__NR_link, 0},
    {__NR_unlink, 0},    {__NR_symlink, 1},   {__NR_renameat, 1},
#endif
    {__NR_openat, 1},    {__NR_openat2, 1},   {__NR_execve, 0},  {__NR_execveat, 1},
    {__NR_renameat2, 1}, {__NR_linkat, 1},    {__NR_unlinkat, 1}, {__NR_symlinkat, 2},
    {__NR_truncate, 0},
};
enum { NAMES = sizeof NAMED / sizeof *NAMED };

static void fail(const char *what) {
    fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* Installs the filter for this process and its children; returns the listener. */
static int listen_to_calls(void) {
    struct sock_filter filter[NAMES + 3];
    int at = 0;
    filter[at++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < NAMES; i++) {
        unsigned char to_notify = NAMES - i;
        filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NAMED[i].number,
                                                    to_notify, 0);
    }
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    struct sock_fprog program = {at, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        fail("prctl");
    int fd = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (fd < 0)
        fail("seccomp");
    return fd;
}

static void send_descriptor(int socket, int fd) {
    char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec bytes = {&byte, 1};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (sendmsg(socket, &message, 0) < 0)
        fail("sendmsg");
}

static int receive_descriptor(int socket) {
    int fd = -1;
    char byte, control[CMSG_SPACE(sizeof fd)];
    struct iovec bytes = {&byte, 1};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    if (recvmsg(socket, &message, 0) <= 0 || !CMSG_FIRSTHDR(&message))
        fail("recvmsg");
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static void read_name(const struct seccomp_notif *call) {
    char name[PATH_STEP];
    for (int i = 0; i < NAMES; i++) {
        if (NAMED[i].number != call->data.nr)
            continue;
        unsigned long address = call->data.args[NAMED[i].argument];
        unsigned long room = 4096 - address % 4096;
        struct iovec ours = {name, sizeof name};
        struct iovec theirs = {(void *)address, room < sizeof name ? room : sizeof name};
        process_vm_readv(call->pid, &ours, 1, &theirs, 1, 0);
        return;
    }
}

static void let_all_go(int listener) {
    ioctl(listener, SET_FLAGS, SYNC_WAKE_UP);
    for (;;) {
        struct pollfd wait = {listener, POLLIN, 0};
        if (poll(&wait, 1, -1) < 0 || !(wait.revents & POLLIN))
            return;
        struct seccomp_notif call = {0};
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
            continue;
        read_name(&call);
        struct seccomp_notif_resp answer = {.id = call.id,
                                            .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
}

int main(int argc, char **argv) {
    int ends[2];
    if (argc < 2 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        fail("usage: bare COMMAND [ARGUMENT…]");
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        int listener = listen_to_calls();
        send_descriptor(ends[1], listener);
        close(listener);
        execvp(argv[1], argv + 1);
        fail(argv[1]);
    }
    close(ends[1]);
    let_all_go(receive_descriptor(ends[0]));
    int status;
    if (waitpid(child, &status, 0) < 0)
        fail("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
