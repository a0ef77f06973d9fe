"""Models without tensor shapes are completed, and nothing else of them is touched."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from backends.base import ModelRejected
from backends.litert.allocated import allocated_shapes
from backends.litert.copies.shapes import complete_shapes, is_kept
from backends.litert.file.model_reader import check_model_file
from backends.litert.interpreter import InterpreterBackend
from tests.shapeless import without_shapes


@pytest.fixture
def shapeless(adds_model: Path, tmp_path: Path) -> Path:
    return without_shapes(adds_model, tmp_path / "shapeless.tflite")


def test_missing_shapes_are_written_into_a_copy_that_answers_the_same(shapeless: Path, tmp_path: Path) -> None:
    before = shapeless.read_bytes()
    completed, changed = complete_shapes(shapeless, "5ha", tmp_path / "cache")
    assert changed is not None
    assert "4 tensors" in changed
    assert shapeless.read_bytes() == before
    untouched = InterpreterBackend(shapeless, name="cpu", threads=1)
    whole = InterpreterBackend(completed, name="cpu", threads=1)
    picture = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(whole.invoke([picture])[0], untouched.invoke([picture])[0], rtol=1e-4, atol=1e-5)


def test_the_copy_differs_in_the_offsets_to_the_shapes_alone(shapeless: Path, tmp_path: Path) -> None:
    before = shapeless.read_bytes()
    completed, _ = complete_shapes(shapeless, "5ha", tmp_path / "cache")
    after = completed.read_bytes()
    changed = [at for at in range(len(before)) if before[at] != after[at]]
    assert 0 < len(changed) <= 4 * 4
    shapes = [list(tensor.shape) for tensor in schema.ModelT.InitFromPackedBuf(after, 0).subgraphs[0].tensors]
    assert [1, 32, 32, 3] in shapes
    assert [1, 1, 1, 3] in shapes
    assert [] not in shapes


def test_a_complete_model_is_used_as_it_is(adds_model: Path, tmp_path: Path) -> None:
    assert complete_shapes(adds_model, "5ha", tmp_path / "cache") == (adds_model, None)
    assert not (tmp_path / "cache").exists()


def test_the_copy_is_made_once(shapeless: Path, tmp_path: Path) -> None:
    completed, _ = complete_shapes(shapeless, "5ha", tmp_path / "cache")
    made = completed.stat().st_mtime_ns
    assert complete_shapes(shapeless, "5ha", tmp_path / "cache")[0] == completed
    assert completed.stat().st_mtime_ns == made
    assert sorted((tmp_path / "cache").iterdir()) == [completed, completed.with_name(f"{completed.name}.stamp")]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_file_is_left_to_the_runtimes_own_words(share: float, shapeless: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(shapeless.read_bytes()[: int(share * shapeless.stat().st_size)])
    check_model_file(cut)
    assert complete_shapes(cut, "cu7", tmp_path / "cache") == (cut, None)


def test_the_official_mobilenet_edgetpu_gets_78_shapes_and_fast_kernels(zoo: Path, tmp_path: Path) -> None:
    model = zoo / "models/mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite"
    completed, changed = complete_shapes(model, "0ff1c1a1", tmp_path)
    assert changed is not None
    assert "78 tensors" in changed
    before = InterpreterBackend(model, name="cpu", threads=1).coverage
    after = InterpreterBackend(completed, name="cpu", threads=1).coverage
    assert (before.nodes, before.delegated_nodes, before.partitions) == (78, 16, 16)
    assert (after.nodes, after.delegated_nodes, after.partitions) == (78, 75, 3)


@pytest.mark.parametrize(
    "name",
    [
        "ssd/coco_ssd_mobilenet_v1_1.0_quant_detect",
        "mlperf_mobile/deeplabv3_mnv2_ade20k_uint8",
        "mlperf_mobile/edsr_f32b5_full_qint8",
        "coral/mobilenet_v2_1.0_224_quant",
    ],
)
def test_scalars_and_outputs_without_a_shape_are_no_gap(name: str, zoo: Path, tmp_path: Path) -> None:
    model = zoo / "models" / f"{name}.tflite"
    assert complete_shapes(model, "5ha", tmp_path) == (model, None)


def test_a_model_whose_custom_op_xnnpack_alone_has_is_allocated_with_it(zoo: Path) -> None:
    shapes = allocated_shapes(zoo / "models/mediapipe/selfie_segmentation.tflite")
    assert (1, 256, 256, 3) in shapes.values()
    with pytest.raises(ModelRejected, match="fake-op-double"):
        allocated_shapes(zoo / "models/coral/invalid_model_invoking_error.tflite")


@pytest.mark.parametrize("damaged", ["emptied", "altered", "its stamp"])
def test_a_damaged_copy_is_made_anew(damaged: str, shapeless: Path, tmp_path: Path) -> None:
    place, _ = complete_shapes(shapeless, "5ha", tmp_path / "cache")
    whole = place.read_bytes()
    if damaged == "its stamp":
        place.with_name(f"{place.name}.stamp").write_text("[" * 9_000, encoding="ascii")
    else:
        place.write_bytes(b"" if damaged == "emptied" else whole[:-1] + bytes([whole[-1] ^ 1]))
    assert complete_shapes(shapeless, "5ha", tmp_path / "cache")[0] == place
    assert place.read_bytes() == whole


def test_a_cache_that_was_copied_is_read_and_taken(shapeless: Path, tmp_path: Path) -> None:
    place, _ = complete_shapes(shapeless, "5ha", tmp_path / "cache")
    os.utime(place, (1_000, 1_000))
    assert is_kept(place)
