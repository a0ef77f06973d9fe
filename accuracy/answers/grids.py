"""Class maps and pictures in LoadGen's accuracy log: how they are packed and unpacked. All numbers are little-endian.

Neither MLCommons' scripts nor the mobile app log these answers (they leave `data` empty), so the layout is ours:
a header of ten bytes, whose version says what follows. Performance runs send the same bytes as accuracy runs, so what is
made of a model's output must cost next to nothing: class maps are sent as runs, pictures as they are.
"""

from __future__ import annotations

import functools
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from accuracy.answers.log import LogError

Array = npt.NDArray[Any]
UInt8Array = npt.NDArray[np.uint8]

_GRID_HEADER = struct.Struct("<4sBBHH")  # magic, version, channels, height, width
_DEFLATED, _WHOLE, _RUNS = 1, 2, 3
"""One zlib stream, as versions up to 0.1 logged both; a byte a value; the runs of a class map."""
_CLASS_MAP = b"CMAP"
_PICTURE = b"PICT"
_MAX_GRID_BYTES = 1 << 26  # 64 MiB: a picture of 4096x4096 fits; a hostile log gets no more
_RUNS_HEADER = struct.Struct("<IB")  # runs, classes less one
_SHARING = 16
"""Of so many classes the numbers of two runs share a byte."""
_MOST_LENGTH_BYTES = 5
"""Of one run of the largest map."""


@functools.cache
def class_map_headers(height: int, width: int) -> tuple[bytes, bytes]:
    """The opening of a class map's answer where runs follow, and where the map follows as it is."""
    runs, whole = (_GRID_HEADER.pack(_CLASS_MAP, version, 1, height, width) for version in (_RUNS, _WHOLE))
    return runs, whole


def pack_class_map(class_map: UInt8Array) -> bytes:
    """Packs a class map losslessly.

    Runs of equal classes, line after line. First how many runs (uint32) and classes (a byte, less one) there are, and the
    classes in the order in which they come, a byte each. Then which of these each run is of: four bits, the first run's the
    lower ones, or a byte of more than 16 classes. Then the length of each, seven bits a byte, the lowest first, the highest bit
    set where more follow. Where that is no shorter than the map, the map as it is. native/answers.c makes the same bytes.

    About 5.0 KB for a map of 512x512 from DeepLab or MOSAIC on ADE20K, where zlib's run lengths take 4.7 KB and 0.3 ms.

    Args:
        class_map: uint8 [height, width], one class a pixel.
    """
    height, width = class_map.shape
    runs_follow, map_follows = class_map_headers(height, width)
    flat = np.ascontiguousarray(class_map).reshape(-1)
    begins = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    lengths = _pack_lengths(np.diff(begins, append=flat.size))
    classes, first, numbers = np.unique(flat[begins], return_index=True, return_inverse=True)
    order = np.argsort(first)
    numbers_in_order: UInt8Array = np.argsort(order)[numbers].astype(np.uint8)
    opening = _RUNS_HEADER.pack(len(begins), len(classes) - 1) + classes[order].tobytes()
    packed = opening + _pack_numbers(numbers_in_order, len(classes)) + lengths
    return runs_follow + packed if len(packed) < flat.size else map_follows + flat.tobytes()


def unpack_class_map(data: bytes) -> UInt8Array:
    """The class map of an answer, uint8 [height, width].

    Raises:
        LogError: Not a class map, of another version, cut, corrupt, or longer than it says.
    """
    version, height, width, _ = _grid_shape(data, _CLASS_MAP, "class map", channels=(1,))
    read = {_DEFLATED: _inflate, _WHOLE: _whole, _RUNS: _unpack_runs}[version]
    return read(data, height * width, "class map").reshape(height, width)


def picture_header(height: int, width: int, channels: int = 3) -> bytes:
    """The opening of a picture's answer, whose bytes follow as they are."""
    return _GRID_HEADER.pack(_PICTURE, _WHOLE, channels, height, width)


def pack_picture(picture: UInt8Array) -> bytes:
    """Packs a picture as it is: 6.2 MB for 1080x1920x3, of which compression would save half and cost a tenth of the model.

    Args:
        picture: uint8 [height, width, channels], 1 or 3 channels.
    """
    return picture_header(*picture.shape) + picture.tobytes()


def unpack_picture(data: bytes) -> UInt8Array:
    """The picture of an answer, uint8 [height, width, channels].

    Raises:
        LogError: Not a picture, of another version, cut, corrupt, or longer than it says.
    """
    version, height, width, channels = _grid_shape(data, _PICTURE, "picture", channels=(1, 3))
    if version == _WHOLE:
        return _whole(data, height * width * channels, "picture").reshape(height, width, channels)
    if version == _RUNS:
        raise LogError("a picture of runs, which only class maps have")
    return _undo_differences(_inflate(data, height * width * channels, "picture").reshape(height, width, channels))


def _undo_differences(rest: UInt8Array) -> UInt8Array:
    """Of a deflated picture: red and blue are less green, each pixel less its left, upper and upper left neighbours."""
    picture: UInt8Array = np.cumsum(np.cumsum(rest, axis=1, dtype=np.uint8), axis=0, dtype=np.uint8)
    if picture.shape[2] == 3:
        picture[..., 0] += picture[..., 1]
        picture[..., 2] += picture[..., 1]
    return picture


