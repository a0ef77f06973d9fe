"""TensorFlow's converter makes the stand-ins' networks once more, to hold the stand-ins against: `benchmarks.standins`.

Each twin is written in TensorFlow's own operations from the same description and the same weights, and converted: what
differs is what the converter chose. Both compute the same function, so that work that depends on data, as SSD's suppression
of boxes, is the same too.

    ./run.sh install tensorflow
    .venv/bin/python -m benchmarks standins         # makes them, too, where they are not in the cache
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import twin_networks
from benchmarks.twin_networks import mobilebert_model, picture_model
from harness.zoo.files.official import cache_dir
from harness.zoo.graph.mobilebert import MobileBertConfig
from harness.zoo.standins import mobilebert, networks
from harness.zoo.standins.layer_stack import Network

Array = npt.NDArray[Any]

_NETWORKS: Mapping[str, Callable[[], Network]] = {
    "mobilenet_edgetpu": networks.mobilenet_edgetpu,
    "ssd_mobilenet_v2": networks.ssd_mobilenet_v2,
    "deeplabv3": networks.deeplabv3,
    "mobilenet_v2": networks.mobilenet_v2,
}
TWINS = tuple(f"{name}_{variant}" for name in (*_NETWORKS, "mobilebert") for variant in ("float32", "int8"))
"""Named as the stand-ins are."""
INSTALL = "./run.sh install tensorflow"
_BYTES_IN = ("ssd_mobilenet_v2", "deeplabv3")
"""Their int8 models take uint8 pictures, as the official files do."""
_CALIBRATION_PICTURES = 8
_SOURCE = Path(mobilebert.__file__).parents[1]
_DECIDED_BY = (
    "standins/circuit.py",
    "graph/mobilebert.py",
    "standins/mobilebert.py",
    "standins/networks.py",
    "graph/noise.py",
    "standins/picture_models.py",
    "builtin/squad.py",
    "standins/ssd.py",
    "standins/wiring.py",
    "standins/weights",
)
"""What decides a twin besides this package: a change of it makes the twins anew."""


def twin_path(name: str) -> Path | None:
    """Where the twin of the stand-in of this name lies in the cache, whether it is there or not; None without TensorFlow."""
    try:
        converter = version("tensorflow")
    except PackageNotFoundError:
        return None
    return cache_dir() / "converted_twins" / f"{name}-{converter}-{_source_hash()}.tflite"


def make_twins() -> None:
    """Makes those that are not in the cache, in a process of its own: TensorFlow brings threads and a gigabyte or two."""
    if all(path is None or path.is_file() for path in map(twin_path, TWINS)):
        return
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-P", "-m", "benchmarks.converted_twins"]
    done = subprocess.run(command, check=False, env=environment, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"a twin could not be converted:\n{done.stderr}")


def main() -> None:
    """Makes all twins that are not in the cache."""
    for name in TWINS:
        path = twin_path(name)
        if path is None:
            raise SystemExit(f"TensorFlow's converter is not here: {INSTALL}")
        if not path.is_file():
            print(f"converting {path.name} ...", flush=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_bytes(convert(name))
            partial.replace(path)


def convert(name: str) -> bytes:
    """The twin of one stand-in, as TensorFlow's converter writes it."""
    network, _, variant = name.rpartition("_")
    if network == "mobilebert":
        return _converted(mobilebert_model(), _token_inputs(), quantized=variant == "int8")
    made = _NETWORKS[network]()
    specification = {"input": ((1, *made.picture), np.float32)}
    if variant == "float32":
        return _converted(picture_model(made), specification)
    return _converted(picture_model(made), specification, pictures=made, quantized=True)


def _converted(
    function: Callable[..., Any],
    inputs: Mapping[str, tuple[tuple[int, ...], Any]],
    *,
    quantized: bool = False,
    pictures: Network | None = None,
) -> bytes:
    """Float32; or quantised, statically where there are pictures to see ranges with, else in its dynamic range."""
    import tensorflow as tf

    module = tf.Module()
    specs = [tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in inputs.items()]
    concrete = tf.function(function).get_concrete_function(*specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.allow_custom_ops = True
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if pictures is not None:
        converter.representative_dataset = lambda: _noise(pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        bytes_in = pictures.name in _BYTES_IN
        converter.inference_input_type = tf.uint8 if bytes_in else tf.int8
        converter.inference_output_type = tf.float32 if bytes_in else tf.int8
    return bytes(converter.convert())


def _noise(network: Network) -> Iterator[list[Array]]:
    rng = np.random.default_rng(1)
    for _ in range(_CALIBRATION_PICTURES):
        yield [rng.uniform(-1, 1, (1, *network.picture)).astype(np.float32)]


def _source_hash() -> str:
    digest = hashlib.sha256()
    for path in (Path(__file__), Path(twin_networks.__file__), *(_SOURCE / name for name in _DECIDED_BY)):
        for file in sorted(path.glob("*.npz")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _token_inputs() -> dict[str, tuple[tuple[int, ...], Any]]:
    shape = (1, MobileBertConfig().sequence)
    return dict.fromkeys(("input_ids", "input_mask", "segment_ids"), (shape, np.int32))


if __name__ == "__main__":
    main()
