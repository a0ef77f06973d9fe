/* The timed path in C: what lies between LoadGen's callback and the kernels, where a compiler was there to build it.

   Each class here is the twin of a function in Python that does the same, and that is used wherever this is not built:

     RawRun        backends.litert.interpreter, `raw_runner`      copies a sample's bytes in, runs the model
     BestLabel     tasks.outputs.label_answers, `answerer`         the answer of the highest score
     Answer        harness.serving.sut, `answer`                   sample number -> logged answer
     SingleStream  harness.serving.dispatch.inline                 LoadGen's callback

   An object is made once and called for every query; it allocates nothing of its own then. All are called through vectorcall,
   with positional arguments only. tests/native holds each against its twin. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>
#include <time.h>

/* The CRC-32 of this file, from whoever compiles it. */
#ifndef NATIVE_SOURCE
#define NATIVE_SOURCE ""
#endif

/* -- what the classes share ------------------------------------------------------------------------------------------------ */

static int takes(const char *name, size_t given, Py_ssize_t wanted, PyObject *keywords) {
  Py_ssize_t count = PyVectorcall_NARGS(given);
  if (count == wanted && (!keywords || !PyTuple_GET_SIZE(keywords))) return 1;
  PyErr_Format(PyExc_TypeError, "%s is called with %zd positional argument%s", name, wanted, wanted == 1 ? "" : "s");
  return 0;
}

static void free_object(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  type->tp_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/* None of the classes lets the garbage collector see whose memory it looks at: a memoryview that is collected before whoever
   has it open takes the process down. Memory does not refer to its users, so no cycle is missed. */

static PyObject *new_object(PyTypeObject *type, size_t place, vectorcallfunc call) {
  PyObject *self = type->tp_alloc(type, 0);
  if (self) *(vectorcallfunc *)((char *)self + place) = call;
  return self;
}

/* -- RawRun ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
  PyObject_HEAD vectorcallfunc call;
  PyObject *run, *holder, *name, *answers;
  Py_ssize_t count;
  Py_buffer *inputs;
} RawRun;

static int copy_in(const Py_buffer *tensor, PyObject *bytes, Py_ssize_t number) {
  Py_buffer given;
  if (PyObject_GetBuffer(bytes, &given, PyBUF_SIMPLE) < 0) return -1;
  int fits = given.len == tensor->len;
  if (fits)
    memmove(tensor->buf, given.buf, given.len);
  else
    PyErr_Format(PyExc_ValueError, "input %zd takes %zd bytes, not %zd", number, tensor->len, given.len);
  PyBuffer_Release(&given);
  return fits ? 0 : -1;
}

static PyObject *raw_run_call(PyObject *object, PyObject *const *given, size_t count, PyObject *keywords) {
  RawRun *self = (RawRun *)object;
  if (!takes("RawRun", count, 1, keywords)) return NULL;
  /* A sample is a tuple already. A list would be one that changes while its items are asked for their bytes. */
  PyObject *row = PySequence_Tuple(given[0]);
  if (!row) return NULL;
  if (PyTuple_GET_SIZE(row) != self->count) {
    PyErr_Format(PyExc_ValueError, "the model has %zd inputs, not %zd", self->count, PyTuple_GET_SIZE(row));
    Py_DECREF(row);
    return NULL;
  }
  for (Py_ssize_t i = 0; i < self->count; i++)
    if (copy_in(&self->inputs[i], PyTuple_GET_ITEM(row, i), i) < 0) {
      Py_DECREF(row);
      return NULL;
    }
  Py_DECREF(row);
  /* Looked up each time: as long as anybody holds it, the interpreter's own invoke refuses. */
  PyObject *engine = PyObject_GetAttr(self->holder, self->name);
  if (!engine) return NULL;
  PyObject *done = PyObject_CallOneArg(self->run, engine);
  Py_DECREF(engine);
  if (!done) return NULL;
  Py_DECREF(done);
  return Py_NewRef(self->answers);
}

