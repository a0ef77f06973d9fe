"""The C of `native`, built with the sanitizers of addresses and of undefined behaviour, called with whatever there is.

As a script, `python -m tests.faults.sanitized FOLDER CALLS SEED`, this is the process that calls what was built there.
"""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import REPOSITORY
from tests.faults.table import Group

_NAMES = ("answers", "pictures", "normal_draws", "timed_path")
_FLAGS = (
    "-shared",
    "-fPIC",
    "-O1",
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-ffp-contract=off",
)
_TYPES = ("int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64", "bool")
_FEW = 2_000


def sanitized(folder: Path, calls: int, seed: int, sources: Path = REPOSITORY / "native") -> Group:
    """So many calls of each function with arguments near to right ones and far from them.

    Right is: an answer or an exception of Python's. A report of a sanitizer, or an end of the process, is wrong.
    """
    group = Group("calls of the C under sanitizers")
    compiler = shutil.which("gcc")
    if compiler is None:
        group.miss("no gcc is here")
        return group
    place = folder / "sanitized"
    place.mkdir()
    for name in _NAMES:
        source = sources / f"{name}.c"
        words = [
            compiler,
            *_FLAGS,
            f"-I{sysconfig.get_paths()['include']}",
            "-o",
            str(place / f"_{name}.so"),
            str(source),
        ]
        version = f'-DNATIVE_SOURCE="{zlib.crc32(source.read_bytes()):08x}"'
        built = subprocess.run([*words, version, "-lm"], capture_output=True, text=True, check=False)
        if built.returncode:
            group.miss(f"{name}.c cannot be built with sanitizers: {built.stderr.strip()[-200:]}")
            return group
    library = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = os.environ | {
        "LD_PRELOAD": library,
        # Python itself lets go of little at its end.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(REPOSITORY),
    }
    for number in range(max(1, calls // _FEW)):
        words = [sys.executable, "-m", "tests.faults.sanitized", str(place), str(min(calls, _FEW)), str(seed + number)]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        said = done.stdout.splitlines()
        made = int(said[-1]) if said and said[-1].isdigit() else 0
        for _ in range(made):
            group.note(None)
        if done.returncode:
            report = next((line for line in done.stderr.splitlines() if "ERROR" in line or "runtime error" in line), "")
            group.note(f"{said[-1] if said else ''}: {report or done.stderr.strip()[-300:]}")
    return group


def _call_all(place: Path, calls: int, seed: int) -> None:
    modules = {name: _load(place, name) for name in _NAMES}
    dice = random.Random(seed)
    made: list[Any] = []
    for number in range(calls):
        name, make = dice.choice(_CALLS)
        function = made[dice.randrange(len(made))] if name == "made" and made else None
        arguments = make(dice)
        if function is None:
            module, _, attribute = name.partition(".")
            if module == "made":
                continue
            function = getattr(modules[module], attribute)
        if number % 100 == 0:
            # What a process that is ended has said last.
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
        try:
            answer = function(*arguments)
        except Exception:
            continue
        if name.startswith("timed_path.") and len(made) < 50:
            made += [answer, *([answer.all] if hasattr(answer, "all") else [])]
    sys.stdout.write(f"{calls}\n")


def _load(place: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"native._{name}", place / f"_{name}.so")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _array(dice: random.Random) -> Any:
    shape = [dice.choice((0, 1, 1, 2, 3, 7, 33)) for _ in range(dice.choice((0, 1, 2, 2, 3, 3, 4)))]
    dtype = np.dtype(dice.choice(_TYPES))
    size = int(np.prod(shape)) * dtype.itemsize
    array = np.frombuffer(dice.randbytes(size), dtype).reshape(shape).copy()
    if array.ndim and dice.random() < 0.2:
        array = array[..., :: dice.choice((2, -1))]
    if dice.random() < 0.1:
        array.flags.writeable = False
    return array


def _anything(dice: random.Random) -> Any:
    return dice.choice(
        (
            lambda: _array(dice),
            lambda: _array(dice),
            lambda: dice.choice((0, 1, -1, 2, 5, 255, 1 << 31, 1 << 63, -(1 << 63), 1 << 70)),
            lambda: dice.choice((0.0, 1.5, -1.0, float("nan"), float("inf"))),
            lambda: dice.randbytes(dice.choice((0, 1, 7, 64))),
            lambda: bytearray(dice.choice((0, 1, 64))),
            lambda: None,
            lambda: "fiq"[dice.randrange(3)],
            lambda: [_array(dice) for _ in range(dice.randrange(4))],
            lambda: tuple(dice.randbytes(4) for _ in range(dice.randrange(4))),
            lambda: lambda *_: _array(dice),
            lambda: len,
            object,
        )
    )()


def _near(*makers: Callable[[random.Random], Any]) -> Callable[[random.Random], tuple[Any, ...]]:
    """Arguments as they should be, of which one in five is anything."""
    return lambda dice: tuple(_anything(dice) if dice.random() < 0.2 else make(dice) for make in makers)


def _number(dice: random.Random) -> int:
    return dice.choice((0, 1, 2, 3, 5, 16, 100, -1, 1 << 40))


def _bytes(dice: random.Random) -> bytes:
    return dice.randbytes(dice.choice((0, 8, 8, 12)))


def _real(dice: random.Random) -> float:
    return dice.choice((0.0, 1.0, 127.5, -3.0, float("nan"), float("inf")))


def _letter(dice: random.Random) -> str:
    return dice.choice("fiqx")


def _interpolation(dice: random.Random) -> tuple[Any, ...]:
    """A picture, its lines and room for what is made of it; one in three has something else in one of the places."""
    height, width = dice.choice((1, 2, 7)), dice.choice((1, 3, 9))

    def lines(size: int) -> tuple[Any, ...]:
        count = dice.choice((0, 1, 3, 7))
        last = size if dice.random() < 0.1 else size - 1
        first, second = (np.array([dice.randint(0, last) for _ in range(count)], np.intp) for _ in range(2))
        return first, second, np.array([dice.random() for _ in range(count)], np.float32)

    rows, columns = lines(height), lines(width)
    picture = np.frombuffer(dice.randbytes(height * width), np.uint8).reshape(height, width)
    room = np.zeros((len(rows[2]), len(columns[2])), np.float32)
    arguments: list[Any] = [picture, rows, columns, room]
    if dice.random() < 0.33:
        arguments[dice.randrange(4)] = _anything(dice)
    return tuple(arguments)


_ROWS = [
    lambda dice: [(_array(dice),) for _ in range(3)],
    lambda dice: lambda *_: [_array(dice)],
    lambda dice: lambda *_: b"x",
]
_CALLS: tuple[tuple[str, Callable[[random.Random], tuple[Any, ...]]], ...] = (
    ("answers.best_labels", _near(lambda dice: _array(dice).reshape(1, -1), _number, _number, _letter)),
    ("answers.class_map", _near(_array, _bytes, _bytes)),
    ("answers.class_map", _near(lambda dice: np.repeat(_array(dice).reshape(-1), 9)[None], _bytes, _bytes)),
    ("answers.picture_of_bytes", _near(_array, _bytes)),
    ("answers.picture_of_floats", _near(_array, _bytes, _real, _real, _number)),
    ("pictures.interpolate", _interpolation),
    ("normal_draws.draw", _near(_number, _real, _array)),
    ("normal_draws.draw_spread", _near(_number, _real, _array, _real, _real)),
    (
        "timed_path.BestLabel",
        _near(lambda d: tuple(d.randbytes(4) for _ in range(5)), _number, lambda d: lambda *_: b""),
    ),
    ("timed_path.Answer", _near(*_ROWS)),
    (
        "made",
        lambda dice: (dice.choice((0, 1, 2, 3, -1, 1 << 40, [0, 1], [5], None, [_array(dice)], (_array(dice),))),),
    ),
)


if __name__ == "__main__":
    _call_all(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
