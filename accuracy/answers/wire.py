"""How every answer is packed into LoadGen's accuracy log and unpacked from it: the one place that knows.

The layouts are those of MLCommons' own accuracy scripts (INF vision/.../accuracy-imagenet.py,
language/bert/accuracy-squad.py).
All numbers are little-endian.
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from accuracy.answers.log import LogError

Array = npt.NDArray[Any]
UInt8Array = npt.NDArray[np.uint8]


# --- class maps and pictures -------------------------------------------------------------------------------------
# Neither MLCommons' scripts nor the mobile app log these answers (they leave `data` empty), so the layout is ours:
# a header of ten bytes, whose version says what follows. Performance runs send the same bytes as accuracy runs, so what is
# made of a model's output must cost next to nothing: class maps are sent as runs, pictures as they are.

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


# --- answer spans (SQuAD) ------------------------------------------------------------------------------------------
# INF language/bert writes start and end logits in pairs, float[sequence, 2]; the mobile app all starts, then all ends
# (MA flutter/cpp/datasets/squad_utils/types.h), which accuracy-squad.py calls --output_transposed.

LogitLayout = Literal["reference", "mobile"]
LogitDtype = Literal["float16", "float32", "float64"]
_ABSENT_LOGIT = -10000.0


def pack_logits(start: Array, end: Array, layout: LogitLayout = "reference", dtype: LogitDtype = "float32") -> bytes:
    """Packs one window's logits. On the timed path.

    Args:
        start: float [sequence].
        end: float [sequence].
        layout: `reference` interleaves the two, `mobile` puts one after the other.
        dtype: The logged type.
    """
    pairs = np.empty((len(start), 2) if layout == "reference" else (2, len(start)), dtype)
    if layout == "reference":
        pairs[:, 0] = start
        pairs[:, 1] = end
    else:
        pairs[0] = start
        pairs[1] = end
    return pairs.tobytes()


def unpack_logits(
    data: bytes, sequence: int, layout: LogitLayout = "reference", dtype: LogitDtype = "float32", *, tokens: int = 0
) -> tuple[Array, Array]:
    """The start and end logits of an answer, each float [sequence].

    Harnesses that cut a window's padding log fewer logits: the rest is -10000, as in INF accuracy-squad.py.

    Args:
        data: The answer.
        sequence: Tokens of a window, padding included.
        layout: As `pack_logits`.
        dtype: As `pack_logits`.
        tokens: Of this window without its padding, each of which needs its logits.

    Raises:
        LogError: The bytes are no pairs of this type, one is not finite, or there are more than the sequence is long or
            fewer than the window has tokens.
    """
    item = np.dtype(dtype).newbyteorder("<")
    if not data or len(data) % (2 * item.itemsize):
        raise LogError(
            f"an answer of {len(data)} bytes holds no pairs of {dtype} logits. Was it another task's log,"
            " or logged in another type?"
        )
    logits = np.frombuffer(data, item)
    finite = np.isfinite(logits)
    if not finite.all():
        at = int(finite.argmin())
        raise LogError(f"logit {at} of the answer is {logits[at]}: the model's output is broken, or not {dtype}")
    starts, ends = logits.reshape(-1, 2).T if layout == "reference" else logits.reshape(2, -1)
    if len(starts) > sequence:
        raise LogError(
            f"an answer with logits for {len(starts)} tokens; the windows have {sequence}{_logged_as(data, sequence)}"
        )
    if len(starts) < tokens:
        raise LogError(
            f"an answer with {dtype} logits for {len(starts)} tokens, but its window has {tokens}. "
            f"{_logged_as(data, sequence)}"
        )
    if len(starts) < sequence:
        rest = (0, sequence - len(starts))
        starts, ends = (np.pad(half, rest, constant_values=_ABSENT_LOGIT) for half in (starts, ends))
    return starts, ends


def _logged_as(data: bytes, sequence: int) -> str:
    """What an answer of this size would be, for an error message."""
    for dtype in get_args(LogitDtype):
        if len(data) == 2 * sequence * np.dtype(dtype).itemsize:
            return f"Its {len(data)} bytes hold a whole window in {dtype}: --set model.log_dtype={dtype} reads them"
    return "Is it the log of another data set, or of another type?"


# --- detections ----------------------------------------------------------------------------------------------------
# Seven float32 a detection, as INF vision/.../coco.py and the mobile app write them: sample index, ymin, xmin, ymax,
# xmax (fractions of the picture's sides), score, class.

DETECTION_FLOATS = 7
_DETECTION_BYTES = 4 * DETECTION_FLOATS


def pack_detections(boxes: Array, scores: Array, classes: Array) -> bytes:
    """Packs one sample's detections, their sample index left 0 for the caller to stamp. On the timed path.

    Args:
        boxes: [k, 4] ymin, xmin, ymax, xmax.
        scores: [k].
        classes: [k], as they are to be logged.
    """
    rows = np.zeros((len(scores), DETECTION_FLOATS), np.float32)
    rows[:, 1:5] = boxes
    rows[:, 5] = scores
    rows[:, 6] = classes
    return rows.tobytes()


def unpack_detections(data: bytes) -> npt.NDArray[np.float32]:
    """The detections of an answer, float32 [k, 7]; an empty answer means none.

    INF accuracy-coco.py passes over every answer of fewer than seven floats, and so scores a classifier's log as a
    detector that found nothing.

    Raises:
        LogError: The bytes are no rows of seven float32.
    """
    if len(data) % _DETECTION_BYTES:
        raise LogError(
            f"an answer of {len(data)} bytes holds no rows of {DETECTION_FLOATS} float32. Was it another task's log?"
        )
    return np.frombuffer(data, "<f4").reshape(-1, DETECTION_FLOATS)


# --- labels (classification, keyword spotting) ---------------------------------------------------------------------
# INF accuracy-imagenet.py reads data[0] as the label, of the type named with --dtype; the mobile app logs int32[1]
# (MA flutter/cpp/datasets/imagenet.cc). Further labels, next best first, do not disturb either.

LabelDtype = Literal["float32", "int32", "int64"]


def pack_labels(labels: Iterable[int], dtype: LabelDtype = "float32") -> bytes:
    """Packs the best labels of a sample, best first.

    Args:
        labels: Not negative; below 2^24, so that float32 holds them exactly.
        dtype: The logged type.
    """
    return np.fromiter(labels, np.dtype(dtype).newbyteorder("<")).tobytes()


def unpack_labels(data: bytes, class_count: int, dtype: LabelDtype = "float32") -> list[int]:
    """The labels of an answer, best first, at least one.

    Raises:
        LogError: No labels of this type, or one that is not of the classes 0 to `class_count` - 1.
    """
    item = np.dtype(dtype).newbyteorder("<")
    if not data or len(data) % item.itemsize:
        raise LogError(f"an answer of {len(data)} bytes holds no {dtype} labels. Was it another task's log?")
    values = np.frombuffer(data, item)
    wrong = ~((values >= 0) & (values < class_count))  # a NaN is wrong too
    wrong[~wrong] = values[~wrong] != np.trunc(values[~wrong])
    if wrong.any():
        raise LogError(
            f"an answer names the label {values[wrong][0]}; labels are 0 to {class_count - 1}. "
            f"Was it logged in another type than {dtype}?"
        )
    return [int(value) for value in values]
