"""What a config says of where a run is answered: on this machine, or by the nodes of a Ray cluster."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator

from harness.config.truth_values import NoTruthForNumbers
from harness.config.written_units import Span
from harness.errors import ConfigError

LOCAL, RAY = "local", "ray"
_SCHEME = "ray://"
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(?P<port>[0-9]{1,5})")
Amount = Annotated[float, Field(gt=0, le=1e6)]
"""Of a resource, as Ray counts it: whole numbers, or parts of 1."""


class DispatchSection(NoTruthForNumbers):
    """Who answers LoadGen: processes of this machine, or actors of a Ray cluster (docs/cluster.md)."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)

    use: str = LOCAL
    """`local`; `ray`, a cluster on this machine that begins and ends with the run; or `ray://HOST:PORT`, one that is there."""
    cpus: Amount | Literal["auto"] = Field(default="auto")
    """CPUs that Ray sets aside for an instance; auto: as many as it has threads."""
    resources: dict[str, Amount] = Field(default_factory=dict)
    """What else Ray sets aside for an instance, by Ray's names: GPU, TPU, or any that the nodes were started with."""
    resend_after_s: Span = Field(default=30.0, ge=1, le=3600)
    """An instance that answers nothing for so long has its samples sent to another."""

    @field_validator("use")
    @classmethod
    def _is_known(cls, value: str) -> str:
        """Of one of the three forms."""
        if value not in (LOCAL, RAY) and not (value.startswith(_SCHEME) and _is_address(value[len(_SCHEME) :])):
            raise ValueError(
                f"dispatch.use must be local, ray or ray://HOST:PORT, as ray://10.0.0.1:6379, not {value!r}"
            )
        return value

    @field_validator("resources")
    @classmethod
    def _leaves_cpus_to_their_field(cls, value: dict[str, float]) -> dict[str, float]:
        """Ray's own CPU and memory have names of their own here, or none."""
        for name in value:
            if name in ("CPU", "memory", "object_store_memory") or not name:
                raise ValueError(f"dispatch.resources cannot name {name!r}; CPUs of an instance are dispatch.cpus")
        return value

    @property
    def on_cluster(self) -> bool:
        """Whether a Ray cluster answers."""
        return self.use != LOCAL

    @property
    def address(self) -> str | None:
        """HOST:PORT of a cluster that is there; None for one that begins and ends with the run."""
        return self.use[len(_SCHEME) :] if self.use.startswith(_SCHEME) else None


def cluster_named(text: str | None) -> str | None:
    """The cluster that a command's `--dispatch` names, as `dispatch.use` has it; None for this machine alone.

    Raises:
        ConfigError: It is of none of the three forms.
    """
    if text is None or text == LOCAL:
        return None
    try:
        return DispatchSection(use=text).use
    except ValidationError as error:
        raise ConfigError(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None


def _is_address(text: str) -> bool:
    found = _ADDRESS.fullmatch(text)
    return found is not None and 1 <= int(found["port"]) <= 65535
