/* Syncs that take as long as another disk's: SYNC_MICROSECONDS more than this one's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int after_waiting(const char *call, int file) {
    const char *microseconds = getenv("SYNC_MICROSECONDS");
    if (microseconds) usleep(atoi(microseconds));
    return ((int (*)(int))dlsym(RTLD_NEXT, call))(file);
}

int fsync(int file) { return after_waiting("fsync", file); }

int fdatasync(int file) { return after_waiting("fdatasync", file); }
