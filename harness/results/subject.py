"""Records of a result: what ran. See `harness.results.record` for the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from harness import own_version
from harness.json_records import FLAT, REST
from harness.machine.placement import Placement
from harness.spec.schema import Checksum, DataSetRef, ModelRef, ReferenceRef

if TYPE_CHECKING:
    # They bring numpy, which showing a result does without.
    from backends.base import BackendInfo
    from harness.messages.worker import Done

Setting = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The model's file."""

    name: str
    """As the config names it, or the file's name."""
    source: Literal["official", "standin", "file"]
    """`official` (recognised by its checksum, or by its name alone: see `checksum`), `standin`, or `file`: one of yours."""
    path: str
    """Where the file lies."""
    sha256: str
    """Of the untouched file."""
    checksum: Checksum | None
    """Of an official file: `verified` by its published checksum, or `unverified` since none is published."""
    modified: str | None
    """How the model that ran differs from the file, as with its missing shapes completed; null where it does not."""
    signature: str | None = None
    """The signature that ran; null where the file has none."""
    input_shapes: Mapping[str, tuple[int, ...]] | None = None
    """The inputs' shapes as they ran, by name; null while nobody has opened the model."""
    open_sizes: bool = False
    """Whether the file leaves sizes of its inputs open that were named for the run."""
    state: Literal["none", "reset", "keep"] | None = None
    """What becomes of what the model keeps from one run to the next: `none` is kept, `reset` puts it back before every query,
    `keep` lets it live on; null while nobody has opened the model."""
    keeps: str | None = None
    """What that is; null for nothing."""
    reset_ns: int | None = None
    """How long it takes to put it back once, in ns: outside the latency in SingleStream; null where nothing is put back."""

    @classmethod
    def of(cls, ref: ModelRef) -> ModelFacts:
        """As the spec has it; nobody has opened it yet."""
        return cls(ref.name, ref.source, str(ref.path), ref.sha256, ref.checksum, None)


@dataclass(frozen=True, slots=True)
class Reference:
    """What answered the same samples and was held to be right, one thread of it, before the run."""

    model: str
    """The model's name."""
    path: str
    """Where its file lies."""
    sha256: str
    """Of it."""
    backend: str
    """As `--reference-backend` named it; `cpu` where nothing did."""

    @classmethod
    def of(cls, ref: ReferenceRef | None) -> Reference | None:
        """As the spec has it."""
        return None if ref is None else cls(ref.model.name, str(ref.model.path), ref.model.sha256, ref.backend_asked)


@dataclass(frozen=True, slots=True)
class DataSet:
    """The data."""

    name: str
    """As the config names it, or the file's name."""
    source: Literal["official", "builtin", "file"]
    """`official`, `builtin` (made by the harness), or `file`: yours."""
    path: str
    """Where it lies."""
    checksum: Checksum | None
    """Of official data and their ground truth: `verified` or `unverified`."""
    count: int | None
    """Samples; while the run has not ended, as many as were asked for, null for all."""
    samples_file_sha256: str | None = None
    """Of samples.json, in which the run keeps what it has read; null where it kept nothing."""
    described: Mapping[str, Setting] = field(default_factory=dict, metadata=REST)
    """Beside these, what the task says of its data: `truth` (the ground truth it found, null for none), `pictures`, `features`
    or `source` (where the samples lie), `order` (of the samples), `profile`, `fed` (the arrays of a task without data of its
    own: which files, or which random ranges, and their `seed`), counts as `questions`, `unused_annotations`,
    and, where files were left out, `left_out` (their number by suffix)."""

    @classmethod
    def of(cls, ref: DataSetRef) -> DataSet:
        """As the spec has it; nobody has counted it yet."""
        return cls(ref.name, ref.source, str(ref.path), ref.checksum, ref.count)


@dataclass(frozen=True, slots=True)
class HarnessFacts:
    """The program that made the run."""

    version: str
    """Of tflite-loadgen."""
    commit: str | None
    """Of the checkout that it ran from, `-dirty` behind it where files differed; null where it was installed from a package."""

    @classmethod
    def here(cls) -> HarnessFacts:
        """This one."""
        return cls(own_version.version(), own_version.commit())


@dataclass(frozen=True, slots=True)
class TargetDevice:
    """The device that ran it, where that is not the machine on which the command was given (`--target`)."""

    name: str
    """As the command named it: `ssh://pi@board`. What machine it is says `system`; paths are those of `asked_from`."""
    asked_from: str
    """The machine on which the command was given."""


