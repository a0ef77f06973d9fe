"""The verbs: what `--help` says of each, and where its module lies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """What `--help` says of a verb, and where its module lies."""

    does: str
    room: str = ""
    """The folder of its module inside harness.commands; empty for that itself."""

    def module(self, name: str) -> str:
        """The module's full name."""
        return ".".join(filter(None, ("harness.commands", self.room, name.replace("-", "_"))))


VERBS = {
    "run": Verb("run a benchmark (the verb when the first word is an option)"),
    "fleet": Verb(
        "one benchmark on a rack of devices: here, by ssh and by adb; one table, goes on where it was interrupted"
    ),
    "suite": Verb(
        "run all benchmarks and scenarios of a suite, in a time that you say; goes on where it was interrupted",
        "submission",
    ),
    "score": Verb("score a run again, another harness's log, or plain predictions", "finished_runs"),
    "show": Verb("show the result of a run again", "finished_runs"),
    "report": Verb(
        "one HTML file of runs: verdict, charts, samples beside what is right, memory, machine, settings",
        "finished_runs",
    ),
    "history": Verb("finished runs over time: list, plot, what is usual, when it got slower", "finished_runs"),
    "sustained": Verb("a long run minute by minute: does the machine keep its speed as it warms up"),
    "fetch": Verb("fetch official models and data, or take them by hand"),
    "prepare": Verb("lay out a data set from what its owners distribute"),
    "list": Verb("show tasks, models, data sets and backends: what is here, and what is not and why"),
    "inspect": Verb("show what a model file holds, costs and needs", "any_model"),
    "bench": Verb(
        "time models alone, several of them in turns: load, first, steady, memory, with benchmark_model's flags",
        "any_model",
    ),
    "diff": Verb("how far a backend's or a model's outputs are from one CPU thread's", "any_model"),
    "compare-models": Verb(
        "models of one task side by side: accuracy, latency, memory, size, work, and what one has over the other",
        "any_model",
    ),
    "convert": Verb(
        "make TFLite files of other types of a model (float16, dynamic, int8, ...), and score and time them on a task",
        "any_model",
    ),
    "compare": Verb(
        "results held against each other: each figure with its interval, and a verdict for CI", "finished_runs"
    ),
    "profile": Verb("what each op of a model takes, as the runtime itself tells", "any_model"),
    "budget": Verb(
        "hold models against a file's limits of latency, memory, difference, size, accuracy and power", "any_model"
    ),
    "tune": Verb("find the quickest configuration of a task on this machine and write it as a config that run takes"),
    "submit": Verb("write the tree of an MLPerf round out of finished runs", "submission"),
    "bundle": Verb("pack runs and what they read into one archive that another machine can verify", "submission"),
    "verify": Verb("check every hash of a bundle and make every score in it anew", "submission"),
    "completion": Verb("the completion of verbs and options for bash, zsh or fish"),
    "check": Verb("hold a tree of results against MLPerf's rules, before a reviewer does", "submission"),
    "doctor": Verb("what works on this machine, what does not and why, and what would make runs unstable"),
}
OF_THE_SCRIPT = {
    "test": "runs the tests; the words behind it are pytest's: ./run.sh test tests/harness/serving -k order",
    "install": "adds extras to .venv: ./run.sh install opencv (or convert, hf, report, ray, flex, tensorflow, native), and "
    "./run.sh install converters tensorflow (or torch, onnx)",
}
"""Verbs that run.sh itself understands, and what each does: a wheel has none of them."""
EPILOG = """\
examples:
  ./run.sh --task mobilebert --scenario SingleStream
  ./run.sh --task mobilenet_edgetpu --scenario Offline --preset quick --model M.tflite --dataset DIR
  ./run.sh --task kws --model kws.tflite --dataset DIR --mode accuracy
  ./run.sh --model any.tflite    any model, on random inputs
  ./run.sh suite --budget 2h --out results/mine
  ./run.sh tune --task mobilebert --out mobilebert-here.yaml
  ./run.sh score results/DIR
  ./run.sh run --help            every option of run
  ./run.sh test                  run all tests
  ./run.sh install opencv        add an extra to .venv (help install names all)

exit status: 0 valid; 1 LoadGen says INVALID or a target is missed; 2 something for you to fix; 3 the run broke;
129, 130, 131, 143, 152 after SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU, 141 where whoever read the output has gone (| head)
"""
