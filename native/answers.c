/* Answers in C: what becomes of a model's output on its way to LoadGen, where a compiler was there to build it.

   Each function is the twin of one in Python that makes the same bytes, and that is used wherever this is not built:

     best_labels        tasks.outputs.label_answers.BestLabels                 the classes of the highest scores
     class_map          accuracy.answers.grids.pack_class_map           a class map as runs, or as it is where runs are longer
     picture_of_bytes   tasks.pictures.pixels.inputs.decode, pack_picture     a picture of bytes
     picture_of_floats  the same                                       a picture of floats

   Each gives None for what it does not look at, or what is none of its kind: the twin then does it, or says what is wrong.
   tests/native holds each against its twin. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "answers are little-endian, and so must this machine be"
#endif

/* The CRC-32 of this file, from whoever compiles it. */
#ifndef NATIVE_SOURCE
#define NATIVE_SOURCE ""
#endif

/* Loops that are twice as fast where the machine has AVX2, which is asked when this is loaded. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* The type of an array in one piece, as its buffer has it; 0 for any other, which holds no buffer then. */
static char open_array(PyObject *array, Py_buffer *into) {
  if (PyObject_GetBuffer(array, into, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0) {
    PyErr_Clear();
    return 0;
  }
  const char *format = into->format;
  if (format && format[0] && !format[1]) return format[0];
  PyBuffer_Release(into);
  return 0;
}

static int takes(const char *name, Py_ssize_t given, Py_ssize_t wanted) {
  if (given == wanted) return 1;
  PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, not %zd", name, wanted, given);
  return 0;
}

/* -- labels ---------------------------------------------------------------------------------------------------------------- */

#define MOST_LABELS 16

/* The places of the k highest, the highest first; of equals the first one first. */
#define BEST(name, type)                                                                      \
  static void name(const void *of, Py_ssize_t n, Py_ssize_t k, Py_ssize_t *at) {              \
    const type *score = of;                                                                   \
    Py_ssize_t held = 0;                                                                      \
    for (Py_ssize_t i = 0; i < n; i++) {                                                      \
      if (held == k && !(score[i] > score[at[k - 1]])) continue;                              \
      Py_ssize_t place = held < k ? held++ : k - 1;                                           \
      for (; place > 0 && score[i] > score[at[place - 1]]; place--) at[place] = at[place - 1]; \
      at[place] = i;                                                                          \
    }                                                                                         \
  }
BEST(best_int8, int8_t)
BEST(best_uint8, uint8_t)
BEST(best_int16, int16_t)
BEST(best_float, float)

static int has_nan(const float *score, Py_ssize_t n) {
  int found = 0;
  for (Py_ssize_t i = 0; i < n; i++) found |= score[i] != score[i];
  return found;
}

static PyObject *as_labels(const Py_ssize_t *at, Py_ssize_t count, char type) {
  Py_ssize_t size = type == 'q' ? 8 : 4;
  PyObject *packed = PyBytes_FromStringAndSize(NULL, count * size);
  if (!packed) return NULL;
  char *to = PyBytes_AS_STRING(packed);
  for (Py_ssize_t i = 0; i < count; i++, to += size) {
    int64_t wide = at[i];
    int32_t narrow = (int32_t)at[i];
    float real = (float)at[i];
    memcpy(to, type == 'q' ? (void *)&wide : type == 'i' ? (void *)&narrow : (void *)&real, size);
  }
  return packed;
}

/* best_labels(scores, count, offset, type): type is that of a label, f, i or q. */
static PyObject *best_labels(PyObject *self, PyObject *const *given, Py_ssize_t count) {
  (void)self;
  if (!takes("best_labels", count, 4)) return NULL;
  Py_ssize_t most = PyNumber_AsSsize_t(given[1], PyExc_OverflowError), offset = PyNumber_AsSsize_t(given[2], PyExc_OverflowError);
  const char *type = PyUnicode_AsUTF8(given[3]);
  if (!type || ((most == -1 || offset == -1) && PyErr_Occurred())) return NULL;
  Py_buffer scores;
  char found = most < 1 || most > MOST_LABELS || offset < 0 || !strchr("fiq", type[0]) ? 0 : open_array(given[0], &scores);
  if (!found) Py_RETURN_NONE;
  Py_ssize_t kept = scores.len / scores.itemsize - offset, at[MOST_LABELS];
  const char *first = (const char *)scores.buf + offset * scores.itemsize;
  int looked = kept > 0;
  if (looked) switch (found) {
      case 'b': best_int8(first, kept, most, at); break;
      case 'B': best_uint8(first, kept, most, at); break;
      case 'h': best_int16(first, kept, most, at); break;
      case 'f':
        looked = !has_nan((const float *)first, kept);
        if (looked) best_float(first, kept, most, at);
        break;
      default: looked = 0;
    }
  PyBuffer_Release(&scores);
  if (!looked) Py_RETURN_NONE;
  return as_labels(at, kept < most ? kept : most, type[0]);
}

/* -- class maps ------------------------------------------------------------------------------------------------------------ */

#define CHUNK 4096

/* Whether each differs from the next: 1 or 0. A compiler makes these loops fast. */
#define DIFFERS(name, type)                                                            \
  WIDE static void name(const void *of, size_t from, size_t n, uint8_t *restrict to) { \
    const type *restrict v = (const type *)of + from;                                  \
    for (size_t i = 0; i < n; i++) to[i] = v[i] != v[i + 1];                           \
  }
DIFFERS(differs_1, uint8_t)
DIFFERS(differs_2, uint16_t)
DIFFERS(differs_4, uint32_t)
DIFFERS(differs_8, uint64_t)

#define INLINE static inline __attribute__((always_inline))

/* The class at a place of an array of a type; -1 for what is none. */
INLINE int class_at(const void *of, char type, size_t at) {
  int64_t whole;
  switch (type) {
    case 'B': return ((const uint8_t *)of)[at];
    case 'b': whole = ((const int8_t *)of)[at]; break;
    case 'h': whole = ((const int16_t *)of)[at]; break;
    case 'i': whole = ((const int32_t *)of)[at]; break;
    case 'l': whole = ((const int64_t *)of)[at]; break;
    default: {
      float real = ((const float *)of)[at];
      if (!(real >= 0 && real <= 255) || real != (float)(int)real) return -1;
      return (int)real;
    }
  }
  return whole < 0 || whole > 255 ? -1 : (int)whole;
}

/* Room for the runs of one map, used again by the next: whoever holds the GIL has it. */
static uint8_t *room;
static size_t room_size;

static int make_room(size_t size) {
  if (size <= room_size) return 1;
  uint8_t *more = PyMem_RawRealloc(room, size);
  if (!more) return 0;
  room = more;
  room_size = size;
  return 1;
}

typedef struct {
  uint8_t *classes, *lengths;
  size_t count, used, most;
  int running;
  size_t began;
} Runs;

/* Writes the length of the run that ends here; 0 where the lengths alone are longer than the map. */
INLINE int end_run(Runs *runs, size_t at) {
  size_t rest = at - runs->began;
  for (; rest > 16383; rest >>= 7) runs->lengths[runs->used++] = (uint8_t)(rest & 127) | 128;
  /* One byte or two, which no branch predictor knows. */
  size_t more = rest > 127;
  runs->lengths[runs->used] = (uint8_t)((rest & 127) | more << 7);
  runs->lengths[runs->used + 1] = (uint8_t)(rest >> 7);
  runs->used += 1 + more;
  return runs->used < runs->most;
}

/* Begins a run of the class at a place: 1; 0 as `end_run`; -1 where it is no class. */
INLINE int begin_run(Runs *runs, const void *of, char type, size_t at) {
  int class = class_at(of, type, at);
  if (class < 0) return -1;
  if (class == runs->running) return 1;
  if (runs->count && !end_run(runs, at)) return 0;
  runs->classes[runs->count++] = (uint8_t)class;
  runs->running = class;
  runs->began = at;
  return 1;
}

INLINE int find_runs_of(Runs *runs, const void *of, char type, size_t n, size_t item) {
  uint8_t differs[CHUNK + 8];
  int state = begin_run(runs, of, type, 0);
  for (size_t from = 0; state == 1 && from + 1 < n; from += CHUNK) {
    size_t count = n - 1 - from < CHUNK ? n - 1 - from : CHUNK;
    (item == 1 ? differs_1 : item == 2 ? differs_2 : item == 4 ? differs_4 : differs_8)(of, from, count, differs);
    memset(differs + count, 0, 8);
    for (size_t word = 0; state == 1 && word < count; word += 8) {
      uint64_t marks;
      memcpy(&marks, differs + word, 8);
      if (!marks) continue;
      for (; state == 1 && marks; marks &= marks - 1)
        state = begin_run(runs, of, type, from + word + (size_t)__builtin_ctzll(marks) / 8 + 1);
    }
  }
  return state == 1 ? end_run(runs, n) : state;
}

/* The same code for each type by itself. */
static int find_runs(Runs *runs, const void *of, char type, size_t n) {
  switch (type) {
    case 'B': return find_runs_of(runs, of, 'B', n, 1);
    case 'b': return find_runs_of(runs, of, 'b', n, 1);
    case 'h': return find_runs_of(runs, of, 'h', n, 2);
    case 'i': return find_runs_of(runs, of, 'i', n, 4);
    case 'l': return find_runs_of(runs, of, 'l', n, 8);
    default: return find_runs_of(runs, of, 'f', n, 4);
  }
}

static PyObject *joined(PyObject *header, const void *body, size_t size) {
  Py_ssize_t opening = PyBytes_GET_SIZE(header);
  PyObject *packed = PyBytes_FromStringAndSize(NULL, opening + (Py_ssize_t)size);
  if (!packed) return NULL;
  memcpy(PyBytes_AS_STRING(packed), PyBytes_AS_STRING(header), opening);
  if (body) memcpy(PyBytes_AS_STRING(packed) + opening, body, size);
  return packed;
}

/* Every class a byte; None where one is no class. */
static PyObject *as_it_is(PyObject *header, const void *of, char type, size_t n) {
  PyObject *packed = joined(header, NULL, n);
  if (!packed) return NULL;
  uint8_t *to = (uint8_t *)PyBytes_AS_STRING(packed) + PyBytes_GET_SIZE(header);
  for (size_t i = 0; i < n; i++) {
    int class = class_at(of, type, i);
    if (class < 0) {
      Py_DECREF(packed);
      Py_RETURN_NONE;
    }
    to[i] = (uint8_t)class;
  }
  return packed;
}

/* Puts numbers of classes, in the order in which they come first, for the classes. Gives how many there are. */
static size_t number_classes(Runs *runs, uint8_t *listed) {
  uint8_t number[256];
  size_t found = 0;
  memset(number, 0, sizeof number);
  for (size_t i = 0; i < runs->count; i++) {
    uint8_t class = runs->classes[i];
    if (!found || listed[number[class]] != class) {
      number[class] = (uint8_t)found;
      listed[found++] = class;
    }
    runs->classes[i] = number[class];
  }
  return found;
}

/* Of up to 16 classes the numbers of two runs share a byte. Gives how many bytes the numbers take. */
static size_t share_bytes(Runs *runs, size_t classes) {
  if (classes > 16) return runs->count;
  runs->classes[runs->count] = 0;
  for (size_t i = 0; i < runs->count; i += 2)
    runs->classes[i / 2] = (uint8_t)(runs->classes[i] | runs->classes[i + 1] << 4);
  return (runs->count + 1) / 2;
}

/* NULL without an error where the map as it is takes no more. */
static PyObject *as_runs(PyObject *header, Runs *runs, size_t n) {
  uint8_t opening[5 + 256];
  uint32_t count = (uint32_t)runs->count;
  size_t classes = number_classes(runs, opening + 5), numbers = share_bytes(runs, classes), opened = 5 + classes;
  memcpy(opening, &count, sizeof count);
  opening[4] = (uint8_t)(classes - 1);
  if (opened + numbers + runs->used >= n) return NULL;
  PyObject *packed = joined(header, NULL, opened + numbers + runs->used);
  if (!packed) return NULL;
  char *to = PyBytes_AS_STRING(packed) + PyBytes_GET_SIZE(header);
  memcpy(to, opening, opened);
  memcpy(to + opened, runs->classes, numbers);
  memcpy(to + opened + numbers, runs->lengths, runs->used);
  return packed;
}

/* class_map(array, header of runs, header of the map as it is) */
static PyObject *class_map(PyObject *self, PyObject *const *given, Py_ssize_t count) {
  (void)self;
  if (!takes("class_map", count, 3)) return NULL;
  if (!PyBytes_Check(given[1]) || !PyBytes_Check(given[2])) return PyErr_Format(PyExc_TypeError, "headers are bytes");
  Py_buffer array;
  char type = open_array(given[0], &array);
  if (!type) Py_RETURN_NONE;
  size_t n = (size_t)(array.len / array.itemsize), item = (size_t)array.itemsize;
  /* What numpy calls l and q is the same on some machines. */
  if (type == 'q' || (type == 'l' && item == 8)) type = 'l';
  else if (type == 'l') type = 'i';
  PyObject *packed = NULL;
  if (!n || !strchr("Bbhilf", type))
    packed = Py_NewRef(Py_None);
  else if (!make_room(2 * n + 32))
    PyErr_NoMemory();
  else {
    /* A length takes at most 10 bytes more than is asked before the count of bytes is looked at. */
    Runs runs = {.classes = room, .lengths = room + n + 16, .most = n, .running = -1};
    int state = find_runs(&runs, array.buf, type, n);
    if (state > 0) packed = as_runs(given[1], &runs, n);
    if (state < 0) packed = Py_NewRef(Py_None);
    else if (!packed && !PyErr_Occurred()) packed = as_it_is(given[2], array.buf, type, n);
  }
  PyBuffer_Release(&array);
  return packed;
}

/* -- pictures -------------------------------------------------------------------------------------------------------------- */

WIDE static void plus_128(const uint8_t *restrict from, Py_ssize_t n, uint8_t *restrict to) {
  for (Py_ssize_t i = 0; i < n; i++) to[i] = from[i] ^ 128;
}

/* picture_of_bytes(array, header): of int8 the value plus 128. */
static PyObject *picture_of_bytes(PyObject *self, PyObject *const *given, Py_ssize_t count) {
  (void)self;
  if (!takes("picture_of_bytes", count, 2)) return NULL;
  if (!PyBytes_Check(given[1])) return PyErr_Format(PyExc_TypeError, "a header is bytes");
  Py_buffer array;
  char type = open_array(given[0], &array);
  if (!type) Py_RETURN_NONE;
  PyObject *packed = NULL;
  if (type == 'B')
    packed = joined(given[1], array.buf, (size_t)array.len);
  else if (type != 'b')
    packed = Py_NewRef(Py_None);
  else if ((packed = joined(given[1], NULL, (size_t)array.len))) {
    uint8_t *to = (uint8_t *)PyBytes_AS_STRING(packed) + PyBytes_GET_SIZE(given[1]);
    Py_BEGIN_ALLOW_THREADS
    plus_128(array.buf, array.len, to);
    Py_END_ALLOW_THREADS
  }
  PyBuffer_Release(&array);
  return packed;
}

/* Adding it leaves a number of 0 to 255 no bits for a fraction: it is rounded, halves to the even one. */
#define NO_FRACTION 8388608.0f

/* Whether all are numbers. */
WIDE static int to_bytes(const float *restrict from, Py_ssize_t n, float mean, float std, float rounding,
                         uint8_t *restrict to) {
  int32_t broken = 0;
  for (Py_ssize_t i = 0; i < n; i++) {
    float scaled = from[i] * std;
    float pixel = scaled + mean;
    broken |= !(from[i] - from[i] == 0);
    pixel = pixel > 0 ? pixel : 0;
    pixel = pixel < 255 ? pixel : 255;
    pixel = (pixel + rounding) - rounding;
    to[i] = (uint8_t)(int32_t)pixel;
  }
  return !broken;
}

/* picture_of_floats(array, header, mean, std, nearest): the value times std plus mean, cut off or rounded, 0 to 255. */
static PyObject *picture_of_floats(PyObject *self, PyObject *const *given, Py_ssize_t count) {
  (void)self;
  if (!takes("picture_of_floats", count, 5)) return NULL;
  if (!PyBytes_Check(given[1])) return PyErr_Format(PyExc_TypeError, "a header is bytes");
  double mean = PyFloat_AsDouble(given[2]), std = PyFloat_AsDouble(given[3]);
  int nearest = PyObject_IsTrue(given[4]);
  if (nearest < 0 || PyErr_Occurred()) return NULL;
  Py_buffer array;
  char type = open_array(given[0], &array);
  if (!type) Py_RETURN_NONE;
  Py_ssize_t n = array.len / array.itemsize;
  PyObject *packed = type == 'f' ? joined(given[1], NULL, (size_t)n) : Py_NewRef(Py_None);
  if (packed && type == 'f') {
    uint8_t *to = (uint8_t *)PyBytes_AS_STRING(packed) + PyBytes_GET_SIZE(given[1]);
    int numbers;
    Py_BEGIN_ALLOW_THREADS
    numbers = to_bytes(array.buf, n, (float)mean, (float)std, nearest ? NO_FRACTION : 0, to);
    Py_END_ALLOW_THREADS
    if (!numbers) Py_SETREF(packed, Py_NewRef(Py_None));
  }
  PyBuffer_Release(&array);
  return packed;
}

/* -- the module ------------------------------------------------------------------------------------------------------------ */

#define FUNCTION(name, doc) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, doc}

static PyMethodDef functions[] = {
    FUNCTION(best_labels, "best_labels(scores, count, offset, type): see tasks.outputs.label_answers."),
    FUNCTION(class_map, "class_map(array, runs, whole): see tasks.outputs.segmentation_binding."),
    FUNCTION(picture_of_bytes, "picture_of_bytes(array, header): see tasks.pictures.pixels.inputs."),
    FUNCTION(picture_of_floats, "picture_of_floats(array, header, mean, std, nearest): see tasks.pictures.pixels.inputs."),
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module) { return PyModule_AddStringConstant(module, "SOURCE", NATIVE_SOURCE); }

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static PyModuleDef module = {PyModuleDef_HEAD_INIT,
                             .m_name = "native._answers",
                             .m_doc = "Answers in C.",
                             .m_methods = functions,
                             .m_slots = module_slots};

PyMODINIT_FUNC PyInit__answers(void) { return PyModuleDef_Init(&module); }
