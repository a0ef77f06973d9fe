"""A set prepared ahead by actors of this process, each with the cache of its node; `test_ray` has Ray's own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from harness.config.files import find_benchmark, read_config
from harness.errors import Reported, RunFailed
from harness.machine.json_line import encode
from harness.serving.cluster.session import Needs, Node, own_facts
from harness.serving.kept_samples import Complete
from harness.serving.preparing import prepare_set
from harness.spec.resolve import resolve

CACHE = "TFLITE_LOADGEN_CACHE"
_ENVIRONMENT = threading.Lock()


class Gone(Exception):  # noqa: N818 - it is what happened
    """What a call to an actor that is gone ends with."""


class Actor:
    """Calls at once, in the environment of its node."""

    def __init__(self, made: Any, node: str, cache: Path, dies_at: str, other: bool) -> None:
        self._made, self.node, self._cache, self._dies_at, self._other = made, node, cache, dies_at, other

    def ask(self, method: str, *words: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if method == self._dies_at:
            future.set_exception(Gone("the node is gone"))
            return future
        with _ENVIRONMENT:
            os.environ[CACHE] = str(self._cache)
            told = getattr(self._made, method)(*words)
        if self._other and method == "finish":
            told = encode(Complete((), (), "0" * 64))
        future.set_result(told)
        return future

    def kill(self) -> None:
        """Ends."""


class Nodes:
    """A session of a node an entry: its cache, and what becomes of its actor."""

    def __init__(self, tmp_path: Path, **caches: str) -> None:
        self._place, self.caches = tmp_path, caches
        self.dies_at = dict.fromkeys(caches, "")
        self.other = ""

    def nodes(self) -> list[Node]:
        return [Node(name, name, {"CPU": 1.0}, {"CPU": 1.0}) for name in self.caches]

    def ask_about(self, nodes: list[Node]) -> dict[str, Any]:
        return dict.fromkeys(node.id for node in nodes)

    def start(self, kind: type[Any], node: str, needs: Needs) -> Actor:
        cache = self._place / self.caches[node]
        with _ENVIRONMENT:
            os.environ[CACHE] = str(cache)
            made = kind()
        return Actor(made, node, cache, self.dies_at[node], node == self.other)

    def is_loss(self, error: BaseException) -> bool:
        return isinstance(error, Gone)

    def close(self) -> None:
        """Ends."""


Prepare = Callable[..., Any]


@pytest.fixture
def prepare(
    adds_model: Path, make_picture_data: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Prepare:
    monkeypatch.setenv(CACHE, str(tmp_path / "head"))
    facts, data = own_facts(), make_picture_data(70)
    monkeypatch.setattr("harness.serving.cluster.nodes.facts_of", lambda node, told: facts)

    def run(nodes: Nodes | None, broken: int | None = None) -> Any:
        if broken is not None:
            (data / f"picture_{broken:04}.jpg").write_bytes(b"no picture")
        monkeypatch.setattr("harness.serving.cluster.untimed.preparing.Session", lambda _: nodes)
        fields = [("model.use", str(adds_model)), ("dataset.use", str(data)), ("load.scenario", "Offline")]
        fields += [("dispatch.use", "ray")] if nodes is not None else []
        spec = resolve(read_config(find_benchmark("mobilenet_edgetpu")), fields, tmp_path / "head")
        return prepare_set(spec, lambda _: None)

    return run


def entries(cache: Path) -> list[dict[str, bytes]]:
    found = [path for path in (cache / "samples").iterdir() if path.is_dir()]
    return [{file.name: file.read_bytes() for file in entry.iterdir()} for entry in found]


def test_every_cache_is_filled_as_this_machine_s_by_all_who_share_it(prepare: Prepare, tmp_path: Path) -> None:
    here = prepare(None)
    done = prepare(Nodes(tmp_path, a="one", b="one", c="two"))
    assert (done.seal, done.samples, done.caches, done.nodes) == (here.seal, 70, 2, 3)
    assert entries(tmp_path / "one") == entries(tmp_path / "two") == entries(tmp_path / "head")
    assert prepare(Nodes(tmp_path, a="one", c="two")).were_here


@pytest.mark.parametrize("at", ["prepare", "finish", "begin"])
def test_a_node_that_dies_costs_nothing_where_another_shares_its_cache_and_else_is_said(
    at: str, prepare: Prepare, tmp_path: Path
) -> None:
    nodes = Nodes(tmp_path, a="one", b="one")
    nodes.dies_at["a"] = at
    if at == "prepare":
        assert prepare(nodes).seal == prepare(None).seal
        return
    with pytest.raises(RunFailed, match=r"was lost .*: the node is gone\. What was prepared elsewhere is kept"):
        prepare(nodes)


def test_nodes_that_prepare_other_bytes_are_refused(prepare: Prepare, tmp_path: Path) -> None:
    nodes = Nodes(tmp_path, a="one", b="two")
    nodes.other = "b"
    with pytest.raises(RunFailed, match=r"prepared the samples differently .*numpy, Pillow"):
        prepare(nodes)


def test_the_first_sample_that_cannot_be_read_is_named_and_nothing_is_left(prepare: Prepare, tmp_path: Path) -> None:
    with pytest.raises(Reported, match=r"picture_0040\.jpg is not a JPEG") as caught:
        prepare(Nodes(tmp_path, a="one", b="one"), broken=40)
    assert (caught.value.exit_status, caught.value.kind) == (2, "DataMissing")
    assert entries(tmp_path / "one") == []
