"""Every command that a document shows is one that the program takes; the cheap ones are run, with short settings.

A command is a line of a block, indented or fenced, that begins with ./run.sh. What is not run stands in `NOT_RUN` with its
reason.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli import _of_verb, _verb
from harness.commands.verbs import VERBS

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
Call = Callable[..., subprocess.CompletedProcess[str]]
_LINE = re.compile(r"^\s*(?:\$ )?((?:[A-Z_]+=\S+ )*)(?:\./run\.sh|tflite-loadgen) (.*)$")
_REMARK = re.compile(r"\s+#\s.*$|\s{2,}.*$")
"""What a line says behind its command: after a sharp, or after spaces alone."""

_ABSENT = "a model that is not here"
NOT_RUN = {
    r"^(test|install)\b": "run.sh's own: it installs, or runs this suite",
    r"^(fetch (?!--list)|prepare )|--dataset hf:|--import": "needs the network or its owners' data",
    r"adb:|ssh:|--dispatch|--attach|^fleet": "needs another machine or a cluster",
    r"--backend (gpu|external)": "needs a delegate",
    r"--mode submission|^suite (?!--plan)|^submit|--repeat|^tune|find-peak|--minutes|--live": "takes minutes or more",
    r"--task (mobile|deeplab|ssd|ic|vww|ad|yolo)(?!.*--plan)": "a stand-in would have to be made",
    r"mobilenet|mobilebert|model_int8|ITS-INT8|vww_96|raw_ssd|yolo|saved_model|keras|words\.tflite|int8\.tflite": _ABSENT,
    r"translator|free_size|streaming|person_detect|bert|resnet|mine|M\.tflite|MODEL\.tflite|[AB]\.tflite": _ABSENT,
    r"(?<!results/)\b(DIR|FOLDER|ARRAYS|COCO|FILE|T|A|B)\b": "a name that stands for the reader's own",
    r"--metric|--log|speech_commands|chromeos|budget\.yaml|here\.yaml|^check|^verify|\.\./base": "a file of the reader's own",
    r"/var/lib": "a folder of the machine's",
    r"--advice": "measures for 20 s",
    r"^convert": "tests/test_examples.py and the tests of convert run it",
}
"""What fits is parsed alone -> why."""
SHORT = {
    "run": ("--preset", "rapid", "--set", "load.min_duration_ms=0", "--set", "load.min_query_count=64"),
    "bench": ("--num_runs=2", "--min_secs=0", "--max_secs=1", "--warmup_min_secs=0"),
    "profile": ("--num_runs", "2", "--no-peak"),
    "diff": ("--num_runs", "1"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """As a document shows it."""

    where: str
    text: str

    @property
    def words(self) -> list[str]:
        """Without what a shell does with them afterwards."""
        found = shlex.split(self.text)
        ends = [place for place, word in enumerate(found) if word in ("|", ">", "&&", ";", "2>", "&")]
        return found[: min(ends, default=len(found))]

    @property
    def why_not_run(self) -> str:
        """Empty where it is run."""
        return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, self.text)), "")


def commands(path: Path) -> list[Command]:
    """Of one document."""
    found, fenced = [], False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fenced ^= line.lstrip().startswith("```")
        if (fenced or line.startswith("    ")) and (match := _LINE.match(line)):
            found.append(Command(f"{path.name}:{number}", _REMARK.sub("", match[2])))
    return found


ALL = [command for path in DOCUMENTS for command in commands(path)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_program_takes_every_command_of_a_document(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands(path):
        if command.words[0] in ("test", "install"):
            assert_of_the_script(command)
            continue
        try:
            verb, rest = _verb(command.words)
            assert verb is not None, command
            _of_verb(verb)[1].parse_strictly(rest)
        except SystemExit:
            raise AssertionError(f"{command.where}: {command.text}: {capsys.readouterr().err}") from None


def assert_of_the_script(command: Command) -> None:
    verb, *words = command.words
    script = (REPOSITORY / "run.sh").read_text(encoding="utf-8")
    if verb == "install":
        names = words[1:] if words[:1] == ["converters"] else words
        assert names, command
        for name in names:
            assert re.search(rf"^\s*({name}\)|(\w+ \| )*{name}( \| \w+)*\) )", script, re.MULTILINE), command
    else:
        assert all((REPOSITORY / word).exists() for word in words if word.startswith("tests/")), command


def test_the_commands_are_found_and_every_reason_is_one() -> None:
    assert len(ALL) > 150
    assert {"README.md:6", "README.md:7"} <= {command.where for command in ALL}
    # Every verb that a person would look for is shown somewhere; completion and verify are not, or only parsed.
    shown = {_verb(command.words)[0] for command in ALL if command.words[0] not in ("test", "install")}
    assert set(VERBS) - shown <= {"completion"}
    for pattern in NOT_RUN:
        assert any(re.search(pattern, command.text) for command in ALL), pattern


@pytest.fixture(scope="module")
def desk(run_command: Call, keyword_model: Path, keyword_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the documents suppose it: models, finished runs, a history."""
    folder = tmp_path_factory.mktemp("desk")
    for name in ("model", "a", "b", "any"):
        shutil.copy(keyword_model, folder / f"{name}.tflite")
    given = ("run", "--task", "kws", "--model", keyword_model, "--dataset", keyword_data)
    timed = (*SHORT["run"], "--out", folder / "results/A")
    assert run_command(*given, *timed, cwd=folder).returncode in (0, 1)
    assert run_command(*given, "--mode", "accuracy", "--out", folder / "results/DIR", cwd=folder).returncode == 0
    for name in ("B", "C", "base", "new"):
        shutil.copytree(folder / "results/A", folder / "results" / name)
    run_command("history", "--history", "H", "--add", "results", cwd=folder)
    before = run_command("profile", "model.tflite", "--json", *SHORT["profile"], cwd=folder).stdout
    for name in ("before", "profile"):
        (folder / f"{name}.json").write_text(before, encoding="utf-8")
    return folder


RUN = [command for command in ALL if not command.why_not_run]


def test_enough_is_run() -> None:
    assert len({command.text for command in RUN}) >= 30
    run = {_verb(command.words)[0] for command in RUN}
    assert run >= {
        "run",
        "score",
        "report",
        "history",
        "compare",
        "bench",
        "profile",
        "diff",
        "doctor",
        "list",
        "bundle",
    }


@pytest.mark.parametrize("command", RUN, ids=lambda command: command.where)
def test_a_command_of_a_document_does_what_it_says(
    command: Command, desk: Path, call: Call, keyword_data: Path
) -> None:
    verb, rest = _verb(command.words)
    assert verb is not None
    short = SHORT.get(verb, ())
    given = {word.partition("=")[0] for word in short if word.startswith("--num_runs")}
    words = [verb, *(word for word in rest if word.partition("=")[0] not in given), *short]
    if verb == "run" and "kws" in rest and "--dataset" not in rest:
        words += ["--model", str(desk / "model.tflite"), "--dataset", str(keyword_data)]
    if verb == "run":
        words += ["--out", f"results/{command.where.replace(':', '-')}"]
    if verb == "sustained":
        words = ["sustained", "--of", "results/A"]
    done = call(*words, cwd=desk)
    assert done.returncode in (0, 1), f"{command.where}: {command.text}: {done.stderr}"
    assert "Traceback" not in done.stderr
    assert done.stdout or verb == "completion"


def test_the_readme_leads_to_every_page_for_users() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for_developers = {"moves.md"}
    pages = {path.name for path in (REPOSITORY / "docs").glob("*.md")} - for_developers
    assert {page for page in pages if f"docs/{page}" not in readme} == set()
