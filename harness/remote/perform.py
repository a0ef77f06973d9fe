"""A planned series on a device: sent, started, followed, brought back; or picked up where a connection was lost."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from harness.errors import EXIT_USER, ConfigError, HarnessError, Interrupted, RunFailed, shortened
from harness.machine import stop_signals
from harness.remote.brought_back import Brought
from harness.remote.command import Printed, followed
from harness.remote.device import Device, End
from harness.remote.following import Following, There, job_name
from harness.remote.luggage.relocated import Luggage, extras_of
from harness.remote.record import Job
from harness.remote.waiting_directory import claim, wait_for, waits_for, was_told_otherwise
from harness.results.record import SeriesResult
from harness.results.subject import HarnessFacts
from harness.series.perform import Performed, default_out
from harness.series.plan import Series
from harness.series.plan_file import plan_to_json


def perform_there(series: Series, out: Path | None, there: There) -> Performed:
    """Runs what is planned on a device.

    Args:
        series: One run or several.
        out: The directory here; None for one of its own below results/.
        there: Where.

    Raises:
        HarnessError: As of a run here; also where the device cannot be reached or is lost for good.
    """
    first = series.runs[0]
    claimed = claim(default_out(first) if out is None else out)
    try:
        with there.device() as device:
            # What is sent and installed would be in the way of it, too.
            device.refuse_busy()
            luggage = Luggage(device.facts)
            packed = luggage.packed(series)
            env = device.install(extras_of(series))
            device.have(luggage.trees.values())
            name = job_name(first.spec.benchmark)
            job = Job(
                tuple(sys.argv),
                plan_to_json(packed),
                str(claimed),
                os.uname().nodename,
                HarnessFacts.here(),
                luggage.came_from,
            )
            with stop_signals.noted() as asked:
                device.start(name, env, job)
                wait_for(claimed, name, job)
                there.screen.say(
                    f"{there.target}: {name} has begun. It goes on without this command: {there.attaches(name)}"
                )
                return _to_its_end(device, name, job, claimed, there, asked)
    except BaseException:
        with contextlib.suppress(OSError):
            # Only where nothing was brought.
            claimed.rmdir()
            if out is None:
                claimed.parent.rmdir()
        raise


def attach(name: str | None, out: Path | None, there: There) -> Performed | Printed:
    """Picks up a run, or a command, that goes on, or has ended and was not brought back.

    Args:
        name: Of the job; None for the only one.
        out: The directory here; None for the one that the run was started for.
        there: Where.

    Raises:
        ConfigError: There is none, or more than one.
    """
    with there.device() as device:
        jobs = device.jobs()
        if name is None:
            if len(jobs) != 1:
                known = ", ".join(f"{job.name} ({job.state})" for job in jobs)
                raise ConfigError(
                    f"{there.target} has {len(jobs)} runs: {known}. Name one: --attach NAME"
                    if jobs
                    else f"{there.target} has no run"
                )
            name = jobs[0].name
        job = device.job(name)
        if job.words:
            if out is not None:
                raise ConfigError(f"{name} is {job.words[0]}, which leaves no directory: pick it up without --out")
            with stop_signals.noted() as asked:
                return followed(device, name, job, there, asked)
        if out is None and not waits_for(Path(job.out), name):
            raise ConfigError(
                f"{name} was started for {shortened(job.out)} on {shortened(job.asked_from)}, and no such directory waits for "
                f"it here: say where it is to go: {there.attaches(name)} --out DIR"
            )
        if was_told_otherwise(out or Path(job.out), name, job):
            raise RunFailed(
                f"{there.target} says that {name} was told something else than this machine has told it: what it brings is "
                "not what was asked for"
            )
        claimed = claim(out or Path(job.out))
        with stop_signals.noted() as asked:
            return _to_its_end(device, name, job, claimed, there, asked)


def clean(there: There) -> int:
    """Takes all of ours from a device; the bytes that are free again."""
    with there.device() as device:
        return device.clean()


def _to_its_end(device: Device, name: str, job: Job, out: Path, there: There, asked: list[int]) -> Performed:
    following = Following(device, name, job, out, there, asked)
    try:
        end = following.until_the_end()
        brought = following.bring_back(end)
    finally:
        following.close()
    return _performed(brought, end, out, there, asked)


def _performed(brought: Brought, end: End, out: Path, there: There, asked: list[int]) -> Performed:
    """As the command that ran there would have ended here."""
    ended, result = end.ended, brought.result
    why = {
        "died": "the run's process was killed there (is its memory full? dmesg tells)",
        "rebooted": "it has started anew",
    }
    complaint = (
        brought.complaint if ended else f"{there.target} lost the run in its middle: {why.get(end.state, end.state)}"
    )
    if not complaint and result is None:
        complaint = f"{there.target} says that the run came to its end, and it left no result"
    status = ended.status if ended and (result or ended.status) else RunFailed.exit_status
    if not complaint and result is not None:
        return Performed(status, f"{_rendered(result)}\n{out}", result, out)
    if result is not None and there.as_json:
        return Performed(status, "", result, out, complaint)
    if asked:
        raise Interrupted(asked[0])
    error: HarnessError = ConfigError(complaint) if status == EXIT_USER else RunFailed(complaint)
    if status > 128:
        error = Interrupted(status - 128)
    raise error


def _rendered(result: object) -> str:
    if isinstance(result, SeriesResult):
        from harness.report.series import render_series

        return render_series(result) + "\n"
    from harness.report.run import render_run
    from harness.results.record import Result

    assert isinstance(result, Result)
    return render_run(result)
