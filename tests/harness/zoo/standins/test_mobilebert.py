from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from harness.zoo.graph import mobilebert
from harness.zoo.graph.mobilebert import MobileBertConfig, Variant, build_graph
from harness.zoo.standins.mobilebert import make_weights

Array = npt.NDArray[Any]
Question = Mapping[str, Array]

SMALL = MobileBertConfig(
    vocabulary=300,
    embedding=16,
    hidden=48,
    bottleneck=32,
    heads=4,
    intermediate=40,
    feed_forwards=2,
    blocks=2,
    positions=40,
    sequence=24,
)
# Of the small model in each variant. A change of the architecture, the weights or the format changes them.
_SHA256 = {
    "float32": "76ec939be2d5ed3865359caec5af507cb15ced92fa4d3ab5f8e319292c869e74",
    "int8": "72833174446fb9f18cd174393a21d3aee6dd0dbee79d94092b114e1f1f32cc49",
}
_OP_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}


def _question(config: MobileBertConfig, seed: int, tokens: int, question_tokens: int) -> dict[str, Array]:
    """Random ids: a question, a passage, and padding with id 0. The passage depends on the length only."""
    passage = np.random.default_rng(tokens).integers(1, config.vocabulary, tokens)
    asked = np.random.default_rng(seed).integers(1, config.vocabulary, question_tokens)
    places = np.arange(config.sequence)
    ids = np.zeros(config.sequence, np.int32)
    ids[:tokens] = passage
    ids[:question_tokens] = asked
    mask = (places < tokens).astype(np.int32)
    segments = ((places >= question_tokens) & (places < tokens)).astype(np.int32)
    return {"input_ids": ids[None], "input_mask": mask[None], "segment_ids": segments[None]}


SMALL_QUESTION = _question(SMALL, seed=1, tokens=17, question_tokens=6)
_TOKENS = slice(0, 17)


def _model(weights: Mapping[str, Array], variant: Variant, config: MobileBertConfig = SMALL) -> bytes:
    file = io.BytesIO()
    build_graph(weights, config, variant).write(file)
    return file.getvalue()


def _interpreter(model: bytes | Path, **options: Any) -> Interpreter:
    where = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
    interpreter = Interpreter(**where, **options)
    interpreter.allocate_tensors()
    return interpreter


def _answer(interpreter: Interpreter, question: Question) -> dict[str, Array]:
    runner = interpreter.get_signature_runner("serving_default")
    return {name: logits[0].copy() for name, logits in runner(**question).items()}


@cache
def _small_weights() -> dict[str, Array]:
    return make_weights(SMALL)


@pytest.fixture(scope="session")
def full_files(made: Callable[[str, str], Path]) -> dict[Variant, Path]:
    """Both full-size models."""
    return {"float32": made("standins", "mobilebert_float32"), "int8": made("standins", "mobilebert_int8")}


@pytest.fixture(scope="session")
def full_answers(full_files: dict[Variant, Path]) -> dict[tuple[Variant, int], dict[str, Array]]:
    """What both models answer to two questions about one passage of 200 tokens."""
    config = MobileBertConfig()
    answers = {}
    for variant, path in full_files.items():
        interpreter = _interpreter(path, num_threads=2)
        for seed in (1, 2):
            answers[variant, seed] = _answer(interpreter, _question(config, seed, tokens=200, question_tokens=12))
    return answers


