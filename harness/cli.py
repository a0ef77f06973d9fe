"""The command line: verbs, exit status, and the only place that prints to standard output.

A verb's module is imported only when the verb is used, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import gc
import importlib
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import ModuleType, TracebackType
from typing import Any, NoReturn, TextIO

from accuracy.outside.shown import printable
from harness.commands.outcome import Outcome
from harness.commands.verbs import EPILOG, OF_THE_SCRIPT, VERBS
from harness.errors import (
    EXIT_BROKEN,
    EXIT_USER,
    ConfigError,
    RunFailed,
    exit_status,
    message_of,
    shortened,
    unknown,
)
from harness.machine import stop_signals
from harness.machine.import_path import leave_current_folder
from harness.way_in import COMPLAINT, as_entered, came_by_script, command

_SHORTEST_BEGINNING = 4
"""Characters of an option, with its dashes, that tell which was meant."""
_VERSION_ALONE = "--version stands alone: ./run.sh --version"
_A_PATH = re.compile(r"^(FILE|DIR|PATH)\b")
_ENDLESS = re.compile(r"\S{250,}")
"""A name that no message needs whole."""


class Parser(argparse.ArgumentParser):
    """Errors end with a hint instead of the whole usage; options are never guessed from their first letters."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def error(self, message: str) -> NoReturn:
        """A usage error: exit status 2."""
        raise SystemExit(_complain(f"{message} (see {self.prog} --help)"))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """One of an option's choices, as `unknown` says it of every other name."""
        if action.choices is not None and value not in action.choices:
            self.error(unknown((action.option_strings or [action.dest])[0].lstrip("-"), str(value), action.choices))

    def format_help(self) -> str:
        """With the commands of the way in."""
        return as_entered(super().format_help())

    def parse_strictly(self, words: Sequence[str]) -> argparse.Namespace:
        """As `parse_args`; an unknown option is answered with the nearest known one."""
        if words[:1] == ["--version"]:
            self.error(_VERSION_ALONE)
        self._refuse_doubles(words)
        self._refuse_blanks(words)
        # Of several names in a row argparse by itself takes those before the first option, and knows the others no more.
        several = any(not action.option_strings and action.nargs in ("*", "+") for action in self._actions)
        arguments, rest = (self.parse_known_intermixed_args if several else self.parse_known_args)(words)
        if rest:
            known = ["--version", *(option for action in self._actions for option in action.option_strings)]
            if any(word.partition("=")[0] == "--target" for word in rest):
                from harness.commands.elsewhere.not_there import why_no_target

                self.error(why_no_target(self.prog.rpartition(" ")[2]))
            self.error("; ".join(_unknown_word(word, known) for word in rest))
        self._refuse_dashes(arguments)
        return arguments

    def _refuse_dashes(self, arguments: argparse.Namespace) -> None:
        """Other programs take `-` for standard input or output; here it would be a file of that name."""
        for action in self._actions:
            names = getattr(arguments, action.dest, None)
            if action.option_strings and _A_PATH.search(str(action.metavar)):
                for name in names if isinstance(names, list) else [names]:
                    if str(name) == "-":
                        self.error(
                            f"{action.option_strings[0]} takes no standard input or output: name a file or folder; ./- is one "
                            "that is called -"
                        )

    def _refuse_blanks(self, words: Sequence[str]) -> None:
        """What a shell's variable gives that is not set: it would be the default, or the folder that one is in.

        Of benchmark_model's flags, which are empty by default, those that name no file may be.
        """
        known = {option: action for action in self._actions if action.nargs != 0 for option in action.option_strings}
        for before, word in zip(["", *words], words, strict=False):
            name, _, value = word.partition("=") if "=" in word else (before, "", word)
            if value:
                continue
            action = known.get(name)
            if action is None and word == "":
                self.error("a word of the command is empty: is a variable of the shell not set?")
            if action is not None and ("_" not in name or _A_PATH.search(str(action.metavar))):
                self.error(f"{name} is empty: give it a value, or leave it out. Is a variable of the shell not set?")

    def _refuse_doubles(self, words: Sequence[str]) -> None:
        """Of an option that takes one value argparse would take the last, without a word."""
        single = {
            option: action
            for action in self._actions
            for option in action.option_strings
            if action.nargs != 0 and not isinstance(action, argparse._AppendAction)
        }
        options = words[: words.index("--")] if "--" in words else words
        given = Counter(
            single[name].option_strings[0] for word in options if (name := word.partition("=")[0]) in single
        )
        if twice := [option for option, times in given.items() if times > 1]:
            self.error(f"{', '.join(twice)} takes one value, but is given more than once")