static PyObject *raw_run_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  PyObject *inputs, *run, *holder, *name, *answers;
  static char *names[] = {"inputs", "run", "holder", "name", "answers", NULL};
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!OOUO", names, &PyList_Type, &inputs, &run, &holder, &name, &answers))
    return NULL;
  RawRun *self = (RawRun *)new_object(type, offsetof(RawRun, call), raw_run_call);
  if (!self) return NULL;
  self->run = Py_NewRef(run);
  self->holder = Py_NewRef(holder);
  self->name = Py_NewRef(name);
  PyUnicode_InternInPlace(&self->name);
  self->answers = Py_NewRef(answers);
  Py_ssize_t count = PyList_GET_SIZE(inputs);
  self->inputs = PyMem_Calloc(count ? count : 1, sizeof *self->inputs);
  if (!self->inputs) {
    Py_DECREF(self);
    return PyErr_NoMemory();
  }
  for (; self->count < count; self->count++)
    if (PyObject_GetBuffer(PyList_GET_ITEM(inputs, self->count), &self->inputs[self->count], PyBUF_WRITABLE) < 0) {
      Py_DECREF(self);
      return NULL;
    }
  return (PyObject *)self;
}

static int raw_run_visit(PyObject *object, visitproc visit, void *arg) {
  RawRun *self = (RawRun *)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->run);
  Py_VISIT(self->holder);
  Py_VISIT(self->answers);
  return 0;
}

static int raw_run_clear(PyObject *object) {
  RawRun *self = (RawRun *)object;
  while (self->count > 0) PyBuffer_Release(&self->inputs[--self->count]);
  PyMem_Free(self->inputs);
  self->inputs = NULL;
  Py_CLEAR(self->run);
  Py_CLEAR(self->holder);
  Py_CLEAR(self->name);
  Py_CLEAR(self->answers);
  return 0;
}

/* -- BestLabel ------------------------------------------------------------------------------------------------------------- */

typedef struct {
  PyObject_HEAD vectorcallfunc call;
  PyObject *answers, *otherwise;
  Py_ssize_t offset;
  PyObject *held;
  Py_buffer scores;
  Py_ssize_t (*best)(const void *, Py_ssize_t);
} BestLabel;

/* The first of the highest. Of integers the highest is found first, since a compiler makes that loop fast. */
#define BEST_INTEGER(name, type)                         \
  static Py_ssize_t name(const void *of, Py_ssize_t n) { \
    const type *score = of;                              \
    type most = score[0];                                \
    for (Py_ssize_t i = 1; i < n; i++)                   \
      if (score[i] > most) most = score[i];              \
    Py_ssize_t at = 0;                                   \
    while (score[at] != most) at++;                      \
    return at;                                           \
  }
BEST_INTEGER(best_int8, int8_t)
BEST_INTEGER(best_uint8, uint8_t)
BEST_INTEGER(best_int16, int16_t)

/* As numpy's argmax: NaN is higher than all. */
static Py_ssize_t best_float(const void *of, Py_ssize_t n) {
  const float *score = of;
  Py_ssize_t best = 0;
  for (Py_ssize_t i = 0; i < n; i++) {
    if (score[i] != score[i]) return i;
    if (score[i] > score[best]) best = i;
  }
  return best;
}

static void let_go(BestLabel *self) {
  if (!self->held) return;
  PyBuffer_Release(&self->scores);
  Py_CLEAR(self->held);
}

