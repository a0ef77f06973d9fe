"""What a search tries, and what it leaves alone."""

from __future__ import annotations

from typing import Any

from harness.tuning.candidates import SearchLimits, stage, stages


def _given(**changed: Any) -> SearchLimits:
    given: dict[str, Any] = {
        "scenario": "SingleStream",
        "backend": "cpu",
        "fields": {"backend.options": {}},
        "cores": (4,),
        "cpus": 4,
        "accelerator": False,
        "fp16": False,
        "quick": False,
    }
    return SearchLimits(**given | changed)


_STREAM = {"backend.threads": 2, "backend.instances": 1, "backend.options": {"engine": "Interpreter"}}
_POOL = {"backend.threads": 1, "backend.instances": 4, "backend.options": {}}


def test_a_stream_tries_every_power_of_two_threads_but_those_it_has() -> None:
    tried = stage("cores", _given(cores=(6,), cpus=6), _STREAM)
    assert [candidate.fields["backend.threads"] for candidate in tried] == [1, 4, 6]
    assert all(candidate.fields["backend.options"] == {"engine": "Interpreter"} for candidate in tried)


def test_a_pool_shares_the_cores_in_every_way_by_both_kinds_of_workers() -> None:
    best = _POOL | {"backend.workers": "threads"}
    tried = stage("cores", _given(scenario="Offline"), best)
    shapes = {
        (each.fields["backend.threads"], each.fields["backend.instances"], each.fields["backend.workers"])
        for each in tried
    }
    every = {(threads, 4 // threads, workers) for threads in (1, 2, 4) for workers in ("threads", "processes")}
    assert shapes == every - {(1, 4, "threads")}


def test_little_cores_are_never_mixed_with_big_ones_and_hyperthreads_are_tried_as_instances() -> None:
    of_streams = stage("cores", _given(cores=(4, 4), cpus=8), _STREAM)
    assert [candidate.fields["backend.threads"] for candidate in of_streams] == [1, 4]
    tried = stage("cores", _given(scenario="Server", cores=(2, 4), cpus=8), _POOL | {"backend.workers": "threads"})
    shapes = [(each.fields["backend.threads"], each.fields["backend.instances"]) for each in tried]
    assert shapes[: len(shapes) // 2] == [(1, 6), (2, 3), (1, 8)]


def test_an_accelerator_is_not_given_threads_to_try() -> None:
    assert stage("cores", _given(accelerator=True), _STREAM | {"backend.threads": 1}) == []


def test_the_engines_and_their_options_are_tried_on_top_of_the_best() -> None:
    tried = stage("engine", _given(), _STREAM)
    assert {each.fields["backend.threads"] for each in tried} == {2}
    options = [each.fields["backend.options"] for each in tried]
    assert {"engine": "CompiledModel"} in options
    assert {"engine": "Interpreter", "xnnpack": False} in options
    assert {"engine": "Interpreter"} not in options
    assert not any(option.get("force_fp16") or option.get("weight_cache") for option in options)


def test_half_precision_is_tried_only_where_it_is_allowed() -> None:
    for backend in ("cpu", "gpu"):
        texts = [each.name for each in stage("engine", _given(backend=backend), _STREAM)]
        allowed = [each.name for each in stage("engine", _given(backend=backend, fp16=True), _STREAM)]
        assert not any("fp16" in text for text in texts)
        assert sum("fp16" in text for text in allowed) == 1


def test_what_the_user_has_set_is_never_changed() -> None:
    asked = {"backend.threads": 2, "backend.options": {"engine": "CompiledModel", "weight_cache": True}}
    given = _given(scenario="Offline", fields=asked)
    tried = [*stage("cores", given, _POOL | asked), *stage("engine", given, _POOL | asked)]
    assert tried
    for candidate in tried:
        assert candidate.fields["backend.threads"] == 2
        assert candidate.fields["backend.options"].items() >= asked["backend.options"].items()  # type: ignore[attr-defined]


def test_other_backends_have_no_options_that_are_tried_unasked() -> None:
    assert stage("engine", _given(backend="external"), _STREAM) == []


def test_a_batch_is_tried_where_the_scenario_can_fill_it_and_the_user_has_not_set_it() -> None:
    def sizes(scenario: str, **fields: Any) -> list[int]:
        given = _given(scenario=scenario, fields={"backend.options": {}, **fields})
        tried = stage("batch", given, _STREAM | {"backend.batch": 1})
        assert all(candidate.fields["backend.threads"] == 2 for candidate in tried)
        return [candidate.fields["backend.batch"] for candidate in tried]

    assert sizes("SingleStream") == []
    assert sizes("Server") == []
    assert sizes("MultiStream") == [8]
    assert sizes("Offline") == [32, 8]
    assert sizes("Offline", **{"backend.batch": 1}) == []


def test_a_batch_of_a_quick_model_is_tried_in_the_other_kind_of_workers_too_unless_the_user_has_chosen_one() -> None:
    def tried(quick: bool, fields: dict[str, Any]) -> list[tuple[str, int]]:
        best = _POOL | {"backend.workers": "processes", "backend.batch": 1}
        given = _given(scenario="Offline", quick=quick, fields={"backend.options": {}, **fields})
        return [(each.fields["backend.workers"], each.fields["backend.batch"]) for each in stage("batch", given, best)]

    own = [("processes", 32), ("processes", 8)]
    assert tried(True, {}) == [*own, ("threads", 32), ("threads", 8)]
    assert tried(True, {"backend.workers": "processes"}) == own
    assert tried(False, {}) == own


def test_where_the_calls_around_the_kernels_count_a_batch_is_tried_before_other_engines() -> None:
    assert stages(_given(quick=True)) == ("cores", "batch", "engine")
    assert stages(_given(quick=False)) == ("cores", "engine", "batch")
