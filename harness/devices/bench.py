"""Models timed on an Android device by TFLite's own benchmark_model, which the user brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.bench.result import Refusal
from harness.bench.session import BenchCase, Settings, told_apart
from harness.devices.adb import Adb, Said
from harness.devices.android import AndroidDevice, DeviceState, cool, describe_device, state_of
from harness.devices.target import AdbTarget
from harness.devices.tool_flags import backend_of, flags_of
from harness.devices.tool_ops import ToolOp, read_ops
from harness.devices.tool_output import NotTheTool, ToolFound, read_output
from harness.errors import EXIT_BROKEN, EXIT_USER, ConfigError, RunFailed, shortened
from harness.json_records import LEFT_OUT
from harness.zoo.files.official import hash_given

SCHEMA_VERSION = 1
MEASURED_BY = "benchmark_model's own clock on the device: not from LoadGen, and no result by MLPerf's rules"
_CANNOT_RUN = (126, 127)
"""A shell's, for a file of another processor, or one that lacks its loader or a library."""
_BY_SIGNAL = 128
"""A shell's status above it means a signal."""


@dataclass(frozen=True, slots=True)
class Tool:
    """The user's benchmark_model."""

    path: str
    """Here."""
    size_bytes: int
    sha256: str
    """As it is here and, reckoned there, on the device."""


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One model behind one backend. Null: it did not come so far."""

    model: str
    path: str
    sha256: str
    source: str
    """`file`, `official` or `standin`."""
    backend_asked: str
    threads: int
    command: tuple[str, ...]
    """What ran on the device, word by word."""
    found: ToolFound | None
    waited_s: float | None = field(default=None, metadata=LEFT_OUT)
    """For the device to cool, where that was asked."""
    ops: tuple[ToolOp, ...] | None = field(default=None, metadata=LEFT_OUT)
    """What each op took, where that was asked; the times of the whole then have the profiler's own cost in them."""
    refusal: Refusal | None = field(default=None, metadata=LEFT_OUT)

    @property
    def name(self) -> str:
        """For people."""
        return self.model if self.backend_asked == "cpu" else f"{self.model} on {self.backend_asked}"


@dataclass(frozen=True, slots=True)
class DeviceBench:
    """All that one command measured on a device."""

    schema_version: int
    target: str
    measured_by: str
    device: AndroidDevice
    before: DeviceState
    after: DeviceState
    tool: Tool
    taskset: str | None
    """The mask of cores that the tool was held to; None where the system chose."""
    pace: Mapping[str, Any]
    """By benchmark_model's own names."""
    rows: tuple[DeviceRow, ...]


@dataclass(frozen=True, slots=True)
class AskedOfDevice:
    """Where, and by what."""

    target: AdbTarget
    tool: Path
    tool_sha256: str | None
    """That it must have; None where nobody says."""
    taskset: str | None
    cooldown_s: float | None = None
    """How long is waited at most, before each model, for a device that is not cool; None for not at all."""


def tool_of(asked: AskedOfDevice) -> Tool:
    """The tool's file, as it is here.

    Raises:
        ConfigError: It is not there, or another than it should be.
    """
    if not asked.tool.is_file():
        raise ConfigError(f"--tool {asked.tool}: no such file (benchmark_model, built for the device)")
    sha256, size = hash_given(asked.tool).sha256, asked.tool.stat().st_size
    if asked.tool_sha256 is not None and asked.tool_sha256.lower() != sha256:
        raise ConfigError(
            f"--tool {asked.tool} has the SHA-256 {sha256}, not {asked.tool_sha256}: another file than meant"
        )
    if not size:
        raise ConfigError(f"--tool {asked.tool} is empty")
    return Tool(str(asked.tool), size, sha256)


