"""Built-in stand-ins: model files made on this machine, once, and kept.

A cached file is trusted for what it holds, not for its name: a stamp beside it keeps its size, time and sha256, and a
hash of the source that made it. A file that was cut, changed, or made by other source is made again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

from harness.errors import UnknownName
from harness.json_records import from_json
from harness.whole_file import replacing
from harness.zoo.files.locks import NoLocks, locked

if TYPE_CHECKING:
    from harness.zoo.graph.mobilebert import Variant

_ZOO = Path(__file__).parents[1]
_GRAPH_MODULES = ("graph/writer", "graph/tensors", "graph/layers", "graph/noise", "graph/versions")
_PICTURE_MODULES = (
    "graph/writer",
    "graph/tensors",
    "graph/versions",
    "graph/noise",
    "graph/ssd_anchors",
    "standins/layer_stack",
    "standins/networks",
    "standins/picture_layers",
    "standins/picture_models",
    "standins/ssd",
)
_BENCHMARK_MODULES = (*_PICTURE_MODULES, "standins/convolution_benchmarks")
_AUDIO_MODULES = (
    *_GRAPH_MODULES,
    "standins/layer_stack",
    "standins/networks",
    "standins/picture_layers",
    "standins/audio_models",
)
_TINY_MODULES = (*_PICTURE_MODULES, "standins/tiny_networks", "standins/tiny_models")
_MOBILEBERT_MODULES = (
    *_GRAPH_MODULES,
    "graph/mobilebert",
    "standins/mobilebert",
    "standins/circuit",
    "standins/wiring",
    "builtin/squad",
    "builtin/squad_words",
)
_VARIANTS: tuple[Literal["float32", "int8"], ...] = ("float32", "int8")


@dataclass(frozen=True, slots=True)
class Standin:
    """How one stand-in is made."""

    write: Callable[[BinaryIO], None]
    """Writes the model, always the same bytes."""
    modules: tuple[str, ...]
    """The modules of this package that decide those bytes."""
    weights: tuple[str, ...] = ()
    """The files in this package's `weights/` that do, too."""


def _mobilebert(variant: Variant, file: BinaryIO) -> None:
    from harness.zoo.standins.mobilebert import write_mobilebert

    write_mobilebert(file, variant)


def _picture_model(name: str, variant: Literal["float32", "int8"], file: BinaryIO) -> None:
    from harness.zoo.standins.picture_models import write_picture_model

    write_picture_model(file, name, variant)


def _convolution_benchmark(name: str, variant: Literal["float32", "int8"], file: BinaryIO) -> None:
    from harness.zoo.standins.convolution_benchmarks import write_convolution_benchmark

    write_convolution_benchmark(file, name, variant)


def _audio_model(name: str, file: BinaryIO) -> None:
    from harness.zoo.standins.audio_models import write_audio_model

    write_audio_model(file, name)


def _tiny_model(name: str, variant: Literal["float32", "int8"], file: BinaryIO) -> None:
    from harness.zoo.standins.tiny_models import write_tiny_model

    write_tiny_model(file, name, variant)


def _tiny_standins(*names: str) -> dict[str, Standin]:
    """Models of the tiny tasks in both types."""
    return {
        f"{name}_{variant}": Standin(partial(_tiny_model, name, variant), _TINY_MODULES, (f"{name}.npz",))
        for name in names
        for variant in _VARIANTS
    }


def _picture_standins(*names: str, weights: str | None = None) -> dict[str, Standin]:
    """Picture models in both types; `weights` where they have none of their own name."""
    return {
        f"{name}_{variant}": Standin(
            partial(_picture_model, name, variant), _PICTURE_MODULES, (f"{weights or name}.npz",)
        )
        for name in names
        for variant in _VARIANTS
    }


def _convolution_benchmarks() -> dict[str, Standin]:
    """Both, in both types, from seeds alone."""
    return {
        f"{name}_{variant}": Standin(partial(_convolution_benchmark, name, variant), _BENCHMARK_MODULES)
        for name in ("convolution_benchmark_1_144x256", "convolution_benchmark_2_144x256")
        for variant in _VARIANTS
    }


