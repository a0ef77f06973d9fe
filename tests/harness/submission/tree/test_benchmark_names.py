"""What the official checker takes a folder's name for."""

from __future__ import annotations

import pytest

from harness.config.official.rule_sets import rule_set
from harness.submission.tree.benchmark_names import needs_mapping, official_name


@pytest.mark.parametrize(
    ("folder", "mapping", "name", "how"),
    [
        ("resnet", {}, "resnet", "official"),
        ("resnet50", {}, "resnet", "fixed map"),
        ("mobilenet", {"mobilenet": "bert-99"}, "resnet", "fixed map"),
        ("mobilenet_edgetpu_224_1.0_uint8", {}, "resnet", "guess"),
        ("ssd_mobilenet_v2_300_float", {}, "resnet", "guess"),
        ("ssd_mobilenet_v2_300_float", {"ssd_mobilenet_v2_300_float": "yolo-99"}, "yolo-99", "mapping file"),
        ("mobilebert", {"mobilebert": "bert-99"}, "bert-99", "mapping file"),
        ("my-bert-99.9", {}, "bert-99.9", "guess"),
    ],
)
def test_a_name_is_resolved_in_the_official_order(folder: str, mapping: dict[str, str], name: str, how: str) -> None:
    found = official_name(folder, rule_set("inference-v6.1"), mapping)
    assert found is not None
    assert (found.name, found.how) == (name, how)


def test_a_name_of_nothing_is_none() -> None:
    rules = rule_set("inference-v6.1")
    assert official_name("deeplab", rules, {}) is None
    assert official_name("deeplab", rules, {"deeplab": "segmentation"}) is None
    assert official_name("deeplab", rules, {"deeplab": 7}) is None
    # v5 has no yolo, v6 no retinanet.
    assert official_name("yolo-99", rule_set("inference-v5.1"), {}) is None
    assert official_name("ssd-resnet34", rule_set("inference-v5.1"), {}) is not None


@pytest.mark.parametrize(
    ("folder", "official", "needed"),
    [("mobilenet_v4", "resnet", False), ("ssd_mobilenet_v2", "yolo-99", True), ("mobilebert", "bert-99", True)],
)
def test_a_mapping_is_needed_where_the_name_alone_is_taken_for_another(
    folder: str, official: str, needed: bool
) -> None:
    assert needs_mapping(folder, official, rule_set("inference-v6.1")) is needed