def bench_on_device(
    asked: AskedOfDevice,
    cases: Sequence[BenchCase],
    settings: Settings,
    say: Callable[[str], None],
    *,
    ops: bool = False,
) -> DeviceBench:
    """Measures models one after the other; one that the tool refuses is a row that says why.

    Args:
        asked: Where, and by what.
        cases: One at least.
        settings: Of all.
        say: Hears what is done now.
        ops: What each op takes is asked, too.

    Raises:
        ConfigError: Something that the tool does not have, a device that is not ready, or another file than it should be.
        RunFailed: The device was lost before any model, or the tool did not arrive.
    """
    tool = tool_of(asked)
    planned = [(case, flags_of(case, settings)) for case in told_apart(cases)]
    adb = Adb(asked.target, max(case.subject.section.timeout_s for case in cases))
    adb.ready()
    device = describe_device(adb.shell)
    say(f"{asked.target}: sending what is not there")
    program = adb.have(asked.tool, tool.sha256, "benchmark_model")
    before = state_of(adb.shell)
    rows = []
    for case, flags in planned:
        row = _not_measured(case)
        try:
            row = replace(row, waited_s=cool(adb.shell, asked.cooldown_s, say))
            graph = adb.have(case.subject.model, case.subject.sha256, "model.tflite")
            bound = () if asked.taskset is None else ("taskset", asked.taskset)
            profiled = ("--enable_op_profiling=true",) if ops else ()
            row = replace(row, command=(*bound, program, f"--graph={graph}", *flags, *profiled))
            say(f"{row.name}: measuring on {asked.target}")
            # The limit is the tool's own for the warm-up and for the runs, and it begins no run after it.
            limit_s = case.subject.section.timeout_s + 2 * settings.max_secs
            said = adb.shell(row.command, timeout_s=limit_s)
            rows.append(_judged(row, case, said, device.abi, ops=ops))
        except RunFailed as failure:
            # What was measured before stays, and the next may find the device again.
            rows.append(replace(row, refusal=Refusal("crashed", str(failure), failure.exit_status)))
    try:
        after = state_of(adb.shell)
    except RunFailed:
        after = DeviceState(None, None, None, None)
    return DeviceBench(
        SCHEMA_VERSION,
        str(asked.target),
        MEASURED_BY,
        device,
        before,
        after,
        tool,
        asked.taskset,
        {name: value for name, value in settings.pace().items() if name != "seed"},
        tuple(rows),
    )


def _not_measured(case: BenchCase) -> DeviceRow:
    subject = case.subject
    return DeviceRow(
        subject.name,
        str(subject.model),
        subject.sha256,
        subject.source,
        case.backend_asked,
        subject.threads,
        command=(),
        found=None,
    )


def _judged(row: DeviceRow, case: BenchCase, said: Said, abi: str | None, *, ops: bool) -> DeviceRow:
    """The row with what was found; where the CPU ran in an accelerator's place, nothing is."""

    def refused(kind: str, why: str, status: int = EXIT_USER) -> DeviceRow:
        return replace(row, refusal=Refusal(kind, why, status))

    tail = shortened(" / ".join(line.strip() for line in said.text.strip().splitlines()[-4:]), 600) or "it says nothing"
    if said.status in _CANNOT_RUN:
        return refused(
            "refused",
            f"benchmark_model does not run there (status {said.status}): {tail}. Is it built for the device's processor, "
            f"{abi or 'which it does not tell'}?",
        )
    if said.status > _BY_SIGNAL:
        return refused("crashed", f"benchmark_model ended with status {said.status}: {tail}", EXIT_BROKEN)
    if said.status:
        return refused("refused", f"benchmark_model ended with status {said.status}: {tail}")
    try:
        found = read_output(said.text)
    except NotTheTool as error:
        return refused("refused", f"its output is not benchmark_model's ({error}): {tail}", EXIT_BROKEN)
    wanted = backend_of(case.backend_asked, case.subject.section).delegate
    if wanted is not None and not found.took(wanted):
        ran = ", ".join(each.delegate for each in found.applied) or "the CPU"
        return refused(
            "refused", f"the {wanted} delegate took nothing of the model: {ran} ran in its place, so no time is told"
        )
    told = read_ops(said.text) if ops else None
    if told == ():
        return refused("refused", "benchmark_model tells of no op: it was built without profiling")
    return replace(row, found=found, ops=told)
