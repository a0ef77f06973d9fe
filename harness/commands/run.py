"""`run`: one benchmark, or a series of runs of it. Only its options: what it does is imported after `--help` has answered."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from harness.commands.elsewhere.on_target import (
    add_target,
    of_finished,
    performing,
    refuse_local_libraries,
    refuse_to_attach,
    there_of,
)
from harness.commands.formats import add_format, asked_formats, formatted
from harness.commands.input_options import add_input_range, add_input_shape
from harness.commands.options import FIELDS, add_label, add_require, add_task
from harness.commands.outcome import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from harness.machine.standby import Standby
    from harness.report.figure_rows import Told
    from harness.series.perform import Performed

EXAMPLES = """\
examples:
  ./run.sh --task mobilebert --scenario SingleStream
  ./run.sh --task mobilenet_edgetpu --mode accuracy --profile pillow --model M.tflite --dataset DIR
  ./run.sh --task mobilebert --scenario Server --preset quick --set load.target_qps=10
  ./run.sh --task mobilebert --mode submission --out results/mine                  # docs/submission.md
  ./run.sh --task mobilebert --mode submission --rules inference-v6.1 --cooldown 0s --retry
  ./run.sh --task mobilebert --rules inference-v6.1 --mode submission --compliance TEST01
  ./run.sh --task mobilebert --scenario Server --mode find-peak --preset quick --set load.server_target_latency_ms=250
  ./run.sh --model any.tflite                                        # any model: random inputs, speed alone
  ./run.sh --model any.tflite --dataset ARRAYS --mode accuracy --require 'snr_db>=40'
  ./run.sh --model int8.tflite --reference-model float.tflite --mode accuracy --input-range picture=0,1
  ./run.sh --model any.tflite --backend gpu --reference-backend cpu --mode accuracy
  ./run.sh --task kws --scenario Offline --dispatch ray://10.0.0.1:6379                        # docs/cluster.md
  ./run.sh --task kws --preset quick --format junit=kws.xml --format markdown=summary.md      # docs/ci.md
  ./run.sh --task kws --preset quick --target ssh://pi@board                        # on another machine: docs/targets.md
  ./run.sh --target ssh://pi@board --attach                                         # the run there, after a lost connection
  ./run.sh --task mobilebert --require 'p90<=250ms' --require peak_rss_bytes:max=1GB
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the contract."""
    add_task(parser)
    for name, option in FIELDS.items():
        option.add_to(parser, name)
    add_input_shape(parser)
    add_input_range(parser)
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME|PATH",
        help="a path, a model of the config or of a collection (list), official, standin or auto; repeat for a sweep",
    )
    parser.add_argument(
        "--backend",
        action="append",
        metavar="NAME[:OPTIONS]",
        help="cpu (default), gpu, nnapi, edgetpu, npu, null (no model: the harness alone), external:PATH[,key=value...] or "
        "a plug-in's name; :key=value,... for its options; repeat for a sweep; doctor says what works here",
    )
    add_require(parser)
    add_label(parser)
    add_format(parser)
    add_target(parser)
    parser.add_argument(
        "--retry",
        action="store_true",
        help="run once more what is INVALID for what the calibration found, corrected by what the run has shown; both are kept",
    )
    parser.add_argument(
        "--compliance",
        action="append",
        default=[],
        metavar="TEST",
        help="a compliance test of MLPerf inference, TEST01 or TEST04: a run of its own, judged by the performance and the "
        "accuracy run that are made with it; repeat for both (docs/submission.md)",
    )
    parser.add_argument("--repeat", default="1", metavar="N", help="N runs, the median and the spread (default 1)")
    parser.add_argument(
        "--out", metavar="DIR", help="the run's directory (default results/<time>-<task>-<backend>-<scenario>)"
    )
    parser.add_argument(
        "--history",
        metavar="DIR",
        help="index the result there once it is written (default TFLITE_LOADGEN_HISTORY; docs/history.md)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="any field of the config, as load.target_qps=10",
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Runs what the options say."""
    from harness.json_records import to_json

    formats = asked_formats(arguments)
    there = there_of(arguments)
    finished = of_finished(arguments, there) if there else None
    if isinstance(finished, Outcome):
        return finished
    done = finished or performed(arguments)
    complaint = "; ".join(filter(None, (done.complaint, _into_history(arguments.history, done.directory))))
    outcome = Outcome(done.status, done.text, to_json(done.result), complaint)

    def told() -> Told:
        from harness.report.figure_rows import told_of

        return told_of(done.result)

    return formatted(formats, outcome, told)


def performed(arguments: argparse.Namespace) -> Performed:
    """The run or the series that the options say, done."""
    from pathlib import Path

    there = there_of(arguments)
    if there:
        refuse_to_attach(arguments)
        refuse_local_libraries(arguments.backend or [])
    standby = None if there else _standby(arguments)
    try:
        from harness.commands.options import overrides_of, repeats, task_of
        from harness.config.files import find_benchmark, kind_overrides
        from harness.series.perform import perform

        task = task_of(arguments)
        return perform(
            find_benchmark(task),
            [*kind_overrides(task), *overrides_of(arguments)],
            models=arguments.model or [],
            backends=arguments.backend or [],
            repeat=repeats(arguments.repeat),
            out=Path(arguments.out) if arguments.out else None,
            as_json=arguments.json,
            quiet=arguments.quiet,
            require=arguments.require,
            standby=standby,
            retry=arguments.retry,
            compliance=arguments.compliance,
            elsewhere=performing(there) if there else None,
        )
    finally:
        if standby is not None:
            standby.dismiss()


def _into_history(named: str | None, folder: Path) -> str:
    """Adds the run to the history where there is one. What goes wrong there is said, and takes nothing from the run."""
    from harness.errors import HarnessError, message_of
    from harness.history.folder import history_folder

    place = history_folder(named)
    if place is None:
        return ""
    from harness.history.index import Index

    try:
        refused = Index(place).add([folder]).refused
    except HarnessError as error:
        return f"not added to the history: {message_of(error)}"
    return "; ".join(f"not added to the history: {text}" for text in refused)


def _standby(arguments: argparse.Namespace) -> Standby | None:
    """A run's worker, which imports what it needs while this process reads the config. Several runs start theirs one by one."""
    if arguments.mode not in (None, "performance", "accuracy") or arguments.repeat != "1":
        return None
    if any(len(several or ()) > 1 for several in (arguments.model, arguments.backend)):
        return None
    from harness.machine.standby import Standby

    # What pictures and their labels need is most of an accuracy run's start, and nothing to a model of other data.
    pictures = ("tasks.classification",) if arguments.mode == "accuracy" else ()
    return Standby("harness.worker.main", (*pictures, "backends.cpu", "ai_edge_litert.interpreter"))
