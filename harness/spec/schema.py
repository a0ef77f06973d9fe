"""The resolved run: every choice made, every path absolute. It is saved as spec.yaml and is all that the worker reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from accuracy.outside.border import reads
from accuracy.outside.text_files import NotText, read_text
from harness.config.backend import BackendSection
from harness.config.dispatch import DispatchSection
from harness.config.invocation import Invocation
from harness.config.official.accuracy_targets import Target
from harness.config.official.compliance_tests import ComplianceTest
from harness.config.official.rules import Mode, Preset, Scenario, Seeds, ServerLoad
from harness.config.plain_yaml import load_yaml
from harness.config.schema import Section
from harness.errors import ConfigError
from harness.zoo.files.sample_cache import DEFAULT_LIMIT

SPEC_FILE = "spec.yaml"

Checksum = Literal["verified", "unverified"]
"""`verified`: the published one. `unverified`: none is published, the file is the one that was seen first."""


class ModelRef(Section):
    """The model file of a run."""

    name: str
    source: Literal["official", "standin", "file"]
    path: Path
    sha256: str
    """Of the untouched file."""
    checksum: Checksum | None = None
    """Of an official file."""
    invocation: Invocation = Field(default_factory=Invocation)


class DataSetRef(Section):
    """The data of a run."""

    name: str
    source: Literal["official", "builtin", "file"]
    path: Path
    truth: Path | None = None
    """None: found in or beside the data set."""
    count: int | None = None
    checksum: Checksum | None = None
    """Of official data and its ground truth."""
    why_unverified: str = ""
    """Which of the two is not known, and why."""
    full: bool = False
    """The whole set that accuracy targets speak of, with its own ground truth."""


class ByTheRules(Section):
    """What the rule set asks of a run of the benchmark in its scenario, whatever the run was told."""

    benchmark: str | None
    """As trees of results name it; None where the rule set has none of its kind."""
    scenarios: list[str]
    """That the benchmark is asked for."""
    any_scenario: bool
    """Whether others count as well: inference's open division takes any."""
    min_query_count: int
    min_duration_ms: int
    performance_sample_count: int
    target_percentile: float
    set_sizes: list[int]
    """Samples of the sets on which accuracy counts; empty where nobody knows."""
    rest_s: float
    """How long a device rests before a performance run, in seconds."""
    rest_between_repeats_s: float
    """The same between repeats of a run."""
    good_for: str
    """What a submission made with LoadGen can be used for."""
    server_bound_ns: int | None = None
    """The longest that Server may let a query take; None where no checker holds it against one."""


class Load(Section):
    """What LoadGen is told; None is found by the calibration, or left to LoadGen."""

    scenario: Scenario
    mode: Mode
    preset: Preset
    rules: str = "none"
    """The rule set whose figures and seeds these are; `none` for a benchmark of no suite."""
    rules_notes: list[str] = Field(default_factory=list)
    """What the rules leave open or have from others, a sentence each."""
    round: str | None
    """Of the mobile suite, whose targets count."""
    seeds: Seeds | None
    """None keeps those of the wheel."""
    by_the_rules: ByTheRules | None = None
    """What a submission is held against; None in specs of earlier versions."""
    expected_latency_cap_ns: int | None = None
    """The most that the rules let LoadGen expect of a query; None for no limit."""
    compliance: ComplianceTest | None = None
    """The compliance test that the run is made under."""
    compliance_target: int | None = None
    """How many answers TEST01 logs; None of other runs."""
    performance_sample_count: int
    """Before it is capped at the set's size."""
    max_sample_memory: int | None = None
    """Bytes that the samples loaded at once may take; None: half of the memory available."""
    too_few_samples: Literal["warn", "refuse"] = "warn"
    """Where fewer fit than `performance_sample_count`."""
    min_query_count: int
    min_duration_ms: int
    max_duration_ms: int | None
    target_percentile: float
    samples_per_query: int
    expected_latency_ns: int | None
    target_qps: float | None
    server_load: ServerLoad = "half"
    server_target_latency_ns: int | None
    warm_up_s: float = 0.0
    enable_trace: bool
    query_times: bool = False
    """Whether the harness keeps how long each query took; specs of earlier versions do not say so."""


class ReferenceRef(Section):
    """What answers the same samples in an accuracy run, and is held to be right: one thread, before the run."""

    model: ModelRef
    backend: BackendSection
    backend_asked: str
    """As it was named."""


class Spec(Section):
    """One LoadGen run."""

    schema_version: int = 1
    benchmark: str
    title: str
    task: str
    options: dict[str, Any] = Field(default_factory=dict)
    """All options of the task, defaults included."""
    model: ModelRef
    dataset: DataSetRef
    backend: BackendSection
    dispatch: DispatchSection = Field(default_factory=DispatchSection)
    """Where it is answered."""
    load: Load
    reference: ReferenceRef | None = None
    targets: list[Target] = Field(default_factory=list)
    own_targets: bool = False
    """Whether the user wrote them: then they decide the exit status whatever the model and the data are."""
    require: list[str] = Field(default_factory=list)
    """What the figures must reach, as the user wrote it."""
    allow_short: bool = False
    """Whether times and rates of a run that is too short for them are judged all the same."""
    full_count: int | None = None
    """Samples of the full data set; None where the benchmark names none."""
    labels: dict[str, str] = Field(default_factory=dict)
    """What the user wrote beside it."""
    cache_dir: Path
    """Where preprocessed samples are kept."""
    sample_cache_bytes: int = DEFAULT_LIMIT
    """What they may take there."""

    @property
    def asks_reference(self) -> bool:
        """Whether the run is scored by a reference's answers."""
        return self.reference is not None and self.load.mode == "accuracy"


def least_duration_s(spec: Spec) -> float:
    """How long LoadGen asks at least; an accuracy run ends with its last sample."""
    return 0.0 if spec.load.mode == "accuracy" else spec.load.min_duration_ms / 1000


def write_spec(spec: Spec, folder: Path) -> None:
    """Saves the resolved spec in a run's directory.

    Raises:
        OSError: It is there already (FileExistsError), or cannot be written; then nothing is left behind.
    """
    text = yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    path = folder / SPEC_FILE
    with path.open("x", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
        except OSError:
            path.unlink()
            raise


@reads(ConfigError)
def read_spec(folder: Path) -> Spec:
    """Reads the spec of a run's directory.

    Raises:
        ConfigError: There is none, or it is not one of ours.
    """
    path = folder / SPEC_FILE
    try:
        return Spec.model_validate(load_yaml(read_text(path), ours=True))
    except OSError as error:
        raise ConfigError(f"{folder} is not a run's directory: cannot read {SPEC_FILE}: {error.strerror}") from None
    except (yaml.YAMLError, NotText, ValidationError) as error:
        raise ConfigError(
            f"{path} is not a resolved spec: {_first_fault(error)}. Put back the file that the run wrote, or run once more "
            "with another --out"
        ) from None


def _first_fault(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error).splitlines()[0]
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else "it is empty, or no mapping of fields"
