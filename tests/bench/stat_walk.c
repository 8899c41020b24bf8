/*
 * Walks a directory with several threads and looks at everything in it: what no program that names
 * unchanged files anew can do without.
 *
 *     stat_walk DIR [THREADS]
 *
 * Prints how many files and directories there are, and the bytes of the files.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static char **stack;
static size_t depth, room, busy;
static unsigned long long files, bytes;

static void push(char *path)
{
    pthread_mutex_lock(&lock);
    if (depth == room) {
        room = room ? room * 2 : 1024;
        stack = realloc(stack, room * sizeof *stack);
    }
    stack[depth++] = path;
    pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
}

static char *pop(void)
{
    char *path = NULL;
    pthread_mutex_lock(&lock);
    while (depth == 0 && busy > 0)
        pthread_cond_wait(&wake, &lock);
    if (depth > 0) {
        path = stack[--depth];
        busy++;
    } else {
        pthread_cond_broadcast(&wake);
    }
    pthread_mutex_unlock(&lock);
    return path;
}

static void look_into(const char *path)
{
    unsigned long long found = 0, size = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat st;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        found++;
        if (S_ISDIR(st.st_mode)) {
            char *below;
            if (asprintf(&below, "%s/%s", path, entry->d_name) > 0)
                push(below);
        } else {
            size += st.st_size;
        }
    }
    closedir(dir);
    pthread_mutex_lock(&lock);
    files += found;
    bytes += size;
    busy--;
    if (busy == 0 && depth == 0)
        pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);
}

static void *work(void *unused)
{
    for (char *path; (path = pop());) {
        look_into(path);
        free(path);
    }
    return unused;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fputs("usage: stat_walk DIR [THREADS]\n", stderr);
        return 2;
    }
    int threads = argc > 2 ? atoi(argv[2]) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t *ids = calloc(threads, sizeof *ids);
    push(strdup(argv[1]));
    for (int i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, work, NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    printf("%llu %llu\n", files, bytes);
    return 0;
}