@dataclass(frozen=True, slots=True)
class OpenBackend:
    """What a backend says of itself when the model is open."""

    engine: str
    """`Interpreter`, `CompiledModel`, or `none` where no model is run."""
    delegate: str | None
    """What runs ops in the engine's stead, as `XNNPACK`; null for none."""
    options: Mapping[str, object]
    """The backend's options as they were used; which there are is the backend's affair (docs/backends.md)."""
    accelerator: bool
    """Whether it promises another device than the CPU."""
    device: Mapping[str, object]
    """Library, driver and adapter, as far as they can be had."""
    nodes: int | None
    """Ops of the model; null where the engine does not tell."""
    delegated_nodes: int | None
    """Of these, how many run in the delegate; of an accelerator, on its device."""
    partitions: int | None
    """Pieces that the delegate got; every border between pieces costs a copy."""
    cpu_ops: Mapping[str, int] | None
    """Ops left to the CPU's kernels: name and how many; null where the engine does not tell."""

    @classmethod
    def of(cls, info: BackendInfo) -> OpenBackend:
        """What the backend says of itself, its coverage among it; null where nobody knows."""
        coverage = info.coverage
        return cls(
            engine=info.engine,
            delegate=info.delegate,
            options=info.options,
            accelerator=info.accelerator,
            device=info.device,
            nodes=coverage.nodes if coverage else None,
            delegated_nodes=coverage.delegated_nodes if coverage else None,
            partitions=coverage.partitions if coverage else None,
            cpu_ops=coverage.cpu_ops if coverage else None,
        )


@dataclass(frozen=True, slots=True)
class PlacedCpus:
    """Which CPUs were given to what."""

    cpus_by_instance: tuple[tuple[int, ...], ...] | None
    """The CPUs of each instance; null where the system chooses."""
    harness_cpus: tuple[int, ...] | None
    """The CPUs of LoadGen's and the harness's own threads; null where the system chooses."""
    why: str
    """Why so."""

    @classmethod
    def of(cls, placement: Placement) -> PlacedCpus:
        """As the plan has it."""
        return cls(placement.instances or None, placement.harness or None, placement.why)


@dataclass(frozen=True, slots=True)
class Answering:
    """What answered LoadGen."""

    threads: int
    """Of an instance."""
    instances: int
    """Of the model, that worked at once."""
    workers: str | None
    """What the instances worked in: `inline` is LoadGen's own thread. Null: not known."""
    batch: int
    """Samples of one run of the model."""
    placement: PlacedCpus | None
    """The CPUs of each; null: not known."""
    native: bool | None
    """Whether the timed path was in C (`native/`) or in Python, some 0.6 us a query slower in SingleStream. Null: not known."""
    devices: tuple[str, ...] | None
    """Names of the devices of all instances, each once. Null: not known."""
    cpu_ops_time_share: float | None
    """The part of an accelerator's time, 0 to 1, that went to ops left to the CPU; null where it could not be had."""
    cpu_ops_time_unknown: str | None
    """Why it could not be had."""

    @classmethod
    def of(cls, done: Done) -> Answering:
        """As the worker tells it."""
        return cls(
            threads=done.threads,
            instances=done.instances,
            workers=done.workers,
            batch=done.batch,
            placement=PlacedCpus.of(done.placement),
            native=done.native,
            devices=done.devices,
            cpu_ops_time_share=done.cpu_ops_time.cpu,
            cpu_ops_time_unknown=done.cpu_ops_time.why,
        )


@dataclass(frozen=True, slots=True)
class BackendFacts:
    """The backend. While the run lasts, and in one that failed before the model was open, only its name."""

    name: str
    """As in `--backend`."""
    opened: OpenBackend | None = field(default=None, metadata=FLAT)
    answering: Answering | None = field(default=None, metadata=FLAT)


@dataclass(frozen=True, slots=True)
class LoadGenSettings:
    """The settings in force, as LoadGen held them at the end of the run."""

    scenario: str
    """LoadGen's name of it."""
    mode: str
    """`PerformanceOnly` or `AccuracyOnly`."""
    performance_sample_count: int
    """Samples in memory at once."""
    min_duration_ms: int
    """How long LoadGen asked at least."""
    min_query_count: int
    """How often it asked at least."""
    server_target_qps: float
    """Server: queries asked for per second."""
    server_target_latency_ns: int
    """Server: the bound on the latency at its percentile, in ns."""
    others: Mapping[str, Setting] = field(default_factory=dict, metadata=REST)
    """Beside these, all other fields of LoadGen's TestSettings, under its own names: seeds, expected latencies and rates,
    percentiles. Which there are is for the LoadGen that is installed to say."""
