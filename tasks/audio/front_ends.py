"""From samples to what models of sound read: the front ends of MLPerf Tiny's three tasks on sound, in numpy.

Each says where it is from and how near it comes. The reference front ends are TensorFlow's and librosa's.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tasks.base import Array

RATE = 16000
"""Samples a second, of all three."""
_MACHINE_EPSILON = 2.220446049250313e-16

# --- keyword spotting ------------------------------------------------------------------------------------------------

MFCC_FRAMES, MFCCS = 49, 10
_MFCC_FRAME, _MFCC_STEP, _MFCC_FFT, _MFCC_BANDS = 480, 320, 512, 40


def mfcc(samples: Array) -> Array:
    """MFCCs of one second (TI benchmark/training/keyword_spotting/get_dataset.py, feature_type mfcc).

    Divided by the largest sample (not the largest magnitude), zeros behind to one second or cut to it; frames of 30 ms every
    20 ms under a periodic Hann window; magnitudes of an FFT of 512; 40 HTK mel bands of 20 to 4000 Hz with a peak of 1;
    log(x + 1e-6); the first 10 of a DCT-II times 2 / sqrt(80). Within 5e-5 of TensorFlow 2.21, int8 features the same.

    Where no sample is above 0 the reference divides by 0 and gives NaN: such a clip is taken as it is.

    Args:
        samples: float32 [samples], in any unit.

    Returns:
        float32 [49, 10].
    """
    largest = samples.max()
    scaled = samples / largest if largest > 0 else samples
    clip = np.pad(scaled, (0, max(0, RATE - len(scaled))))[:RATE]
    spectrum = _magnitudes(clip, _MFCC_FRAME, _MFCC_STEP, _MFCC_FFT, _hann(_MFCC_FRAME))
    bands = np.log(spectrum @ htk_bands(_MFCC_BANDS, _MFCC_FFT // 2 + 1, 20.0, 4000.0) + np.float32(1e-6))
    made: Array = bands @ _dct(MFCCS, _MFCC_BANDS)
    return made


def quantised_features(features: Array, scale: float, zero_point: int) -> Array:
    """Features as int8, as the reference's files hold them: cut towards 0 without rounding, wrapped without clipping.

    Args:
        features: float32 [...].
        scale: Of the model's input.
        zero_point: Likewise.
    """
    steps = np.asarray(features / scale + zero_point, np.float64)
    return np.trunc(steps).astype(np.int64).astype(np.int8)


@cache
def _dct(kept: int, bands: int) -> Array:
    """tf.signal.mfccs_from_log_mel_spectrograms: DCT-II times 2 / sqrt(2 * bands) / 2, [bands, kept]."""
    number, band = np.arange(kept)[:, None], np.arange(bands)[None]
    made = 2 * np.cos(np.pi * number * (2 * band + 1) / (2 * bands)) / np.sqrt(2 * bands)
    return np.ascontiguousarray(made.T.astype(np.float32))


# --- anomaly detection -----------------------------------------------------------------------------------------------

LOG_MEL_BANDS = 128
_LOG_MEL_FFT, LOG_MEL_STEP = 1024, 512


def log_mel(samples: Array) -> Array:
    """Log-mel spectrogram in dB (TI benchmark/training/anomaly_detection/common.py, which asks librosa).

    Frames of 64 ms every 32 ms around each place, a periodic Hann window, power, 128 bands on Slaney's scale with areas of 1,
    20 / 2 * log10(x + the smallest step of a double). Within 6e-6 of librosa 1.0.0, the two frames at either end apart, where
    librosa's versions differ in what they pad with: zeros here, as since 0.10.

    Args:
        samples: float32 [samples], -1 to 1.

    Returns:
        float32 [1 + samples // 512, 128].
    """
    padded = np.pad(samples.astype(np.float32), _LOG_MEL_FFT // 2)
    power = _magnitudes(padded, _LOG_MEL_FFT, LOG_MEL_STEP, _LOG_MEL_FFT, _hann(_LOG_MEL_FFT)) ** 2
    made: Array = (10 * np.log10(power @ _slaney_bands() + _MACHINE_EPSILON)).astype(np.float32)
    return made


def log_mel_frames(samples: int) -> int:
    """How many frames `log_mel` makes of so many samples."""
    return 1 + samples // LOG_MEL_STEP


# --- streaming wake word ---------------------------------------------------------------------------------------------

WAKE_BANDS = 40
WAKE_FRAME, WAKE_STEP = 1024, 512
_PRE_EMPHASIS = np.float32(1 - 2**-5)


def wake_bands(samples: Array) -> Array:
    """Log filter banks of a stream (TI benchmark/training/streaming_wakeword/get_dataset.py, feature_type lfbe).

    Pre-emphasis; frames of 64 ms every 32 ms under a symmetric Hamming window; power / 1024, at least 1e-30; 40 HTK mel bands
    of 0 to 8000 Hz; (10 log10 + 52) / 64, clipped to 0 to 1. Within 3e-6 of TensorFlow 2.21.

    Args:
        samples: float32 [samples], -1 to 1, at least 1024.

    Returns:
        float32 [frames, 40].
    """
    first, rest = samples[:1], samples[1:] - _PRE_EMPHASIS * samples[:-1]
    spectrum = _magnitudes(
        np.concatenate([first, rest]).astype(np.float32), WAKE_FRAME, WAKE_STEP, WAKE_FRAME, _hamming(WAKE_FRAME)
    )
    power = np.maximum(spectrum * spectrum / WAKE_FRAME, np.float32(1e-30))
    mel = power @ htk_bands(WAKE_BANDS, WAKE_FRAME // 2 + 1, 0.0, 8000.0)
    with np.errstate(divide="ignore"):
        made: Array = np.clip((10 * np.log10(mel) + 52) / 64, 0, 1).astype(np.float32)
    return made


# --- what they share -------------------------------------------------------------------------------------------------


def _magnitudes(samples: Array, length: int, step: int, fft: int, window: Array) -> Array:
    """Of whole frames alone, float32 [frames, fft // 2 + 1]."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::step]
    made: Array = np.abs(np.fft.rfft(frames * window, fft, axis=-1)).astype(np.float32)
    return made


@cache
def _hann(length: int) -> Array:
    """Periodic."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


@cache
def _hamming(length: int) -> Array:
    """Symmetric."""
    return (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(length) / (length - 1))).astype(np.float32)


@cache
def htk_bands(count: int, bins: int, low: float, high: float) -> Array:
    """tf.signal.linear_to_mel_weight_matrix: triangles on HTK's mel scale with a peak of 1, the first bin left out.

    Args:
        count: Of bands.
        bins: Of the spectrum, which goes up to half of RATE.
        low: The first band's lower edge, Hz.
        high: The last band's upper edge, Hz.

    Returns:
        float32 [bins, count].
    """

    def mel(hertz: Array | float) -> Array:
        return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)

    spectrum = mel(np.linspace(0, RATE / 2, bins)[1:])[:, None]
    edges = np.linspace(mel(low), mel(high), count + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.maximum(0, np.minimum((spectrum - lower) / (centre - lower), (upper - spectrum) / (upper - centre)))
    return np.vstack([np.zeros((1, count)), triangles]).astype(np.float32)


@cache
def _slaney_bands() -> Array:
    """librosa.filters.mel of 128 bands up to half of RATE: Slaney's scale, triangles of area 1, float32 [bins, bands]."""
    linear, log_step = 200 / 3, np.log(6.4) / 27

    def hertz(mels: Array) -> Array:
        above: Array = np.where(mels >= 15, 1000 * np.exp(log_step * (mels - 15)), linear * mels)
        return above

    highest = 15 + np.log(RATE / 2 / 1000) / log_step
    bins = np.linspace(0, RATE / 2, 1 + _LOG_MEL_FFT // 2)
    edges = hertz(np.linspace(0, highest, LOG_MEL_BANDS + 2))
    widths, slopes = np.diff(edges), edges[:, None] - bins
    triangles = np.maximum(0, np.minimum(-slopes[:-2] / widths[:-1, None], slopes[2:] / widths[1:, None]))
    made = (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)
    return np.ascontiguousarray(made.T)
