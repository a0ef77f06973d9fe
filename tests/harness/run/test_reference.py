"""The reference's answers as ground truth, without a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backends.base import ModelRejected
from harness.config.files import find_benchmark, read_config
from harness.errors import ConfigError
from harness.run import reference
from harness.run.reference import FOLDER
from harness.spec.resolve import resolve
from harness.spec.schema import Spec
from tasks.tensors.array_files import read_npz
from tests.graphs import drawing_in_a_branch


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[..., Spec]:
    def make(model: Path, other: Path | None, **fields: object) -> Spec:
        overrides: list[tuple[str, object]] = [
            ("model.use", str(model)),
            ("load.mode", "accuracy"),
            ("reference.model", None if other is None else str(other)),
            ("reference.backend", "cpu"),
            ("dataset.count", 2),
            *fields.items(),
        ]
        return resolve(read_config(find_benchmark("tensors")), overrides, tmp_path / "cache")

    return make


def asked(spec: Spec, folder: Path) -> list[dict[str, np.ndarray]]:
    (folder / FOLDER).mkdir(parents=True)
    assert reference._ask(spec, folder, lambda _: None) == 2
    files = sorted((folder / FOLDER).iterdir())
    assert [file.name for file in files] == ["000000.npz", "000001.npz"]
    return [dict(read_npz(file.name, file.read_bytes())) for file in files]


def model(write: Callable[..., Path], path: Path, *outputs: tuple[str, str], named: str = "x") -> Path:
    tensors = [(named, [1, 4], "FLOAT32"), *((name, [1, 4], "FLOAT32") for name, _ in outputs)]
    ops = [(op, [0], [place + 1]) for place, (_, op) in enumerate(outputs)]
    return write(path, tensors, ops, [0], [place + 1 for place in range(len(outputs))])


def test_another_model_is_fed_the_same_and_its_outputs_stand_in_the_order_of_the_models(
    write_model: Callable[..., Path], spec_of: Callable[..., Spec], tmp_path: Path
) -> None:
    tested = model(write_model, tmp_path / "tested.tflite", ("abs", "ABS"), ("neg", "NEG"))
    other = model(write_model, tmp_path / "other.tflite", ("neg", "NEG"), ("more", "SQUARE"), ("abs", "ABS"))
    found = asked(spec_of(tested, other), tmp_path / "run")
    for arrays in found:
        assert sorted(arrays) == ["arr_0", "arr_1"]
        assert np.array_equal(arrays["arr_0"], np.abs(arrays["arr_1"]))
        assert (arrays["arr_1"] > 0).any()
    assert not np.array_equal(found[0]["arr_0"], found[1]["arr_0"])


def test_tensors_of_other_names_are_matched_by_place_where_no_name_is_the_same(
    write_model: Callable[..., Path], spec_of: Callable[..., Spec], tmp_path: Path
) -> None:
    tested = model(write_model, tmp_path / "tested.tflite", ("y", "NEG"))
    other = model(write_model, tmp_path / "other.tflite", ("StatefulPartitionedCall:0", "NEG"), named="serving_x:0")
    assert len(asked(spec_of(tested, other), tmp_path / "run")) == 2


def test_two_inputs_of_one_name_are_matched_by_place_where_the_reference_has_the_same(
    write_model: Callable[..., Path], spec_of: Callable[..., Spec], tmp_path: Path
) -> None:
    tensors = [(name, [1, 4], "FLOAT32") for name in ("x", "x", "y")]
    twins = write_model(tmp_path / "twins.tflite", tensors, [("MAXIMUM", [0, 1], [2])], [0, 1], [2])
    assert len(asked(spec_of(twins, None), tmp_path / "run")) == 2


def test_a_reference_with_other_outputs_is_refused_with_both(
    write_model: Callable[..., Path], spec_of: Callable[..., Spec], tmp_path: Path
) -> None:
    tested = model(write_model, tmp_path / "tested.tflite", ("y", "NEG"))
    other = model(write_model, tmp_path / "other.tflite", ("a", "NEG"), ("b", "ABS"))
    (tmp_path / FOLDER).mkdir()
    with pytest.raises(
        ModelRejected, match=r"has other outputs than the model: a \[1, 4\], b \[1, 4\], where the model has y"
    ):
        reference._ask(spec_of(tested, other), tmp_path, lambda _: None)


def test_quantised_answers_of_another_model_become_real_values(
    keyword_model: Path, spec_of: Callable[..., Spec], tmp_path: Path
) -> None:
    (same,) = {
        array.dtype.name for arrays in asked(spec_of(keyword_model, None), tmp_path) for array in arrays.values()
    }
    assert same == "int8"


def test_random_numbers_without_a_seed_are_no_reference(spec_of: Callable[..., Spec], tmp_path: Path) -> None:
    seeded, wild = (drawing_in_a_branch(tmp_path / f"{seed}.tflite", seed) for seed in (7, 0))
    with pytest.raises(ModelRejected, match=r"the reference 0 on cpu draws random numbers \(RANDOM_UNIFORM\)"):
        asked(spec_of(seeded, wild), tmp_path / "run")
    assert len(asked(spec_of(seeded, None), tmp_path / "same")) == 2


def test_a_reference_whose_state_is_to_live_on_in_another_order_is_refused(
    recurrent_keyword_model: Path, spec_of: Callable[..., Spec], tmp_path: Path
) -> None:
    with pytest.raises(
        ConfigError, match=r"keeps 1 variable tensor .* another order than LoadGen's.*: leave out --state keep"
    ):
        asked(spec_of(recurrent_keyword_model, None, **{"model.state": "keep"}), tmp_path / "run")
