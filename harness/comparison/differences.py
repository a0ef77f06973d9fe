"""What is not the same on both sides, where it decides what the figures mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from harness.comparison.record import Difference, Subject
from harness.comparison.sides import ComparedRun, Side
from harness.errors import ConfigError
from harness.results.read_data import ReadData, load_read_data
from harness.results.record import Result

_DECIDING_VERSIONS = ("ai-edge-litert", "mlcommons-loadgen", "numpy", "pillow", "tokenizers")


def refuse_incomparable(base: Side, new: Side) -> None:
    """Refuses what has no figure in common, whatever is allowed.

    Raises:
        ConfigError: Another task or scenario.
    """
    one, other = base.any, new.any
    if one.task != other.task:
        raise ConfigError(f"{base.path} is of {one.task}, {new.path} of {other.task}: nothing of them can be compared")
    if base.timed and new.timed and one.scenario != other.scenario:
        raise ConfigError(
            f"{base.path} is of {one.scenario}, {new.path} of {other.scenario}: nothing of them can be compared"
        )


def differences(base: Side, new: Side) -> tuple[Difference, ...]:
    """Everything, in the order in which a reader asks for it."""
    found = [*_of_what_ran(base.any, new.any), *_of_harness(base.any, new.any), *_of_machine(base.any, new.any)]
    for mine, others in ((base.timed, new.timed), (base.scored, new.scored)):
        if mine and others:
            found += [*_of_rules(mine[0].result, others[0].result), *_of_data(mine[0], others[0])]
    return tuple(dict.fromkeys(found))


def refuse_differences(found: Sequence[Difference], allowed: Sequence[Subject]) -> None:
    """Refuses what differs and was not allowed to.

    Raises:
        ConfigError: Says what differs, and the option that allows it.
    """
    open_ = [one for one in found if one.subject not in ("machine", "backend") and one.subject not in allowed]
    if not open_:
        return
    what = "; ".join(f"{one.subject}: {one.what} {one.base} and {one.new}" for one in open_)
    subjects = ",".join(dict.fromkeys([*allowed, *(one.subject for one in open_)]))
    raise ConfigError(f"they differ ({what}). If that is what you compare: --allow-difference {subjects}")


def _pairs(subject: str, pairs: Sequence[tuple[str, object, object]]) -> Iterator[Difference]:
    for what, one, other in pairs:
        # What an earlier version did not write down is no difference.
        if one != other and one is not None and other is not None:
            yield Difference(subject, what, str(one), str(other))  # type: ignore[arg-type]


def _of_what_ran(one: Result, other: Result) -> Iterator[Difference]:
    if one.model.sha256 != other.model.sha256:
        names = [f"{each.model.name} ({each.model.sha256[:12]})" for each in (one, other)]
        yield Difference("model", "the file", *names)
    yield from _pairs("model", [("its state", one.model.state, other.model.state)])
    if one.model.modified != other.model.modified:
        yield Difference("model", "changed", one.model.modified or "not", other.model.modified or "not")
    mine, others = one.backend.answering, other.backend.answering
    yield from _pairs(
        "backend",
        [
            ("the backend", one.backend.name, other.backend.name),
            ("threads", mine and mine.threads, others and others.threads),
            ("instances", mine and mine.instances, others and others.instances),
            ("batch", mine and mine.batch, others and others.batch),
        ],
    )
    opened = one.backend.opened, other.backend.opened
    yield from _pairs("backend", [("the engine", opened[0] and opened[0].engine, opened[1] and opened[1].engine)])


def _of_rules(one: Result, other: Result) -> Iterator[Difference]:
    mine, others = one.loadgen, other.loadgen
    asked = [("the rules", one.rules, other.rules)]
    yield from _pairs("rules", [*asked, ("the preset", one.preset, other.preset)] if one.performance else asked)
    if one.performance and mine and others:
        yield from _pairs(
            "rules",
            [
                ("least duration in ms", mine.min_duration_ms, others.min_duration_ms),
                ("least queries", mine.min_query_count, others.min_query_count),
                ("samples in memory", mine.performance_sample_count, others.performance_sample_count),
            ],
        )
        if one.scenario == "Server":
            bounds = mine.server_target_latency_ns, others.server_target_latency_ns
            yield from _pairs("rules", [("the bound in ns", *bounds)])
            yield from _pairs("rules", [("the load in queries/s", mine.server_target_qps, others.server_target_qps)])


def _of_data(one: ComparedRun, other: ComparedRun) -> Iterator[Difference]:
    mine, others = one.result.dataset, other.result.dataset
    yield from _pairs("data", [("the set", mine.name, others.name), ("samples", mine.count, others.count)])
    options = [
        {name: value for name, value in each.result.options.items() if name == "profile"} for each in (one, other)
    ]
    if options[0] != options[1]:
        yield Difference("data", "prepared", str(options[0].get("profile")), str(options[1].get("profile")))
    if mine.samples_file_sha256 == others.samples_file_sha256:
        return
    read = [load_read_data(each.folder) for each in (one, other)]
    if read[0] is None or read[1] is None:
        return
    known = [_read(each) for each in (read[0], read[1])]
    changed = [name for name in known[0] if name in known[1] and known[0][name] != known[1][name]]
    if changed:
        yield Difference("data", f"{len(changed):,} of its files, {changed[0]} for one:", "then", "now")


def _read(data: ReadData) -> dict[str, str]:
    """What was read, by name: in a set folders tell files of one name apart; a file by itself may lie elsewhere."""
    samples = {item.name: item.sha256 for item in data.samples if item.sha256 is not None}
    files = {PurePath(item.name).name: item.sha256 for item in data.files if item.sha256 is not None}
    return {**samples, **files}


def _of_harness(one: Result, other: Result) -> Iterator[Difference]:
    mine, others = one.made_by, other.made_by
    if mine and others:
        yield from _pairs(
            "harness", [("version", mine.version, others.version), ("commit", mine.commit, others.commit)]
        )
    versions = [(name, one.system.versions.get(name), other.system.versions.get(name)) for name in _DECIDING_VERSIONS]
    yield from _pairs("harness", versions)
    native = [each.backend.answering.native if each.backend.answering else None for each in (one, other)]
    yield from _pairs("harness", [("the timed path in C", native[0], native[1])])


def _of_machine(one: Result, other: Result) -> Iterator[Difference]:
    mine, others = one.system, other.system
    names = ("host", "cpu", "usable_cpus", "governor", "memory_bytes", "platform")
    yield from _pairs("machine", [(name, getattr(mine, name), getattr(others, name)) for name in names])
