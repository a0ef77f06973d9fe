/* A TFLite delegate for the tests. It claims the float ADDs of a model, and custom ops that
 * are called edgetpu-custom-op and taken for ADDs, and computes them, or misbehaves as its options say.
 *
 *   claim=none        takes no op at all
 *   refuse=TEXT       is not created; TEXT is the reason it gives
 *   offset=NUMBER     adds NUMBER to every sum: a delegate that computes wrongly
 *   crash=load|prepare|invoke|end, hang=load|prepare|invoke|end   SIGSEGV, or sleeps for ever, at that point
 *   abort=load|prepare|invoke|end                                 as crash, by abort()
 *   spin=, exit=, stop=, print=, close=load|prepare|invoke|end    as crash: works for ever, exits with status 0, stops itself,
 *                     prints without end, closes all descriptors (and goes on)
 *   after=NUMBER      invoke misbehaves only after so many good ones
 *   sleep_us=NUMBER   sleeps so long in every invoke
 *   broken=NUMBER     adds NUMBER (nan, too) to every sum once LoadGen has opened its log
 *   forked=1, daemon=1    starts a process that sleeps for ever, and writes its id to a file of that name where it was started
 *   chdir=PATH        goes there
 *   device=NAME       is written to the file that TEST_DELEGATE_DEVICES names, one line a delegate
 *
 * Any other option is refused. The structs are those of TFLite's C interface (tflite/core/c/common.h), as far as needed.
 */
#define _DEFAULT_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { int size; int data[]; } IntArray;
typedef struct Context Context;
typedef struct Delegate Delegate;
typedef struct Registration Registration;

typedef struct {
  int type;                       /* 1 is float32 */
  union { float *floats; void *raw; } data;
  IntArray *dims;
  struct { float scale; int32_t zero_point; } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  Delegate *delegate;
  int buffer_handle;
  bool data_is_stale, is_variable;
  struct { int type; void *params; } quantization;
  void *sparsity;
  const IntArray *dims_signature;
} Tensor;

typedef struct {
  IntArray *inputs, *outputs, *intermediates, *temporaries;
  void *user_data, *builtin_data;
  const void *custom_initial_data;
  int custom_initial_data_size;
  Delegate *delegate;
  bool might_have_side_effect;
} Node;

struct Context {
  size_t tensors_size;
  int (*GetExecutionPlan)(Context *, IntArray **);
  Tensor *tensors;
  void *impl;
  int (*ResizeTensor)(Context *, Tensor *, IntArray *);
  void (*ReportError)(Context *, const char *, ...);
  int (*AddTensors)(Context *, int, int *);
  int (*GetNodeAndRegistration)(Context *, int, Node **, Registration **);
  int (*ReplaceNodeSubsetsWithDelegateKernels)(Context *, Registration, const IntArray *, Delegate *);
};

