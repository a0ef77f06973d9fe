"""Every model of the zoo goes through `diff` and `profile`, or is refused with the runtime's reason."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from backends.base import BackendUnavailable, ModelRejected
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.difference import side
from harness.difference.measure import measure
from harness.difference.record import AskedDifference
from harness.messages.conversation import Progressed
from harness.model.comparison import Tolerance
from harness.model.subject import Subject
from harness.profiling.measure import profile
from harness.profiling.record import AskedProfile

_ZOO = Path(os.environ.get("TFLITE_LOADGEN_ZOO", Path(__file__).parents[4] / "shared" / "zoo"))
_MODELS = sorted(path.relative_to(_ZOO / "models").as_posix() for path in _ZOO.glob("models/*/*.tflite"))
REFUSED = {
    "coral/invalid_model_invoking_error.tflite": "fake-op-double",
    "coral/mobilenet_v1_0.25_128_quant_edgetpu.tflite": "compiled for an Edge TPU",
    "coral/mobilenet_v2_1.0_224_quant_edgetpu.tflite": "compiled for an Edge TPU",
    "coral/split_concat_edgetpu.tflite": "compiled for an Edge TPU",
    "efinix/mobilenetv1_person_detect.tflite": "quantized_dimension must be in range",
    "mlperf_mobile/deeplabv3_pixel_v1_0.tflite": "ResizeArgmax",
    "tflite_micro/person_detect.tflite": "quantized_dimension must be in range",
    "tflite_micro/person_detect_vela.tflite": "ethos-u",
}
"""What no backend here runs, and the runtime's word for why."""
HEAVY = ("mlperf_mobile/edsr", "mlperf_mobile/deeplabv3_mnv2", "mlperf_mobile/mobile_segmenter")
"""Tenths of a second to seconds an invocation: they are asked once."""
COARSE = {
    "coral/keras_lstm_mnist_ptq.tflite",
    "ssd/coco_ssd_mobilenet_v1_1.0_quant_detect.tflite",
    "tflite_micro/dtln_noise_suppression.tflite",
    "tflite_micro/trained_lstm.tflite",
    "tflite_micro/trained_lstm_int8.tflite",
}
"""Of which the runtime does not tell XNNPACK's operators one by one: variable tensors, outputs of unknown shape."""


@pytest.mark.skipif(not _MODELS, reason=f"no real models at {_ZOO}: name their folder with TFLITE_LOADGEN_ZOO")
@pytest.mark.parametrize("name", _MODELS or ["none"])
def test_a_model_is_held_against_itself_and_profiled_or_refused_with_the_reason(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = 2
    if name.startswith(HEAVY):
        monkeypatch.setattr(side, "INVOCATIONS", 1)
        runs = 1
    path = _ZOO / "models" / name
    invocation = Invocation().model_dump(mode="json")
    section = BackendSection().model_dump(mode="json")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    subject = Subject(path, digest, path.stem, "file", section, invocation, 1, tmp_path)
    asked = AskedProfile(subject, runs, 1, 2.0, {}, peak=False)
    if name in REFUSED:
        with pytest.raises((ModelRejected, BackendUnavailable), match=REFUSED[name]):
            measure(AskedDifference(subject, subject, 2, {}, False, Tolerance()), _nobody)
        with pytest.raises((ModelRejected, BackendUnavailable), match=REFUSED[name]):
            profile(asked, _nobody)
        return
    found = measure(AskedDifference(subject, subject, runs, {}, False, Tolerance()), _nobody)
    assert found.outputs
    for output in found.outputs:
        assert output.exact, output
    profiled = profile(asked, _nobody)
    assert profiled.ops
    assert bool(profiled.why_coarse) == (name in COARSE)
    # Only a sum: how near it is to the whole is the machine's affair as well.
    assert profiled.op_sum.mean_us > 0


def _nobody(_: Progressed) -> None:
    """Hears of no progress."""