def reference(weights: Mapping[str, Array], question: Question, config: MobileBertConfig) -> dict[str, Array]:
    """MobileBERT as the paper describes it, in float64 and one head after the other."""

    def weight(name: str) -> Array:
        return weights[name].astype(np.float64)

    def dense(name: str, values: Array) -> Array:
        products: Array = np.einsum("ti,oi->to", values, weight(f"{name}/weight"))
        return products + weight(f"{name}/bias")

    def no_norm(name: str, values: Array) -> Array:
        return weight(f"{name}/gamma") * values + weight(f"{name}/beta")

    ids, mask, segments = (question[name][0] for name in ("input_ids", "input_mask", "segment_ids"))
    words = weight("embeddings/word")
    nothing = np.zeros(config.embedding)
    trigrams = [
        np.concatenate(
            [words[ids[t + 1]] if t + 1 < len(ids) else nothing, words[i], words[ids[t - 1]] if t else nothing]
        )
        for t, i in enumerate(ids)
    ]
    hidden = dense("embeddings/trigram", np.array(trigrams))
    hidden = hidden + weight("embeddings/segment")[segments] + weight("embeddings/position")[: len(ids)]
    hidden = no_norm("embeddings/norm", hidden)
    for name in (f"block_{index:02}" for index in range(config.blocks)):
        narrow = no_norm(f"{name}/bottleneck/input/norm", dense(f"{name}/bottleneck/input", hidden))
        shared = no_norm(f"{name}/bottleneck/attention/norm", dense(f"{name}/bottleneck/attention", hidden))
        query, key = dense(f"{name}/attention/query", shared), dense(f"{name}/attention/key", shared)
        value = dense(f"{name}/attention/value", hidden)
        contexts = []
        for head in np.split(np.arange(config.bottleneck), config.heads):
            scores = query[:, head] @ key[:, head].T / np.sqrt(len(head))
            scores = np.where(mask == 1, scores, -np.inf)
            shares = np.exp(scores - scores.max(axis=1, keepdims=True))
            contexts.append(shares / shares.sum(axis=1, keepdims=True) @ value[:, head])
        attended = dense(f"{name}/attention/output", np.concatenate(contexts, axis=1))
        narrow = no_norm(f"{name}/attention/norm", narrow + attended)
        for ffn in (f"{name}/ffn_{index}" for index in range(config.feed_forwards)):
            inner = np.maximum(dense(f"{ffn}/intermediate", narrow), 0)
            narrow = no_norm(f"{ffn}/norm", narrow + dense(f"{ffn}/output", inner))
        hidden = no_norm(f"{name}/bottleneck/output/norm", hidden + dense(f"{name}/bottleneck/output", narrow))
    logits = dense("squad", hidden)
    return {"start_logits": logits[:, 0], "end_logits": logits[:, 1]}


def _difference(one: Mapping[str, Array], other: Mapping[str, Array], where: slice = slice(None)) -> float:
    assert one.keys() == other.keys()
    return max(float(np.abs(one[name] - other[name])[where].max()) for name in one)


# What is in the file.


def test_the_weights_are_as_many_as_the_published_architecture_has() -> None:
    def dense(inputs: int, outputs: int) -> int:
        return (inputs + 1) * outputs

    embeddings = 30_522 * 128 + 512 * 512 + 2 * 512 + dense(3 * 128, 512) + 2 * 512
    bottlenecks = 2 * (dense(512, 128) + 2 * 128) + dense(128, 512) + 2 * 512
    attention = 2 * dense(128, 128) + dense(512, 128) + dense(128, 128) + 2 * 128
    feed_forward = dense(128, 512) + dense(512, 128) + 2 * 128
    total = embeddings + 24 * (bottlenecks + attention + 4 * feed_forward) + dense(512, 2)
    assert total == 24_582_914
    assert sum(np.prod(shape) for shape in mobilebert.weight_shapes(MobileBertConfig()).values()) == total
    assert abs(total / 25.3e6 - 1) < 0.03, "the paper's 25.3 M, with the heads used in pre-training"


def test_the_file_holds_every_weight_that_a_window_can_reach(full_files: dict[Variant, Path]) -> None:
    model = schema.Model.GetRootAs(full_files["float32"].read_bytes(), 0)
    main = model.Subgraphs(0)
    stored = 0
    for index in range(main.TensorsLength()):
        tensor = main.Tensors(index)
        if tensor.Type() == schema.TensorType.FLOAT32 and model.Buffers(tensor.Buffer()).DataLength():
            stored += int(np.prod(tensor.ShapeAsNumpy()))
    beyond_the_window = (512 - 384) * 512
    scalars = 3  # score scale, mask factor and offset
    assert stored == 24_582_914 - beyond_the_window + scalars


