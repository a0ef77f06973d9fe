"""Which samples the ranges of activations are seen on."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from harness.config.files import find_benchmark, read_config
from harness.conversion.quantiser.calibration import choose, prepared
from harness.errors import ConfigError
from harness.spec.resolve import resolve
from harness.spec.schema import Spec
from harness.spec.task import open_task
from harness.zoo.files.official import cache_dir
from tasks.base import Task


@pytest.fixture(scope="module")
def spec(picture_model: Path, picture_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Spec:
    chosen = [("model.use", str(picture_model)), ("dataset.use", str(picture_data)), ("load.mode", "accuracy")]
    return resolve(read_config(find_benchmark("mobilenet_edgetpu")), chosen, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def task(spec: Spec) -> Task:
    return open_task(spec.task, spec.options, spec.dataset)


def test_samples_are_spread_evenly_over_the_data(task: Task) -> None:
    chosen = choose(task, count=4, listed=None)
    assert chosen.indices == tuple(place * len(task) // 4 for place in range(4))
    assert chosen.names[1] == f"picture_{chosen.indices[1]:04}.jpg"
    assert len(choose(task, count=10_000, listed=None).indices) == len(task)


def test_a_list_names_its_samples_with_folder_or_ending_or_without(task: Task, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("# of the makers\nval/picture_0005.jpg\npicture_0001.jpg 17\n\npicture_0003\n", encoding="ascii")
    chosen = choose(task, count=1, listed=listed)
    assert chosen.indices == (5, 1, 3)
    assert chosen.list_sha256 is not None


def test_numbers_that_are_no_names_are_places_in_the_data_set_as_mlperf_tiny_lists_them(
    task: Task, tmp_path: Path
) -> None:
    (tmp_path / "quant_cal_idxs.txt").write_text("5\n0\n3\n", encoding="ascii")
    np.save(tmp_path / "calibration_samples_idxs.npy", np.array([5, 0, 3]))
    for name in ("quant_cal_idxs.txt", "calibration_samples_idxs.npy"):
        chosen = choose(task, count=1, listed=tmp_path / name)
        assert chosen.indices == (5, 0, 3)
        assert chosen.names[0] == "picture_0005.jpg"
        assert chosen.how == f"all 3 of {name}, places in the data set from 0"


def test_numbers_are_places_also_where_samples_have_no_names_and_names_where_they_are_some(tmp_path: Path) -> None:
    class Data:
        def __init__(self, names: list[str] | None) -> None:
            self.names = names

        def sample_names(self) -> list[str] | None:
            return self.names

        def __len__(self) -> int:
            return 3

    listed = tmp_path / "list.txt"
    listed.write_text("2\n1\n", encoding="ascii")
    assert choose(cast("Task", Data(None)), count=1, listed=listed).names == ("sample 2", "sample 1")
    assert choose(cast("Task", Data(["1.png", "2.png", "3.png"])), count=1, listed=listed).indices == (1, 0)
    listed.write_text("2\n0\n", encoding="ascii")
    with pytest.raises(ConfigError, match="names 1 of 2 samples that the data set does not have: 0"):
        choose(cast("Task", Data(["1.png", "2.png", "3.png"])), count=1, listed=listed)


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ([1, 24_000], "places in the data set from 0 to .*, but 24,000 is none"),
        ([1, 1], "names place 1 more than once"),
        ([1, -1], "whole numbers from 0"),
        ([0.5], "it holds float64"),
    ],
)
def test_an_array_of_places_that_does_not_fit_the_data_is_refused(
    task: Task, tmp_path: Path, numbers: list[float], why: str
) -> None:
    np.save(tmp_path / "places.npy", np.array(numbers))
    with pytest.raises(ConfigError, match=why):
        choose(task, count=1, listed=tmp_path / "places.npy")


def test_a_list_of_questions_takes_all_windows_of_each(tmp_path: Path) -> None:
    chosen = [("model.use", "standin"), ("dataset.use", "builtin"), ("load.mode", "accuracy")]
    spec = resolve(read_config(find_benchmark("mobilebert")), chosen, cache_dir())
    questions = open_task(spec.task, spec.options, spec.dataset)
    names = questions.sample_names()
    assert names is not None
    several = next(name for name in names if names.count(name) > 1)
    one = next(name for name in names if names.count(name) == 1)
    (tmp_path / "ids.txt").write_text(f"{one}\n{several}\n", encoding="utf-8")
    found = choose(questions, count=1, listed=tmp_path / "ids.txt")
    assert found.names == (one, *[several] * names.count(several))
    assert [names[index] for index in found.indices] == list(found.names)
    (tmp_path / "ids.txt").write_text("56be4db0acb8001400a502ec\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="does not have: 56be4db0acb8001400a502ec"):
        choose(questions, count=1, listed=tmp_path / "ids.txt")


def test_names_with_blanks_are_found_and_what_stands_behind_a_name_is_none_of_it(tmp_path: Path) -> None:
    class Named:
        def sample_names(self) -> list[str]:
            return ["cat", "cat 1.jpg", "cat.dog"]

        def __len__(self) -> int:
            return 3

    listed = tmp_path / "list.txt"
    listed.write_text("cat 1.jpg\ncat.dog 7\n", encoding="ascii")
    assert choose(cast("Task", Named()), count=1, listed=listed).indices == (1, 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("picture_0001.jpg\ngone.jpg\n", "names 1 of 2 samples that the data set does not have: gone.jpg"),
        ("picture_0001.jpg\npicture_0001.jpg\n", "names picture_0001.jpg more than once"),
        ("val/picture_0001.jpg\npicture_0001\n", "names picture_0001.jpg more than once, in different ways"),
        ("\n", "names no sample"),
    ],
)
def test_a_list_that_does_not_fit_the_data_is_refused(task: Task, tmp_path: Path, text: str, why: str) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(text, encoding="ascii")
    with pytest.raises(ConfigError, match=why):
        choose(task, count=1, listed=listed)


def test_samples_are_prepared_as_a_run_prepares_them_with_the_range_of_pixels(spec: Spec) -> None:
    found = prepared(spec, (0, 2))
    assert [set(each) for each in found.values] == [{"picture"}, {"picture"}]
    assert found.values[0]["picture"].shape == (1, 32, 32, 3)
    assert found.ranges == {"picture": (-1.0, 1.0)}
    assert prepared(spec, (2, 0)).sha256 != found.sha256 == prepared(spec, (0, 2)).sha256
