/* Bilinear interpolation in C, where a compiler was there to build it: the twin of `_interpolate_in_python` in
   tasks.pictures.pixels.resize, which is used wherever this is not built. tests/native holds each against the other, to the last bit.

   The sums are those of TFLite's reference kernel in its order (LRT tflite/kernels/internal/reference/resize_bilinear.h). A
   multiplication that is fused with the addition after it rounds once where the kernel rounds twice, so whoever compiles this
   says -ffp-contract=off (hatch_build.py). */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <stdint.h>

#if FLT_EVAL_METHOD != 0
#error "float is calculated with more than its own precision on this machine"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* The CRC-32 of this file, from whoever compiles it. */
#ifndef NATIVE_SOURCE
#define NATIVE_SOURCE ""
#endif

/* For each output line the two input lines it lies between, and the share of the second. */
typedef struct {
  Py_buffer first, second, share;
  Py_ssize_t count;
} Lines;

static void release_lines(Lines *lines) {
  PyBuffer_Release(&lines->first);
  PyBuffer_Release(&lines->second);
  PyBuffer_Release(&lines->share);
}

static int within(const Py_buffer *places, Py_ssize_t count, Py_ssize_t size) {
  const Py_ssize_t *at = places->buf;
  for (Py_ssize_t i = 0; i < count; i++)
    if (at[i] < 0 || at[i] >= size) return 0;
  return 1;
}

/* Opens (first, second, share), whose places must all be less than `size`. */
static int open_lines(PyObject *given, Lines *lines, Py_ssize_t size) {
  PyObject *first, *second, *share;
  if (!PyArg_ParseTuple(given, "OOO", &first, &second, &share)) return -1;
  if (PyObject_GetBuffer(first, &lines->first, PyBUF_SIMPLE) < 0 || PyObject_GetBuffer(second, &lines->second, PyBUF_SIMPLE) < 0 ||
      PyObject_GetBuffer(share, &lines->share, PyBUF_SIMPLE) < 0)
    return -1;
  lines->count = lines->share.len / (Py_ssize_t)sizeof(float);
  Py_ssize_t bytes = lines->count * (Py_ssize_t)sizeof(Py_ssize_t);
  if (lines->first.len != bytes || lines->second.len != bytes || !within(&lines->first, lines->count, size) ||
      !within(&lines->second, lines->count, size)) {
    PyErr_Format(PyExc_ValueError, "the lines do not fit a picture of %zd", size);
    return -1;
  }
  return 0;
}

/* Columns of values, not of pixels: each of a pixel's channels has its own place and share. */
static void interpolate_row(const uint8_t *upper, const uint8_t *lower, float down, Py_ssize_t from, Py_ssize_t to, const Lines *across,
                            float *above, float *below, float *result) {
  float up = 1 - down;
  for (Py_ssize_t i = from; i < to; i++) {
    above[i - from] = upper[i] * up;
    below[i - from] = lower[i] * down;
  }
  const Py_ssize_t *left = across->first.buf, *right = across->second.buf;
  const float *share = across->share.buf;
  for (Py_ssize_t i = 0; i < across->count; i++) {
    float far = share[i], near = 1 - far;
    Py_ssize_t l = left[i] - from, r = right[i] - from;
    result[i] = above[l] * near + below[l] * near + above[r] * far + below[r] * far;
  }
}

static void span(const Lines *lines, Py_ssize_t *from, Py_ssize_t *to) {
  const Py_ssize_t *first = lines->first.buf, *second = lines->second.buf;
  *from = first[0];
  *to = 0;
  for (Py_ssize_t i = 0; i < lines->count; i++) {
    if (first[i] < *from) *from = first[i];
    if (second[i] < *from) *from = second[i];
    if (first[i] >= *to) *to = first[i] + 1;
    if (second[i] >= *to) *to = second[i] + 1;
  }
}

static int run(const Py_buffer *image, const Lines *down, const Lines *across, float *result) {
  Py_ssize_t from, to;
  span(across, &from, &to);
  float *room = PyMem_RawMalloc(2 * (to - from) * sizeof(float));
  if (!room) return -1;
  const Py_ssize_t *first = down->first.buf, *second = down->second.buf;
  const float *share = down->share.buf;
  const uint8_t *pixels = image->buf;
  for (Py_ssize_t y = 0; y < down->count; y++)
    interpolate_row(pixels + first[y] * image->strides[0], pixels + second[y] * image->strides[0], share[y], from, to, across,
                    room, room + (to - from), result + y * across->count);
  PyMem_RawFree(room);
  return 0;
}

static int fits(const Py_buffer *image, const Py_buffer *result, const Lines *down, const Lines *across) {
  if (image->ndim != 2 || image->itemsize != 1 || image->strides[1] != 1) {
    PyErr_SetString(PyExc_ValueError, "a picture is rows of bytes");
    return 0;
  }
  if (!down->count || !across->count || result->len != down->count * across->count * (Py_ssize_t)sizeof(float)) {
    PyErr_Format(PyExc_ValueError, "the result has %zd bytes, not those of %zd rows of %zd floats", result->len, down->count,
                 across->count);
    return 0;
  }
  return 1;
}

static PyObject *interpolate(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *picture, *rows, *columns, *room;
  if (!PyArg_ParseTuple(args, "OO!O!O", &picture, &PyTuple_Type, &rows, &PyTuple_Type, &columns, &room)) return NULL;
  Py_buffer image = {0}, result = {0};
  Lines down = {0}, across = {0};
  PyObject *done = NULL;
  if (PyObject_GetBuffer(picture, &image, PyBUF_STRIDES) < 0) return NULL;
  if (PyObject_GetBuffer(room, &result, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) == 0 && image.ndim == 2 &&
      open_lines(rows, &down, image.shape[0]) == 0 && open_lines(columns, &across, image.shape[1]) == 0 &&
      fits(&image, &result, &down, &across)) {
    int failed;
    Py_BEGIN_ALLOW_THREADS
    failed = run(&image, &down, &across, result.buf);
    Py_END_ALLOW_THREADS
    done = failed ? PyErr_NoMemory() : Py_NewRef(Py_None);
  } else if (!PyErr_Occurred()) {
    PyErr_SetString(PyExc_ValueError, "a picture is rows of bytes");
  }
  release_lines(&down);
  release_lines(&across);
  PyBuffer_Release(&result);
  PyBuffer_Release(&image);
  return done;
}

static PyMethodDef methods[] = {
    {"interpolate", interpolate, METH_VARARGS, "interpolate(image, down, across, result): see tasks.pictures.pixels.resize."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module) { return PyModule_AddStringConstant(module, "SOURCE", NATIVE_SOURCE); }

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static PyModuleDef module = {PyModuleDef_HEAD_INIT,
                             .m_name = "native._pictures",
                             .m_doc = "Pictures in C.",
                             .m_methods = methods,
                             .m_slots = module_slots};

PyMODINIT_FUNC PyInit__pictures(void) { return PyModuleDef_Init(&module); }