def entry() -> NoReturn:
    """The console script."""
    leave_current_folder()
    try:
        status = main(sys.argv[1:])
    except BaseException as error:
        # Python's own exit status of a bug, 1, is that of a run that missed something.
        _show_bug(type(error), error, error.__traceback__)
        status = EXIT_BROKEN
    # What is left is Python's own end, which a signal would only make noisy.
    stop_signals.ignore()
    # It would look through all that was imported for garbage, again and again, before the memory goes with the process.
    gc.freeze()
    sys.exit(status)


def _show_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """As Python by itself, but that what the error names cannot steer the terminal."""
    import traceback

    sys.stderr.write(printable("".join(traceback.format_exception(kind, error, trace))))


def main(words: Sequence[str]) -> int:
    """Runs one command.

    Returns:
        The exit status.
    """
    stop_signals.interrupt_on_any()
    try:
        if nul := [word for word in words if "\0" in word]:
            raise ConfigError(f"{shortened(ascii(nul[0]))} holds the character NUL, which no name may")
        verb, rest = _verb(words)
        if verb is None:
            _show(_help())
            return 0
        module, parser = _of_verb(verb)
        arguments = parser.parse_strictly(rest)
        with _for_programs(arguments):
            outcome = _done(module, arguments)
        _show(_text(outcome, arguments))
        return _complain(outcome.complaint, outcome.status) if outcome.complaint else outcome.status
    except SystemExit as stop:
        return _flushed(stop.code if isinstance(stop.code, int) else EXIT_USER)
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does.
        _give_up(sys.stdout)
        return 128 + signal.SIGPIPE
    except BaseException as error:
        stop_signals.ignore()
        status = exit_status(error)
        if status is None:
            raise
        return _complain(message_of(error), status)


def _done(module: ModuleType, arguments: argparse.Namespace) -> Outcome:
    try:
        outcome: Outcome = module.main(arguments)
    except SystemExit as stop:
        # No verb ends so: its exit status would be taken for the command's.
        raise RunFailed(
            f"a package that the command called wanted to end the program (exit status {stop.code})"
        ) from stop
    return outcome


def _for_programs(arguments: argparse.Namespace) -> AbstractContextManager[object]:
    """Nothing but the outcome goes to standard output where a program reads it: what packages print goes where people look."""
    formats = getattr(arguments, "format", None) or ()
    read = arguments.json or any("=" not in each for each in formats)
    return contextlib.redirect_stdout(sys.stderr) if read else contextlib.nullcontext()


def _of_verb(verb: str) -> tuple[ModuleType, Parser]:
    """Its module, and its parser with the options that all verbs have."""
    module = importlib.import_module(VERBS[verb].module(verb))
    parser = Parser(prog=f"{command()} {verb}", description=VERBS[verb].does, epilog=module.EXAMPLES)
    parser.add_argument("--json", action="store_true", help="the result on standard output, nothing else there")
    parser.add_argument(
        "--quiet", action="store_true", help="no progress and no table: errors and the exit status tell"
    )
    parser.set_defaults(options_by_verb=_options_by_verb)
    module.add_arguments(parser)
    return module, parser


def _options_by_verb() -> dict[str, list[str]]:
    """What each verb takes, for completion."""
    return {
        verb: [option for action in _of_verb(verb)[1]._actions for option in action.option_strings] for verb in VERBS
    }