STANDINS: dict[str, Standin] = {
    "mobilebert_float32": Standin(partial(_mobilebert, "float32"), _MOBILEBERT_MODULES),
    "mobilebert_int8": Standin(partial(_mobilebert, "int8"), _MOBILEBERT_MODULES),
    **_picture_standins("mobilenet_edgetpu", "deeplabv3", "ssd_mobilenet_v2"),
    **_picture_standins("mobilenet_v2", weights="ssd_mobilenet_v2"),
    **_convolution_benchmarks(),
    **{
        f"{name}_float32": Standin(partial(_audio_model, name), _AUDIO_MODULES)
        for name in ("lstm", "seanet_wave", "seanet_stft")
    },
    **_tiny_standins(
        "ic_resnet8",
        "vww_mobilenet_v1",
        "kws_ds_cnn",
        "ad_autoencoder",
        "yolo_person",
        "sww_wake_word",
        "face_landmark",
    ),
}


class StandinFile(NamedTuple):
    """A stand-in on disk."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What was true of a cached file when it was last verified."""

    generator: str
    sha256: str
    size: int
    mtime_ns: int


def standin_path(name: str, cache_dir: Path, *, every_byte: bool = False) -> StandinFile:
    """The stand-in's file in the cache, made first where it is absent or spoilt.

    Two processes may ask at once: one makes the file, the other waits for it (where the file system has no locks, both make
    it: the bytes are the same). A file of the right size and time is taken at its stamp's word; of the right size only, it
    is hashed again.

    Args:
        name: One of `STANDINS`.
        cache_dir: Created if need be. A folder that cannot be written serves as long as what it holds is whole.
        every_byte: It is hashed whatever its time says: for what is scored.

    Raises:
        UnknownName: No such stand-in.
        OSError: The file cannot be made: full disk, no permission. No partial file is left.
    """
    if name not in STANDINS:
        raise UnknownName("stand-in", name, STANDINS)
    standin = STANDINS[name]
    path = cache_dir / f"{name}.tflite"
    generator = _generator_hash(standin)
    # Without the lock first: the cache may be read-only, and another stand-in's user need not wait.
    if known := _verified(path, generator, every_byte=every_byte):
        return StandinFile(path, known)
    try:
        with locked(cache_dir / f"{name}.lock"):
            known = _verified(path, generator, every_byte=every_byte)  # by the one we waited for
            return StandinFile(path, known or _make(standin, path, generator, "partial"))
    except NoLocks:
        return StandinFile(path, _make(standin, path, generator, f"{uuid.uuid4().hex}.partial"))


def _generator_hash(standin: Standin) -> str:
    digest = hashlib.sha256()
    for module in standin.modules:
        digest.update((_ZOO / f"{module}.py").read_bytes())
    for file in standin.weights:
        digest.update((_ZOO / "standins/weights" / file).read_bytes())
    return digest.hexdigest()


def _verified(path: Path, generator: str, *, every_byte: bool) -> str | None:
    """The sha256 of a cached file that is what it should be, else None."""
    stamp = _read_stamp(path)
    if stamp is None or stamp.generator != generator:
        return None
    try:
        status = path.stat()
        if status.st_size != stamp.size:
            return None
        moved = status.st_mtime_ns != stamp.mtime_ns
        if (moved or every_byte) and _sha256(path) != stamp.sha256:
            return None
        if moved:
            # The content is right after all (copied, touched): spare the next caller the hashing, where we may. The file
            # itself is left alone, since a run may hold it.
            with contextlib.suppress(OSError):
                _write_stamp(path, dataclasses.replace(stamp, mtime_ns=status.st_mtime_ns), None)
    except FileNotFoundError:
        return None
    return stamp.sha256


def _make(standin: Standin, path: Path, generator: str, suffix: str) -> str:
    with _replacing(path, suffix) as file:
        standin.write(file)
    digest, status = _sha256(path), path.stat()
    _write_stamp(path, _Stamp(generator, digest, status.st_size, status.st_mtime_ns), suffix)
    return digest


def _write_stamp(path: Path, stamp: _Stamp, suffix: str | None) -> None:
    with _replacing(_stamp_path(path), suffix) as file:
        file.write(json.dumps(asdict(stamp), indent=2).encode())


@contextlib.contextmanager
def _replacing(path: Path, suffix: str | None) -> Iterator[BinaryIO]:
    """A file that becomes `path` when all went well, and nothing when not; `suffix` is for its name until then, None for any.

    Under the lock that is always the same, so that what a killed process left is written over.
    """
    try:
        with replacing(path, under=path.with_name(f"{path.name}.{suffix}") if suffix else None) as file:
            yield file
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _stamp_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _read_stamp(path: Path) -> _Stamp | None:
    try:
        return from_json(_Stamp, json.loads(_stamp_path(path).read_bytes()))
    except (FileNotFoundError, ValueError, RecursionError):  # none yet, or not one of ours
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
