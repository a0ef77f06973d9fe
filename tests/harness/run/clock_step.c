/* Preloaded: once LoadGen has opened its log, the system's clock of the worker alone is CLOCK_STEP_S seconds off; or, where
   CLOCK_STEP_SIGN names a file, that of all processes from the moment at which it is there. The clock that nobody sets stays true. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int worker, set;
static long step, calls;
static const char *sign;

__attribute__((constructor)) static void begin(void) {
  char words[4096] = {0};
  FILE *file = fopen("/proc/self/cmdline", "r");
  if (file) {
    size_t size = fread(words, 1, sizeof words - 1, file);
    for (size_t at = 0; at < size; at++)
      if (!words[at]) words[at] = ' ';
    fclose(file);
  }
  worker = strstr(words, "harness.worker.main") != NULL || strstr(words, "harness.machine.standby") != NULL;
  const char *text = getenv("CLOCK_STEP_S");
  step = text ? atol(text) : 0;
  sign = getenv("CLOCK_STEP_SIGN");
}

static long offset(void) {
  if (sign) {
    if (!set && ++calls % 16 == 0) set = access(sign, F_OK) == 0;
    return set ? step : 0;
  }
  if (worker && !set && ++calls % 16 == 0 && access("mlperf_log_detail.txt", F_OK) == 0) set = calls > 2000 ? 1 : 0;
  return set ? step : 0;
}

int clock_gettime(clockid_t which, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int answer = real(which, now);
  if (which == CLOCK_REALTIME) now->tv_sec += offset();
  return answer;
}

int gettimeofday(struct timeval *now, void *zone) {
  static int (*real)(struct timeval *, void *);
  if (!real) real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
  int answer = real(now, zone);
  now->tv_sec += offset();
  return answer;
}