/* Makes `scores` the array that is looked at; 0 where only the twin in Python can look at it. */
static int hold(BestLabel *self, PyObject *scores) {
  let_go(self);
  if (PyObject_GetBuffer(scores, &self->scores, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) {
    PyErr_Clear();
    return 0;
  }
  const char *format = self->scores.format;
  switch (format && !format[1] ? format[0] : 0) {
    case 'b': self->best = best_int8; break;
    case 'B': self->best = best_uint8; break;
    case 'h': self->best = best_int16; break;
    case 'f': self->best = best_float; break;
    default: PyBuffer_Release(&self->scores); return 0;
  }
  self->held = Py_NewRef(scores);
  return 1;
}

static PyObject *best_label_call(PyObject *object, PyObject *const *given, size_t count, PyObject *keywords) {
  BestLabel *self = (BestLabel *)object;
  if (!takes("BestLabel", count, 1, keywords)) return NULL;
  PyObject *outputs = given[0];
  if (PyList_CheckExact(outputs) && PyList_GET_SIZE(outputs) > 0) {
    PyObject *scores = PyList_GET_ITEM(outputs, 0);
    if (scores == self->held || hold(self, scores)) {
      Py_ssize_t size = self->scores.itemsize, kept = self->scores.len / size - self->offset;
      if (kept > 0 && kept + self->offset <= PyTuple_GET_SIZE(self->answers)) {
        const char *first = (const char *)self->scores.buf + self->offset * size;
        return Py_NewRef(PyTuple_GET_ITEM(self->answers, self->offset + self->best(first, kept)));
      }
    }
  }
  return PyObject_CallOneArg(self->otherwise, outputs);
}

static PyObject *best_label_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  PyObject *answers, *otherwise;
  Py_ssize_t offset;
  static char *names[] = {"answers", "offset", "otherwise", NULL};
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!nO", names, &PyTuple_Type, &answers, &offset, &otherwise)) return NULL;
  if (offset < 0) return PyErr_Format(PyExc_ValueError, "offset is %zd", offset);
  BestLabel *self = (BestLabel *)new_object(type, offsetof(BestLabel, call), best_label_call);
  if (!self) return NULL;
  self->answers = Py_NewRef(answers);
  self->otherwise = Py_NewRef(otherwise);
  self->offset = offset;
  return (PyObject *)self;
}

static int best_label_visit(PyObject *object, visitproc visit, void *arg) {
  BestLabel *self = (BestLabel *)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->answers);
  Py_VISIT(self->otherwise);
  return 0;
}

static int best_label_clear(PyObject *object) {
  BestLabel *self = (BestLabel *)object;
  let_go(self);
  Py_CLEAR(self->answers);
  Py_CLEAR(self->otherwise);
  return 0;
}

/* -- Answer ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
  PyObject_HEAD vectorcallfunc call;
  PyObject *rows, *run, *postprocess;
} Answer;

static PyObject *answer_one(Answer *self, PyObject *index) {
  Py_ssize_t at = PyNumber_AsSsize_t(index, PyExc_IndexError);
  if (at == -1 && PyErr_Occurred()) return NULL;
  if (at < 0 || at >= PyList_GET_SIZE(self->rows))
    return PyErr_Format(PyExc_IndexError, "sample %zd of %zd", at, PyList_GET_SIZE(self->rows));
  /* Ours while it is worked on, whatever becomes of the list. */
  PyObject *row = Py_NewRef(PyList_GET_ITEM(self->rows, at));
  PyObject *outputs = PyObject_CallOneArg(self->run, row);
  Py_DECREF(row);
  if (!outputs) return NULL;
  PyObject *packed = PyObject_CallOneArg(self->postprocess, outputs);
  Py_DECREF(outputs);
  return packed;
}

static PyObject *answer_call(PyObject *self, PyObject *const *given, size_t count, PyObject *keywords) {
  return takes("Answer", count, 1, keywords) ? answer_one((Answer *)self, given[0]) : NULL;
}

static PyObject *answer_all(PyObject *self, PyObject *indices) {
  PyObject *asked = PySequence_Fast(indices, "the samples' numbers are a sequence");
  if (!asked) return NULL;
  PyObject *answers = PyList_New(PySequence_Fast_GET_SIZE(asked));
  for (Py_ssize_t i = 0; answers && i < PyList_GET_SIZE(answers); i++) {
    PyObject *packed = NULL;
    /* Other threads run meanwhile: the list may not be what it was. */
    if (i < PySequence_Fast_GET_SIZE(asked))
      packed = answer_one((Answer *)self, PySequence_Fast_GET_ITEM(asked, i));
    else
      PyErr_SetString(PyExc_RuntimeError, "the list of samples changed while they were answered");
    if (packed)
      PyList_SET_ITEM(answers, i, packed);
    else
      Py_CLEAR(answers);
  }
  Py_DECREF(asked);
  return answers;
}

static PyObject *answer_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  PyObject *rows, *run, *postprocess;
  static char *names[] = {"rows", "run", "postprocess", NULL};
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!OO", names, &PyList_Type, &rows, &run, &postprocess)) return NULL;
  Answer *self = (Answer *)new_object(type, offsetof(Answer, call), answer_call);
  if (!self) return NULL;
  self->rows = Py_NewRef(rows);
  self->run = Py_NewRef(run);
  self->postprocess = Py_NewRef(postprocess);
  return (PyObject *)self;
}

