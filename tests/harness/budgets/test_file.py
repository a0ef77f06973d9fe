"""Budget files, right and wrong."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from accuracy.metric.own_metrics import GROUP
from harness.budgets.file import find_budget, only, read_budget
from harness.errors import ConfigError, UnknownName

CHROMEOS = [
    "selfie_segmentation_landscape_256x256_f16",
    "selfie_segmentation_landscape_256x256_f32",
    "convolution_benchmark_1_144x256",
    "convolution_benchmark_2_144x256",
    "mobilenet_v2_1.0_224",
    "mobilenet_v2_1.0_224_quant",
    "lstm",
    "seanet_wave",
    "seanet_stft",
]


def test_the_budget_of_chromeos_has_its_nine_rows() -> None:
    budget = read_budget(find_budget("chromeos"), {"backend": "gpu"}, {"min_secs": 1.0})
    assert [row.name for row in budget.rows] == CHROMEOS
    limits = {row.name: {limit.figure.name: limit.value for limit in row.limits} for row in budget.rows}
    assert limits["mobilenet_v2_1.0_224"] == {
        "latency.mean": 5e6,
        "difference.avg_error": 5e-5,
        "difference.std_dev": 6e-6,
        "peak_memory": 150_000_000,
        "power": None,
    }
    assert {row.section.run_delay for row in budget.rows} == {None, 0.01, 0.02}
    # The rows that the document measures on the CPU stay there.
    assert {row.name: row.section.backend for row in budget.rows}["lstm"] == "cpu"
    assert budget.rows[0].section.backend == "gpu"
    assert {row.section.min_secs for row in budget.rows} == {1.0}
    assert [row.name for row in only(budget, ["lstm"]).rows] == ["lstm"]
    with pytest.raises(UnknownName, match="did you mean 'seanet_wave'"):
        only(budget, ["seanet_waves"])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{model: m, limits: {latency.meam: 5ms}}", "did you mean 'latency.mean'?"),
        (
            "{model: m, limits: {latency.mean: 5msec}}",
            "latency.mean must be a time such as 5ms, 800us or 1.5s, not '5msec'",
        ),
        ("{model: m, limits: {latency.mean: 5}}", "latency.mean must be a time"),
        ("{model: m, limits: {peak_memory: 5ms}}", "peak_memory must be a size such as 512MB"),
        ("{model: m, limits: {size: {limit: 5MB, optinal: true}}}", "did you mean 'optional'?"),
        ("{model: m, limits: {latency.mean: -5ms}}", "not '-5ms', which is less than nothing"),
        (
            "{model: m, limits: {difference.argmax_agreement: 75}}",
            "difference.argmax_agreement is a fraction of 1, so 75 can't be its limit: write 0.75 or 75%",
        ),
        ("{model: m, limits: {}}", "limits"),
        ("{model: m, limit: {size: 5MB}}", "did you mean 'limits'?"),
        ("{limits: {size: 5MB}}", "model: this field is needed"),
        ("{model: m, threads: 0, limits: {size: 5MB}}", "threads"),
        ("{model: m, backend: gpuu, limits: {size: 5MB}}", "did you mean 'gpu'?"),
        ("{model: m, backend: 'cpu:xnpack=false', limits: {size: 5MB}}", "did you mean 'xnnpack'?"),
        ("{model: m, reference: bulitin, limits: {size: 5MB}}", "did you mean 'builtin'?"),
        ("{model: m, limits: {accuracy.top1: 75%}}", "needs to know the run that measures it"),
        ("{model: m, accuracy: {task: kws}, limits: {accuracy.topp1: 75%}}", "did you mean 'top1'?"),
        ("{model: m, accuracy: {task: kwss}, limits: {accuracy.top1: 75%}}", "did you mean 'kws'?"),
        ("{model: m, accuracy: {task: kwss}, limits: {size: 5MB}}", "did you mean 'kws'?"),
        ("{model: m, limits: {size: true}}", "not True"),
        ("{model: m, limits: {size: 1e400}}", "beyond all numbers"),
        ("{model: m, accuracy: {task: kws}, limits: {accuracy.top1: 5ms}}", "must be a fraction of 1"),
    ],
)
def test_a_mistake_is_said_by_its_row_with_what_to_write(row: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "budget.yaml"
    path.write_text(f"title: mine\nrows:\n  - {{model: ok, limits: {{size: 1MB}}}}\n  - {row}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_budget(path, {}, {})
    assert said in str(error.value)
    assert "row 2" in str(error.value)


def test_two_rows_of_one_name_and_a_file_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "budget.yaml"
    path.write_text(
        "title: t\nrows: [{model: m, limits: {size: 1B}}, {model: m, limits: {size: 2B}}]\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError, match="two rows are called m"):
        read_budget(path, {}, {})
    path.write_text("title: t\nrow: []\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean 'rows'"):
        read_budget(path, {}, {})
    with pytest.raises(UnknownName, match="did you mean 'chromeos'"):
        find_budget("chrome-os")
    with pytest.raises(ConfigError, match=r"no budget file at absent\.yaml"):
        find_budget("absent.yaml")


def test_a_file_with_another_ending_is_named_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").write_text("title: mine\nrows: []\n", encoding="ascii")
    with pytest.raises(ConfigError, match=r"named as \./mine"):
        find_budget("mine")
    assert find_budget("./mine") == Path("mine")


class Angle:
    """As a package would have it."""

    unit = "count"
    lower_is_better = True

    def update(self, found: object, expected: object) -> None: ...

    def compute(self) -> float:
        return 0.0


def test_a_limit_of_a_metric_of_the_users_own_is_read_as_the_benchmark_s_config_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = metadata.EntryPoint("angle", "anywhere:Angle", GROUP)
    monkeypatch.setattr(metadata, "entry_points", lambda **_: [entry])
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda _: Angle)
    (tmp_path / "mine.yaml").write_text(
        "title: Mine\ntask: tensors\nmodel: {use: m}\ndataset: {metrics: [angle]}\n", encoding="utf-8"
    )
    (tmp_path / "budget.yaml").write_text(
        f"title: t\nrows: [{{model: m, accuracy: {{task: {tmp_path}/mine.yaml}}, limits: {{accuracy.angle: 2}}}}]\n",
        encoding="utf-8",
    )
    (limit,) = read_budget(tmp_path / "budget.yaml", {}, {}).rows[0].limits
    assert (limit.value, limit.figure.unit, limit.figure.at_most) == (2, "count", True)
