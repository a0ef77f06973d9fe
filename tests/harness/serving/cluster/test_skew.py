"""Nodes that run something else than the head."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import ConfigError
from harness.messages.cluster import NodeFacts
from harness.serving.cluster.session import own_facts
from harness.serving.cluster.skew import differences, refuse_skew, skew

HEAD = NodeFacts(
    host="head",
    address="10.0.0.1",
    machine="x86_64",
    cpu="A CPU",
    cpus=8,
    python="3.12.4",
    versions={"tflite-loadgen": "0.1.0", "ai-edge-litert": "2.3.0", "numpy": "2.4.6", "pillow": "13.0.0"},
    program="0" * 64,
    niceness=0,
    boot="b",
)


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (replace(HEAD, program="absent"), "has no tflite-loadgen: install version 0.1.0 there"),
        (replace(HEAD, program="1" * 64), r"another tflite-loadgen .*files 1+ and 0+.*one wheel or one commit"),
        (replace(HEAD, python="3.11.9"), "has Python 3.11 and this machine 3.12: install Python 3.12 there"),
        (
            replace(HEAD, versions={**HEAD.versions, "ai-edge-litert": "2.4.0"}),
            "has ai-edge-litert 2.4.0 and this machine 2.3.0: install ai-edge-litert 2.3.0 there",
        ),
    ],
)
def test_a_node_that_would_answer_otherwise_is_refused_by_name_with_the_fix(node: NodeFacts, says: str) -> None:
    node = replace(node, host="far", address="10.0.0.9")
    with pytest.raises(ConfigError, match=rf"node 10\.0\.0\.9 \(far\) .*{says}"):
        refuse_skew(HEAD, [HEAD, node])
    with pytest.raises(ConfigError, match="2 nodes differ:\n  node"):
        refuse_skew(HEAD, [node, node])


def test_a_patch_of_python_and_other_hardware_are_no_reason_to_refuse_and_are_said() -> None:
    other = replace(HEAD, python="3.12.1", cpu="Another", niceness=15, versions={**HEAD.versions, "numpy": "2.5.0"})
    assert skew(HEAD, other) == ""
    cpus, numpy, nice = differences([HEAD, other])
    assert "A CPU (8 CPUs); Another (8 CPUs)" in cpus
    assert "differ in numpy, which prepares samples: 2.4.6, 2.5.0" in numpy
    assert "on 1 of 2 nodes" in nice
    assert differences([HEAD, HEAD]) == []


def test_this_machine_is_like_itself() -> None:
    here = own_facts()
    assert skew(here, own_facts()) == ""
    assert len(here.program) == 64