static int answer_visit(PyObject *object, visitproc visit, void *arg) {
  Answer *self = (Answer *)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->rows);
  Py_VISIT(self->run);
  Py_VISIT(self->postprocess);
  return 0;
}

static int answer_clear(PyObject *object) {
  Answer *self = (Answer *)object;
  Py_CLEAR(self->rows);
  Py_CLEAR(self->run);
  Py_CLEAR(self->postprocess);
  return 0;
}

/* -- SingleStream ---------------------------------------------------------------------------------------------------------- */

typedef struct {
  PyObject_HEAD vectorcallfunc call;
  PyObject *answer, *room, *responses, *response, *complete, *abandon, *id, *data_name, *size_name;
  Py_buffer words, buffer, times;
  volatile uint64_t *stop, *done;
  Py_ssize_t size;
} SingleStream;

/* The times of queries lie as harness.serving.dispatch.query_times has laid them out: four words, then one for each query. */
enum { SEEN, FIRST_BEGAN, LAST_ENDED, SHIFT, CELLS };

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t in_half_a_word(uint64_t from, uint64_t to, uint64_t shift) {
  uint64_t units = to > from ? (to - from) >> shift : 0;
  return units < UINT32_MAX ? units : UINT32_MAX;
}

/* Counts a query, and keeps its times where there is room: how long it took, and how long after the one before it ended. */
static void keep_times(const Py_buffer *times, uint64_t began, uint64_t ended) {
  uint64_t *words = times->buf, seen = words[SEEN]++, room = (uint64_t)times->len / sizeof *words - CELLS;
  if (!seen) words[FIRST_BEGAN] = words[LAST_ENDED] = began;
  if (seen < room)
    words[CELLS + seen] = in_half_a_word(began, ended, words[SHIFT]) |
                          in_half_a_word(words[LAST_ENDED], ended, words[SHIFT]) << 32;
  words[LAST_ENDED] = ended;
}

/* As the twin, takes what has bytes for bytes. */
static PyObject *as_bytes(PyObject *packed) {
  if (!packed || PyBytes_Check(packed) || !PyObject_CheckBuffer(packed)) return packed;
  PyObject *bytes = PyBytes_FromObject(packed);
  Py_DECREF(packed);
  return bytes;
}

/* An answer of so many bytes is sent from where it lies: harness.serving.responder.LARGE_BYTES. */
#define LARGE (1 << 16)

static int set_number(PyObject *of, PyObject *name, size_t number) {
  PyObject *value = PyLong_FromSize_t(number);
  int failed = value ? PyObject_SetAttr(of, name, value) : -1;
  Py_XDECREF(value);
  return failed;
}

/* Lets the response point at the answer itself, which whoever calls this keeps until it is sent. */
static int point_at(SingleStream *self, const char *bytes, Py_ssize_t size) {
  self->size = -1;
  PyBuffer_Release(&self->buffer);
  return set_number(self->response, self->data_name, (size_t)(uintptr_t)bytes) < 0 ||
                 set_number(self->response, self->size_name, (size_t)size) < 0
             ? -1
             : 0;
}

/* Copies the answer to where the response points; other sizes than before get other room. */
static int put(SingleStream *self, const char *bytes, Py_ssize_t size) {
  if (size != self->size) {
    self->size = -1;
    PyBuffer_Release(&self->buffer);
    PyObject *wanted = PyLong_FromSsize_t(size), *view = wanted ? PyObject_CallOneArg(self->room, wanted) : NULL;
    Py_XDECREF(wanted);
    int held = view ? PyObject_GetBuffer(view, &self->buffer, PyBUF_WRITABLE) : -1;
    Py_XDECREF(view);
    if (held < 0) return -1;
    if (self->buffer.len < size) {
      PyErr_Format(PyExc_ValueError, "room for %zd bytes of an answer of %zd", self->buffer.len, size);
      return -1;
    }
    self->size = size;
  }
  memcpy(self->buffer.buf, bytes, size);
  return 0;
}

