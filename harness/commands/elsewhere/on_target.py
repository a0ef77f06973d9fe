"""Options of runs on another machine, and what `run` does with them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.outcome import Outcome
from harness.errors import EXIT_VALID, ConfigError

if TYPE_CHECKING:
    from harness.remote.following import There
    from harness.series.perform import Performed
    from harness.series.plan import Series

_THE_ONLY = ""
"""`--attach` without a name."""


def add_target(parser: argparse.ArgumentParser) -> None:
    """Where, and what becomes of a run that is there already."""
    group = parser.add_argument_group("on another machine (docs/targets.md)")
    group.add_argument(
        "--target",
        metavar="ssh://USER@HOST[:PORT]",
        help="run there: the harness, the model and the data are sent as far as they lack, the run's directory comes back",
    )
    group.add_argument(
        "--attach",
        nargs="?",
        const=_THE_ONLY,
        metavar="NAME",
        help="with --target alone: pick up a run that goes on there, or has ended meanwhile (NAME where there are several)",
    )
    group.add_argument("--clean", action="store_true", help="with --target alone: take all of ours away from there")


def there_of(arguments: argparse.Namespace) -> There | None:
    """Where the options say; None for this machine.

    Raises:
        ConfigError: A mistake in them.
    """
    if arguments.target is None:
        if arguments.attach is not None or arguments.clean:
            raise ConfigError(
                f"--{'clean' if arguments.clean else 'attach'} is of a device: it needs --target ssh://USER@HOST"
            )
        return None
    if arguments.target.startswith("adb:"):
        raise ConfigError(
            f"--target {arguments.target}: a whole run needs a system with glibc and Python. On a phone that is a Debian "
            "within Android with an sshd, reached by adb forward tcp:8022 tcp:8022 and --target ssh://USER@localhost:8022 "
            "(docs/targets.md); bench and profile measure on adb: itself, by TFLite's own tool"
        )
    if arguments.dispatch is not None:
        raise ConfigError("--dispatch is of this machine's cluster, --target of a device by itself: take one of them")
    from harness.remote.following import There
    from harness.remote.target import ssh_target
    from harness.report.screen import Screen

    screen = Screen(quiet=arguments.json or arguments.quiet)
    return There(ssh_target(arguments.target), screen, arguments.json)


def refuse_to_attach(arguments: argparse.Namespace) -> None:
    """Of a verb that begins a run: another one is neither picked up nor cleaned by it.

    Raises:
        ConfigError: That is asked for.
    """
    if arguments.attach is not None or arguments.clean:
        raise ConfigError(
            f"--{'clean' if arguments.clean else 'attach'} is of run alone: ./run.sh --target {arguments.target} "
            f"--{'clean' if arguments.clean else 'attach'}"
        )


def refuse_local_libraries(backends: list[str]) -> None:
    """A delegate's library is the device's own: a path that this machine would complete leads nowhere there.

    Raises:
        ConfigError: With the name.
    """
    for backend in backends:
        library = backend.removeprefix("external:").partition(",")[0]
        is_here = "/" in library or Path(library).is_file()
        if backend.startswith("external:") and is_here and not library.startswith("/"):
            raise ConfigError(
                f"--backend {backend}: with --target the library is one that lies on the device: give its path there, from / on"
            )


def of_finished(arguments: argparse.Namespace, there: There) -> Outcome | Performed | None:
    """What `--attach` and `--clean` ask for; None where a run is asked for."""
    if arguments.attach is None and not arguments.clean:
        return None
    from harness.commands import run
    from harness.commands.elsewhere.forwarded import given_words

    asked = "clean" if arguments.clean else "attach"
    beside = ("target", asked, *(() if arguments.clean else ("out", "format", "history")))
    others = [word.partition("=")[0] for word in given_words(arguments, run.add_arguments, beside)]
    if others:
        raise ConfigError(
            f"--{asked} stands beside --target alone{'' if arguments.clean else ' (and --out)'}: what runs there has its "
            f"options, not {others[0]}"
        )
    from harness.commands.elsewhere.by_ssh import printed_there
    from harness.remote.perform import attach, clean
    from harness.series.perform import Performed
    from harness.units import bytes_text

    if arguments.clean:
        freed = clean(there)
        return Outcome(EXIT_VALID, f"{there.target}: {bytes_text(freed)} taken away", {"freed_bytes": freed})
    done = attach(arguments.attach or None, Path(arguments.out) if arguments.out else None, there)
    return done if isinstance(done, Performed) else printed_there(done, there, as_json=arguments.json)


def performing(there: There) -> Callable[[Series, Path | None], Performed]:
    """What performs a planned series there."""
    from harness.remote.perform import perform_there

    return lambda series, out: perform_there(series, out, there)
