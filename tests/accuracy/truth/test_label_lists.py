"""Lists of classes in the forms in which people keep them."""

from __future__ import annotations

import pytest

from accuracy.truth.label_lists import names_in


@pytest.mark.parametrize(
    "text",
    [
        "cat\ndog\n",
        "0 cat\n1 dog\n",
        "2: dog\n1: cat\n",
        "1,dog\n0,cat\n",
        "cat,0\ndog,1\n",
        "dog\t2\ncat\t1\n",
        '["cat", "dog"]',
        '{"1": "dog", "0": "cat"}',
        '{"dog": 1, "cat": 0}',
    ],
)
def test_every_form_of_one_list_reads_the_same(text: str) -> None:
    assert names_in(text) == ["cat", "dog"]


def test_kerass_index_has_a_synset_before_each_name() -> None:
    assert names_in('{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}') == [
        "n01440764 tench",
        "n01443537 goldfish",
    ]


@pytest.mark.parametrize("text", ["1984\n2001\n", "digit, 5\ndigit, 7\n", "cat, 3\ndog, 9\n", "5 cat\n7 dog\n"])
def test_numbers_that_count_nothing_are_part_of_the_names(text: str) -> None:
    assert names_in(text) == text.splitlines()


@pytest.mark.parametrize("mark", [". ", ") ", "=", " = ", ": ", "\t"])
def test_numbers_before_all_names_say_their_places_whatever_stands_between(mark: str) -> None:
    assert names_in(f"2{mark}blue\n0{mark}red\n1{mark}green\n") == ["red", "green", "blue"]


def test_a_decimal_number_is_a_name_and_no_place() -> None:
    assert names_in("1.5 litres\n0.5 litres\n") == ["1.5 litres", "0.5 litres"]


def test_places_may_leave_gaps_as_cocos_ids_do() -> None:
    assert names_in("1 person\n2 bicycle\n4 motorcycle\n") == ["person", "bicycle", "", "motorcycle"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"cat": 3, "dog": 5}', "neither a list of names nor places"),
        ('{"0": "cat", "1": "dog", "0": "ant"}', "the key '0' stands twice"),
        ('["cat"', "begins like JSON and is none"),
        ("item {\n  id: 1\n  name: 'cat'\n}\n", "label map of TensorFlow's"),
    ],
)
def test_what_is_another_form_is_refused_with_what_it_is(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        names_in(text)
