"""WAV recordings as the front ends take them: one channel, 16 bits, of the rate that the model was trained for.

Another format is refused, or converted where that is asked for: the mean of the channels, 16-bit units without rounding,
and a band-limited resampling. RIFF as in Microsoft's "Multiple Channel Audio Data and WAVE Files".
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from accuracy.outside.border import reads
from tasks.base import Array, DataMissing

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_FULL_SCALE = 32768.0
_OPEN_ENDED = 0xFFFFFFFF
"""The size that programs write which do not know it yet."""
_ZEROS = 24
"""Zero crossings of the resampling kernel on either side."""
_KAISER = 9.0
_BLOCK = 4096
"""Samples that are resampled at once, for the sake of memory."""
_RATES = range(4000, 192_001)


@dataclass(frozen=True, slots=True)
class WavFormat:
    """What the header says."""

    tag: int
    channels: int
    rate: int
    """Samples a second."""
    bits: int

    def __str__(self) -> str:
        """In words, for messages."""
        kind = f"{self.bits}-bit {'float' if self.tag == _FLOAT else 'PCM'}"
        return f"{kind}, {self.channels} {'channel' if self.channels == 1 else 'channels'}, {self.rate} Hz"


@reads(DataMissing)
def read_wav(data: bytes, name: str, rate: int, *, convert: bool = False) -> Array:
    """The samples of a recording.

    Args:
        data: The file's bytes.
        name: For the error message.
        rate: Samples a second that are wanted.
        convert: Whether another rate, depth or number of channels is converted; else it is refused.

    Returns:
        float32 [samples], in units of 16 bits: -32768 to 32767.

    Raises:
        DataMissing: No WAV, a cut one, no samples, one that is no number, or another format that may not be converted.
    """
    found, frames = _parse(data, name)
    wanted = WavFormat(_PCM, 1, rate, 16)
    if found != wanted and not convert:
        raise DataMissing(
            f"{name} is {found}, but {wanted} is wanted: convert it, or have it converted as it is read with "
            "--set dataset.convert=true"
        )
    samples = _samples(found, frames, name)
    if not len(samples):
        raise DataMissing(f"{name} holds no samples: it is a header alone")
    mono = samples[:, 0] if found.channels == 1 else samples.mean(axis=1)
    return (mono if found.rate == rate else resample(mono, found.rate, rate)).astype(np.float32)


def wav_length(data: bytes, name: str, rate: int) -> int:
    """How many samples `read_wav` makes of a recording, from its header.

    Raises:
        DataMissing: No WAV, or a cut one.
    """
    found, frames = _parse(data, name)
    return round(len(frames) // (found.bits // 8 * found.channels) * rate / found.rate)


def resample(samples: Array, rate: int, wanted: int) -> Array:
    """Samples at another rate: a sinc under a Kaiser window, cut off at the lower of the two Nyquist frequencies.

    Args:
        samples: [samples].
        rate: Of them, a second.
        wanted: The other one.

    Returns:
        float64 [round(samples * wanted / rate)].
    """
    up, down = wanted // (shared := math.gcd(rate, wanted)), rate // shared
    kernels, reach = _kernels(up, down)
    count = round(len(samples) * wanted / rate)
    padded = np.pad(samples.astype(np.float64), (reach, reach + 1))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    made = np.empty(count)
    for begin in range(0, count, _BLOCK):
        places = np.arange(begin, min(begin + _BLOCK, count)) * down
        starts = np.minimum(places // up, len(windows) - 1)
        made[begin : begin + _BLOCK] = np.einsum("nk,nk->n", windows[starts], kernels[places % up])
    return made


@lru_cache(maxsize=8)
def _kernels(up: int, down: int) -> tuple[Array, int]:
    """One kernel for each of the `up` places between two samples, [up, 2 * reach + 1], and the reach."""
    cut = min(1.0, up / down)
    reach = math.ceil(_ZEROS / cut)
    distance = np.arange(-reach, reach + 1)[None] - np.arange(up)[:, None] / up
    inside = np.clip(1 - (distance / (reach + 1)) ** 2, 0, None)
    made: Array = np.sinc(distance * cut) * np.i0(_KAISER * np.sqrt(inside))
    return made / made.sum(axis=1, keepdims=True), reach


def is_wav(data: bytes) -> bool:
    """Whether these bytes are a WAV recording's, by the first of them."""
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's name, start and size, as its header says it."""
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        yield name, place + 8, size
        place += 8 + size + size % 2


