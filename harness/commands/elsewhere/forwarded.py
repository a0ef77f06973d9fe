"""A verb's options as words again: for another process, or another machine, that is given the same command."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection

from harness.errors import ConfigError


def given_words(
    arguments: argparse.Namespace, add_arguments: Callable[[argparse.ArgumentParser], None], left_out: Collection[str]
) -> list[str]:
    """The options that were given, `--option=value` each, so that no value is taken for an option.

    Args:
        arguments: As the verb's parser has read them.
        add_arguments: The verb's own.
        left_out: Names of options that are not forwarded, as `arguments` has them.
    """
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    words: list[str] = []
    for action in parser._actions:
        value = getattr(arguments, action.dest)
        if not action.option_strings or action.dest in left_out or value in (None, action.default):
            continue
        option = action.option_strings[0]
        if action.nargs == 0:
            words.append(option)
        else:
            words += [f"{option}={each}" for each in (value if isinstance(value, list) else [value])]
    return words


def refuse_without_effect(
    arguments: argparse.Namespace,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    taken: Collection[str],
    why: str,
) -> None:
    """Of a verb with several ways: what the way that was chosen would forget.

    Args:
        arguments: As the verb's parser has read them.
        add_arguments: The verb's own.
        taken: Names of the options that the way takes, as `arguments` has them.
        why: What the option is told, after its name.

    Raises:
        ConfigError: Another option was given.
    """
    for word in given_words(arguments, add_arguments, taken):
        raise ConfigError(f"{word.partition('=')[0]} {why}")
