/* A bare loop over LiteRT's C interface: copy a sample in, run, copy the answer out; nothing of Python.

   native_loop LIBRARY MODEL SECONDS THREADS SAMPLES
   prints {"p50": ns, "p90": ns, "count": n, "per_second": x}

   SAMPLES holds the inputs of one sample after the other, each the size of the model's inputs together. The interface is declared
   here, since no wheel has the headers (LRT litert/c/litert_*.h). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef void *handle;
enum { CPU = 1, READ = 0, WRITE = 1, MOST = 8 };

static void *library;

static void *find(const char *name) {
  void *found = dlsym(library, name);
  if (!found) {
    fprintf(stderr, "the library has no %s\n", name);
    exit(2);
  }
  return found;
}

static void ok(int status, const char *what) {
  if (status) {
    fprintf(stderr, "%s answered %d\n", what, status);
    exit(2);
  }
}

#define CALL(name, types, ...) ok(((int (*) types)find(name))(__VA_ARGS__), name)

static int64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static int by_size(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static handle environment, model, compiled, signature;

static size_t buffers(const char *kind, handle *made, size_t *bytes) {
  char name[80];
  size_t count = 0;
  snprintf(name, sizeof name, "LiteRtGetNumSignature%ss", kind);
  CALL(name, (handle, size_t *), signature, &count);
  for (size_t i = 0; i < count && i < MOST; i++) {
    handle tensor, requirements;
    char type[1024] = {0};
    snprintf(name, sizeof name, "LiteRtGetSignature%sTensorByIndex", kind);
    CALL(name, (handle, size_t, handle *), signature, i, &tensor);
    CALL("LiteRtGetRankedTensorType", (handle, void *), tensor, type);
    snprintf(name, sizeof name, "LiteRtGetCompiledModel%sBufferRequirements", kind);
    CALL(name, (handle, size_t, size_t, handle *), compiled, 0, i, &requirements);
    CALL("LiteRtCreateManagedTensorBufferFromRequirements", (handle, void *, handle, handle *), environment, type,
         requirements, &made[i]);
    CALL("LiteRtGetTensorBufferPackedSize", (handle, size_t *), made[i], &bytes[i]);
  }
  return count;
}

int main(int argc, char **argv) {
  if (argc != 6 || !(library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL))) {
    fprintf(stderr, "%s\n", argc != 6 ? "native_loop LIBRARY MODEL SECONDS THREADS SAMPLES" : dlerror());
    return 2;
  }
  double seconds = atof(argv[3]);
  CALL("LiteRtCreateEnvironment", (int, void *, handle *), 0, NULL, &environment);
  CALL("LiteRtCreateModelFromFile", (handle, const char *, handle *), environment, argv[2], &model);
  handle options, cpu;
  CALL("LiteRtCreateOptions", (handle *), &options);
  CALL("LiteRtSetOptionsHardwareAccelerators", (handle, int), options, CPU);
  char *threads = malloc(64);
  snprintf(threads, 64, "num_threads = %d\n", atoi(argv[4]));
  CALL("LiteRtCreateOpaqueOptions", (const char *, void *, void (*)(void *), handle *), "xnnpack", threads, free, &cpu);
  CALL("LiteRtAddOpaqueOptions", (handle, handle), options, cpu);
  CALL("LiteRtCreateCompiledModel", (handle, handle, handle, handle *), environment, model, options, &compiled);
  CALL("LiteRtGetModelSignature", (handle, size_t, handle *), model, 0, &signature);
  handle in[MOST], out[MOST];
  size_t in_bytes[MOST], out_bytes[MOST], sample = 0, answer = 0;
  size_t ins = buffers("Input", in, in_bytes), outs = buffers("Output", out, out_bytes);
  for (size_t i = 0; i < ins; i++) sample += in_bytes[i];
  for (size_t i = 0; i < outs; i++) answer += out_bytes[i];

  FILE *file = fopen(argv[5], "rb");
  if (!file) return perror(argv[5]), 2;
  fseek(file, 0, SEEK_END);
  size_t size = ftell(file), count = sample ? size / sample : 0;
  if (!count || size % sample) {
    fprintf(stderr, "%s holds %zu bytes, no whole number of samples of %zu bytes\n", argv[5], size, sample);
    return 2;
  }
  rewind(file);
  char *samples = malloc(size), *answered = malloc(answer);
  if (fread(samples, 1, size, file) != size) return perror(argv[5]), 2;

  int (*lock)(handle, void **, int) = find("LiteRtLockTensorBuffer");
  int (*unlock)(handle) = find("LiteRtUnlockTensorBuffer");
  int (*run)(handle, size_t, size_t, handle *, size_t, handle *) = find("LiteRtRunCompiledModel");
  size_t room = 1 << 22, done = 0;
  int64_t *times = malloc(room * sizeof *times), begin = now(), first = begin, end = begin + (int64_t)(seconds * 1e9);
  while ((begin < end || done < 70) && done < room) {
    const char *from = samples + done % count * sample;
    char *to = answered;
    void *memory;
    for (size_t i = 0; i < ins; from += in_bytes[i++]) {
      ok(lock(in[i], &memory, WRITE), "lock");
      memcpy(memory, from, in_bytes[i]);
      ok(unlock(in[i]), "unlock");
    }
    ok(run(compiled, 0, ins, in, outs, out), "run");
    for (size_t i = 0; i < outs; to += out_bytes[i++]) {
      ok(lock(out[i], &memory, READ), "lock");
      memcpy(to, memory, out_bytes[i]);
      ok(unlock(out[i]), "unlock");
    }
    int64_t at = now();
    times[done++] = at - begin;
    begin = at;
  }
  double rate = done / ((begin - first) * 1e-9);
  qsort(times, done, sizeof *times, by_size);
  printf("{\"p50\": %lld, \"p90\": %lld, \"count\": %zu, \"per_second\": %.3f}\n", (long long)times[done / 2],
         (long long)times[done * 9 / 10], done, rate);
  /* The runtime's own tear-down is nobody's concern here. */
  fflush(stdout);
  _exit(0);
}