def _text(outcome: Outcome, arguments: argparse.Namespace) -> str:
    """What goes to standard output."""
    if arguments.json:
        return printable(json.dumps(outcome.data, indent=2, allow_nan=False))
    if arguments.quiet and not outcome.wanted:
        return ""
    text = printable(outcome.text) if outcome.as_it_is else as_entered(printable(outcome.text))
    if not sys.stdout.isatty():
        return text
    from harness.report.table import terminal_columns
    from harness.report.terminal.colour import coloured
    from harness.report.terminal.folded import folded

    columns = None if outcome.as_it_is else terminal_columns()
    return coloured(text if columns is None else folded(text, columns), os.environ)


def _verb(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    if words[:1] == ["--version"]:
        from harness.own_version import commit, version

        if words[1:]:
            raise SystemExit(_complain(_VERSION_ALONE))
        _show(" ".join(filter(None, ("tflite-loadgen", version(), commit()))))
        raise SystemExit(0)
    if words[:1] == ["help"] and len(words) > 1:
        if words[1] in OF_THE_SCRIPT and came_by_script():
            _show(f"./run.sh {words[1]} {OF_THE_SCRIPT[words[1]]}")
            raise SystemExit(0)
        return _verb([words[1], "--help"])
    if not words or words[0] in ("-h", "--help", "help"):
        return None, words
    if words[0].startswith("-"):
        return "run", words
    if words[0] not in VERBS:
        known = (*VERBS, *OF_THE_SCRIPT) if came_by_script() else VERBS
        raise SystemExit(_complain(unknown("verb", words[0], known)))
    return words[0], words[1:]


def _help() -> str:
    width = max(map(len, VERBS)) + 2
    verbs = "\n".join(f"  {verb:{width}}{known.does}" for verb, known in VERBS.items())
    # A wheel holds no tests, and has no script.
    epilog = (
        EPILOG
        if came_by_script()
        else "".join(
            line
            for line in EPILOG.splitlines(True)
            if not line.startswith(tuple(f"  ./run.sh {each}" for each in OF_THE_SCRIPT))
        )
    )
    text = (
        "usage: ./run.sh [VERB] [OPTION...]\n\n"
        "MLPerf LoadGen for TFLite models: runs a real benchmark and says what it means.\n\n"
        f"verbs:\n{verbs}\n\n{epilog.rstrip()}"
    )
    return as_entered(text)


def _unknown_word(word: str, known: Sequence[str]) -> str:
    if not word.startswith("-"):
        return f"unexpected word {word!r}"
    option = word.partition("=")[0]
    # One that was cut short is nearer than one of as many letters.
    begun = [each for each in known if each.startswith(option)] if len(option) > _SHORTEST_BEGINNING else []
    near = begun[:1] or difflib.get_close_matches(option, known, n=1)
    return f"unknown option {option}" + (f"; did you mean {near[0]}?" if near else "")


def _show(text: str) -> None:
    try:
        if text:
            print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _give_up(sys.stdout)
        raise RunFailed(
            f"cannot write to standard output: {error.strerror}. What the command has made is as it should be"
        ) from None


def _flushed(status: int) -> int:
    """The exit status of a command that argparse has ended, with what it has printed."""
    try:
        _show("")
    except BrokenPipeError:
        _give_up(sys.stdout)
        return 128 + signal.SIGPIPE
    except RunFailed as error:
        return _complain(message_of(error), EXIT_BROKEN)
    return status


def _give_up(stream: TextIO) -> None:
    """What is still in its buffer goes nowhere: Python would try once more at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _complain(message: str, status: int = EXIT_USER) -> int:
    plain = _ENDLESS.sub(lambda name: shortened(name[0]), message)
    try:
        print(f"{COMPLAINT}{as_entered(printable(plain))}", file=sys.stderr, flush=True)
    except OSError:
        # There is nowhere to say it: the exit status does.
        _give_up(sys.stderr)
    return status
