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

static uint64_t next(uint64_t *state) {
  uint64_t product = *state * FACTOR;
  uint64_t folded = (product & MODULUS) + (product >> 31);
  *state = folded >= MODULUS ? folded - MODULUS : folded;
  return *state;
}

/* std::generate_canonical<double, 53>. */
static double canonical(uint64_t *state) {
  double low = (double)(next(state) - 1), high = (double)(next(state) - 1);
  double drawn = (low + high * RANGE) / (RANGE * RANGE);
  return drawn < 1.0 ? drawn : nextafter(1.0, 0.0);
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

/* draw(state, saved, room) fills the doubles of `room`, and gives (state, saved) for the next call. */
static PyObject *draw(PyObject *module, PyObject *args) {
  (void)module;
  unsigned long long given;
  double saved;
  PyObject *object;
  if (!PyArg_ParseTuple(args, "KdO", &given, &saved, &object)) return NULL;
  Py_buffer room;
  if (PyObject_GetBuffer(object, &room, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) < 0) return NULL;
  uint64_t state = given % MODULUS;
  if (state == 0 || room.len % (Py_ssize_t)sizeof(double)) {
    PyBuffer_Release(&room);
    PyErr_SetString(PyExc_ValueError, "a state is 1 to 2147483646, the room whole doubles");
    return NULL;
  }
  double *drawn = room.buf;
  Py_ssize_t count = room.len / (Py_ssize_t)sizeof(double);
  Py_BEGIN_ALLOW_THREADS
  for (Py_ssize_t i = 0; i < count; i++) {
    double value;
    do value = normal(&state, &saved);
    while (value < 0 || value >= 1);
    drawn[i] = value;
  }
  Py_END_ALLOW_THREADS
  PyBuffer_Release(&room);
  return Py_BuildValue("(Kd)", (unsigned long long)state, saved);
}

static PyMethodDef methods[] = {
    {"draw", draw, METH_VARARGS, "draw(state, saved, room): see harness.difference.draws."},
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
