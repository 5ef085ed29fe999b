/* The clocks of a machine that a test may suspend and set: an LD_PRELOAD for the tests of `clocks.rs`.
 * The file that $FORBEAR_TEST_CLOCKS names holds two numbers, the seconds to add to CLOCK_REALTIME and to CLOCK_BOOTTIME. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    long failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME)) {
        int64_t added[2] = {0, 0};
        int file = open(getenv("FORBEAR_TEST_CLOCKS"), O_RDONLY);
        if (file < 0 || read(file, added, sizeof added) != sizeof added) {
            abort();
        }
        close(file);
        now->tv_sec += added[clock == CLOCK_BOOTTIME];
    }
    return (int)failed;
}
