from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from sklearn.metrics import mean_squared_error

from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.psnr import MOST_DB, Originals, Psnr, psnr, score_files

UInt8Array = npt.NDArray[np.uint8]
sides = st.integers(1, 8)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.data(), st.tuples(sides, sides, st.sampled_from([1, 3])))
def test_the_ratio_is_that_of_scikit_learns_squared_error(data: st.DataObject, shape: tuple[int, int, int]) -> None:
    first, second = (data.draw(hnp.arrays(np.uint8, shape)) for _ in range(2))
    assume((first != second).any())
    error = mean_squared_error(first.ravel().astype(float), second.ravel().astype(float))
    assert psnr(first, second) == pytest.approx(10 * math.log10(255**2 / error))
    assert psnr(first, second) == psnr(second, first)


def test_black_against_white_has_no_signal_left() -> None:
    assert psnr(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)) == 0


def test_off_by_one_everywhere_has_48_db() -> None:
    assert psnr(np.full((4, 4, 3), 7, np.uint8), np.full((4, 4, 3), 8, np.uint8)) == pytest.approx(48.1308, abs=1e-4)


def test_an_identical_picture_counts_the_most_that_any_can() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3)).astype(np.uint8)
    assert psnr(picture, picture) == MOST_DB
    other = picture.copy()
    other[0, 0, 0] ^= 1
    assert psnr(picture, other) == MOST_DB  # 116 dB, which is not allowed to beat equality


def test_the_mean_is_taken_over_decibels_and_not_over_errors() -> None:
    metric, black = Psnr(), np.zeros((1, 1, 3), np.uint8)
    metric.update(black, np.full((1, 1, 3), 1, np.uint8))
    metric.update(black, np.full((1, 1, 3), 100, np.uint8))
    assert metric.compute() == {"psnr_db": pytest.approx((20 * math.log10(255) + 20 * math.log10(2.55)) / 2)}


def test_a_mean_over_no_picture_is_left_out_instead_of_made_up() -> None:
    assert Psnr().compute() == {}


def test_pictures_of_another_shape_or_type_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 1, 3\) has an original of shape \(1, 2, 3\)"):
        psnr(np.zeros((2, 1, 3), np.uint8), np.zeros((1, 2, 3), np.uint8))
    with pytest.raises(ValueError, match="not float32 and uint8"):
        psnr(np.zeros((2, 1, 3), np.float32), np.zeros((2, 1, 3), np.uint8))


def save(folder: Path, name: str, picture: UInt8Array) -> None:
    folder.mkdir(exist_ok=True)
    Image.fromarray(picture).save(folder / name)


def test_the_command_scores_a_folder_against_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    save(tmp_path / "made", "a.png", picture + np.uint8(1))
    save(tmp_path / "hr", "a.png", picture)
    arguments = ["--predictions", str(tmp_path / "made"), "--truth", str(tmp_path / "hr")]
    assert command.run(score_files, "", arguments) == 0
    assert json.loads(capsys.readouterr().out)["psnr_db"] == pytest.approx(48.1308, abs=1e-4)
    save(tmp_path / "made", "a.png", picture[:, :4])
    assert command.run(score_files, "", arguments) == 2
    assert "a: predicted at (6, 4, 3), but its original has (6, 8, 3)" in capsys.readouterr().err
    save(tmp_path / "hr", "b.png", picture)
    assert command.run(score_files, "", arguments) == 2
    assert "no file for 1 of the samples: b" in capsys.readouterr().err


def test_an_original_may_be_grey_but_neither_of_16_bits_nor_with_alpha(tmp_path: Path) -> None:
    save(tmp_path, "grey.png", np.full((2, 3), 9, np.uint8))
    Image.fromarray(np.zeros((2, 3), np.uint16)).save(tmp_path / "deep.png")
    Image.new("RGBA", (3, 2)).save(tmp_path / "alpha.png")
    originals = Originals.open(tmp_path)
    np.testing.assert_array_equal(originals.read("grey"), np.full((2, 3, 3), 9))
    assert originals.size("grey") == (2, 3)
    with pytest.raises(TruthError, match=r"deep\.png in .* is I;16 of 3x2"):
        originals.read("deep")
    with pytest.raises(TruthError, match=r"alpha\.png in .* is RGBA of 3x2"):
        originals.size("alpha")


def test_a_truncated_original_is_named(tmp_path: Path) -> None:
    save(tmp_path, "a.png", np.random.default_rng(1).integers(0, 255, (32, 32, 3)).astype(np.uint8))
    whole = (tmp_path / "a.png").read_bytes()
    for kept in (0, 20, len(whole) // 2):
        (tmp_path / "a.png").write_bytes(whole[:kept])
        with pytest.raises(TruthError, match=r"a\.png in"):
            Originals.open(tmp_path).read("a")


def test_an_original_whose_stream_of_pixels_ends_too_soon_is_named(tmp_path: Path) -> None:
    save(tmp_path, "a.png", np.full((8, 4, 3), 90, np.uint8))
    whole = bytearray((tmp_path / "a.png").read_bytes())
    whole[20:24] = (9).to_bytes(4, "big")  # a row more than there is
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(whole)
    with pytest.raises(TruthError, match=r"a\.png in .* it ends too soon: 4x9 pixels are 117 bytes, but it holds 104"):
        Originals.open(tmp_path).read("a")


def test_each_picture_counted_gives_its_own_ratio() -> None:
    metric, black = Psnr(), np.zeros((2, 2, 3), np.uint8)
    ratios = [metric.update(black + np.uint8(step), black) for step in (1, 16)]
    assert ratios == [psnr(black + np.uint8(1), black), psnr(black + np.uint8(16), black)]
    assert metric.compute()["psnr_db"] == pytest.approx(sum(ratios) / 2)
