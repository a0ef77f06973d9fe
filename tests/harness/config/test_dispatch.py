"""Where a run is answered, as a config says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.config.dispatch import DispatchSection
from harness.config.files import find_benchmark, read_config
from harness.errors import ConfigError
from harness.spec.resolve import resolve


@pytest.mark.parametrize(
    ("use", "on_cluster", "address"),
    [
        ("local", False, None),
        ("ray", True, None),
        ("ray://10.0.0.1:6379", True, "10.0.0.1:6379"),
        ("ray://[::1]:6379", True, "[::1]:6379"),
        ("ray://head.lan:1", True, "head.lan:1"),
    ],
)
def test_it_is_this_machine_a_cluster_of_the_run_or_one_that_is_there(
    use: str, on_cluster: bool, address: str | None
) -> None:
    found = DispatchSection(use=use)
    assert (found.on_cluster, found.address) == (on_cluster, address)


@pytest.mark.parametrize(
    "use",
    ["", "Ray", "ray:", "ray://", "ray://host", "ray://:1", "ray://h:0", "ray://h:65536", "ray://h:1/x", "ray://h:1\n"],
)
def test_anything_else_is_refused_with_an_example(use: str) -> None:
    with pytest.raises(ValueError, match=r"must be local, ray or ray://HOST:PORT, as ray://10\.0\.0\.1:6379, not"):
        DispatchSection(use=use)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"scenario": "SingleStream"}, "cannot answer SingleStream: it has one sample in flight"),
        ({"workers": "threads"}, "backend.workers=threads is of one machine"),
        ({"state": "keep"}, "each would remember other queries: use --state reset"),
        ({"resources": {"CPU": 2}}, "dispatch.resources cannot name 'CPU'; CPUs of an instance are dispatch.cpus"),
        ({"resources": {"GPU": 0}}, "more than 0"),
        ({"resources": {"GPU": float("inf")}}, "dispatch.resources.GPU"),
        ({"cpus": -1}, "dispatch.cpus"),
        ({"resend": 0}, "dispatch.resend_after_s"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused_before_anything_is_started(
    fields: dict[str, Any], says: str, keyword_model: Path, keyword_data: Path, tmp_path: Path
) -> None:
    names = {"scenario": "load.scenario", "workers": "backend.workers", "state": "model.state"}
    names |= {"resources": "dispatch.resources", "cpus": "dispatch.cpus", "resend": "dispatch.resend_after_s"}
    given = [("model.use", str(keyword_model)), ("dataset.use", str(keyword_data)), ("load.scenario", "Offline")]
    given += [("dispatch.use", "ray"), *((names[name], value) for name, value in fields.items())]
    with pytest.raises(ConfigError) as refused:
        resolve(read_config(find_benchmark("kws")), given, tmp_path)
    assert says in str(refused.value)
