"""WAV recordings: every depth comes out alike, other formats are refused or converted as asked, and none breaks."""

from __future__ import annotations

import io
import struct
import wave
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.audio.wav import read_wav, resample, wav_bytes, wav_length
from tasks.base import DataMissing

SAMPLES = (np.sin(np.arange(1600) / 7) * 20000).astype(np.int16)


def riff(
    data: bytes, *, tag: int = 1, channels: int = 1, rate: int = 16000, bits: int = 16, extra: bytes = b""
) -> bytes:
    header = (
        struct.pack("<HHIIHH", tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits) + extra
    )
    chunks = (
        b"fmt "
        + struct.pack("<I", len(header))
        + header
        + b"LIST\x03\0\0\0abc\0"
        + b"data"
        + struct.pack("<I", len(data))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + len(data)) + b"WAVE" + chunks + data


def test_what_the_standard_library_writes_and_what_is_written_here_read_alike() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16000)
        writer.writeframes(SAMPLES.tobytes())
    for data in (file.getvalue(), wav_bytes(SAMPLES, 16000), riff(SAMPLES.tobytes())):
        assert (read_wav(data, "a.wav", 16000) == SAMPLES).all()
        assert wav_length(data, "a.wav", 16000) == len(SAMPLES)
    with wave.open(io.BytesIO(wav_bytes(SAMPLES, 16000))) as reader:
        assert reader.getparams()[:4] == (1, 2, 16000, len(SAMPLES))


def int24(values: np.ndarray[Any, np.dtype[np.int16]]) -> bytes:
    return (values.astype("<i4") << 8).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


@pytest.mark.parametrize(
    ("data", "form", "tolerance"),
    [
        (((SAMPLES // 256) + 128).astype(np.uint8).tobytes(), {"bits": 8}, 256),
        (int24(SAMPLES), {"bits": 24}, 0),
        ((SAMPLES.astype("<i4") << 16).tobytes(), {"bits": 32}, 0),
        ((SAMPLES / 32768).astype("<f4").tobytes(), {"bits": 32, "tag": 3}, 0),
        ((SAMPLES / 32768).astype("<f8").tobytes(), {"bits": 64, "tag": 3}, 0),
        (SAMPLES.repeat(2).astype("<i2").tobytes(), {"channels": 2}, 0),
        (int24(SAMPLES), {"bits": 24, "tag": 0xFFFE, "extra": struct.pack("<HHIH14x", 22, 24, 4, 1)}, 0),
    ],
)
def test_another_depth_or_number_of_channels_is_refused_and_converted_where_asked(
    data: bytes, form: dict[str, Any], tolerance: float
) -> None:
    whole = riff(data, **form)
    with pytest.raises(
        DataMissing, match=r"a\.wav is .*, but 16-bit PCM, 1 channel, 16000 Hz is wanted.*dataset.convert=true"
    ):
        read_wav(whole, "a.wav", 16000)
    assert abs(read_wav(whole, "a.wav", 16000, convert=True) - SAMPLES).max() <= tolerance


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_a_tone_below_both_halves_of_the_rates_survives_resampling_and_one_above_does_not(rate: int) -> None:
    time = np.arange(rate) / rate
    low, high = np.sin(2 * np.pi * 1000 * time), np.sin(2 * np.pi * 0.9 * rate / 2 * time)
    made = resample(low, rate, 16000)
    assert len(made) == 16000
    inner = slice(400, -400)
    assert abs(made - np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000))[inner].max() < 2e-3
    if rate > 20000:
        assert abs(resample(high, rate, 16000))[inner].max() < 2e-3


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no WAV recording: it starts with nothing"),
        (b"ID3\x04" + b"\0" * 40, "is no WAV recording: it starts with 49 44 33"),
        (riff(b""), "holds no samples"),
        (riff(SAMPLES.tobytes())[:-10], "is cut: its header speaks of 3200 bytes of samples, 3190 are there"),
        (riff(SAMPLES.tobytes()[:-1]), "is cut within a sample: it has 3199 bytes of samples, which are 2 bytes each"),
        (riff(b"\0\0", tag=2, bits=4), "format 2 with 4 bits.*no compressed sound"),
        (riff(np.array([0.1, np.nan], "<f4").tobytes(), tag=3, bits=32), "holds nan as sample 1"),
        (riff(SAMPLES.tobytes())[:20], "its format is cut"),
        (riff(SAMPLES.tobytes(), rate=1), "says that it has 1 samples a second"),
    ],
)
def test_what_is_no_recording_is_refused_whatever_is_asked(data: bytes, said: str) -> None:
    with pytest.raises(DataMissing, match=said):
        read_wav(data, "a.wav", 16000, convert=True)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 60), st.binary(max_size=8))
def test_no_bytes_do_worse_than_be_refused(tail: bytes, cut: int, put: bytes) -> None:
    whole = riff(SAMPLES[:20].tobytes())
    for data in (whole[:12] + tail, whole[:cut] + put + whole[cut + len(put) :]):
        try:
            assert np.isfinite(read_wav(data, "a.wav", 16000, convert=True)).all()
        except DataMissing:
            continue