struct Registration {
  void *(*init)(Context *, const char *, size_t);
  void (*free)(Context *, void *);
  int (*prepare)(Context *, Node *);
  int (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code;           /* 0 is ADD */
  const char *custom_name;
  int version;
  void *registration_external, *async_kernel;
  uint64_t inplace_operator;
};

struct Delegate {
  void *data;
  int (*Prepare)(Context *, Delegate *);
  void *CopyFromBufferHandle, *CopyToBufferHandle, *FreeBufferHandle;
  int64_t flags;
  void *opaque_delegate_builder;
};

typedef struct { Delegate *delegate; IntArray *nodes_to_replace, *input_tensors, *output_tensors; } DelegateParams;

/* One partition: its ADDs in order, as tensor indexes, and memory for the sums that nobody outside it sees. */
typedef struct { int left, right, sum, activation; float *own; } Add;
typedef struct { int count; Add adds[]; } Partition;

static struct { bool claim; float offset; char crash[16], hang[16], abort[16], spin[16], exit[16], stop[16], print[16], close[16]; int after, invokes, sleep_us; bool device, breaks; float broken; } wish;

/* Says so first, by a file in the current directory: whoever waits for it need not guess when it hangs. */
static void hang(void) {
  char name[64];
  snprintf(name, sizeof name, "hanging-%d", (int)getpid());
  FILE *file = fopen(name, "w");
  if (file) fclose(file);
  for (;;) pause();
}

/* Of each process that loads this only the first does, and goes on when the file is there, whole. */
static void stay(const char *name) {
  if (!access(name, F_OK)) return;
  pid_t child = fork();
  if (child) {
    while (child > 0 && access(name, F_OK)) usleep(1000);
    return;
  }
  if (!strcmp(name, "daemon")) {
    setsid();
    if (fork()) _exit(0);
  }
  char making[64];
  snprintf(making, sizeof making, "%s-%d", name, (int)getpid());
  FILE *file = fopen(making, "w");
  if (file) {
    fprintf(file, "%d", (int)getpid());
    fclose(file);
  }
  rename(making, name);
  for (;;) pause();
}

static void misbehave(const char *where) {
  if (!strcmp(wish.hang, where)) hang();
  if (!strcmp(wish.abort, where)) abort();
  if (!strcmp(wish.crash, where)) raise(SIGSEGV);
  if (!strcmp(wish.exit, where)) exit(0);
  if (!strcmp(wish.stop, where)) raise(SIGSTOP);
  while (!strcmp(wish.print, where)) puts("a delegate says the same thing over and over again, and nobody wants to hear it");
  if (!strcmp(wish.close, where))
    for (int descriptor = 0; descriptor < 1024; descriptor++) close(descriptor);
  for (volatile bool on = !strcmp(wish.spin, where); on;) continue;
}

static int64_t elements(const Tensor *tensor) {
  int64_t count = 1;
  for (int axis = 0; axis < tensor->dims->size; axis++) count *= tensor->dims->data[axis];
  return count;
}

static void *init(Context *context, const char *buffer, size_t length) {
  (void)length;
  const IntArray *nodes = ((const DelegateParams *)buffer)->nodes_to_replace;
  Partition *partition = calloc(1, sizeof(Partition) + nodes->size * sizeof(Add));
  for (int i = 0; i < nodes->size; i++) {
    Node *node;
    Registration *registration;
    if (context->GetNodeAndRegistration(context, nodes->data[i], &node, &registration)) continue;
    Add *add = &partition->adds[partition->count++];
    add->left = node->inputs->data[0], add->right = node->inputs->data[1], add->sum = node->outputs->data[0];
    add->activation = node->builtin_data ? *(const int *)node->builtin_data : 0;
    add->own = malloc(elements(&context->tensors[add->sum]) * sizeof(float));
  }
  return partition;
}

static void release(Context *context, void *data) {
  (void)context;
  Partition *partition = data;
  for (int i = 0; i < partition->count; i++) free(partition->adds[i].own);
  free(partition);
}

/* Where a tensor lies: the runtime gives no memory to tensors inside a partition. */
static float *place(const Context *context, const Partition *partition, int index) {
  for (int i = 0; i < partition->count; i++)
    if (partition->adds[i].sum == index && !context->tensors[index].data.raw) return partition->adds[i].own;
  return context->tensors[index].data.floats;
}

static int invoke(Context *context, Node *node) {
  const Partition *partition = node->user_data;
  if (wish.invokes++ >= wish.after) misbehave("invoke");
  if (wish.sleep_us) usleep(wish.sleep_us);
  const float off = wish.breaks && !access("mlperf_log_detail.txt", F_OK) ? wish.broken : 0;
  for (int i = 0; i < partition->count; i++) {
    const Add *add = &partition->adds[i];
    const float *left = place(context, partition, add->left), *right = place(context, partition, add->right);
    float *sum = place(context, partition, add->sum);
    int64_t count = elements(&context->tensors[add->sum]);
    int64_t lefts = elements(&context->tensors[add->left]), rights = elements(&context->tensors[add->right]);
    for (int64_t at = 0; at < count; at++) {
      float value = left[at % lefts] + right[at % rights] + wish.offset + off;
      if (add->activation && value < 0) value = 0;
      if (add->activation == 3 && value > 6) value = 6;
      sum[at] = value;
    }
  }
  return 0;
}

/* Equal shapes, or one side repeated as a whole. */
static bool takes(const Context *context, const Node *node) {
  int64_t count = elements(&context->tensors[node->outputs->data[0]]);
  for (int side = 0; side < 2; side++) {
    const Tensor *tensor = &context->tensors[node->inputs->data[side]];
    if (tensor->type != 1 || count % elements(tensor)) return false;
  }
  return true;
}

static int prepare_delegate(Context *context, Delegate *delegate) {
  misbehave("prepare");
  IntArray *plan;
  if (context->GetExecutionPlan(context, &plan)) return 1;
  IntArray *wanted = calloc(1, sizeof(IntArray) + plan->size * sizeof(int));
  for (int i = 0; wish.claim && i < plan->size; i++) {
    Node *node;
    Registration *registration;
    if (context->GetNodeAndRegistration(context, plan->data[i], &node, &registration)) return 1;
    bool compiled = registration->custom_name && !strcmp(registration->custom_name, "edgetpu-custom-op");
    if ((registration->builtin_code == 0 || compiled) && takes(context, node)) wanted->data[wanted->size++] = plan->data[i];
  }
  Registration kernel = {.init = init, .free = release, .invoke = invoke, .custom_name = "TestDelegate", .version = 1};
  int status = wanted->size ? context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, wanted, delegate) : 0;
  free(wanted);
  return status;
}

