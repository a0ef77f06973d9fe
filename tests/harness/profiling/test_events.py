"""What a run's events say."""

from __future__ import annotations

from backends.litert.times.event_profile import EventKind, RuntimeEvent
from harness.profiling.events import Key, read_run


def event(kind: EventKind, name: str, graph: int, index: int, start_us: int, elapsed_us: int) -> RuntimeEvent:
    return RuntimeEvent(kind, name, graph, index, start_us, elapsed_us)


def test_xnnpacks_operators_lie_end_to_end_and_begin_a_new_piece_at_0() -> None:
    timed = read_run(
        [
            event("invoke", "Invoke", 0, 0, 1000, 40),
            event("xnnpack", "Convolution (NHWC, F32) IGEMM", 0, 0, 0, 10),
            event("xnnpack", "Clamp (NC)", 0, 1, 0, 0),
            event("op", "SOFTMAX", 0, 4, 1020, 5),
            event("xnnpack", "Add (ND)", 0, 0, 0, 3),
        ]
    )
    assert [(each.key.kind, each.key.piece, each.key.index) for each in timed] == [
        ("xnnpack", 0, 0),
        ("xnnpack", 0, 1),
        ("op", -1, 4),
        ("xnnpack", 1, 0),
    ]
    # Half a microsecond stands for what is cut off each length.
    assert [(each.start_us, each.own_us, each.laid) for each in timed] == [
        (1000, 10.5, True),
        (1010.5, 0.5, True),
        (1020, 5, False),
        (1025, 3.5, True),
    ]


def test_an_op_keeps_what_is_left_of_its_time_without_the_graphs_that_it_calls() -> None:
    body = Key("xnnpack", 2, 0, 0, "Fully Connected (NC, F32) GEMM")
    events = [event("invoke", "Invoke", 0, 0, 100, 300), event("op", "WHILE", 0, 3, 110, 200)]
    for turn in range(3):
        at = 120 + 60 * turn
        events += [
            event("invoke", "Invoke", 1, 0, at, 10),
            event("op", "LESS", 1, 0, at + 1, 2),
            event("invoke", "Invoke", 2, 0, at + 12, 40),
            event("xnnpack", body.name, 2, 0, 0, 30),
        ]
    events.append(event("op", "SOFTMAX", 0, 4, 320, 7))
    timed = read_run(events)
    assert [each.own_us for each in timed if each.key.name == "WHILE"] == [200 - 3 * (10 + 40)]
    assert [each.own_us for each in timed if each.key == body] == [30.5] * 3
    assert [each.own_us for each in timed if each.key.name == "SOFTMAX"] == [7]
    assert len(timed) == 1 + 3 * 2 + 1


def test_what_ran_outside_of_any_graph_is_no_part_of_the_run() -> None:
    assert read_run([event("op", "VAR_HANDLE", 1, 0, 5, 2)]) == []
