/* The numbers that TFLite's inference_diff draws, in C, where a compiler was there to build it: the twin of `_drawn_in_python` in
   harness.difference.draws, which is used wherever this is not built. tests/native holds each against the other.

   LRT tflite/tools/evaluation/stages/inference_profiler_stage.cc draws from std::normal_distribution<double>(0.5, 1.0 / 3) by
   std::default_random_engine, and draws anew what is not in [0, 1). Of libstdc++ that is minstd_rand0, two of whose numbers
   make a double, and Marsaglia's polar method, which gives the second number of a pair first. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>

/* The CRC-32 of this file, from whoever compiles it. */
#ifndef NATIVE_SOURCE
#define NATIVE_SOURCE ""
#endif

static const uint64_t MODULUS = 2147483647u, FACTOR = 16807u;
static const double RANGE = 2147483646.0;

/* The factor's powers modulo the modulus. */
static const uint64_t FACTOR_2 = 282475249u, FACTOR_3 = 1622650073u, FACTOR_4 = 984943658u;

/* Modulo the modulus, of a product of two numbers below it. */
static uint64_t folded(uint64_t product) {
  uint64_t sum = (product & MODULUS) + (product >> 31);
  return sum >= MODULUS ? sum - MODULUS : sum;
}

/* std::generate_canonical<double, 53> of two numbers of the engine; both fit 32 bits, which are quicker to convert. */
static double canonical_of(uint64_t first, uint64_t second) {
  double low = (double)(int32_t)(first - 1), high = (double)(int32_t)(second - 1);
  double drawn = (low + high * RANGE) / (RANGE * RANGE);
  return drawn < 1.0 ? drawn : 0x1.fffffffffffffp-1;
}

static double canonical(uint64_t *state) {
  uint64_t first = folded(*state * FACTOR);
  *state = folded(*state * FACTOR_2);
  return canonical_of(first, *state);
}

/* A number of the normal distribution; `saved` is its twin from the pair before, NaN where there is none. */
static double normal(uint64_t *state, double *saved) {
  double found = *saved;
  if (!isnan(found)) {
    *saved = NAN;
    return found * (1.0 / 3) + 0.5;
  }
  double x, y, square;
  do {
    x = 2.0 * canonical(state) - 1.0;
    y = 2.0 * canonical(state) - 1.0;
    square = x * x + y * y;
  } while (square > 1.0 || square == 0.0);
  double factor = sqrt(-2.0 * log(square) / square);
  *saved = x * factor;
  return y * factor * (1.0 / 3) + 0.5;
}

/* One in [0, 1). */
static double share(uint64_t *state, double *saved) {
  double value;
  do value = normal(state, saved);
  while (value < 0 || value >= 1);
  return value;
}

/* As many numbers in [0, 1) as come of so many pairs of the polar method, PAIRS at most: the same as one by one, but whatever can
   be done without a branch is done for all of them first. */
#define PAIRS 256
static Py_ssize_t shares(uint64_t *state, Py_ssize_t pairs, double *room) {
  double x[PAIRS], y[PAIRS], square[PAIRS], factor[PAIRS];
  uint64_t now = *state;
  for (Py_ssize_t i = 0; i < pairs; i++) {
    /* Four steps of the engine, none of which waits for the one before. */
    uint64_t a = folded(now * FACTOR), b = folded(now * FACTOR_2), c = folded(now * FACTOR_3), d = folded(now * FACTOR_4);
    now = d;
    x[i] = 2.0 * canonical_of(a, b) - 1.0;
    y[i] = 2.0 * canonical_of(c, d) - 1.0;
  }
  *state = now;
  Py_ssize_t inside = 0;
  for (Py_ssize_t i = 0; i < pairs; i++) {
    double is = x[i] * x[i] + y[i] * y[i];
    x[inside] = x[i], y[inside] = y[i], square[inside] = is;
    inside += (is <= 1.0) & (is != 0.0);
  }
  for (Py_ssize_t i = 0; i < inside; i++) factor[i] = log(square[i]);
  for (Py_ssize_t i = 0; i < inside; i++) factor[i] = sqrt(-2.0 * factor[i] / square[i]);
  Py_ssize_t kept = 0;
  for (Py_ssize_t i = 0; i < inside; i++) {
    /* Of a pair the second comes first. */
    double one = y[i] * factor[i] * (1.0 / 3) + 0.5, other = x[i] * factor[i] * (1.0 / 3) + 0.5;
    room[kept] = one;
    kept += (one >= 0) & (one < 1);
    room[kept] = other;
    kept += (other >= 0) & (other < 1);
  }
  return kept;
}

