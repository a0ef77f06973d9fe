"""Every model that lies in the zoo, asked with random arrays: it answers, or says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backends.base import ModelRejected
from harness.api import open_model

REFUSED = {
    "mobilenet_v1_0.25_128_quant_edgetpu": "compiled for an Edge TPU",
    "mobilenet_v2_1.0_224_quant_edgetpu": "compiled for an Edge TPU",
    "split_concat_edgetpu": "compiled for an Edge TPU",
    "invalid_model_invoking_error": "no kernel for: fake-op-double",
    "deeplabv3_pixel_v1_0": "no kernel for: ResizeArgmax",
    "person_detect_vela": "no kernel for: ethos-u",
    "npu_dispatch_op": "no kernel for: DISPATCH_OP",
    "person_detect": "quantized_dimension must be in range",
    "mobilenetv1_person_detect": "quantized_dimension must be in range",
    "conv_rank1_filter": "filter->dims->size != 4",
    "cls_free_size": "leaves sizes of its input 'input' open",
}
SLOW = {"edsr_f32b5_QAT", "edsr_f32b5_fp32", "edsr_f32b5_full_qint8", "deeplabv3_mnv2_ade20k_uint8"}
"""Seconds each: opened, and not asked."""


def models(zoo: Path) -> list[Path]:
    wild = zoo.parent / "wild"
    return sorted([*(zoo / "models").rglob("*.tflite"), *(wild.glob("*.tflite") if wild.is_dir() else ())])


def test_every_model_answers_random_arrays_or_is_refused_with_its_reason(
    zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLITE_LOADGEN_CACHE", str(tmp_path))
    found = models(zoo)
    assert len(found) >= 50
    for path in found:
        if path.stem in REFUSED:
            with pytest.raises(ModelRejected, match=r"(?s).") as refused:
                open_model(model=path)
            assert REFUSED[path.stem] in str(refused.value), path
            continue
        with open_model(model=path) as ask:
            if path.stem in SLOW:
                continue
            answer = ask(ask.random())
            for tensor, array in zip(answer.tensors, answer.arrays, strict=True):
                assert array.dtype == tensor.dtype, path
                assert array.dtype.hasobject or np.isfinite(answer.real(tensor.name)).all(), path
