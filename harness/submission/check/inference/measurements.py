"""Rules on what stands beside a scenario's logs: the five fields, user.conf, README.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.submission.check.saying_nothing import lacking_file, says_nothing
from harness.submission.finding import Fault, Rule
from harness.submission.tree.documents import Broken
from harness.submission.tree.listing import Tree
from harness.submission.tree.places import ScenarioPlace

FIVE_FIELDS = (
    "input_data_types",
    "retraining",
    "starting_weights_filename",
    "weight_data_types",
    "weight_transformations",
)
"""SC constants.py SYSTEM_IMP_REQUIRED_FILES."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """A scenario's folder of measurements."""

    tree: Tree
    place: ScenarioPlace


def five_fields(found: Measurements) -> Iterator[Fault]:
    """How the model came to be."""
    folder = found.place.measurements
    name = found.place.measurements_file(found.tree.files(folder))
    if name is None:
        wanted = (
            "measurements.json"
            if found.place.form == "v6"
            else f"{found.place.system}_<impl>_{found.place.scenario}.json"
        )
        yield Fault(f"{folder}/{wanted}", "is missing", f"write it, with {', '.join(FIVE_FIELDS)}")
        return
    yield from field_faults(found.tree, f"{folder}/{name}")
    own = found.place.own_measurements(found.tree.files(folder))
    if found.place.form == "v5" and len(own) > 1:
        fix = "keep one; the official checker takes the first by name"
        yield Fault(f"{folder}/{own[-1]}", "is a second file of the five fields", fix, ", ".join(own))


def field_faults(tree: Tree, path: str) -> Iterator[Fault]:
    """What is wrong with a file that must have the five fields."""
    fields = tree.json(path)
    if isinstance(fields, Broken):
        yield Fault(path, fields.what, f"write strict JSON with {', '.join(FIVE_FIELDS)}")
        return
    for name in FIVE_FIELDS:
        if name not in fields:
            yield Fault(path, f"lacks {name}", "add it, a text that is not empty")
        elif says_nothing(fields[name]):
            yield Fault(
                path, f"says nothing in {name}", 'write down what it is ("no" rather than "")', f"{fields[name]!r}"
            )


def user_conf(found: Measurements) -> Iterator[Fault]:
    """What the run was set to."""
    fix = "write down what LoadGen was told, as *.SingleStream.target_latency = 10"
    yield from lacking_file(found.tree, f"{found.place.measurements}/user.conf", "what the run was set to", fix)


def readme(found: Measurements) -> Iterator[Fault]:
    """How to do it again."""
    fix = "write down the command, the versions and the checksums"
    yield from lacking_file(found.tree, f"{found.place.measurements}/README.md", "how to run it again", fix)


MEASUREMENT_RULES = (
    Rule("measurements", "SC checks/measurements_checks.py; the official checker takes N/A", five_fields),
    Rule("user-conf", "SC constants.py REQUIRED_MEASURE_FILES; the official checker takes one space", user_conf),
    Rule("readme", "SC constants.py REQUIRED_MEASURE_FILES; the official checker takes one space", readme),
)
