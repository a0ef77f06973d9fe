#!/usr/bin/env bash
# The one command. Makes .venv beside this file if it is not there or out of date, then runs tflite-loadgen in it.
#   ./run.sh --task mobilebert --scenario SingleStream
#   ./run.sh test [--once-more] [PYTEST ARGUMENT...]
#   ./run.sh install EXTRA...           adds extras (convert, opencv, hf, report, ray, flex, tensorflow, native) to .venv, at the pinned versions
#                                       convert quantises float models without TensorFlow
#                                       native compiles native/*.c once more, where there was no compiler
#                                       flex runs models with select TensorFlow ops; tensorflow converts, and brings flex
#   ./run.sh install converters NAME... makes environments beside .venv's packages that convert other forms: tensorflow, torch, onnx
# PYTHON names the interpreter to build .venv with (3.11 to 3.13); by default the first of these found on PATH.
# TFLITE_LOADGEN_VENV puts the environment elsewhere: a clone that cannot be written runs, too.
set -Eeuo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
venv="${TFLITE_LOADGEN_VENV:-$here/.venv}"
# A slip in a script, as "$UNSET ", would make an environment in a folder whose name nobody can see.
case "$venv" in
  *[![:space:]]*) ;;
  *) echo "run.sh: TFLITE_LOADGEN_VENV is only blanks: name a folder, or unset it" >&2; exit 2 ;;
