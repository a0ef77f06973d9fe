"""What the worker of a run tells its parent, in this order: `Opened`, `Proven`, `Residents` twice, then `Done` or `Failed`.

`Opened` comes again where a completed model gives way to the file as it is, `Proven` where an engine is taken that has to be
proven, too. Neither comes where there is nothing to say. The worker itself is told `ToOpen`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from backends.base import BackendInfo, TimeShare
from backends.litert.file.opened_file import OpenedFile
from harness.machine.memory import Residents
from harness.machine.placement import Placement
from harness.machine.state import MachineState
from harness.messages.calibration import Calibration
from harness.messages.cluster import ClusterRun
from harness.messages.failure import Failed
from harness.messages.server_times import ServerTimes
from harness.model.comparison import Comparison


@dataclass(frozen=True, slots=True)
class ToOpen:
    """What the parent tells the worker when it starts it."""

    files: tuple[OpenedFile, ...]
    """As they were hashed: under their paths it opens these, or fails."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The model is open behind its backend."""

    backend: BackendInfo
    modified: str | None
    """What was changed in the model's file before it was opened; None for nothing."""
    signature: str | None = None
    """The one that runs; None where the file has none."""
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Of the inputs as they are run, by name."""
    state: Literal["none", "reset", "keep"] = "none"
    """What becomes of what the model keeps from one run to the next: it keeps nothing, it is put back before every query, or it
    lives on."""
    keeps: str = ""
    """What that is."""
    reset_ns: int | None = None
    """How long it takes to put it back once; None where nothing is."""
    open_sizes: bool = False
    """Whether the file leaves sizes of its inputs open that were named for the run."""


@dataclass(frozen=True, slots=True)
class Proven:
    """The backend was held against one CPU thread, whatever came of it."""

    comparison: Comparison
    time_s: float
    allowed: bool
    """The config times a backend that disagrees, too."""


@dataclass(frozen=True, slots=True)
class Done:
    """The run has ended and its logs are written: what the parent cannot know."""

    backend: BackendInfo
    devices: tuple[str, ...]
    """The devices that answered, each once, where there are several."""
    cpu_ops_time: TimeShare
    """The CPU's part of an accelerator's run."""
    workers: str
    """`inline` (LoadGen's own thread), `threads`, `processes` or `ray`."""
    native: bool
    """The timed path was the one in C."""
    threads: int
    """Of an instance."""
    instances: int
    batch: int
    """Samples of one invoke."""
    placement: Placement
    calibration: Calibration
    before: MachineState
    """The machine just before LoadGen asked."""
    after: MachineState
    """The machine just after."""
    loadgen: Mapping[str, str | int | float | bool]
    """The settings in force, by LoadGen's own names."""
    performance_sample_count: int
    queue_times: ServerTimes | None
    """Of Server alone."""
    sample_count: int
    """Of the whole set."""
    data: Mapping[str, Any]
    """What the task says of its data: see `tasks.base.Task.describe_data`."""
    sample_limit_bytes: int | None
    """What the samples in memory may take; None where nobody named a limit and the system does not tell what is available."""
    sample_limit_from: str
    """`config` or `available memory`."""
    warnings: tuple[str, ...]
    cluster: ClusterRun | None = None
    """Where one answered."""


FromWorker = Opened | Proven | Residents | Done | Failed
FROM_WORKER: tuple[type[FromWorker], ...] = (Opened, Proven, Residents, Done, Failed)
