/* Faults from below, for one process: preloaded, it changes what the C library says, as a shared file of three
 * 64-bit numbers wishes from moment to moment. [0]: nanoseconds by which the wall clock is wrong (the steady clock
 * stays right, as when somebody sets a machine's time). [1]: not 0, and no file can grow: the disk is full, while
 * what is there can be overwritten. [2]: not 0, and no host name can be resolved. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t none[3];
static const volatile int64_t *wish = none;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULT_SHIM_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *shared = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED) wish = shared;
    close(fd);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int clock_gettime(clockid_t clock, struct timespec *at) {
    static __typeof__(&clock_gettime) real;
    if (!real) real = REAL(clock_gettime);
    int result = real(clock, at);
    int64_t wrong = wish[0];
    if (result == 0 && wrong && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t now = at->tv_sec * INT64_C(1000000000) + at->tv_nsec + wrong;
        at->tv_sec = now / 1000000000, at->tv_nsec = now % 1000000000;
    }
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec, at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

static int full(int fd, off_t end) {
    struct stat about;
    if (!wish[1] || fstat(fd, &about) || !S_ISREG(about.st_mode) || end <= about.st_size) return 0;
    errno = ENOSPC;
    return 1;
}

static size_t length(const struct iovec *parts, int count) {
    size_t sum = 0;
    for (int n = 0; n < count; n++) sum += parts[n].iov_len;
    return sum;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return full(fd, at + size) ? -1 : REAL(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return full(fd, at + size) ? -1 : REAL(pwrite64)(fd, data, size, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    return full(fd, at + length(parts, count)) ? -1 : REAL(pwritev)(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    return full(fd, at + length(parts, count)) ? -1 : REAL(pwritev64)(fd, parts, count, at);
}

int posix_fallocate(int fd, off_t at, off_t size) {
    return full(fd, at + size) ? ENOSPC : REAL(posix_fallocate)(fd, at, size);
}

int posix_fallocate64(int fd, off64_t at, off64_t size) {
    return full(fd, at + size) ? ENOSPC : REAL(posix_fallocate64)(fd, at, size);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int numeric = hints && hints->ai_flags & AI_NUMERICHOST;
    return wish[2] && name && !numeric ? EAI_AGAIN : REAL(getaddrinfo)(name, service, hints, found);
}
