/* Preloaded: from the moment at which the file CLOCK_STEP_SIGN is there, the system's clock is CLOCK_STEP_S seconds off; with
   CLOCK_STEP_ASLEEP so is the one that goes on while a machine is suspended, as after a sleep. The clock that nobody sets stays true.
   With CLOCK_SLEW, say 0.08, all of them go so much faster, as the kernel lets them while a clock is corrected bit by bit.

   Debian's libfaketime is used wherever it can be. It fakes no CLOCK_BOOTTIME as the kernel has it, so that neither a sleep nor a
   slew can be made with it, and it is not everywhere: a C compiler is. What it can and this cannot: whoever waits for a moment of
   the system's clock waits for the true one here, so that steps are of a second. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int set, asleep;
static long step, calls;
static double slew;
static const char *sign;

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("CLOCK_STEP_S");
  step = text ? atol(text) : 0;
  sign = getenv("CLOCK_STEP_SIGN");
  asleep = getenv("CLOCK_STEP_ASLEEP") != NULL;
  text = getenv("CLOCK_SLEW");
  slew = text ? atof(text) : 0;
}

static long offset(void) {
  if (!set && sign && ++calls % 16 == 0) set = access(sign, F_OK) == 0;
  return set ? step : 0;
}

static long slewed_ns(void) {
  static int (*real)(clockid_t, struct timespec *);
  static struct timespec first;
  struct timespec now;
  if (!slew) return 0;
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  real(CLOCK_MONOTONIC, &now);
  if (!first.tv_sec) first = now;
  return slew * ((now.tv_sec - first.tv_sec) * 1e9 + now.tv_nsec - first.tv_nsec);
}

int clock_gettime(clockid_t which, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int answer = real(which, now);
  if (which == CLOCK_REALTIME || (asleep && which == CLOCK_BOOTTIME)) now->tv_sec += offset();
  if (which == CLOCK_REALTIME || which == CLOCK_MONOTONIC || which == CLOCK_BOOTTIME) {
    long ns = now->tv_nsec + slewed_ns();
    now->tv_sec += ns / 1000000000;
    now->tv_nsec = ns % 1000000000;
  }
  return answer;
}

int gettimeofday(struct timeval *now, void *zone) {
  static int (*real)(struct timeval *, void *);
  if (!real) real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
  int answer = real(now, zone);
  now->tv_sec += offset();
  return answer;
}