static int respond(SingleStream *self, PyObject *query_id, PyObject *packed) {
  char *bytes;
  Py_ssize_t size;
  if (PyBytes_AsStringAndSize(packed, &bytes, &size) < 0) return -1;
  if ((size < LARGE ? put : point_at)(self, bytes, size) < 0) return -1;
  if (PyObject_SetAttr(self->response, self->id, query_id) < 0) return -1;
  PyObject *done = PyObject_CallOneArg(self->complete, self->responses);
  Py_XDECREF(done);
  return done ? 0 : -1;
}

static PyObject *first_of(PyObject *list) {
  if (PyList_CheckExact(list) && PyList_GET_SIZE(list) > 0) return Py_NewRef(PyList_GET_ITEM(list, 0));
  PyErr_SetString(PyExc_TypeError, "a query is two lists: ids and sample numbers");
  return NULL;
}

/* The run is over, or this was its first failure: what Python does then is done there. */
static PyObject *give_up(SingleStream *self, PyObject *query_ids) {
  PyObject *type = NULL, *error = NULL, *trace = NULL;
  PyErr_Fetch(&type, &error, &trace);
  if (type) {
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace) PyException_SetTraceback(error, trace);
  }
  PyObject *done = PyObject_CallFunctionObjArgs(self->abandon, query_ids, error ? error : Py_None, NULL);
  Py_XDECREF(type);
  Py_XDECREF(error);
  Py_XDECREF(trace);
  return done;
}

static PyObject *single_stream_call(PyObject *object, PyObject *const *given, size_t count, PyObject *keywords) {
  SingleStream *self = (SingleStream *)object;
  if (!takes("SingleStream", count, 2, keywords)) return NULL;
  if (*self->stop) return give_up(self, given[0]);
  uint64_t began = self->times.buf ? now_ns() : 0;
  PyObject *query_id = first_of(given[0]), *index = query_id ? first_of(given[1]) : NULL;
  PyObject *packed = index ? as_bytes(PyObject_CallOneArg(self->answer, index)) : NULL;
  uint64_t ended = self->times.buf ? now_ns() : 0;
  int failed = !packed || respond(self, query_id, packed) < 0;
  /* LoadGen has the answer: this is no part of its latency. */
  if (self->times.buf) keep_times(&self->times, began, ended);
  Py_XDECREF(query_id);
  Py_XDECREF(index);
  Py_XDECREF(packed);
  PyObject *done = failed ? give_up(self, given[0]) : Py_NewRef(Py_None);
  *self->done += 1;
  return done;
}

static PyObject *single_stream_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  PyObject *words, *answer, *room, *responses, *complete, *abandon, *times = Py_None;
  Py_ssize_t stop, done;
  static char *names[] = {"words", "stop", "done", "answer", "room", "responses", "complete", "abandon", "times", NULL};
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OnnOOO!OO|O", names, &words, &stop, &done, &answer, &room, &PyList_Type,
                                   &responses, &complete, &abandon, &times))
    return NULL;
  if (PyList_GET_SIZE(responses) != 1) return PyErr_Format(PyExc_ValueError, "a query is answered with one response");
  SingleStream *self = (SingleStream *)new_object(type, offsetof(SingleStream, call), single_stream_call);
  if (!self) return NULL;
  self->size = -1;
  self->answer = Py_NewRef(answer);
  self->room = Py_NewRef(room);
  self->responses = Py_NewRef(responses);
  self->response = Py_NewRef(PyList_GET_ITEM(responses, 0));
  self->complete = Py_NewRef(complete);
  self->abandon = Py_NewRef(abandon);
  self->id = PyUnicode_InternFromString("id");
  self->data_name = PyUnicode_InternFromString("data");
  self->size_name = PyUnicode_InternFromString("size");
  if (!self->id || !self->data_name || !self->size_name || PyObject_GetBuffer(words, &self->words, PyBUF_WRITABLE) < 0) {
    Py_DECREF(self);
    return NULL;
  }
  Py_ssize_t most = self->words.len / (Py_ssize_t)sizeof(uint64_t);
  if (stop < 0 || stop >= most || done < 0 || done >= most) {
    PyErr_Format(PyExc_IndexError, "words %zd and %zd of %zd", stop, done, most);
    Py_DECREF(self);
    return NULL;
  }
  self->stop = (volatile uint64_t *)self->words.buf + stop;
  self->done = (volatile uint64_t *)self->words.buf + done;
  if (times != Py_None && PyObject_GetBuffer(times, &self->times, PyBUF_WRITABLE) < 0) {
    Py_DECREF(self);
    return NULL;
  }
  if (self->times.buf && (self->times.len < CELLS * (Py_ssize_t)sizeof(uint64_t) || ((uint64_t *)self->times.buf)[SHIFT] > 63)) {
    PyErr_Format(PyExc_ValueError, "%zd bytes are no room for times", self->times.len);
    Py_DECREF(self);
    return NULL;
  }
  return (PyObject *)self;
}

