"""What a benchmark's config asks that nobody has, or that does not go together: a sentence each."""

from __future__ import annotations

from harness.config.official.rules import STREAMS
from harness.config.registry import backend_names, is_task, task_names
from harness.config.schema import Benchmark
from harness.errors import unknown
from harness.spec.schema import Load

_MOST = 1024
"""Threads, instances or samples of one invoke; more is a slip of the keyboard."""


def mistakes_alone(benchmark: Benchmark) -> list[str]:
    """Those that are there whatever LoadGen does."""
    problems = []
    if not is_task(benchmark.task):
        problems.append(unknown("task kind", benchmark.task, task_names()))
    if benchmark.backend.name not in backend_names():
        problems.append(unknown("backend", benchmark.backend.name, backend_names()))
    return [*problems, *numbers_out_of_range(benchmark)]


def mistakes_under(load: Load | None, benchmark: Benchmark) -> list[str]:
    """Those that lie in how LoadGen asks; None where that is not known."""
    return [*_batch(benchmark, load), *_dispatch(benchmark, load)]


def numbers_out_of_range(benchmark: Benchmark) -> list[str]:
    """Of threads, instances and samples of an invoke, which no runtime takes."""
    problems = []
    for name in ("threads", "instances", "batch"):
        value = getattr(benchmark.backend, name)
        if value != "auto" and not 1 <= value <= _MOST:
            problems.append(f"backend.{name} must be 1 to {_MOST} or auto, not {value}")
    return problems


def _batch(benchmark: Benchmark, load: Load | None) -> list[str]:
    """A stream has one query in flight, so a batch holds at most what one query asks."""
    batch = benchmark.backend.batch
    if load is None or load.scenario not in STREAMS or batch == "auto" or batch <= (most := load.samples_per_query):
        return []
    asks = "one sample" if most == 1 else f"{most} samples"
    return [f"backend.batch is {batch}, but {load.scenario} asks {asks} at a time: at most {most}, or auto"]


def _dispatch(benchmark: Benchmark, load: Load | None) -> list[str]:
    """What a cluster cannot do."""
    if not benchmark.dispatch.on_cluster:
        return []
    asked, problems = benchmark.dispatch.use, []
    if load is not None and load.scenario == "SingleStream":
        problems.append(
            f"--dispatch {asked} cannot answer SingleStream: it has one sample in flight, so a cluster would only add its "
            "network to every latency. Use --scenario Offline, Server or MultiStream"
        )
    if benchmark.backend.workers != "auto":
        problems.append(
            f"backend.workers={benchmark.backend.workers} is of one machine, and --dispatch {asked} leaves it to Ray: take "
            "one of them away"
        )
    if benchmark.model.state == "keep":
        problems.append(
            f"--dispatch {asked} has several instances, of which each would remember other queries: use --state reset"
        )
    return problems
