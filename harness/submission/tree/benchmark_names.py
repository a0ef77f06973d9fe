"""Which official inference benchmark a folder's name stands for (SC configuration/configuration.py get_mlperf_model)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.config.official.rule_sets import BenchmarkRules, RuleSet

MAPPING_FILE = "model_mapping.json"
_FIXED = {"resnet50": "resnet", "mobilenet": "resnet", "ssd-resnet34": "retinanet"}
"""The checker's own map."""
NO_FIGURES = frozenset(
    {
        "3d-unet-99",
        "3d-unet-99.9",
        "deepseek-r1",
        "dlrm-v2-99",
        "dlrm-v2-99.9",
        "dlrm-v3",
        "gpt-oss-120b",
        "gptj-99",
        "gptj-99.9",
        "llama2-70b-99",
        "llama2-70b-99.9",
        "llama2-70b-interactive-99",
        "llama2-70b-interactive-99.9",
        "llama3.1-405b",
        "llama3.1-8b",
        "llama3.1-8b-edge",
        "llama3.1-8b-interactive",
        "mixtral-8x7b",
        "pointpainting",
        "qwen3-vl-235b-a22b",
        "rgat",
        "stable-diffusion-xl",
        "wan-2.2-t2v-a14b",
        "whisper",
    }
)
"""Benchmarks of inference that no TFLite model runs: the rule sets here have no figures of them (SC constants.py)."""
_GUESSED = (
    (("mobilenet", "efficientnet", "resnet50"), "resnet"),
    (("bert-99.9",), "bert-99.9"),
    (("bert-99",), "bert-99"),
)
How = Literal["official", "fixed map", "mapping file", "guess"]


@dataclass(frozen=True, slots=True)
class OfficialName:
    """What a folder's name stands for."""

    name: str
    how: How
    rules: BenchmarkRules


def official_name(folder: str, rules: RuleSet, mapping: Mapping[str, object]) -> OfficialName | None:
    """As the official checker resolves it, in its order; None where it ends with a traceback.

    Args:
        folder: The benchmark's folder.
        rules: The round.
        mapping: Of model_mapping.json; empty in the closed division.
    """
    own = mapping.get(folder)
    ways: tuple[tuple[How, str | None], ...] = (
        ("official", folder),
        ("fixed map", _FIXED.get(folder)),
        ("mapping file", own if isinstance(own, str) else None),
        ("guess", _guess(folder)),
    )
    for how, name in ways:
        if how == "official" and folder not in rules.benchmarks:
            continue
        if name:
            found = rules.benchmarks.get(name)
            return OfficialName(name, how, found) if found else None
    return None


def needs_mapping(folder: str, official: str, rules: RuleSet) -> bool:
    """Whether the name alone would be resolved to another benchmark, or to none.

    Args:
        folder: The benchmark's folder.
        official: What it is.
        rules: The round.
    """
    found = official_name(folder, rules, {})
    return found is None or found.name != official


def _guess(folder: str) -> str | None:
    return next((name for words, name in _GUESSED if any(word in folder for word in words)), None)
