"""What every backend promises. One backend, one thread: nothing here takes a lock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from backends.litert.batch import RunBatch, stacking

if TYPE_CHECKING:
    from backends.litert.times.node_timer import NodeTimer

Array = npt.NDArray[Any]
NO_ENGINE = "none"
"""In `BackendInfo.engine`: no model ran."""
Run = Callable[[Sequence[Array]], Sequence[Array]]
"""What `Backend.runner` gives."""
RunRaw = Callable[[Sequence[memoryview]], Sequence[Array]]


@dataclass(frozen=True, slots=True)
class Stages:
    """A run of the model in its three steps, so that the model alone can be timed. Called in this order, by one thread."""

    write: Callable[[Sequence[Array]], object]
    """Copies the inputs in: all, in order, in the model's types and shapes."""
    run: Callable[[], object]
    """The model alone."""
    read: Callable[[], Sequence[Array]]
    """The outputs, which may be the engine's own memory: they hold until the next run."""


class BackendUnavailable(Exception):  # noqa: N818 - the name is part of the contract
    """The backend is not here: says what was tried, why it failed and what to do. Exit status 2."""

    exit_status = 2


class ModelRejected(Exception):  # noqa: N818
    """The runtime refuses the model file: missing, truncated, not TFLite, or with ops it has no kernel for. Exit 2."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One tensor of a model as the engine sees it."""

    name: str
    shape: tuple[int, ...]
    """With the batch dimension, as opened."""
    dtype: np.dtype[Any]
    scale: float = 0.0
    """Per-tensor scale; 0.0 where the tensor is not quantised."""
    zero_point: int = 0
    stored_as: str = ""
    """The type in the file, as `int4`, where numpy has none of it and `dtype` is what it is handed over in; else ""."""

    @property
    def nbytes(self) -> int:
        """Size of the tensor in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def zeros(self) -> Array:
        """Zeros in its shape and type; of a tensor of texts, empty ones."""
        return np.full(self.shape, b"", object) if self.dtype.hasobject else np.zeros(self.shape, self.dtype)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the model the delegate runs."""

    nodes: int
    """Ops of the model."""
    delegated_nodes: int
    """Of these, how many run in the delegate."""
    partitions: int | None
    """Pieces the delegate got; every border between pieces costs a copy. None where the engine does not tell."""
    cpu_ops: dict[str, int] = field(default_factory=dict)
    """Ops left on the CPU's kernels: name -> how many."""

    @property
    def share(self) -> float:
        """Delegated nodes as a fraction of all."""
        return self.delegated_nodes / self.nodes if self.nodes else 0.0


@dataclass(frozen=True, slots=True)
class TimeShare:
    """The CPU's part of the time of a model that an accelerator runs."""

    cpu: float | None
    """0 to 1; None where it could not be had."""
    why: str | None = None
    """Why it could not be had."""


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """What a result says of the backend that ran."""

    name: str
    engine: str
    """`Interpreter`, `CompiledModel` or `none`."""
    delegate: str | None
    options: dict[str, Any] = field(default_factory=dict)
    coverage: Coverage | None = None
    accelerator: bool = False
    """True for a backend that promises another device than the CPU: `coverage` then counts that device's nodes alone, and a
    run without any is refused."""
    device: dict[str, Any] = field(default_factory=dict)
    """Library, driver and adapter, as far as they can be had."""


class Backend(ABC):
    """A model, loaded and ready."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @classmethod
    def spread(cls, options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The options of instances that work at once: one for each device that is named. They are handed out in turn."""
        return [dict(options)]

    @classmethod
    def info_without_model(cls) -> BackendInfo | None:
        """What is known of a device that only runs models made for it alone; None where any model can be tried.

        Raises:
            BackendUnavailable: It is not here.
        """
        return None

    @abstractmethod
    def invoke(self, inputs: Sequence[Array]) -> list[Array]:
        """The timed call: all inputs in order, in the model's types and shapes; returns all outputs, likewise.

        The arrays returned belong to the caller: a later call does not change them.
        """

    def runner(self) -> Run:
        """`invoke` without what can be done once: bound before anything is timed, and called for every query.

        The arrays that it returns may be the engine's own memory: they hold until the next call. The inputs must have the
        model's shapes and types, which nobody looks at again.
        """
        return self.invoke

    def raw_runner(self) -> RunRaw | None:
        """As `runner`, from inputs as bytes (`backends.litert.tensor_memory.as_bytes`); None where that is not quicker."""
        return None

    def stages(self) -> Stages | None:
        """`runner` in steps, likewise bound before anything is timed; None where the engine has only the whole."""
        return None

    def batch_runner(self) -> RunBatch:
        """As `runner`, for a model opened with a leading dimension of more than 1: takes and gives samples one by one."""
        return stacking(
            [tensor.shape for tensor in self.inputs], [tensor.dtype for tensor in self.inputs], self.runner()
        )

    def partitions(self) -> list[frozenset[int]] | None:
        """The ops of the graph that runs, by their places in the file, that each piece of a delegate's took over.

        None where the engine does not tell.
        """
        return None

    @property
    def can_reset(self) -> bool:
        """Whether `reset` puts back all that a model may keep from run to run (`backends.litert.file.hidden_state`)."""
        return False

    def reset(self) -> None:
        """Puts a model that keeps something back to where it was when it was opened. Only where `can_reset` says so."""
        raise NotImplementedError(f"{type(self).__name__} cannot put a model's state back")

    @abstractmethod
    def info(self) -> BackendInfo:
        """What ran, for the result."""

    def node_timer(self, inputs: Sequence[Array]) -> NodeTimer:
        """What tells how long each node of the graph takes that runs. Nothing else is asked of the backend until it is closed.

        Args:
            inputs: As for `invoke`.

        Raises:
            BackendUnavailable: The engine does not tell.
        """
        del inputs
        raise BackendUnavailable(f"the backend {self.info().name} does not tell what its ops take: --backend cpu does")

    def tensor_shapes(self) -> Mapping[int, tuple[int, ...]]:
        """The shapes of the graph's tensors by their places in the file, as far as the engine tells."""
        return {}

    def time_share(self, inputs: Sequence[Array]) -> TimeShare:
        """The CPU's part of the time of a model that an accelerator has a part of. The last thing asked before `close`.

        Args:
            inputs: As for `invoke`.
        """
        del inputs
        return TimeShare(None, f"{self.info().engine} does not tell what its ops take")

    def close(self) -> None:  # noqa: B027 - most engines free themselves
        """Frees the model. The backend may not be used afterwards."""


class OpensBackend(Protocol):
    """What opens a model: a backend's class, or a function that chooses between classes."""

    def __call__(self, model: Path, /, *arguments: Any, **options: Any) -> Backend:
        """Loads the model; `threads`, `input_shapes` and the backend's own options are given by name."""
