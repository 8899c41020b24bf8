/*
 * Runs one command and writes down what it cost, with everything it started.
 *
 *     measure REPORT SECONDS COMMAND [ARGUMENT...]
 *
 * The cost is counted over the command and all its descendants, also those that nobody waited for:
 * this process is their reaper. A descendant that outlives the command is given a second to end by
 * itself, then it is ended, so that it cannot disturb the next measurement; what it used counts. A
 * command that takes longer than SECONDS is killed.
 *
 * The program is small because a process inherits the peak memory of the one it was forked from.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINGER_MS = 1000, TERMINATE_MS = 1000, POLL_MS = 2 };

struct cost {
    long long cpu_us;
    long rss_kb;
};

static volatile sig_atomic_t timed_out;
static pid_t command_pid;

static void on_alarm(int signal) {
    (void)signal;
    timed_out = 1;
    kill(command_pid, SIGKILL);
}

static long long now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static long long micros(struct timeval time) { return time.tv_sec * 1000000LL + time.tv_usec; }

static void add(struct cost *cost, const struct rusage *usage) {
    cost->cpu_us += micros(usage->ru_utime) + micros(usage->ru_stime);
    if (usage->ru_maxrss > cost->rss_kb)
        cost->rss_kb = usage->ru_maxrss;
}

static pid_t start(char **argv) {
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        fprintf(stderr, "measure: cannot run '%s': %s\n", argv[0], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
    }
    return pid;
}

/* Waits for the command itself, reaping the orphans that come by. */
static int wait_for_command(struct cost *cost) {
    for (;;) {
        int status;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, 0, &usage);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            return -1;
        add(cost, &usage);
        if (pid == command_pid)
            return status;
    }
}

/* Reaps for at most `patience` milliseconds; returns whether nothing is left. */
static int reap_all(struct cost *cost, int patience) {
    for (int waited = 0; waited <= patience; waited += POLL_MS) {
        struct rusage usage;
        pid_t pid;
        while ((pid = wait4(-1, NULL, WNOHANG, &usage)) > 0)
            add(cost, &usage);
        if (pid < 0 && errno == ECHILD)
            return 1;
        usleep(POLL_MS * 1000);
    }
    return 0;
}

static pid_t parent_of(const char *pid) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return -1;
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = 0;
    /* The name stands in brackets and may hold anything: look behind the last one. */
    char *end = strrchr(line, ')');
    int parent;
    return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : -1;
}

/* Signals every child of this process; returns how many there were. */
static int signal_children(int signal) {
    int count = 0;
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    while (proc && (entry = readdir(proc))) {
        if (!isdigit((unsigned char)entry->d_name[0]) || parent_of(entry->d_name) != getpid())
            continue;
        kill(atoi(entry->d_name), signal);
        count++;
    }
    if (proc)
        closedir(proc);
    return count;
}

/* Ends what outlived the command; returns how many processes that were. */
static int end_the_rest(struct cost *cost) {
    if (reap_all(cost, LINGER_MS))
        return 0;
    int count = signal_children(SIGTERM);
    while (!reap_all(cost, TERMINATE_MS))
        signal_children(SIGKILL);
    return count;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: measure REPORT SECONDS COMMAND [ARGUMENT...]\n");
        return 2;
    }
    struct cost cost = {0, 0};
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGALRM, on_alarm);
    long long began = now_us();
    command_pid = start(argv + 3);
    alarm(atoi(argv[2]));
    int status = wait_for_command(&cost);
    alarm(0);
    long long wall = now_us() - began;
    int outlived = end_the_rest(&cost);
    FILE *report = fopen(argv[1], "w");
    if (!report)
        return 1;
    fprintf(report,
            "{\"cpu_us\": %lld, \"wall_us\": %lld, \"rss_kb\": %ld, \"exit\": %d, "
            "\"outlived\": %d, \"timed_out\": %d}\n",
            cost.cpu_us, wall, cost.rss_kb,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), outlived,
            (int)timed_out);
    return fclose(report) ? 1 : 0;
}