static void note(const char *device) {
  wish.device = true;
  const char *path = getenv("TEST_DELEGATE_DEVICES");
  FILE *file = path ? fopen(path, "a") : NULL;
  if (!file) return;
  fprintf(file, "%s\n", device);
  fclose(file);
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  memset(&wish, 0, sizeof wish);
  wish.claim = true;
  for (size_t i = 0; i < count; i++) {
    char said[256];
    if (!strcmp(keys[i], "refuse")) { report(values[i]); return NULL; }
    else if (!strcmp(keys[i], "claim")) wish.claim = strcmp(values[i], "none") != 0;
    else if (!strcmp(keys[i], "offset")) wish.offset = strtof(values[i], NULL);
    else if (!strcmp(keys[i], "after")) wish.after = atoi(values[i]);
    else if (!strcmp(keys[i], "sleep_us")) wish.sleep_us = atoi(values[i]);
    else if (!strcmp(keys[i], "broken")) wish.breaks = true, wish.broken = strtof(values[i], NULL);
    else if (!strcmp(keys[i], "forked") || !strcmp(keys[i], "daemon")) stay(keys[i]);
    else if (!strcmp(keys[i], "chdir")) { if (chdir(values[i])) { report("no such place"); return NULL; } }
    else if (!strcmp(keys[i], "device")) note(values[i]);
    else if (!strcmp(keys[i], "crash")) strncpy(wish.crash, values[i], sizeof wish.crash - 1);
    else if (!strcmp(keys[i], "abort")) strncpy(wish.abort, values[i], sizeof wish.abort - 1);
    else if (!strcmp(keys[i], "spin")) strncpy(wish.spin, values[i], sizeof wish.spin - 1);
    else if (!strcmp(keys[i], "exit")) strncpy(wish.exit, values[i], sizeof wish.exit - 1);
    else if (!strcmp(keys[i], "stop")) strncpy(wish.stop, values[i], sizeof wish.stop - 1);
    else if (!strcmp(keys[i], "print")) strncpy(wish.print, values[i], sizeof wish.print - 1);
    else if (!strcmp(keys[i], "close")) strncpy(wish.close, values[i], sizeof wish.close - 1);
    else if (!strcmp(keys[i], "hang")) strncpy(wish.hang, values[i], sizeof wish.hang - 1);
    else { snprintf(said, sizeof said, "no option named '%s'", keys[i]); report(said); return NULL; }
  }
  misbehave("load");
  Delegate *delegate = calloc(1, sizeof(Delegate));
  delegate->Prepare = prepare_delegate;
  /* kTfLiteDelegateFlagsAllowDynamicTensors: else the runtime prepares every op before the delegate gets to see one. */
  delegate->flags = wish.device;
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
  if (delegate) misbehave("end");
  free(delegate);
}
