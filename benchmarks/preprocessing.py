"""Times the preparation of JPEGs for a float classifier, one core: each profile against OpenCV's whole path.

Run: python -m benchmarks.preprocessing [--pictures PATH] [--side 224] [--rounds 5]

From bytes in memory to a normalised input: decode, resize, crop, (x - 127.5) / 127.5. OpenCV's path is the reference
harness's, with cv2's own decoder. Without --pictures, made-up ones of ImageNet's usual sizes are used; real ones take
longer to decode. And what a run's digests of its samples add: `preprocess_with_digest` against `preprocess`, at most 5 %.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from backends.base import TensorSpec
from benchmarks.rows import Row, ratio, render
from tasks.base import Array, DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels.decoding import decode
from tasks.pictures.pixels.inputs import PictureOptions, bind_input
from tasks.pictures.pixels.preprocess import PROFILES, Profile

_OPENCV = "OpenCV's whole path"
_DIGESTS = 1.05
_EXACT = ("mobile", "tflite-eval")
"""Profiles that prepare to the digit as TFLite's stage does."""
_SIZES = ((375, 500), (333, 500), (500, 375), (334, 500), (500, 333), (480, 640))


def made_up(count: int = 60) -> list[bytes]:
    """JPEGs of smooth shapes with a little noise."""
    random = np.random.default_rng(0)
    files = []
    for number in range(count):
        height, width = _SIZES[number % len(_SIZES)]
        coarse = random.integers(0, 256, (height // 40, width // 40, 3)).astype(np.uint8)
        shapes = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
        noisy = np.clip(shapes + random.integers(-12, 13, shapes.shape), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(noisy).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def with_opencv(data: bytes, side: int) -> Array:
    """The reference harness's whole path (INF vision/classification_and_detection/python/dataset.py)."""
    image = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    short = int(100.0 * side / 87.5)
    height, width = image.shape[:2]
    size = (short, int(short * height / width)) if height > width else (int(short * width / height), short)
    image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    top, left = (size[1] - side) // 2, (size[0] - side) // 2
    values: Array = image[top : top + side, left : left + side].astype(np.float32)
    values -= 127.5
    values /= 127.5
    return values


def with_profile(profile: Profile, tensor: TensorSpec) -> Callable[[bytes, int], Array]:
    """The whole path of a profile."""
    bound = bind_input([tensor], PictureOptions(), "this benchmark")
    return lambda data, side: bound.encode(profile(decode(data, "picture"), side, side))


def compare(paths: Mapping[str, Callable[[bytes, int], Array]], files: list[bytes], side: int) -> dict[str, float]:
    """Mean ms a picture; the paths take turns at each picture."""
    seconds = dict.fromkeys(paths, 0.0)
    for data in files:
        for name, path in paths.items():
            start = time.perf_counter()
            path(data, side)
            seconds[name] += time.perf_counter() - start
    return {name: total / len(files) * 1e3 for name, total in seconds.items()}


def digest_cost(files: list[bytes], side: int, rounds: int) -> Row:
    """A sample prepared with the SHA-256 of its file, against one without."""
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(files):
            (Path(folder) / f"{number:04}.jpg").write_bytes(data)
        task = Classification(DataRef(Path(folder)), ClassificationOptions())
        inputs = [TensorSpec("image", (1, side, side, 3), np.dtype(np.float32))]
        codec = task.codec(inputs, [TensorSpec("scores", (1, 1001), np.dtype(np.float32))])
        ways = (codec.preprocess_with_digest, codec.preprocess)
        pairs = [_in_turn(ways, len(files)) for _ in range(rounds + 1)][1:]
    return ratio(f"{len(files)} pictures prepared with the digests of their files against without, s", pairs, _DIGESTS)


def _in_turn(ways: tuple[Callable[[int], object], Callable[[int], object]], count: int) -> tuple[float, float]:
    """Seconds of each, which take turns at each picture, and at who goes first."""
    seconds = [0.0, 0.0]
    for index in range(count):
        for place in (index % 2, 1 - index % 2):
            start = time.perf_counter()
            ways[place](index)
            seconds[place] += time.perf_counter() - start
    return seconds[0], seconds[1]


def measure(pictures: Path | None = None, side: int = 224, rounds: int = 5) -> list[Row]:
    """Each profile against OpenCV's whole path, medians over the rounds."""
    cv2.setNumThreads(1)
    if pictures is None:
        files = made_up()
    else:
        found = Pictures.open(pictures, suffixes=(".jpg", ".jpeg"))
        files = [found.read(index) for index in range(len(found))]
    tensor = TensorSpec("image", (1, side, side, 3), np.dtype(np.float32))
    paths: dict[str, Callable[[bytes, int], Array]] = {_OPENCV: with_opencv}
    paths |= {name: with_profile(profile, tensor) for name, profile in PROFILES.items()}
    paths["decode alone"] = lambda data, _: decode(data, "picture")
    compare(paths, files[:20], side)  # warm
    taken = [compare(paths, files, side) for _ in range(rounds)]
    rows = [
        ratio(
            f"{len(files)} pictures to {side}x{side}, {name} against {_OPENCV}, ms a picture",
            [(each[name], each[_OPENCV]) for each in taken],
            1.5 if name in _EXACT else None,
        )
        for name in paths
        if name != _OPENCV
    ]
    return [*rows, digest_cost(files, side, rounds)]


def main() -> None:
    """Prints ms a picture and the ratio to OpenCV."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="folder or zip archive of JPEGs; made-up ones by default")
    parser.add_argument("--side", type=int, default=224, help="of the model's input (default 224)")
    parser.add_argument("--rounds", type=int, default=5)
    print(render(measure(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
