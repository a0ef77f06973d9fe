"""Samples, the worst first: what the model said beside what is right."""

from __future__ import annotations

import base64
import io

from PIL import Image

from harness.html_report.markup import Html, Part, element, joined, section, table
from tasks.outputs.exhibits import Exhibit, ExhibitBox, Exhibition, UInt8Array

_SIDE = 320
"""Pixels of a shown picture's longer side."""
_QUALITY = 80
_RIGHT = 0.999
_MOST_TEXT = 400
_MOST_PAIRS = 20


def gallery_sections(found: Exhibition) -> list[Html]:
    """The gallery, and which classes were taken for which; nothing where the task has nothing to show."""
    parts = []
    if found.exhibits:
        wrong = sum(one.quality < _RIGHT for one in found.exhibits)
        said = f"The worst {len(found.exhibits):,} of {found.judged:,}; {wrong:,} of these are not wholly right."
        items = [_shown(one) for one in found.exhibits]
        parts.append(
            section(
                "Samples, the worst first", element("p", said, class_="soft"), element("div", *items, class_="gallery")
            )
        )
    if found.confused:
        parts.append(_confused(found))
    return parts


def _confused(found: Exhibition) -> Html:
    pairs = sorted(found.confused.items(), key=lambda item: (-item[1], item[0]))
    wrong = sum(found.confused.values())
    said = f"{wrong:,} of {found.judged:,} answers name another class"
    if len(pairs) > _MOST_PAIRS:
        said += f"; the {_MOST_PAIRS} most frequent of {len(pairs):,} pairs"
    rows = [(right, taken, f"{times:,}") for (right, taken), times in pairs[:_MOST_PAIRS]]
    listed = table(
        "Classes that were taken for others", rows, ("it is", "the model said", "times"), numbers=frozenset({2})
    )
    return section("What was taken for what", element("p", f"{said}.", class_="soft"), listed)


def _shown(one: Exhibit) -> Html:
    parts: list[Part] = []
    if one.said_picture is not None:
        pictures = [
            ("the sample", one.picture),
            ("what the model made", one.said_picture),
            ("what is right", one.true_picture),
        ]
        shown = [
            _image(pixels, f"{one.name}: {what}", lossless=at > 0)
            for at, (what, pixels) in enumerate(pictures)
            if pixels is not None
        ]
        parts.append(element("div", *shown, class_="pair"))
    elif one.picture is not None:
        image = _image(one.picture, f"{one.name}: {one.truth}; the model said {one.said}")
        boxes = [*(_box(box, "true") for box in one.true_boxes)]
        boxes += [_box(box, "said-right" if box.right else "said-wrong") for box in one.said_boxes]
        boxes += _points(one)
        if boxes:
            drawn = element("svg", *boxes, viewBox="0 0 1000 1000", preserveAspectRatio="none", aria_hidden="true")
            image = element("div", image, drawn, class_="boxed")
        parts.append(image)
    verdict = "right" if one.quality >= _RIGHT else "wrong"
    answers = joined(
        [
            element("dt", "said"),
            element("dd", _short(one.said), class_=verdict),
            element("dt", "right" if verdict == "wrong" else "is"),
            element("dd", _short(one.truth)),
        ]
    )
    parts += [element("dl", answers, class_="answers"), element("div", one.name, class_="soft"), *_listed(one)]
    return element("figure", *parts)


def _listed(one: Exhibit) -> list[Html]:
    """The boxes in words: for those who do not see them, or not the colours."""
    said = [
        f"{box.label}, {box.score:.0%}{'' if box.right else ', wrong'}"
        for box in one.said_boxes
        if box.score is not None
    ]
    true = [f"{box.label}{'' if box.right else ', missed'}" for box in one.true_boxes]
    if not said and not true:
        return []
    texts = (f"found: {'; '.join(said) or 'nothing'}", f"there: {'; '.join(true) or 'nothing'}")
    return [element("details", element("summary", "boxes"), *(element("p", text, class_="soft") for text in texts))]


def _points(one: Exhibit) -> list[Html]:
    """The reference's first, so that the model's lie above."""
    kind = "said-right" if one.quality >= _RIGHT else "said-wrong"
    drawn = ((one.true_points, "points true"), (one.said_points, f"points {kind}"))
    # A line of no length with round ends is a dot, in a few letters.
    return [
        element("path", class_=name, d="".join(f"M{1000 * x:.0f} {1000 * y:.0f}h0" for x, y in points))
        for points, name in drawn
        if points
    ]


def _box(box: ExhibitBox, kind: str) -> Html:
    sides = {"x": box.x, "y": box.y, "width": max(0.0, box.width), "height": max(0.0, box.height)}
    return element("rect", class_=kind, **{name: f"{1000 * value:.1f}" for name, value in sides.items()})


def _image(pixels: UInt8Array, said: str, *, lossless: bool = False) -> Html:
    picture = Image.fromarray(pixels)
    # A class map's colours must not be mixed.
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.NEAREST if lossless else Image.Resampling.BILINEAR)
    file = io.BytesIO()
    if lossless and len(picture.getcolors(256) or ()) > 0:
        picture.quantize(256).save(file, "PNG", optimize=True)
        kind = "png"
    else:
        picture.save(file, "JPEG", quality=_QUALITY)
        kind = "jpeg"
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return element(
        "img",
        src=f"data:image/{kind};base64,{data}",
        alt=said[:_MOST_TEXT],
        width=str(picture.width),
        height=str(picture.height),
    )


def _short(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}..."
