"""What documents and docstrings name of the repository is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("accuracy", "backends", "harness", "native", "tasks")
FOLDERS = (*PACKAGES, "benchmarks", "configs", "docs", "tests")
DOCUMENTS = sorted(
    [*(REPOSITORY / "docs").glob("*.md"), *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md"))]
)
_PATH = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./-]*\w(?:\.(?:py|c|md|yaml|npz)\b|/(?=[`\s,.;:)]))")
# accuracy.NAME may be a field of a result.
_DOTTED = re.compile(
    r"(?<![\w./-])(?:backends|benchmarks|harness|tasks|(?<=-m )accuracy)(?:\.(?!pbtxt\b)[A-Za-z_]\w*)+"
)


def docstrings() -> Iterator[tuple[Path, str]]:
    for folder in (*PACKAGES, "benchmarks", "tests"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Expr)
                    and isinstance(node.value, ast.Constant)
                    and isinstance(node.value.value, str)
                ):
                    yield path, node.value.value


def unknown_names(text: str) -> list[str]:
    """Paths and dotted names that nothing here has."""
    paths = [name for name in _PATH.findall(text) if not (REPOSITORY / name).exists()]
    return paths + [name for name in _DOTTED.findall(text) if not _is_known(name)]


def _is_known(dotted: str) -> bool:
    """A module, or something that a module's own text has."""
    place, (first, *rest) = REPOSITORY, dotted.split(".")
    while (place / first).is_dir():
        place /= first
        if not rest:
            return True
        first, *rest = rest
    module = place / f"{first}.py"
    if not module.is_file():
        module, rest = place / "__init__.py", [first, *rest]
    if not module.is_file():
        return False
    text = module.read_text(encoding="utf-8")
    return all(re.search(rf"\b{name}\b", text) for name in rest)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_path_and_module_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    if document.name == "moves.md":
        # Its first column names what was.
        text = re.sub(r"^\| [^|]+\|", "|", text, flags=re.MULTILINE)
    assert unknown_names(text) == []


def test_every_path_and_module_that_a_docstring_names_is_there() -> None:
    found = [f"{path.relative_to(REPOSITORY)}: {name}" for path, text in docstrings() for name in unknown_names(text)]
    assert found == []


def test_a_name_of_nothing_is_found() -> None:
    there = (
        "`harness/worker/main.py`, harness.units.duration, `python -m accuracy.topk`, harness/config/, accuracy.topk"
    )
    assert unknown_names(there) == []
    gone = ["harness/nowhere.py", "harness/old_room/", "harness.nowhere", "harness.units.no_such_name"]
    assert unknown_names(f"`{gone[0]}`, `{gone[1]}`, {gone[2]}.\n`{gone[3]}`") == gone
