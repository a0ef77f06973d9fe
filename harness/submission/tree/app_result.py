"""The mobile app's result.json as records: MA tools/extended_result_schema.json (draft-06), every key required, no others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meta:
    """Which file it is."""

    uuid: str
    creation_date: str
    upload_date: str | None


@dataclass(frozen=True, slots=True)
class ExtraSetting:
    """A setting of a backend's own."""

    id: str
    name: str
    value: str
    value_name: str


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """How a benchmark was run."""

    accelerator_code: str
    accelerator_desc: str
    framework: str
    delegate: str
    model_path: str
    batch_size: int
    extra_settings: tuple[ExtraSetting, ...]


@dataclass(frozen=True, slots=True)
class AppBackend:
    """What ran it."""

    filename: str
    vendor_name: str
    backend_name: str
    accelerator_name: str


@dataclass(frozen=True, slots=True)
class Throughput:
    """1 / p90 in SingleStream, samples per second in Offline."""

    value: float


@dataclass(frozen=True, slots=True)
class AppAccuracy:
    """A score."""

    normalized: float
    """0 to 1; of PSNR in dB a hundredth."""
    formatted: str


@dataclass(frozen=True, slots=True)
class AppDataset:
    """The data."""

    name: str
    type: str
    data_path: str
    groundtruth_path: str


@dataclass(frozen=True, slots=True)
class AppLoadgen:
    """LoadGen's verdict; latencies in seconds."""

    query_count: int
    latency_mean: float
    latency90: float
    is_min_duration_met: bool
    is_min_query_met: bool
    is_early_stopping_met: bool
    is_result_valid: bool


@dataclass(frozen=True, slots=True)
class AppRun:
    """A performance or an accuracy run."""

    throughput: Throughput | None
    accuracy: AppAccuracy | None
    accuracy2: AppAccuracy | None
    dataset: AppDataset
    measured_duration: float
    """In seconds."""
    measured_samples: int
    start_datetime: str
    loadgen: AppLoadgen | None


@dataclass(frozen=True, slots=True)
class AppBenchmark:
    """A benchmark's result."""

    benchmark_id: str
    benchmark_name: str
    loadgen_scenario: str
    backend_settings: BackendSettings
    backend_info: AppBackend
    performance_run: AppRun | None
    accuracy_run: AppRun | None
    min_duration: float
    """In seconds."""
    min_samples: int


@dataclass(frozen=True, slots=True)
class Prop:
    """A property of an Android system."""

    type: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Android:
    """A phone."""

    os_version: str
    manufacturer: str
    model_code: str
    model_name: str
    board_code: str
    proc_cpuinfo_soc_name: str
    props: tuple[Prop, ...]


@dataclass(frozen=True, slots=True)
class Ios:
    """A phone of Apple's."""

    os_version: str
    model_code: str
    model_name: str
    soc_name: str


@dataclass(frozen=True, slots=True)
class WindowsLaptop:
    """A laptop."""

    os_version: str
    cpu_full_name: str


@dataclass(frozen=True, slots=True)
class AppDevice:
    """One of the three; none of them on Linux."""

    android: Android | None
    ios: Ios | None
    windows: WindowsLaptop | None


@dataclass(frozen=True, slots=True)
class EnvironmentInfo:
    """Where it ran."""

    platform: str
    value: AppDevice


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """What program ran it."""

    version: str
    build_number: str
    build_date: str
    official_release_flag: bool
    dev_test_flag: bool
    backend_list: tuple[str, ...]
    git_branch: str
    git_commit: str
    git_dirty_flag: bool


@dataclass(frozen=True, slots=True)
class AppResultFile:
    """The whole file."""

    meta: Meta
    results: tuple[AppBenchmark, ...]
    environment_info: EnvironmentInfo
    build_info: BuildInfo
