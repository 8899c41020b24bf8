/*
 * Work for a tracer to watch, with as little of its own as can be.
 *
 *     work read BLOCK FILE            reads FILE from end to end, BLOCK bytes at a time
 *     work map FILE                   touches every page of FILE through a memory map
 *     work open THREADS FILES DIR     opens, reads and closes DIR/NN/NNNNNN for every number below
 *                                     FILES, shared out among THREADS threads
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, FOLDERS = 100, MOST_THREADS = 64 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int open_file(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    return fd;
}

static void read_file(size_t block, const char *path) {
    char *buffer = malloc(block);
    int fd = open_file(path);
    ssize_t got;
    if (!buffer)
        fail("malloc");
    while ((got = read(fd, buffer, block)) > 0)
        ;
    if (got < 0)
        fail(path);
    close(fd);
    free(buffer);
}

static void map_file(const char *path) {
    int fd = open_file(path);
    struct stat about;
    if (fstat(fd, &about) < 0)
        fail(path);
    const volatile char *bytes = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        fail("mmap");
    for (off_t at = 0; at < about.st_size; at += PAGE)
        (void)bytes[at];
    close(fd);
}

struct share {
    const char *dir;
    int first, step, files;
};

static void *open_share(void *argument) {
    const struct share *share = argument;
    char path[4096], bytes[64];
    for (int i = share->first; i < share->files; i += share->step) {
        snprintf(path, sizeof path, "%s/%02d/%06d", share->dir, i % FOLDERS, i);
        int fd = open_file(path);
        if (read(fd, bytes, sizeof bytes) < 0)
            fail(path);
        close(fd);
    }
    return NULL;
}

static void open_files(int threads, int files, const char *dir) {
    pthread_t handles[MOST_THREADS];
    struct share shares[MOST_THREADS];
    if (threads > MOST_THREADS)
        threads = MOST_THREADS;
    for (int i = 0; i < threads; i++) {
        shares[i] = (struct share){dir, i, threads, files};
        if (pthread_create(&handles[i], NULL, open_share, &shares[i]))
            fail("pthread_create");
    }
    for (int i = 0; i < threads; i++)
        pthread_join(handles[i], NULL);
}

int main(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[1], "read"))
        read_file(strtoul(argv[2], NULL, 10), argv[3]);
    else if (argc == 3 && !strcmp(argv[1], "map"))
        map_file(argv[2]);
    else if (argc == 5 && !strcmp(argv[1], "open"))
        open_files(atoi(argv[2]), atoi(argv[3]), argv[4]);
    else {
        fprintf(stderr, "usage: work read BLOCK FILE | map FILE | open THREADS FILES DIR\n");
        return 2;
    }
    return 0;
}
