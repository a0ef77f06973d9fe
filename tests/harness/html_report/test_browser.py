"""Reports in a real Chromium: at a phone's and a desktop's width, light and dark. `.ci/run` gets one."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.html_report.gathered import gather
from harness.html_report.page import render

pytestmark = pytest.mark.browser
SEEN = [(width, scheme) for width in (390, 1280) for scheme in ("light", "dark")]
_LUMINANCE = """
() => {
  const light = text => {
    const part = text.match(/[\\d.]+/g).slice(0, 3).map(Number).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const ground = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  for (const element of document.querySelectorAll("p,li,td,th,dt,dd,h1,h2,h3,h4,strong,summary,figcaption,a")) {
    if (!element.textContent.trim() || element.closest(".unseen")) continue;
    const both = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
    const ratio = (both[0] + 0.05) / (both[1] + 0.05);
    if (ratio < 4.5) poor.push(`${element.tagName} ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return poor;
}
"""
"""Text whose contrast is below WCAG 2.2's 4.5 (success criterion 1.4.3)."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    named = os.environ.get("TFLITE_LOADGEN_CHROMIUM")
    found = named or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if found is None:
        pytest.skip("no Chromium: .ci/run gets one, or name it with TFLITE_LOADGEN_CHROMIUM")
    if not named:
        pytest.importorskip("playwright", reason="./run.sh install browser brings playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # Chromium refuses its sandbox to root, as CI's containers are.
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"], timeout=0)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def faces_run(
    run_command: Callable[..., subprocess.CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An accuracy run of the stand-in whose gallery draws points on pictures."""
    folder = tmp_path_factory.mktemp("faces")
    given = ("--task", "face_landmark", "--mode", "accuracy", "--count", "4")
    done = run_command("run", *given, "--out", folder / "run", cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def report(timed_run: Path, scored_run: Path, faces_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of them all."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(gather([timed_run, scored_run, faces_run], gallery=True)), encoding="utf-8")
    return path


@pytest.fixture(params=SEEN, ids=lambda seen: f"{seen[0]} px, {seen[1]}")
def page(request: pytest.FixtureRequest, chromium: Any, report: Path) -> Iterator[Any]:
    """The report as it was loaded; `complaints` has what the console said and what was asked of the network."""
    width, scheme = request.param
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    # However busy the machine is.
    context.set_default_timeout(0)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    own = (report.as_uri(), "data:")
    page.on("request", lambda asked: None if asked.url.startswith(own) else page.complaints.append(asked.url))
    page.goto(report.as_uri())
    page.shown = (width, scheme)
    yield page
    context.close()


def test_a_report_fits_its_width_asks_nothing_of_the_network_and_says_nothing_to_the_console(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.shown[0]
    assert page.complaints == []


def test_charts_have_names_and_follow_the_theme(page: Any) -> None:
    charts = page.locator("svg[role=img]")
    assert charts.count() >= 4
    assert all(charts.nth(place).get_attribute("aria-label") for place in range(charts.count()))
    bar = page.evaluate("getComputedStyle(document.querySelector('svg [fill=\"var(--bar)\"]')).fill")
    assert bar == ("rgb(42, 111, 176)" if page.shown[1] == "light" else "rgb(111, 177, 236)")


def test_text_has_enough_contrast(page: Any) -> None:
    assert page.evaluate(_LUMINANCE) == []
    page.evaluate("document.querySelector('h1').style.color = '#777'")
    assert len(page.evaluate(_LUMINANCE)) == 1


def test_axe_finds_nothing(page: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found] == []


def test_headings_tables_and_pictures_have_names(page: Any) -> None:
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("main").count() == 1


def test_what_scrolls_and_folds_is_reached_by_the_keyboard(page: Any) -> None:
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.className || document.activeElement.tagName"))
    assert "scrolls" in reached
    assert "SUMMARY" in reached


def test_landmarks_lie_on_their_pictures(page: Any) -> None:
    found = page.evaluate("""() => [...document.querySelectorAll("path.points")].map(points => {
      const figure = points.closest("figure"), box = points.getBoundingClientRect();
      const picture = figure.querySelector("img"), on = picture.getBoundingClientRect();
      return [points.getAttribute("class"), picture.naturalWidth, box.left >= on.left - 1 && box.right <= on.right + 1
              && box.top >= on.top - 1 && box.bottom <= on.bottom + 1, on.right <= innerWidth];
    })""")
    assert len(found) == 2 * 4
    assert {name.split()[1] for name, *_ in found} >= {"true"}
    assert all(width > 0 and within and seen for _, width, within, seen in found), found