def _pack_numbers(numbers: UInt8Array, classes: int) -> bytes:
    if classes > _SHARING:
        return numbers.tobytes()
    pairs = np.resize(np.append(numbers, np.uint8(0)), (len(numbers) + 1) // 2 * 2).reshape(-1, 2)
    return (pairs[:, 0] | pairs[:, 1] << 4).astype(np.uint8).tobytes()


def _pack_lengths(lengths: Array) -> bytes:
    """Numbers of at least 1, seven bits a byte."""
    sizes: Array = np.ones(len(lengths), np.int64)
    for place in range(1, _MOST_LENGTH_BYTES):
        sizes += lengths >> (7 * place) > 0
    ends = np.cumsum(sizes)
    packed = np.empty(int(ends[-1]), np.uint8)
    for place in range(_MOST_LENGTH_BYTES):
        has = sizes > place
        more = (sizes[has] > place + 1) * 128
        packed[(ends - sizes)[has] + place] = (lengths[has] >> (7 * place)) % 128 + more
    return packed.tobytes()


def _unpack_runs(data: bytes, size: int, what: str) -> UInt8Array:
    body = np.frombuffer(data, np.uint8)[_GRID_HEADER.size :]
    if len(body) < _RUNS_HEADER.size:
        raise LogError(f"a corrupt {what}: it is cut in the middle of how many runs it has")
    count, last_class = _RUNS_HEADER.unpack_from(data, _GRID_HEADER.size)
    listed, numbers, packed = np.split(body, _parts_of_runs(count, last_class + 1))
    if last_class < _SHARING:
        numbers = np.stack((numbers & 15, numbers >> 4), axis=1).reshape(-1)[:count]
    ends = np.flatnonzero(packed < 128) + 1
    if not 0 < count <= size or len(ends) != count or ends[-1] != len(packed):
        raise LogError(f"a corrupt {what}: its runs are cut, or more or fewer than it says")
    if numbers.max() > last_class:
        raise LogError(f"a corrupt {what}: a run is of class number {numbers.max()} of {last_class + 1}")
    begins = np.concatenate(([0], ends[:-1]))
    places = np.arange(len(packed)) - np.repeat(begins, ends - begins)
    if places.max() >= _MOST_LENGTH_BYTES:
        raise LogError(f"a corrupt {what}: a run is longer than any map")
    lengths = np.add.reduceat((packed % 128).astype(np.int64) << (7 * places), begins)
    if (total := int(lengths.sum())) != size:
        raise LogError(f"a corrupt {what}: its runs have {total} pixels, not the {size} that its header names")
    return np.repeat(listed[_RUNS_HEADER.size :][numbers], lengths)


def _parts_of_runs(count: int, classes: int) -> tuple[int, int]:
    """Where the numbers of the classes begin, and where the lengths do."""
    begin = _RUNS_HEADER.size + classes
    return begin, begin + (count if classes > _SHARING else (count + 1) // 2)


def _whole(data: bytes, size: int, what: str) -> UInt8Array:
    if (found := len(data) - _GRID_HEADER.size) != size:
        raise LogError(f"a corrupt {what}: it has {found} bytes, not the {size} that its header names")
    # A copy: whoever is given it may write into it, as into what is unpacked otherwise.
    return np.frombuffer(data, np.uint8, size, _GRID_HEADER.size).copy()


def _grid_shape(data: bytes, magic: bytes, what: str, channels: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The version, height, width and channels that the header names."""
    if len(data) < _GRID_HEADER.size:
        raise LogError(f"an answer of {len(data)} bytes is no {what}: the header alone takes {_GRID_HEADER.size}")
    found, version, depth, height, width = _GRID_HEADER.unpack_from(data)
    if found != magic:
        raise LogError(
            f"an answer that opens with {found!r} is no {what}: expected {magic!r}. Was it another task's log?"
        )
    if version not in (_DEFLATED, _WHOLE, _RUNS):
        raise LogError(f"a {what} of layout version {version}; this program reads versions 1 to {_RUNS}")
    if depth not in channels:
        raise LogError(f"a {what} of {depth} channels; expected {' or '.join(map(str, channels))}")
    if not 0 < height * width * depth <= _MAX_GRID_BYTES:
        raise LogError(f"a {what} of {height}x{width}x{depth} is empty or larger than {_MAX_GRID_BYTES} bytes")
    if len(data) == _GRID_HEADER.size:
        raise LogError(
            f"a {what} without pixels, as performance runs of earlier versions answered: score an accuracy run"
        )
    return version, height, width, depth


def _inflate(data: bytes, size: int, what: str) -> UInt8Array:
    stream = zlib.decompressobj()
    try:
        pixels = stream.decompress(data[_GRID_HEADER.size :], size)
        surplus = stream.decompress(stream.unconsumed_tail, 1)  # the checksum may still wait to be read
    except zlib.error as error:
        raise LogError(f"a corrupt {what}: {error}") from None
    if surplus or len(pixels) != size or not stream.eof or stream.unused_data:
        state = "holds more than" if surplus or stream.unused_data else "is cut short of"
        raise LogError(f"a corrupt {what}: it {state} the {size} bytes that its header names")
    return np.frombuffer(pixels, np.uint8)
