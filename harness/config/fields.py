"""Fields of a config: set by their dotted names, laid over others, read from a command line."""

from __future__ import annotations

from typing import Any

import yaml

from accuracy.outside.border import reads
from harness.config.plain_yaml import load_yaml
from harness.errors import ConfigError


@reads(ConfigError)
def parse_assignment(text: str) -> tuple[str, Any]:
    """What `--set` takes, as (field, value).

    Raises:
        ConfigError: Not of the form FIELD=VALUE, or the value is no YAML.
    """
    field, equals, value = text.partition("=")
    if not equals or not field:
        raise ConfigError(f"--set {text}: write it as FIELD=VALUE, for example --set load.target_qps=10")
    return field, parse_value(field, value)


@reads(ConfigError)
def parse_value(what: str, text: str) -> Any:
    """A value as YAML reads it: 10 is a number, true a truth value, null nothing.

    Raises:
        ConfigError: No YAML; the message names `what`.
    """
    try:
        return load_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{what}: {text[:80]!r} is no value: {error}") from None


def laid_over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Fields with others laid over them, mapping by mapping."""
    merged = base | own
    for name, value in own.items():
        if isinstance(value, dict) and isinstance(base.get(name), dict):
            merged[name] = laid_over(base[name], value)
    return merged


def set_field(raw: dict[str, Any], field: str, value: Any) -> None:
    """Sets a dotted field of what a YAML file holds, `load.target_qps`; sections that are not there are made.

    Raises:
        ConfigError: A part of the name is a value.
    """
    *parents, last = field.split(".")
    node = raw
    for parent in parents:
        child = node.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(f"{field} cannot be set: {parent} is the value {child!r}, which has no fields")
        node = child
    node[last] = value
