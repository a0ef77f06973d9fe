"""Mistakes in a config as sentences: pydantic's, and options that a task does not have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError

from harness.config.schema import DatasetSection, ModelSection
from harness.config.truth_values import is_truth_for_a_number, said
from harness.config.written_units import WITH_ITS_VALUE
from harness.errors import ConfigError, unknown


def task_mistakes(raw: Mapping[str, Any]) -> dict[str, str]:
    """Options that the task does not have, by field: the schema leaves them to the task, which is not asked after a mistake."""
    from harness.config.registry import is_task, task_class

    task = raw.get("task")
    if not isinstance(task, str) or not is_task(task):
        return {}
    known = task_class(task).Options.__dataclass_fields__
    found: dict[str, str] = {}
    for section, schema in (("model", ModelSection), ("dataset", DatasetSection)):
        values = raw.get(section)
        names = [str(name) for name in values if name not in schema.model_fields] if isinstance(values, dict) else []
        found |= {f"{section}.{name}": name for name in names if name not in known}
    return {field: f"{field}: {unknown(f'option of the {task} task', name, known)}" for field, name in found.items()}


def task_options(
    options_type: type[Any], task: str, values: Mapping[str, Any], sections: Mapping[str, str] | None = None
) -> Any:
    """The task's options object.

    Args:
        options_type: The task's `Options`.
        task: Its name.
        values: The options by name.
        sections: Where an option was written, `model` or `dataset`, for messages; not for every option.

    Raises:
        ConfigError: Lists every unknown or ill-typed option.
    """
    fields = set(options_type.__dataclass_fields__)
    within = {name: f"{section}." for name, section in (sections or {}).items()}
    problems = [
        f"{within[name]}{name}: {text}" if name in within else text
        for name in values
        if name not in fields
        for text in [unknown(f"option of the {task} task", name, fields)]
    ]
    known = {name: value for name, value in values.items() if name in fields}
    problems += [
        f"{name}: a finite number is needed, not {value}"
        for name, value in known.items()
        if isinstance(value, float) and not math.isfinite(value)
    ]
    hints = get_type_hints(options_type)
    problems += [
        f"{within.get(name, '')}{name}: {said(value)}"
        for name, value in known.items()
        if is_truth_for_a_number(value, hints[name])
    ]
    try:
        options = TypeAdapter(options_type).validate_python(known)
    except ValidationError as error:
        problems += explanations([_placed(item, sections or {}) for item in error.errors()], None)
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise ConfigError(report(f"the options of the {task} task", problems))
    return options


def _placed(item: Any, sections: Mapping[str, str]) -> Any:
    """A mistake with its field's whole name: model.num_classes, not num_classes."""
    section = sections.get(str(item["loc"][0])) if item["loc"] else None
    return item if section is None else {**item, "loc": (section, *item["loc"])}


def explanations(errors: Sequence[Any], schema: type[BaseModel] | None) -> list[str]:
    """Pydantic's mistakes as sentences, one for each field: it tries all branches of a union and reports each."""
    by_field: dict[str, list[Any]] = {}
    for item in errors:
        by_field.setdefault(field_of(item), []).append(item)
    return [
        explain(items[0], schema) if len(items) == 1 else _explain_union(field, items)
        for field, items in by_field.items()
    ]


def _explain_union(field: str, items: Sequence[Any]) -> str:
    branches = [_BRANCHES.get(str(item["loc"][-1]), str(item["loc"][-1])) for item in items]
    wanted = " or ".join(re.sub(r"literal\[(.*)\]", r"\1", branch) for branch in branches)
    return f"{field}: must be {wanted}, not {items[0]['input']!r}"


_BRANCHES = {
    "int": "a whole number",
    "constrained-int": "a whole number",
    "float": "a number",
    "str": "a text",
    "tuple[float, ...]": "a list of numbers",
    "a file": "a file",
    "a rule": "a rule",
}

_WANTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "names with their values (NAME: VALUE)",
    "model_type": "names with their values (NAME: VALUE)",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}
"""What would do, by the kind of pydantic's mistake."""


def lies_within(field: str, other: str) -> bool:
    """Whether one is the other, or a part of it."""
    return f"{field}.".startswith(f"{other}.") or f"{other}.".startswith(f"{field}.")


def field_of(item: Any) -> str:
    """Where one of pydantic's mistakes is, as `load.target_qps`."""
    return ".".join(str(part) for part in item["loc"] if not _is_union_branch(part))


def explain(item: Any, schema: type[BaseModel] | None) -> str:
    """One of pydantic's mistakes as a sentence that names the field, the value and what would do."""
    where = field_of(item)
    if item["type"] == "extra_forbidden":
        return f"{where}: {unknown('field', str(item['loc'][-1]), _fields_at(schema, item['loc'][:-1]))}"
    if item["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        return f"{where}: {unknown(str(item['loc'][-1]), str(item['input']), known)}"
    if item["type"] == "missing":
        return f"{where}: this field is needed"
    if item["type"] == "value_error":
        return str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == WITH_ITS_VALUE:
        return f"{where}: {item['msg']}"
    if item["type"] == "too_short":
        return f"{where}: at least {item['ctx']['min_length']} must be there, not {item['ctx']['actual_length']}"
    if (wanted := _WANTED.get(item["type"])) is not None:
        bounds = {
            name: f"{bound:g}" if isinstance(bound, float) else bound for name, bound in item.get("ctx", {}).items()
        }
        return f"{where}: must be {wanted.format(**bounds)}, not {item['input']!r}"
    message = item["msg"][0].lower() + item["msg"][1:]
    return f"{where}: {message}, not {item['input']!r}"


def report(what: str, problems: Sequence[str]) -> str:
    """All mistakes of a file, or of what else was given, in one message."""
    unique = list(dict.fromkeys(problems))
    if len(unique) == 1:
        return f"a mistake in {what}: {unique[0]}"
    return f"{len(unique)} mistakes in {what}:\n" + "\n".join(f"  {problem}" for problem in unique)


def _is_union_branch(part: Any) -> bool:
    """Pydantic names the branch of a union it tried (`int`, `literal['auto']`) in the location; nobody wrote that."""
    return isinstance(part, str) and (part in _BRANCHES or part.startswith("literal["))


def _fields_at(schema: type[BaseModel] | None, path: Sequence[Any]) -> list[str]:
    for part in path:
        field = schema.model_fields.get(str(part)) if schema else None
        annotation = field.annotation if field else None
        schema = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return list(schema.model_fields) if schema else []