def _operators(content: bytes) -> list[tuple[str, list[tuple[int, ...]], str]]:
    """Of each operator: its name, its inputs' shapes, and its first output's name."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    (graph,) = model.subgraphs
    found = []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        shapes = [tuple(graph.tensors[index].shape) for index in operator.inputs]
        output = graph.tensors[operator.outputs[0]].name.decode()
        found.append((_OP_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)], shapes, output))
    return found


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_24_blocks_have_the_operators_of_the_published_architecture(
    full_files: dict[Variant, Path], variant: Variant
) -> None:
    operators = _operators(full_files[variant].read_bytes())
    blocks = Counter(name.split("/")[0] for _, _, name in operators if name.startswith("block_"))
    assert len(blocks) == 24
    assert len(set(blocks.values())) == 1, "equal blocks"
    count = Counter(op for op, _, _ in operators)
    # Two bottlenecks in, three projections, the attention's output, 4 x 2 feed-forward, one bottleneck out.
    assert count["FULLY_CONNECTED"] == 24 * (2 + 3 + 1 + 8 + 1) + 2
    assert count["BATCH_MATMUL"] == 48
    assert count["SOFTMAX"] == 24
    products = Counter(tuple(shapes[0]) for op, shapes, _ in operators if op == "BATCH_MATMUL")
    assert products == {(1, 4, 384, 32): 24, (1, 4, 384, 384): 24}


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_sums_and_products_have_rank_3_and_more(variant: Variant) -> None:
    """At rank 2 a GPU accelerator was seen to answer wrongly."""
    shapes = [
        shape
        for op, operands, _ in _operators(_model(_small_weights(), variant))
        if op in {"ADD", "MUL", "SUB"}
        for shape in operands
    ]
    assert len(shapes) > 60
    assert min(map(len, shapes)) >= 3


def test_the_files_have_the_size_of_the_official_ones(full_files: dict[Variant, Path]) -> None:
    assert 98e6 < full_files["float32"].stat().st_size < 99e6
    assert 26e6 < full_files["int8"].stat().st_size < 28e6


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_inputs_and_outputs_are_those_of_the_official_file(full_files: dict[Variant, Path], variant: Variant) -> None:
    interpreter = _interpreter(full_files[variant])
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    assert [detail["name"] for detail in inputs] == ["input_ids", "input_mask", "segment_ids"]
    assert [detail["name"] for detail in outputs] == ["end_logits", "start_logits"], "the end comes first"
    assert {detail["dtype"] for detail in inputs} == {np.int32}
    assert {detail["dtype"] for detail in outputs} == {np.float32}
    assert {tuple(detail["shape"]) for detail in inputs + outputs} == {(1, 384)}
    signature = interpreter.get_signature_list()["serving_default"]
    assert sorted(signature["inputs"]) == ["input_ids", "input_mask", "segment_ids"]
    assert sorted(signature["outputs"]) == ["end_logits", "start_logits"]


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_all_but_the_look_ups_runs_in_xnnpack_in_one_piece(variant: Variant) -> None:
    operators = _interpreter(_model(_small_weights(), variant))._get_ops_details()
    (delegate,) = (op for op in operators if op["op_name"] == "DELEGATE")
    producers = {output: op for op in operators if op["op_name"] != "DELEGATE" for output in op["outputs"]}

    def needed_for(tensors: Any, stop: set[int]) -> set[int]:
        """The operators behind tensors, up to tensors that come from elsewhere."""
        found: set[int] = set()
        queue = list(tensors)
        while queue:
            tensor = queue.pop()
            if tensor in producers and tensor not in stop and producers[tensor]["index"] not in found:
                found.add(producers[tensor]["index"])
                queue.extend(producers[tensor]["inputs"])
        return found

    handed_over = set(delegate["inputs"].tolist())
    inside = needed_for(delegate["outputs"], stop=handed_over)
    outside = Counter(op["op_name"] for op in producers.values() if op["index"] not in inside)
    assert set(outside) <= {"GATHER", "EMBEDDING_LOOKUP", "CAST", "RESHAPE"}
    assert outside.total() <= 6
    assert len(inside) > 90


# What it answers.


def test_the_graph_answers_as_an_independent_implementation_does() -> None:
    answer = _answer(_interpreter(_model(_small_weights(), "float32")), SMALL_QUESTION)
    expected = reference(_small_weights(), SMALL_QUESTION, SMALL)
    assert _difference(answer, expected) < 1e-4
    # The order of the file matters to a caller that binds by position.
    assert np.abs(expected["end_logits"] - expected["start_logits"]).max() > 0.5


@pytest.mark.parametrize("name", sorted(mobilebert.weight_shapes(SMALL)))
def test_every_weight_counts(name: str) -> None:
    """The comparison above would see a weight that is left out, or out of place."""
    weights = dict(_small_weights())
    weights[name] = np.roll(weights[name], 1, axis=0) + np.float32(0.2)
    changed = _difference(
        reference(weights, SMALL_QUESTION, SMALL), reference(_small_weights(), SMALL_QUESTION, SMALL), _TOKENS
    )
    if name.endswith("attention/key/bias"):
        # It moves all scores of a query by the same amount, which the softmax takes out again.
        assert changed < 1e-9
    else:
        assert changed > 1e-3


def _with_other_padding() -> dict[str, Array]:
    question = {name: values.copy() for name, values in SMALL_QUESTION.items()}
    # Not the first padding: the last token's trigram looks at it, in the official model too.
    question["input_ids"][0, 18:] = 77
    question["segment_ids"][0, 18:] = 1
    return question


def test_what_is_masked_does_not_change_the_answer() -> None:
    interpreter = _interpreter(_model(_small_weights(), "float32"))
    plain, other = _answer(interpreter, SMALL_QUESTION), _answer(interpreter, _with_other_padding())
    assert _difference(plain, other, _TOKENS) < 1e-4
    assert _difference(plain, other, slice(18, None)) > 0.1, "the padding's own logits do change"


def test_without_the_mask_the_padding_would_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mobilebert, "MASKED_SCORE", 0.0)
    interpreter = _interpreter(_model(_small_weights(), "float32"))
    plain, other = _answer(interpreter, SMALL_QUESTION), _answer(interpreter, _with_other_padding())
    assert _difference(plain, other, _TOKENS) > 1e-3


_IN_THE_PASSAGE = slice(20, 200)
"""Away from the question's end, so that trigrams and positions are the same whatever is asked."""


