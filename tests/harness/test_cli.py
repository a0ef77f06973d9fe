"""The command line's own manners."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from harness import cli as command_line
from harness.commands.outcome import Outcome
from harness.commands.verbs import OF_THE_SCRIPT, VERBS
from harness.config.registry import BACKENDS

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["help"]])
def test_help_names_every_verb_and_the_exit_status(words: list[str], cli: Cli) -> None:
    done = cli(*words)
    assert done.returncode == 0
    assert done.stderr == ""
    for verb in VERBS:
        assert f"\n  {verb}" in done.stdout
    assert "exit status: 0 valid" in done.stdout


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help_with_an_example(verb: str, cli: Cli) -> None:
    done = cli(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert f"usage: ./run.sh {verb}" in done.stdout
    assert f"./run.sh {verb if verb != 'run' else '--task'}" in done.stdout.partition("examples:")[2]
    assert "--json" in done.stdout
    # An option's value is called by what it is, not by the option's name once more.
    options = re.findall(r"--([a-z-]+) \[?([A-Z_]+)", done.stdout)
    assert [name for name, value in options if name.replace("-", "_").upper() == value] == []


def test_run_is_the_verb_when_the_first_word_is_an_option(cli: Cli) -> None:
    short, long = cli("--task", "nope"), cli("run", "--task", "nope")
    assert short.returncode == long.returncode == 2
    assert short.stderr == long.stderr


def test_the_help_of_run_names_every_backend(cli: Cli) -> None:
    text = " ".join(cli("run", "--help").stdout.split())
    backends = text.partition("--backend NAME[:OPTIONS] ")[2].partition(" --require-full ")[0]
    for name in BACKENDS:
        assert re.search(rf"\b{name}\b", backends), name


_HELP = """
import sys
from harness.cli import main
assert main(sys.argv[1:]) == 0
print(*sorted({"ai_edge_litert", "mlperf_loadgen", "numpy"} & sys.modules.keys()), file=sys.stderr)
"""


@pytest.mark.parametrize("words", [["--help"], *([verb, "--help"] for verb in VERBS)])
def test_no_help_imports_numpy_litert_or_loadgen(words: list[str], environment: dict[str, str]) -> None:
    started = [sys.executable, "-P", "-c", _HELP, *words]
    assert subprocess.run(started, env=environment, capture_output=True, text=True, check=True).stderr == "\n"


def test_the_options_of_the_contract_are_all_there(cli: Cli) -> None:
    text = cli("run", "--help").stdout
    options = (
        "task scenario mode preset rules round backend model dataset truth profile threads instances batch count repeat"
    )
    for option in f"{options} out set json".split(" "):
        assert f"--{option} " in text, option


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("harness.commands.finished_runs.show.main", broken)
    monkeypatch.setattr("harness.machine.stop_signals.ignore", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        command_line.main(["show", "anywhere"])


def test_the_end_of_a_command_looks_for_no_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "main", lambda words: len(words))
    monkeypatch.setattr(command_line, "leave_current_folder", lambda: None)
    monkeypatch.setattr(sys, "argv", ["tflite-loadgen", "one", "two"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr("harness.machine.stop_signals.ignore", lambda: None)
    try:
        with pytest.raises(SystemExit) as stopped:
            command_line.entry()
        assert stopped.value.code == 2
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


_PLANNED = """
import sys
import harness.run.execute, harness.series.perform
print(*sorted({"ai_edge_litert", "mlperf_loadgen", "rich"} & sys.modules.keys()), file=sys.stderr)
"""


def test_a_run_begins_without_what_draws_its_tables(environment: dict[str, str]) -> None:
    started = [sys.executable, "-P", "-c", _PLANNED]
    assert subprocess.run(started, env=environment, capture_output=True, text=True, check=True).stderr == "\n"


def test_the_exit_status_of_a_bug_is_not_that_of_a_run_that_missed_something(environment: dict[str, str]) -> None:
    code = (
        "import sys; from harness import cli; from harness.commands.finished_runs import show; "
        "show.main = lambda _: 1 / 0; sys.argv = ['tflite-loadgen', 'show', 'anywhere']; cli.entry()"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize("option", ["--json", "--format=csv"])
def test_what_packages_print_does_not_go_among_what_a_program_reads(
    option: str, monkeypatch: pytest.MonkeyPatch, call: Cli
) -> None:
    def chatty(_: Any) -> Outcome:
        sys.stdout.write("hello from a package\n")
        return Outcome(0, "a,b", {"a": 1})

    monkeypatch.setattr("harness.commands.any_model.diff.main", chatty)
    done = call("diff", "model.tflite", option)
    assert "hello" not in done.stdout
    assert done.stderr == "hello from a package\n"


def test_a_package_that_ends_the_program_does_not_choose_its_exit_status(
    monkeypatch: pytest.MonkeyPatch, call: Cli
) -> None:
    monkeypatch.setattr("harness.commands.finished_runs.show.main", lambda _: sys.exit(0))
    done = call("show", "anywhere")
    assert done.returncode == 3
    assert "a package that the command called wanted to end the program (exit status 0)" in done.stderr


def test_a_reader_that_goes_away_is_no_bug(command: list[str], environment: dict[str, str], tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*command, "--help"], cwd=tmp_path, env=environment, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == b""


def test_progress_that_nobody_reads_does_not_stop_a_run(
    command: list[str], keywords: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*command, *keywords, "--out", "run"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=write,
        check=False,
    )
    os.close(write)
    assert done.returncode == 0
    assert b"VALID" in done.stdout


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["--task", "kws", "--threads", "1", "--threads", "2"], "--threads"),
        (["--task", "kws", "--threads=1", "--threads", "1"], "--threads"),
        (["--task", "kws", "--task", "mobilebert"], "--task"),
        (["--task", "kws", "--repeat", "2", "--repeat", "3"], "--repeat"),
        (["--task", "kws", "--require-full", "--require-full=0.5"], "--require-full"),
        (["score", "--log", "a", "--log", "b", "--task", "kws"], "--log"),
        (["tune", "--task", "kws", "--out", "a", "--out", "b"], "--out"),
    ],
)
def test_a_value_that_is_given_twice_is_refused_since_either_may_be_meant(
    words: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(words) == 2
    said = capsys.readouterr().err
    assert option in said
    assert "more than once" in said


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["diff", "a.tflite", "--reference-model", ""], "--reference-model"),
        (["--task", "kws", "--history="], "--history"),
        (["--task", "kws", "--out", ""], "--out"),
        (["budget", "chromeos", "--models", ""], "--models"),
        (["bench", "a.tflite", "--external_delegate_path="], "--external_delegate_path"),
        (["suite", "--tasks", ""], "--tasks"),
        (["history", "--history", "H", "--add", ""], "--add"),
        (["bench", "a.tflite", ""], "a word of the command"),
        (["compare", "", "b"], "a word of the command"),
        (["report", ""], "a word of the command"),
    ],
)
def test_an_empty_value_is_refused_since_it_would_be_the_default_without_a_word(
    words: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(words) == 2
    assert f"{option} is empty: " in capsys.readouterr().err


def test_a_name_without_end_is_shortened_wherever_it_is_complained_of(call: Cli) -> None:
    done = call("show", "/".join(["d" * 99] * 50))
    assert done.returncode == 2
    assert "characters)" in done.stderr
    assert len(done.stderr) < 400


def test_what_others_have_written_cannot_steer_the_terminal(cli: Cli, tmp_path: Path) -> None:
    result = json.loads((Path(__file__).parent / "results/version_1/last_server.json").read_text(encoding="utf-8"))
    result["title"] = result["model"]["name"] = "\x1b[2J\x9b31m\r\ud800 calm"
    result["warnings"] = ["\x1b]0;title\x07"]
    (tmp_path / "result.json").write_text(json.dumps(result), encoding="utf-8")
    shown, missed = cli("show", tmp_path), cli("--task", "a\x1b[31mb/c.yaml")
    assert "\\x1b[2J\\x9b31m" in shown.stdout
    assert "\\x1b]0;title\\x07" in shown.stdout
    assert "a\\x1b[31mb" in missed.stderr
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown.stdout + shown.stderr + missed.stderr)


def test_only_these_modules_write_to_the_terminal_and_all_escape_what_is_not_theirs() -> None:
    root = Path(__file__).resolve().parents[2]
    writers = {
        str(path.relative_to(root))
        for package in ("accuracy", "harness", "tasks", "backends")
        for path in (root / package).rglob("*.py")
        if "training" not in path.parts
        and re.search(r"\bprint\(|sys\.std(out|err)\.write", path.read_text(encoding="utf-8"))
    }
    writers -= {"harness/results/page.py", "harness/api/__init__.py"}
    assert writers == {
        "accuracy/metric/command.py",
        "harness/cli.py",
        "harness/commands/submission/submit.py",
        "harness/report/screen.py",
        "harness/report/table.py",
        "harness/zoo/files/meter.py",
    }
    assert all(
        "printable(" in (root / path).read_text(encoding="utf-8") for path in writers - {"harness/report/table.py"}
    )


_EARLY = """
import os, signal, sys
import harness.__main__ as door

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
sys.argv = ["tflite-loadgen", "--help"]
door.start()
"""


@pytest.mark.parametrize("module", ["harness.cli", "argparse"])
def test_ctrl_c_while_the_command_still_imports_ends_in_a_sentence(module: str, environment: dict[str, str]) -> None:
    code = _EARLY.replace("MODULE", repr(module))
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "tflite-loadgen: stopped by SIGINT\n")


def test_help_of_a_verb_is_that_verbs_own(call: Cli) -> None:
    assert call("help", "show").stdout == call("show", "--help").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tset"], "unknown verb 'tset'; did you mean 'test'?"),
        (["instal", "opencv"], "unknown verb 'instal'; did you mean 'install'?"),
        (["--verison"], "unknown option --verison; did you mean --version?"),
        (["--version", "kws"], "--version stands alone: ./run.sh --version"),
        (["show", "--version"], "--version stands alone: ./run.sh --version"),
        (["completion", "bsh"], "unknown shell 'bsh'; did you mean 'bash'?"),
        (["suite", "--mode", "acuracy"], "unknown mode 'acuracy'; did you mean 'accuracy'?"),
    ],
)
def test_a_near_miss_is_named_whoever_knows_the_word(words: list[str], said: str, call: Cli) -> None:
    done = call(*words)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["report", "run", "-o", "-"],
        ["--task", "kws", "--out", "-"],
        ["profile", "m.tflite", "--csv", "-"],
        ["budget", "b.yaml", "--junit", "-"],
        ["bundle", "run", "--out", "-"],
        ["history", "--history", "-"],
        ["history", "--history", "H", "--add", "x", "--add", "-"],
        ["score", "--metric", "top1", "--predictions", "-", "--truth", "t"],
    ],
)
def test_a_dash_is_no_file_as_it_would_be_one_of_that_name(words: list[str], call: Cli, tmp_path: Path) -> None:
    done = call(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "takes no standard input or output: name a file or folder; ./- is one that is called -" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_card_is_refused_where_it_would_change_nothing(call: Cli) -> None:
    done = call("score", "anywhere", "--card")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--card is of --json: the table has the card already" in done.stderr


@pytest.mark.parametrize("verb", OF_THE_SCRIPT)
def test_help_knows_the_verbs_of_the_script_too(verb: str, call: Cli) -> None:
    done = call("help", verb)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"./run.sh {verb} {OF_THE_SCRIPT[verb]}" in done.stdout


def test_the_version_is_the_packages_with_the_commit_of_a_checkout(call: Cli) -> None:
    name, version, *commit = call("--version").stdout.split()
    assert (name, version) == ("tflite-loadgen", metadata.version("tflite-loadgen"))
    assert all(re.fullmatch("[0-9a-f]{40}(-dirty)?", each) for each in commit)


def test_quiet_leaves_errors_and_the_exit_status(call: Cli, tmp_path: Path) -> None:
    done = call("show", tmp_path / "nothing", "--quiet")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a run's directory" in done.stderr
    done = call("completion", "bash", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_verb_and_its_options(shell: str, call: Cli) -> None:
    text = call("completion", shell).stdout
    for word in (*VERBS, "mobilebert", "max-regression", "no-query-times"):
        assert word in text
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, check=True)


def test_bash_completes_verbs_options_and_tasks(call: Cli) -> None:
    script = call("completion", "bash").stdout

    def complete(*words: str) -> set[str]:
        line = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _tflite_loadgen; echo ${{COMPREPLY[@]}}"
        done = subprocess.run(["bash", "-c", f"{script}\n{line}"], capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    assert complete("run.sh", "compare") == {"compare", "compare-models"}
    assert "--max-regression" in complete("run.sh", "compare", "--max")
    assert "--preset" in complete("run.sh", "--task", "kws", "--pre")
    assert "mobilebert" in complete("run.sh", "--task", "mobileb")


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
@pytest.mark.parametrize("loaded", ["sourced", "by fpath"])
def test_zsh_completes_from_the_first_tab_on_however_the_script_is_loaded(
    loaded: str, call: Cli, tmp_path: Path
) -> None:
    (tmp_path / "_tflite-loadgen").write_text(call("completion", "zsh").stdout)
    load = {
        "sourced": "source ./_tflite-loadgen",
        "by fpath": "fpath=($PWD); autoload -Uz _tflite-loadgen; _tflite_loadgen() { _tflite-loadgen }",
    }[loaded]

    def complete(*words: str) -> set[str]:
        # What zsh itself offers inside a completion, told instead of shown.
        stubs = 'compadd() { shift; print -rl -- "$@" }; _files() { print -r -- FILES }; compdef() { : }'
        line = f"{stubs}; {load}; words=({' '.join(words)} ''); CURRENT={len(words) + 1}; _tflite_loadgen"
        return set(subprocess.check_output(["zsh", "-f", "-c", line], cwd=tmp_path, text=True).split())

    assert {"compare", "help"} <= complete("run.sh")
    assert {"compare", "help"} <= complete("run.sh", "help")
    assert {"mobilebert", "FILES"} <= complete("run.sh", "--task")
    assert complete("run.sh", "compare") == {"FILES"}


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completes_verbs_options_and_tasks(call: Cli, tmp_path: Path) -> None:
    script = tmp_path / "completions.fish"
    script.write_text(call("completion", "fish").stdout)

    def complete(line: str) -> set[str]:
        words = ["fish", "-N", "-c", f"source {script}; complete -C '{line}'"]
        done = subprocess.check_output(words, env={**os.environ, "HOME": str(tmp_path)}, cwd=tmp_path, text=True)
        return {each.partition("\t")[0] for each in done.splitlines()}

    assert {"compare", "compare-models"} == complete("run.sh compare")
    assert {"compare", "compare-models"} == complete("tflite-loadgen help compare")
    assert "--max-regression" in complete("run.sh compare --max")
    assert {"--target", "--task"} == complete("run.sh --ta")
    assert "--preset" in complete("run.sh --task kws --pre")
    assert "mobilebert" in complete("./run.sh --task mobileb")
    assert "--task" not in complete("run.sh show --ta")


@pytest.mark.parametrize("words", [["list"], ["--help"], ["--version"]])
def test_an_output_that_is_full_is_said_in_a_sentence(words: list[str], environment: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        start = [sys.executable, "-P", "-m", "harness", *words]
        done = subprocess.run(start, stdout=full, stderr=subprocess.PIPE, env=environment, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith(b"tflite-loadgen: cannot write to standard output: No space left on device")


def test_where_nothing_can_be_said_the_exit_status_tells(environment: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        start = [sys.executable, "-P", "-m", "harness", "nonsense"]
        assert subprocess.run(start, stdout=full, stderr=full, env=environment, check=False).returncode == 2