esac
case "$venv" in /*) ;; *) venv="$PWD/$venv" ;; esac
if [ "$venv" != / ]; then venv="${venv%/}"; fi
# It is made anew where it is broken, and nothing else may lie there.
if { [ -e "$venv" ] || [ -L "$venv" ]; } && [ ! -f "$venv/pyvenv.cfg" ] && [ -n "$(ls -A -- "$venv" 2>&1)" ]; then
  echo "run.sh: $venv is no environment of Python's, and not empty: name a new folder with TFLITE_LOADGEN_VENV=DIR" >&2
  exit 2
fi

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "run.sh: no Python 3.11 to 3.13 on PATH (LoadGen has no wheel for others). Install one, or name it: PYTHON=/path/to/python3.12 ./run.sh" >&2
  return 1
}

packages=(accuracy backends configs harness native tasks)

# What .venv was made from: any change of it, or a lacking extra, makes it out of date.
wanted() {
  echo "$here $1"
  cat "$here/pyproject.toml" "$here/constraints.txt" "$here/hatch_build.py" "$here"/native/*.c
  # Of a clone that cannot be written a copy is installed, which does not follow a change by itself.
  if [ ! -w "$here" ]; then (cd "$here" && find "${packages[@]}" -type f ! -name '*.pyc' -exec cksum {} + | sort); fi
}

install_package() {
  if command -v uv >/dev/null; then
    VIRTUAL_ENV="$venv" uv pip install --quiet --constraint "$here/constraints.txt" --reinstall-package tflite-loadgen "$@" >&2
  else
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$here/constraints.txt" "$@" >&2
  fi
}

install() {
  local extra=$1 python target source
  if ! mkdir -p "$(dirname -- "$venv")" 2>/dev/null || [ ! -w "$(dirname -- "$venv")" ]; then
    echo "run.sh: $(dirname -- "$venv") cannot be written: say where the environment may lie with TFLITE_LOADGEN_VENV=DIR" >&2
    return 1
  fi
  # Two first runs at once: one makes the environment, the other waits.
  exec 9>"$venv.lock"
  command -v flock >/dev/null && flock 9
  if fresh "$extra"; then return; fi
  echo "run.sh: making $venv ..." >&2
  rm -f "$venv/.stamp" "$venv/.stamp-test"
  if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
    rm -rf "$venv"
    python=$(find_python)
    if command -v uv >/dev/null; then
      uv venv --quiet --python "$python" "$venv"
    else
      "$python" -m venv "$venv"
    fi
  fi
  source="$here"
  if [ ! -w "$here" ]; then
    source="$venv/source"
    rm -rf "$source" && mkdir "$source"
    (cd "$here" && cp -R --no-preserve=mode "${packages[@]}" pyproject.toml hatch_build.py README.md LICENSE "$source")
  fi
  target="$source"
  if [ -n "$extra" ]; then target="$source[$extra]"; fi
  if [ "$source" = "$here" ]; then install_package --editable "$target"; else install_package "$target"; fi
  if [ -s "$source/native/why_not_compiled.txt" ]; then
    echo "run.sh: native/*.c could not be compiled: $(head -n 1 "$source/native/why_not_compiled.txt")" >&2
  fi
  # The stamp comes last: an interrupted install is made again.
  wanted "" >"$venv/.stamp"
  case ",$extra," in *,test,*) wanted test >"$venv/.stamp-test" ;; esac
  exec 9>&-
}

fresh() {
  local stamp="$venv/.stamp"
  if [ "$1" = test ]; then stamp="$venv/.stamp-test"; fi
  [ -f "$stamp" ] && wanted "$1" | cmp -s - "$stamp"
}

# TensorFlow's kernels for LiteRT, out of a wheel from before 2.20, since when they have none. Only the two libraries are kept: no
# Python of TensorFlow's, so none of its requirements, and any Python's wheel will do.
install_flex() {
  local wheel=tensorflow==2.18.1 into="$venv/flex"
  if [ "$(uname -m)" = x86_64 ]; then wheel=tensorflow-cpu==2.18.1; fi
  if [ "$(cat "$into/.stamp" 2>/dev/null)" = "$wheel" ]; then return; fi
  echo "run.sh: getting TensorFlow's Flex delegate ($wheel, 0.7 GB once unpacked) ..." >&2
  rm -rf "$into" "$into.new"
  if command -v uv >/dev/null; then
    uv pip install --quiet --no-deps --only-binary :all: --python-version 3.12 --target "$into.new" "$wheel" >&2
  else
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --python-version 3.12 \
      --target "$into.new" "$wheel" >&2
  fi
  mkdir -p "$into/tensorflow"
  mv "$into.new/tensorflow/"libtensorflow_*.so.2 "$into/tensorflow/"
  rm -rf "$into.new"
  echo "$wheel" >"$into/.stamp"
}

# Converters need other versions of the runtime than the harness, so each has an environment of its own, which is called with
# files in and files out. Nothing of them comes into .venv.
install_converter() {
  local name=$1 into="$venv/converters/$1" packages python
  case "$name" in
    tensorflow) packages=(tensorflow==2.21.0) ;;
    torch) packages=(litert-torch==0.10.0) ;;
    onnx)
      packages=(onnx2tf==2.6.9)
      if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then packages=(onnx2tf==1.29.24); fi
      ;;
    *) echo "run.sh: unknown converter '$name'; known: tensorflow (2 GB), torch (7 GB), onnx (0.5 GB, with Python 3.11 2.6)" >&2; exit 2 ;;
  esac
  if [ "$(cat "$into/.stamp" 2>/dev/null)" = "${packages[*]}" ]; then return; fi
  echo "run.sh: getting the converter $name (${packages[*]}) into $into ..." >&2
  rm -rf "$into"
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$venv/bin/python" "$into"
    VIRTUAL_ENV="$into" uv pip install --quiet "${packages[@]}" >&2
  else
    "$venv/bin/python" -m venv "$into"
    "$into/bin/python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >&2
  fi
  echo "${packages[*]}" >"$into/.stamp"
}

# A few of thousands that fail are asked once more, by themselves: whether they fail, or only beside others, is another defect,
# and it is said. Nothing that fails alone passes.
run_tests() {
  local status=0 failed cache=.pytest_cache/v/cache/lastfailed
  # What failed of other tests, another day, is not counted.
  rm -f "$cache"
  "$venv/bin/python" -m pytest "$@" || status=$?
  failed=$("$venv/bin/python" -I -m json.tool "$cache" 2>/dev/null | grep -c ': true' || true)
  if [ "$status" -ne 1 ] || [ "$failed" -eq 0 ] || [ "$failed" -gt 5 ]; then return "$status"; fi
  echo "run.sh: failed: $failed; run once more, alone:"
  "$venv/bin/python" -m pytest "$@" -n 0 --last-failed -rA --show-capture=no || return 1
  echo "run.sh: UNSTEADY: what is named above failed beside the others and passed alone. A test passes on any machine (CONTRIBUTING.md): mend them" >&2
}

extra=""
if [ "${1:-}" = test ]; then extra=test; fi
case "${1:-} ${2:-}" in "install -h" | "install --help") set -- help install ;; esac
if [ "${1:-}" = install ]; then
  shift
  if [ $# = 0 ]; then
    echo "run.sh: name an extra: ./run.sh install opencv (or convert, hf, report, ray, flex, tensorflow, native)" >&2
    exit 2
  fi
  if [ "$1" = converters ]; then
    shift
    if [ $# = 0 ]; then
      echo "run.sh: name a converter: ./run.sh install converters tensorflow (or torch, onnx)" >&2
      exit 2
    fi
    if ! fresh ""; then install ""; fi
    trap 'echo "run.sh: the converter could not be installed in $venv/converters" >&2; exit 2' ERR
    for name in "$@"; do install_converter "$name"; done
    exit 0
  fi
  extras=() flex="" native=""
  for name in "$@"; do
    case "$name" in
      convert | opencv | hf | report | ray | browser | fuzz | test) extras+=("$name") ;;
      tensorflow) extras+=("$name") flex=yes ;;
      flex) flex=yes ;;
      # With what is here now: a compiler may have come.
      native) rm -f "$venv/.stamp" "$venv/.stamp-test"; native=yes ;;
      *) echo "run.sh: unknown extra '$name'; known: convert, opencv, hf, report, ray, browser, fuzz, flex, tensorflow, native, test" >&2; exit 2 ;;
    esac
  done
  trap 'echo "run.sh: the extras could not be installed in $venv" >&2; exit 2' ERR
  install "$(IFS=,; echo "${extras[*]}")"
  if [ -n "$flex" ]; then install_flex; fi
  if [ -n "$native" ] && ! (cd / && TFLITE_LOADGEN_NATIVE=on "$venv/bin/python" -P -c 'import native, sys; sys.exit(bool(native.why_not))')
  then
    exit 2
  fi
  exit 0
fi
if ! fresh "$extra"; then
  trap 'echo "run.sh: the environment in $venv could not be made; nothing was run" >&2; exit 2' ERR
  install "$extra"
  trap - ERR
fi
# A tasks.py in the current directory must not shadow ours, nor one that an empty entry of PYTHONPATH finds there.
export PYTHONSAFEPATH=1
# Hints name the command that was given.
export TFLITE_LOADGEN_BY_SCRIPT=1
if [ "$extra" = test ]; then
  shift
  cd "$here"
  if [ "${1:-}" = --once-more ]; then shift; elif [ "$#" -gt 0 ]; then exec "$venv/bin/python" -m pytest "$@"; fi
  run_tests "$@"
  exit
fi
exec "$venv/bin/python" -I -m harness "$@"