@pytest.mark.parametrize("variant", ["float32", "int8"])
@pytest.mark.parametrize("role", ["start_logits", "end_logits"])
def test_answers_are_alive(
    full_answers: dict[tuple[Variant, int], dict[str, Array]], variant: Variant, role: str
) -> None:
    one, other = (full_answers[variant, seed][role][_IN_THE_PASSAGE] for seed in (1, 2))
    for logits in (one, other):
        assert np.isfinite(logits).all()
        assert 0.2 < logits.std() < 5, "differ from token to token, without running away"
        assert np.abs(logits).max() < 20
        assert len(np.unique(logits)) == len(logits)
    assert np.abs(one - other).mean() > 0.015, "the same passage scores otherwise under another question"


def test_int8_agrees_with_float(full_answers: dict[tuple[Variant, int], dict[str, Array]]) -> None:
    for seed in (1, 2):
        for role in ("start_logits", "end_logits"):
            exact, rounded = (full_answers[variant, seed][role][:200] for variant in ("float32", "int8"))
            assert np.corrcoef(exact, rounded)[0, 1] > 0.998
            assert np.abs(exact - rounded).max() < 0.4
            # The figures tell: another question's answer is farther off than rounding.
            asked_otherwise = full_answers["float32", 3 - seed][role][:200]
            assert np.corrcoef(exact, asked_otherwise)[0, 1] < 0.998
            assert np.abs(exact - asked_otherwise).max() > 0.4


