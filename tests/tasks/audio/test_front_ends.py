"""The front ends against TensorFlow 2.21, whose values are kept here as numbers, and against what they are made of."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from tasks.audio.front_ends import log_mel, log_mel_frames, mfcc, quantised_features, wake_bands
from tasks.audio.wav import read_wav

SCALE, ZERO_POINT = 0.5847029089927673, 83
"""Of MLPerf Tiny's reference model."""
INT8_FEATURES = {
    # int8 [49, 10] of tf.signal's stft, mel matrix and MFCCs, as base64.
    "yes": (
        "F2BaVk1NUFNRTxVcV1dNTlBTUk8TW1hXTlBRU1FPDVxZVlBPTlFQUAZbWlRPT05RUE8BWVhVUk5PUk9Q+1dWVVNPUFBRUPlWVlVTUVBRUFH6V1"
        "hUUlFRUlFQGlpgVE5VUVBRVUdRWVJOU09RUFBOUlVRUFJRVFFQUFVYU1BQUVNRUEpTVFJRUVBQUVBGVVRQT1FPUVBQQlNWU1BSTlJSUj5VVFJR"
        "VE9RUVA1VlNTTlNPVFFPMFNVU1FPT1RRUClUUlJSUVBTUlEfUlVST09PUVJTG1RXU1FSU1NQUBtWWFVPUFBRT08sU2VPTlJOU1FRR1FoT0pTTl"
        "BSUl5QYFFMU09QUFRsTF1SS1NPUFFUcE1aUktRT1FSU3BNV1FLUlFSUlNzTFVRTFFRUVBSZ1JXUk5SUlJRUmNPWFNQUVNQUlNeTlZRUFBSUVJU"
        "UUxWUFJRUVFTU01MVlFQUVBOT1JOTFZTUlJQTk9RSU5VU1VPTk1OUkNNVlNUUVBNTlI5SlZTVVBQTk9TL0dXUlNQUU9QUSZIVlFUU1FQUFIfS1"
        "VTV1VRUVBRHUtVUVVTUlFQUh1KVVFUU1FQT1EhTFRTU1FRUVBRHkxVU1JSUVFQUhxMV1RVUlBSUFIZTFVTU1JRU09QF0xRUlRUUlNPUA=="
    ),
    "noise": (
        "ZVdVVlZUU1FSU2NXVFRTVVVUU1JoWVZVVFRUU1NTZVhWVFNUU1JUUmZXVVNTU1RUUlNnWFVTU1RSU1RTZFZUUlNTUlFTU2ZWVlRTU1RUU1JmV1"
        "RUVFNTVFNSZlhVVVVVVFNSU2ZXVVRUUlNTUlRkVlZWVVNUU1FSZlhVVFRTU1NUU2dYVVRVU1NTUlNnWFZUVFJTU1JSZFZTVFRSUlJTUmVYVlNT"
        "UlNUU1RmV1VTUlNTUVFRZVhWVFVUU1NUU2VYVVRSU1RUVVNnWFVUVFRUU1JSZldUVFRUVFRTVGRVVVRUU1NTUlNmWFZVVFNUU1RSZlhWVFNSVV"
        "RTUmRWVFVUU1NTU1RnVlVUU1JTU1NSZVlWVVNVU1NTVWdXU1VUVFRTUlJkV1RUVFJUU1NTZ1lUVFNSUlNTUWZZVVNTVFJTUVNlWFZVVFVTVFRS"
        "aFdUVFNTVFVTU2NWVlVTUlNTVFNlVlRUU1JTUlNSZldVVFRUVFNTU2ZZVlVVU1VUU1JlV1VUU1JUVFNUZFZVVVNUU1FSUmdXVFVUVFNSUlJkVl"
        "RTUlNTU1VUZlhWUlNUUlNSU2ZXVlRTU1RSU1RmV1JTVFVTUlFTZFdVVFNUVFNUU2ZWVVRSU1NVVFRmWFdVVFJSU1NVZldUVFRUVFVTVA=="
    ),
}
MFCCS_OF_FRAMES_0_AND_24 = {
    "yes": [
        [-34.80266, 8.15961, 4.22504, 2.06236, -3.22117, -3.02854, -1.40603, 0.42175, -0.68102, -1.99365],
        [-6.76748, -0.78128, 12.3909, -1.90568, -4.76749, 0.43451, -2.91585, -1.33094, -0.23719, -0.41812],
    ],
    "noise": [
        [10.68046, 2.55067, 1.63573, 2.11462, 2.27463, 1.03297, 0.31125, -0.75061, -0.28793, 0.31593],
        [11.47915, 3.42829, 2.20143, 1.00209, 0.17504, -0.44399, 1.38587, 0.97018, 0.36901, -0.11297],
    ],
}
EVERY_8TH_BAND_OF_FRAMES_3_AND_14 = {
    "yes": [[0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.05868, 0.0, 0.25268, 0.0]],
    "noise": [[0.19464, 0.21533, 0.21659, 0.27093, 0.2865], [0.29094, 0.24994, 0.23862, 0.23955, 0.28522]],
}


def recording(zoo: Path, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    path = zoo / "datasets" / "speech_wav" / f"{name}_1000ms.wav"
    return read_wav(path.read_bytes(), path.name, 16000)


@pytest.mark.parametrize("name", ["yes", "noise"])
def test_int8_features_are_tensorflows_to_the_last_one_and_those_of_a_shifted_clip_are_not(
    zoo: Path, name: str
) -> None:
    samples = recording(zoo, name)
    wanted = np.frombuffer(base64.b64decode(INT8_FEATURES[name]), np.int8).reshape(49, 10)
    features = mfcc(samples)
    assert (quantised_features(features, SCALE, ZERO_POINT) == wanted).all()
    assert features[[0, 24]] == pytest.approx(np.array(MFCCS_OF_FRAMES_0_AND_24[name]), abs=1e-4)
    assert (quantised_features(mfcc(np.roll(samples, 160)), SCALE, ZERO_POINT) != wanted).any()


@pytest.mark.parametrize("name", ["yes", "noise"])
def test_filter_banks_of_the_wake_word_are_tensorflows(zoo: Path, name: str) -> None:
    bands = wake_bands(recording(zoo, name) / np.float32(32768))
    wanted = np.array(EVERY_8TH_BAND_OF_FRAMES_3_AND_14[name])
    assert bands[[3, 14]][:, ::8] == pytest.approx(wanted, abs=2e-5)


def test_a_log_mel_spectrogram_is_the_sum_over_a_filter_in_decibels() -> None:
    """A tone of 1 kHz is loudest in the band whose middle is nearest to it on Slaney's scale."""
    tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.float32)
    made = log_mel(tone)
    assert made.shape == (log_mel_frames(len(tone)), 128) == (32, 128)
    loudest = int(made[16].argmax())
    # Slaney's scale has 1 kHz at 15 mels of 45.2, in 129 steps.
    assert loudest == round(15 / (45.245640471924965 / 129)) - 1
    assert made[16, 100] < made[16, loudest] - 60


def test_a_longer_clip_is_cut_a_shorter_one_padded_and_silence_is_no_nan() -> None:
    noise = np.random.default_rng(0).normal(0, 1000, 20000).astype(np.float32)
    noise[15999] = 9000  # the largest sample stays
    assert (mfcc(noise) == mfcc(noise[:16000])).all()
    assert mfcc(noise[:8000]).shape == (49, 10)
    for still in (np.zeros(16000, np.float32), np.full(16000, -5, np.float32)):
        assert np.isfinite(mfcc(still)).all()