def _parse(data: bytes, name: str) -> tuple[WavFormat, memoryview]:
    """The format, and the bytes of all samples."""
    if not is_wav(data):
        raise DataMissing(f"{name} is no WAV recording: it starts with {data[:12].hex(' ') or 'nothing'}")
    found: WavFormat | None = None
    for kind, start, size in _chunks(data):
        if kind == b"fmt ":
            found = _format(data[start : start + size], name)
        if kind == b"data":
            if found is None:
                raise DataMissing(f"{name} is no WAV recording that can be read: its samples come before their format")
            there = len(data) - start
            if size > there and size != _OPEN_ENDED:
                raise DataMissing(f"{name} is cut: its header speaks of {size} bytes of samples, {there} are there")
            if size != _OPEN_ENDED and size % (frame := found.bits // 8 * found.channels):
                raise DataMissing(
                    f"{name} is cut within a sample: it has {size} bytes of samples, which are {frame} bytes each"
                )
            return found, memoryview(data)[start : start + min(size, there)]
    raise DataMissing(
        f"{name} is no WAV recording that can be read: it has no {'format' if found is None else 'samples'}"
    )


def _format(fields: bytes, name: str) -> WavFormat:
    if len(fields) < 16:
        raise DataMissing(f"{name} is no WAV recording that can be read: its format is cut")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fields)
    if tag == _EXTENSIBLE and len(fields) >= 26:
        (tag,) = struct.unpack_from("<H", fields, 24)
    if rate not in _RATES:
        raise DataMissing(f"{name} says that it has {rate} samples a second: {_RATES[0]} to {_RATES[-1]} are read")
    if tag not in (_PCM, _FLOAT) or bits not in ((8, 16, 24, 32) if tag == _PCM else (32, 64)) or not channels:
        raise DataMissing(
            f"{name} is a WAV of format {tag} with {bits} bits, {channels} channels and {rate} Hz: PCM and floats are read, "
            "no compressed sound"
        )
    return WavFormat(tag, channels, rate, bits)


def _samples(found: WavFormat, frames: memoryview, name: str) -> Array:
    """[samples, channels], in units of 16 bits."""
    width = found.bits // 8
    whole = frames[: len(frames) - len(frames) % (width * found.channels)]
    if found.tag == _FLOAT:
        floats = np.frombuffer(whole, f"<f{width}").astype(np.float64)
        if not np.isfinite(floats).all():
            at = int(np.isfinite(floats).argmin()) // found.channels
            raise DataMissing(f"{name} holds {floats[~np.isfinite(floats)][0]} as sample {at}, which is no sound")
        values = floats * _FULL_SCALE
    elif found.bits == 8:
        values = (np.frombuffer(whole, np.uint8).astype(np.float64) - 128) * 256
    elif found.bits == 24:
        parts = np.frombuffer(whole, np.uint8).reshape(-1, 3).astype(np.int32)
        values = ((parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16) << 8 >> 8) / 256
    else:
        values = np.frombuffer(whole, f"<i{width}") / (1 << (found.bits - 16))
    return np.asarray(values, np.float64).reshape(-1, found.channels)


def wav_bytes(samples: Array, rate: int) -> bytes:
    """A recording of one channel and 16 bits.

    Args:
        samples: int16 [samples].
        rate: A second.
    """
    data = np.ascontiguousarray(samples, "<i2").tobytes()
    header = struct.pack("<HHIIHH", _PCM, 1, rate, 2 * rate, 2, 16)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body