static int single_stream_visit(PyObject *object, visitproc visit, void *arg) {
  SingleStream *self = (SingleStream *)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->answer);
  Py_VISIT(self->room);
  Py_VISIT(self->responses);
  Py_VISIT(self->response);
  Py_VISIT(self->complete);
  Py_VISIT(self->abandon);
  return 0;
}

static int single_stream_clear(PyObject *object) {
  SingleStream *self = (SingleStream *)object;
  Py_CLEAR(self->answer);
  Py_CLEAR(self->room);
  Py_CLEAR(self->responses);
  Py_CLEAR(self->response);
  Py_CLEAR(self->complete);
  Py_CLEAR(self->abandon);
  Py_CLEAR(self->id);
  Py_CLEAR(self->data_name);
  Py_CLEAR(self->size_name);
  PyBuffer_Release(&self->words);
  PyBuffer_Release(&self->buffer);
  PyBuffer_Release(&self->times);
  return 0;
}

/* -- the module ------------------------------------------------------------------------------------------------------------ */

static PyMethodDef answer_methods[] = {
    {"all", answer_all, METH_O, "The answers to several samples, in order."},
    {NULL, NULL, 0, NULL},
};

#define CLASS(name, prefix, doc, ...)                                                      \
  static PyMemberDef prefix##_members[] = {                                                \
      {"__vectorcalloffset__", T_PYSSIZET, offsetof(name, call), READONLY, NULL},          \
      {NULL, 0, 0, 0, NULL},                                                               \
  };                                                                                       \
  static PyType_Slot prefix##_slots[] = {                                                  \
      {Py_tp_doc, doc},                 {Py_tp_new, prefix##_new},                         \
      {Py_tp_call, PyVectorcall_Call},  {Py_tp_traverse, prefix##_visit},                  \
      {Py_tp_clear, prefix##_clear},    {Py_tp_dealloc, free_object},                      \
      {Py_tp_members, prefix##_members}, __VA_ARGS__{0, NULL},                             \
  };                                                                                       \
  static PyType_Spec prefix##_spec = {                                                     \
      "native._timed_path." #name, sizeof(name), 0,                                        \
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE, prefix##_slots}

CLASS(RawRun, raw_run, "RawRun(inputs, run, holder, name, answers): see backends.litert.interpreter.", );
CLASS(BestLabel, best_label, "BestLabel(answers, offset, otherwise): see tasks.outputs.label_answers.", );
CLASS(Answer, answer, "Answer(rows, run, postprocess): see harness.serving.sut.", {Py_tp_methods, answer_methods}, );
CLASS(SingleStream, single_stream,
      "SingleStream(words, stop, done, answer, room, responses, complete, abandon, times=None): see harness.serving.dispatch.inline.", );

static int fill(PyObject *module) {
  PyType_Spec *specs[] = {&raw_run_spec, &best_label_spec, &answer_spec, &single_stream_spec};
  for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
    PyObject *type = PyType_FromModuleAndSpec(module, specs[i], NULL);
    int added = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;
    Py_XDECREF(type);
    if (added < 0) return -1;
  }
  if (PyModule_AddIntConstant(module, "LARGE_BYTES", LARGE) < 0) return -1;
  return PyModule_AddStringConstant(module, "SOURCE", NATIVE_SOURCE);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "native._timed_path", .m_doc = "The timed path in C.", .m_slots = module_slots};

PyMODINIT_FUNC PyInit__timed_path(void) { return PyModuleDef_Init(&module); }
