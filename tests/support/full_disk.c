/*
 * Preloaded into a process (LD_PRELOAD), lets its disk be full or broken from a chosen write on; for tests only.
 *
 *   ESIGN_DISK_FOLDER  whose files, at any depth, are on that disk
 *   ESIGN_DISK_FAULT   a file "<n> <errno>": the n-th write from its appearance on, and every one after it, fails so,
 *                      until it is gone. Without it nothing happens
 *   ESIGN_DISK_HITS    written: a byte for every write that failed
 *
 * A write is whatever changes a file or makes it durable: write, pwrite, ftruncate, fsync, fdatasync, rename, and open
 * where it makes a file. Removing works on a full disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long writes;
static struct timespec armed;

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
    real_open = real("open");
    real_write = real("write");
}

static int ours(const char *path) {
    const char *folder = getenv("ESIGN_DISK_FOLDER");
    return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

/* What this write answers: 0, or an errno. */
static int failing(void) {
    const char *fault = getenv("ESIGN_DISK_FAULT"), *hits = getenv("ESIGN_DISK_HITS");
    struct stat found;
    if (!fault || stat(fault, &found)) return 0;
    char text[64] = {0};
    int fd = real_open(fault, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    long first;
    int problem;
    if (n <= 0 || sscanf(text, "%ld %d", &first, &problem) != 2) return 0;
    pthread_mutex_lock(&lock);
    if (armed.tv_sec != found.st_mtim.tv_sec || armed.tv_nsec != found.st_mtim.tv_nsec) writes = 0, armed = found.st_mtim;
    int hit = ++writes >= first;
    pthread_mutex_unlock(&lock);
    if (hit && hits && (fd = real_open(hits, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) >= 0) {
        if (real_write(fd, "!", 1) != 1) abort();
        close(fd);
    }
    return hit ? problem : 0;
}

static int fails(const char *path) {
    if (!ours(path)) return 0;
    int problem = failing();
    if (problem) errno = problem;
    return problem;
}

static int fails_at(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return fails(path);
}

ssize_t write(int fd, const void *data, size_t size) {
    if (!real_write) begin();
    return fails_at(fd) ? -1 : real_write(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return fails_at(fd) ? -1 : ((ssize_t (*)(int, const void *, size_t, off_t))real("pwrite"))(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return fails_at(fd) ? -1 : ((ssize_t (*)(int, const void *, size_t, off64_t))real("pwrite64"))(fd, data, size, at);
}

int ftruncate(int fd, off_t size) {
    return fails_at(fd) ? -1 : ((int (*)(int, off_t))real("ftruncate"))(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    return fails_at(fd) ? -1 : ((int (*)(int, off64_t))real("ftruncate64"))(fd, size);
}

int fsync(int fd) { return fails_at(fd) ? -1 : ((int (*)(int))real("fsync"))(fd); }

int fdatasync(int fd) { return fails_at(fd) ? -1 : ((int (*)(int))real("fdatasync"))(fd); }

int rename(const char *from, const char *to) {
    return fails(to) ? -1 : ((int (*)(const char *, const char *))real("rename"))(from, to);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (!real_open) begin();
    return flags & O_CREAT && fails(path) ? -1 : real_open(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (flags & O_CREAT && fails(path)) return -1;
    return ((int (*)(const char *, int, ...))real("open64"))(path, flags, mode);
}
