"""The error tree and its exit statuses, and the sentence for a name nobody knows."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

from harness import errors
from harness.errors import (
    ConfigError,
    HarnessError,
    Interrupted,
    Reported,
    RunFailed,
    UnknownName,
    exit_status,
    message_of,
    unknown,
)
from harness.messages.failure import Failed, failed


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("x"), 2),
        (UnknownName("task", "x", ["y"]), 2),
        (RunFailed("x"), 3),
        (HarnessError("x"), 3),
        (Interrupted(2), 130),
        (Interrupted(15), 143),
        (ValueError("a bug"), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_each_error_leads_to_the_exit_status_of_the_contract(error: BaseException, status: int | None) -> None:
    assert exit_status(error) == status


_LINE = re.compile(r"^    ( *)([\w.]+) +(-|\d+(?:\+n)?) ")
_PACKAGES = ("accuracy", "backends", "harness", "native", "tasks")


def _documented() -> dict[str, str]:
    """The tree of the docstring: an error's name, and its parent's, "" for none."""
    found: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := _LINE.match(line):
            depth, name = len(match[1]) // 2, match[2]
            above[depth:] = [name]
            found[name] = above[depth - 1] if depth else ""
    return found


def _status(name: str) -> str:
    """As the docstring has it."""
    return next(
        match[3] for line in (errors.__doc__ or "").splitlines() if (match := _LINE.match(line)) and match[2] == name
    )


def _name(kind: type[BaseException]) -> str:
    """As the docstring has it: those of this module by themselves, those of harness without it."""
    module = kind.__module__.removeprefix("harness.")
    return kind.__name__ if module == "errors" else f"{module}.{kind.__name__}"


@pytest.fixture(scope="module")
def ours() -> list[type[BaseException]]:
    """Every exception class that the packages define, but those of one module alone."""
    found: dict[str, type[BaseException]] = {}
    for package in _PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            # Their module says nothing of errors, and runs where it is imported, or needs what an extra brings.
            if module.name in ("harness.__main__",) or module.name.startswith("harness.zoo.training"):
                continue
            loaded = importlib.import_module(module.name)
            for each in vars(loaded).values():
                if isinstance(each, type) and issubclass(each, BaseException) and each.__module__ == module.name:
                    found[_name(each)] = each
    return [kind for name, kind in sorted(found.items()) if not kind.__name__.startswith("_")]


def test_the_tree_in_the_docstring_holds_every_error_of_the_packages_below_the_right_one(
    ours: list[type[BaseException]],
) -> None:
    documented, text = _documented(), errors.__doc__ or ""
    names = {_name(kind) for kind in ours}
    assert documented.keys() <= names
    for kind in ours:
        name = _name(kind)
        if not hasattr(kind, "exit_status") and kind is not Reported:
            # Nobody's but the caller's; the docstring names it all the same.
            assert name not in documented
            assert name in text.partition("met by no user:")[2], name
            continue
        parent = kind.__mro__[1]
        assert documented[name] == (_name(parent) if parent in ours else ""), name


def test_an_error_class_leads_to_the_exit_status_that_the_docstring_names(ours: list[type[BaseException]]) -> None:
    statuses = {name: _status(name) for name in _documented()}
    assert statuses["Interrupted"] == "128+n"
    assert statuses["Reported"] == "-"
    for kind in ours:
        name = _name(kind)
        if name in statuses and name not in ("Interrupted", "Reported"):
            error = kind.__new__(kind)
            assert exit_status(error) == int(statuses[name]), name


def test_what_is_no_error_of_ours_is_a_bug_whatever_it_has_by_that_name() -> None:
    class Foreign(Exception):  # noqa: N818
        exit_status = "two"

    class Flag(Exception):  # noqa: N818
        exit_status = True

    assert exit_status(Foreign()) is exit_status(Flag()) is None


@pytest.mark.parametrize("status", [2, 3, None])
def test_an_error_of_another_process_leads_to_what_it_leads_to_there(status: int | None) -> None:
    there = Failed(status, "the driver lost its device", "RuntimeError")
    here = there.error()
    assert str(here) == "RuntimeError: the driver lost its device"
    assert exit_status(here) == status
    assert failed(here) == there
    assert failed(ConfigError("no such file")) == Failed(2, "no such file", "ConfigError")
    assert failed(KeyError("x")) == Failed(None, "'x'", "KeyError")


def test_a_near_miss_is_suggested_whatever_its_case_and_else_all_that_is_known() -> None:
    assert unknown("task", "KWS", ["kws", "qa"]) == "unknown task 'KWS'; did you mean 'kws'?"
    assert unknown("scenario", "singlestream", ["SingleStream"]).endswith("did you mean 'SingleStream'?")
    assert unknown("task", "zzz", ["qa", "kws", "qa"]) == "unknown task 'zzz'; known: kws, qa"


def test_of_many_names_only_near_ones_are_told() -> None:
    many = [f"mobile_{number}" for number in range(100)]
    assert unknown("file", "zzz", many, "./run.sh list") == "unknown file 'zzz'; ./run.sh list names all"
    assert unknown("file", "mobile_1", [*many[2:4]], "./run.sh list").endswith("did you mean 'mobile_3' or 'mobile_2'?")
    assert unknown("file", "mobile-x", many, "./run.sh list").count(" or ") == 4
    assert unknown("file", "MOBILE_7", many, "./run.sh list").endswith("did you mean 'mobile_7'?")


def test_a_message_of_millions_of_characters_keeps_its_two_ends() -> None:
    said = errors.message_of(ConfigError(f"labels.json: {'[0, 1]' * 400_000} is no label"))
    assert len(said) < 4100
    assert said.startswith("labels.json: [0, 1]")
    assert " is no label" in said


def test_memory_that_ran_out_is_said_in_a_sentence_wherever_it_began() -> None:
    error = ValueError("a library's own words")
    error.__cause__ = MemoryError()
    assert exit_status(error) == 3
    assert message_of(error).startswith("memory ran out: ")