/* The next numbers, at most 2 * PAIRS, written with one place to spare; never more than are wanted. */
static Py_ssize_t some_shares(uint64_t *state, double *saved, Py_ssize_t wanted, double *room) {
  if (wanted < 2 || !isnan(*saved)) {
    room[0] = share(state, saved);
    return 1;
  }
  return shares(state, wanted / 2 < PAIRS ? wanted / 2 : PAIRS, room);
}

/* Fills the room with the next numbers: doubles as they are drawn, or, where a range is given, floats spread over it in single
   precision as the tool does it. Gives (state, saved) for the next call, or NULL with an error set. */
static PyObject *filled(unsigned long long given, double saved, PyObject *object, const float *low, const float *span) {
  Py_buffer room;
  if (PyObject_GetBuffer(object, &room, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) < 0) return NULL;
  Py_ssize_t size = low ? sizeof(float) : sizeof(double), count = room.len / size;
  uint64_t state = given % MODULUS;
  if (state == 0 || room.len % size != 0) {
    PyBuffer_Release(&room);
    PyErr_SetString(PyExc_ValueError, "a state is 1 to 2147483646, the room whole numbers");
    return NULL;
  }
  double *doubles = room.buf;
  float *floats = room.buf;
  Py_BEGIN_ALLOW_THREADS
  double some[2 * PAIRS + 1];
  for (Py_ssize_t i = 0; i < count;) {
    Py_ssize_t found = some_shares(&state, &saved, count - i, some);
    if (low) {
      for (Py_ssize_t k = 0; k < found; k++) floats[i + k] = *low + *span * (float)some[k];
    } else {
      for (Py_ssize_t k = 0; k < found; k++) doubles[i + k] = some[k];
    }
    i += found;
  }
  Py_END_ALLOW_THREADS
  PyBuffer_Release(&room);
  return Py_BuildValue("(Kd)", (unsigned long long)state, saved);
}

/* draw(state, saved, room) fills the doubles of `room`. */
static PyObject *draw(PyObject *module, PyObject *args) {
  (void)module;
  unsigned long long state;
  double saved;
  PyObject *room;
  if (!PyArg_ParseTuple(args, "KdO", &state, &saved, &room)) return NULL;
  return filled(state, saved, room, NULL, NULL);
}

/* draw_spread(state, saved, room, low, span) fills the floats of `room`. */
static PyObject *draw_spread(PyObject *module, PyObject *args) {
  (void)module;
  unsigned long long state;
  double saved;
  float low, span;
  PyObject *room;
  if (!PyArg_ParseTuple(args, "KdOff", &state, &saved, &room, &low, &span)) return NULL;
  return filled(state, saved, room, &low, &span);
}

static PyMethodDef methods[] = {
    {"draw", draw, METH_VARARGS, "draw(state, saved, room): see harness.difference.draws."},
    {"draw_spread", draw_spread, METH_VARARGS, "draw_spread(state, saved, room, low, span): see harness.difference.draws."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module) { return PyModule_AddStringConstant(module, "SOURCE", NATIVE_SOURCE); }

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static PyModuleDef module = {PyModuleDef_HEAD_INIT,
                             .m_name = "native._normal_draws",
                             .m_doc = "Random numbers in C.",
                             .m_methods = methods,
                             .m_slots = module_slots};

PyMODINIT_FUNC PyInit__normal_draws(void) { return PyModuleDef_Init(&module); }