def test_int8_rounds_every_row_with_a_scale_of_its_own() -> None:
    weights = _small_weights()
    exact = reference(weights, SMALL_QUESTION, SMALL)
    rounded = _answer(_interpreter(_model(weights, "int8")), SMALL_QUESTION)
    assert _difference(exact, rounded, _TOKENS) < 0.15
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(_model(weights, "int8"), 0))
    matrices = [tensor for tensor in model.subgraphs[0].tensors if tensor.type == schema.TensorType.INT8]
    assert len(matrices) == sum(name.endswith(("/weight", "/word")) for name in weights)
    for tensor in matrices:
        stored = model.buffers[tensor.buffer].data.view(np.int8).reshape(tensor.shape)
        scales = tensor.quantization.scale[:, np.newaxis]
        assert np.abs(stored).max(axis=1).tolist() == [127] * len(stored), "every row uses the whole range"
        assert np.abs(stored * scales - weights[tensor.name.decode()]).max() <= scales.max() * 0.501


def test_no_block_dies_or_explodes(full_files: dict[Variant, Path]) -> None:
    config = MobileBertConfig()
    interpreter = _interpreter(
        full_files["float32"],
        num_threads=2,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    _answer(interpreter, _question(config, seed=1, tokens=384, question_tokens=12))
    tensors = {detail["name"]: detail["index"] for detail in interpreter.get_tensor_details()}
    for block in (f"block_{index:02}" for index in range(config.blocks)):
        hidden = interpreter.get_tensor(tensors[f"{block}/bottleneck/output/norm"])[0]
        assert 0.5 < hidden.std(axis=0).mean() < 1.5, f"{block}: tokens differ"
        assert np.abs(hidden).max() < 10
        active = interpreter.get_tensor(tensors[f"{block}/ffn_0/intermediate"])[0] > 0
        assert 0.3 < active.mean() < 0.7, f"{block}: share of units that fire"
        shares = interpreter.get_tensor(tensors[f"{block}/attention/shares"])[0]
        attended = 1 / np.square(shares).sum(axis=-1).mean()
        assert 3 < attended < 200, f"{block}: tokens that a token attends to"


# How it is made.


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_a_seed_gives_the_same_bytes_on_every_machine(variant: Variant) -> None:
    assert _sha256(_model(make_weights(SMALL), variant)) == _SHA256[variant]


def test_another_seed_gives_another_model() -> None:
    other = make_weights(SMALL, seed=1)
    assert _sha256(_model(other, "float32")) != _sha256(_model(_small_weights(), "float32"))
    assert all(np.abs(other[name] - values).max() > 0 for name, values in _small_weights().items())


def test_a_deeper_model_begins_with_the_same_weights() -> None:
    deeper = make_weights(MobileBertConfig(**{**_fields(SMALL), "blocks": 3}))
    assert len(deeper) > len(_small_weights())
    for name, values in _small_weights().items():
        np.testing.assert_array_equal(deeper[name], values)


def _fields(config: MobileBertConfig) -> dict[str, int]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


def test_a_weight_of_another_shape_is_named() -> None:
    weights = {**_small_weights(), "squad/bias": np.zeros(3, np.float32)}
    with pytest.raises(ValueError, match=r"weight 'squad/bias' is float32 \(3,\), not float32 \(2,\)"):
        build_graph(weights, SMALL, "float32")


def test_a_weight_that_is_missing_or_unknown_is_named() -> None:
    weights = {**_small_weights(), "squad/scale": np.zeros(2, np.float32)}
    with pytest.raises(ValueError, match="1 names, 'squad/scale' first"):
        build_graph(weights, SMALL, "float32")
    del weights["squad/scale"], weights["squad/bias"]
    with pytest.raises(ValueError, match="1 names, 'squad/bias' first"):
        build_graph(weights, SMALL, "float32")
