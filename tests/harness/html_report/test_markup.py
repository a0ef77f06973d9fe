from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.html_report.markup import Html, element, escaped, joined, table


class Seen(HTMLParser):
    """What a browser would make of it: elements with their attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_no_text_becomes_an_element_or_an_attribute(text: str) -> None:
    seen = Seen(element("p", text, title=text).text)
    assert [tag for tag, _ in seen.elements] == ["p"]
    assert list(seen.elements[0][1]) == ["title"]


def test_hostile_names_are_shown_as_they_are() -> None:
    name = "<script>alert('x')</script>\" onload=\"y&amp;"
    assert Seen(table(name, [(name, name)]).text).text.count(name) == 3


def test_what_cannot_be_seen_or_turns_the_text_becomes_a_sign() -> None:
    assert escaped("a\x00b\u202ec\ud800") == "a\ufffdb\ufffdc\ufffd"


def test_html_stands_as_it_is_and_text_beside_it_does_not() -> None:
    assert joined([Html("<b>"), "<i>"]).text == "<b>&lt;i&gt;"


def test_a_false_attribute_is_left_out_and_a_true_one_stands_alone() -> None:
    assert element("p", hidden=True, title=False, aria_label="x").text == '<p hidden aria-label="x"></p>'


def test_a_table_names_its_rows_and_columns() -> None:
    seen = Seen(table("sizes", [("a", "1")], ("what", "how many"), numbers=frozenset({1})).text)
    scopes = [attributes.get("scope") for tag, attributes in seen.elements if tag == "th"]
    assert scopes == ["col", "col", "row"]


def test_only_words_without_end_are_broken() -> None:
    found = table("words", [("short", "y" * 100, "plain words of a sentence")]).text
    assert found.count('class="long"') == 1
