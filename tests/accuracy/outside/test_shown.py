from __future__ import annotations

from accuracy.outside.shown import bounded, brief, printable, some


def test_a_list_of_any_length_and_values_of_any_length_make_a_short_text() -> None:
    assert some(["a", "b"]) == "a, b"
    assert some([f"name {number}" for number in range(1000)]) == "name 0, name 1, name 2, name 3, name 4, ..."
    assert len(some(["x" * 10_000] * 7)) < 500
    assert brief("two\nlines") == "two lines"


def test_a_message_of_two_million_characters_keeps_its_two_ends() -> None:
    message = f"labels.json: {'[0, 1]' * 400_000} is no label"
    said = bounded(message)
    assert len(said) < 4100
    assert said.startswith("labels.json: ")
    assert said.endswith(" is no label")
    assert "characters left out" in said
    assert bounded("short") == "short"


def test_nothing_that_steers_a_terminal_is_shown_as_it_is() -> None:
    hostile = "a\x1b[2J\x07\r\x7f\x9b0m\u202egnp.exe\ud800"
    assert printable(hostile) == "a\\x1b[2J\\x07\\x0d\\x7f\\x9b0m\\u202egnp.exe\\ud800"
    assert printable("two\n\tlines, Ä 猫") == "two\n\tlines, Ä 猫"
