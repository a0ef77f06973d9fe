"""One way to open a model: by what a config says of the backend, without a task, data or a load."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Backend, BackendUnavailable, ModelRejected
from harness.config import registry
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.errors import EXIT_USER, UnknownName, exit_status
from harness.machine.json_line import decode, encode
from harness.model import opening
from harness.model.opening import Opener, Recipe

Make = Callable[..., Opener]


@pytest.fixture
def opener(adds_model: Path, tmp_path: Path) -> Make:
    """An `Opener` of a model of [1, 4] floats or another, of a backend with these options."""

    def make(model: Path = adds_model, *, fields: Mapping[str, Any] | None = None, **more: Any) -> Opener:
        return Opener(model, "0" * 64, BackendSection(**(fields or {})), tmp_path, **more)

    return make


def asked(backend: Backend) -> list[Any]:
    rows = [np.ones(tensor.shape, tensor.dtype) for tensor in backend.inputs]
    return [output.copy() for output in backend.invoke(rows)]


def test_a_model_is_opened_as_often_as_asked_and_answers_the_same_each_time(opener: Make) -> None:
    opens = opener()
    one, other = opens.open(1), opens.open(2)
    for first, second in zip(asked(one), asked(other), strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_inputs_are_resized_as_wanted_in_every_instance_and_the_wish_is_asked_for_once(
    opener: Make, flexible_keyword_model: Path
) -> None:
    asked_for: list[Any] = []

    def wanted(inputs: Any) -> list[tuple[int, ...]]:
        asked_for.append(inputs)
        return [(3, *inputs[0].shape[1:])]

    opens = opener(flexible_keyword_model, input_shapes=wanted)
    instances = [opens.open(1), opens.open(1), opens.open_with({"engine": "CompiledModel"})]
    instances.append(opens.open_reference(flexible_keyword_model))
    assert [instance.inputs[0].shape[0] for instance in instances] == [3, 3, 3, 3]
    assert len(asked_for) == 1


def test_another_process_opens_the_same_by_a_recipe_that_went_through_json(
    opener: Make, flexible_keyword_model: Path
) -> None:
    opens = opener(flexible_keyword_model, input_shapes=lambda inputs: [(2, *inputs[0].shape[1:])])
    recipe = opens.recipe(1, cpus=(3, 5), batch=4)
    again = decode(encode(recipe), Recipe)
    assert again == recipe
    single = again.open()
    assert single.inputs[0].shape[0] == 2
    assert again.open_many(single).inputs[0].shape[0] == 4


def test_an_instance_for_a_batch_has_the_options_of_the_one_beside_it(
    opener: Make, flexible_keyword_model: Path
) -> None:
    opens = opener(flexible_keyword_model, fields={"options": {"engine": "Interpreter", "xnnpack": False}})
    single = opens.open(1)
    many = opens.open_many(single, 8)
    assert many.inputs[0].shape == (8, *single.inputs[0].shape[1:])
    assert many.info().options == single.info().options == {"xnnpack": False}


def test_instances_are_spread_over_the_devices_in_turn(opener: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "backends.cpu.CpuBackend.spread", classmethod(lambda cls, options: [{"xnnpack": True}, {"xnnpack": False}])
    )
    monkeypatch.setitem(registry.BACKENDS, "cpu", "backends.cpu:CpuBackend")
    opens = opener()
    assert opens.devices == 2
    assert [opens.recipe(1).options["xnnpack"] for _ in range(4)] == [False, True, False, True]  # the first opened one


def test_unknown_options_and_files_that_are_no_models_are_refused(opener: Make, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="xnnpak"):
        opener(fields={"options": {"xnnpak": True}})
    with pytest.raises(ModelRejected, match="cannot read the model"):
        opener(tmp_path / "absent.tflite")


def test_a_backend_that_takes_too_little_is_refused_to_who_asks_by_themselves(opener: Make) -> None:
    opens = opener(fields={"require_full": 1.0, "options": {"xnnpack": False}})
    with pytest.raises(BackendUnavailable, match=r"runs 0 of \d+ ops"):
        opens.open_covered(1)
    assert opener(fields={"require_full": 1.0}).open_covered(1).info().delegate == "XNNPACK"


def test_several_instances_of_a_large_model_share_their_packed_weights_in_memory(
    opener: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_LARGE_MODEL_BYTES", 1)
    assert "weight_cache" not in opener().recipe(1).options
    several = opener(several=True)
    assert several.recipe(1).options == several.recipe(1).options
    assert str(several.recipe(1).options["weight_cache"]).startswith("/proc/")
    kept = opener(fields={"options": {"weight_cache": True}})
    assert kept.recipe(1).options["weight_cache"].endswith(f"{'0' * 64}.xnnpack")


@pytest.mark.parametrize("kind", ["folder", "pipe", "model", "text"])
def test_packed_weights_go_into_no_folder_or_pipe_and_over_no_file_that_is_something_else(
    opener: Make, adds_model: Path, tmp_path: Path, kind: str
) -> None:
    place = tmp_path / "packed"
    match kind:
        case "folder":
            place.mkdir()
        case "pipe":
            os.mkfifo(place)
        case "model":
            place.write_bytes(adds_model.read_bytes())
        case _:
            place.write_text("1 2")
    with pytest.raises(BackendUnavailable, match=r"cannot be kept in .*packed"):
        opener(fields={"options": {"weight_cache": str(place)}}).recipe(1)
    assert kind != "text" or place.read_text() == "1 2"


def test_a_file_of_packed_weights_is_used_again(opener: Make, tmp_path: Path) -> None:
    cached = {"options": {"weight_cache": str(tmp_path / "packed"), "engine": "CompiledModel"}}
    for _ in range(2):
        opener(fields=cached).open(1)
    assert (tmp_path / "packed").stat().st_size


def test_what_is_taken_for_all_further_instances_holds_for_them(opener: Make, flexible_keyword_model: Path) -> None:
    opens = opener(flexible_keyword_model)
    opens.take_input_shapes([(5, *opens.open(1).inputs[0].shape[1:])])
    assert opens.open(1).inputs[0].shape[0] == 5
    opens.take_options({"xnnpack": False})
    assert opens.open(1).info().options == {"xnnpack": False}


def test_a_compiled_model_with_resource_variables_is_refused_unless_they_are_to_live_on(
    opener: Make, counting_model: Path
) -> None:
    compiled = {"options": {"engine": "CompiledModel"}}
    with pytest.raises(ModelRejected, match=r"\(engine CompiledModel\) cannot put back.*or --state keep") as refused:
        opener(counting_model, fields=compiled).open(1)
    assert exit_status(refused.value) == EXIT_USER
    kept = opener(counting_model, fields=compiled, invocation=Invocation(state="keep"))
    backend = kept.open(1)
    assert kept.lives_on
    assert [asked(backend)[0].tolist() for _ in range(2)] == [[1, 1], [2, 2]]
    backend.close()


@pytest.mark.parametrize("state", ["reset", "keep"])
def test_a_compiled_model_with_variable_tensors_is_refused_with_the_runtimes_own_reason(
    state: Any, opener: Make, recurrent_keyword_model: Path
) -> None:
    asks = {"fields": {"options": {"engine": "CompiledModel"}}, "invocation": Invocation(state=state)}
    with pytest.raises(BackendUnavailable, match="Variable tensors not yet supported") as refused:
        opener(recurrent_keyword_model, **asks).open(1)
    assert exit_status(refused.value) == EXIT_USER
