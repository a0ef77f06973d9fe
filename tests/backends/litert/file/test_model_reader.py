"""The records say what the schema's own generated reader says, and a corrupt file is one clear error."""

from __future__ import annotations

import contextlib
import inspect
import re
from enum import IntEnum
from pathlib import Path
from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as generated
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.base import ModelRejected
from backends.litert.file import schema
from backends.litert.file.model_file import Blockwise, FileTensor, ModelFile, Sparsity, Subgraph
from backends.litert.file.model_reader import check_model_file, read_model, read_operator_codes

TABLES = [kind for kind in vars(schema).values() if isinstance(kind, type) and issubclass(kind, IntEnum)]


@pytest.mark.parametrize("table", [kind for kind in TABLES if kind not in (IntEnum, schema.Builtin)])
def test_every_field_has_its_number_of_the_schema(table: type[IntEnum]) -> None:
    of_schema = getattr(generated, table.__name__.removesuffix("Table"))
    for field in table:
        name = "".join(word.capitalize() for word in field.name.split("_"))
        (place,) = re.findall(r"self\._tab\.Offset\((\d+)\)", inspect.getsource(getattr(of_schema, name)))
        assert field == (int(place) - 4) // 2, name


def test_the_numbers_of_types_and_unions_are_the_schemas() -> None:
    types = {number: name.lower() for name, number in vars(generated.TensorType).items() if isinstance(number, int)}
    assert dict(enumerate(schema.TENSOR_TYPES)) == types
    assert generated.BuiltinOperator.CUSTOM == schema.CUSTOM
    for operator in schema.Builtin:
        assert getattr(generated.BuiltinOperator, operator.name) == operator
    assert generated.QuantizationDetails.BlockwiseQuantization == schema.BLOCKWISE
    assert generated.DimensionType.SPARSE_CSR == schema.SPARSE_CSR
    for union, callers in (
        (generated.BuiltinOptions, schema.CALLERS),
        (generated.BuiltinOptions2, schema.CALLERS_2),
    ):
        named = {number: name for name, number in vars(union).items() if isinstance(number, int)}
        for number, name in named.items():
            reads = vars(getattr(generated, name, object))
            fields = [field for field in reads if re.fullmatch(r"\w*Subgraph(Index|Indices)?", field)]
            if name == "StablehloCaseOptions":
                assert (number, "Offset(4)" in inspect.getsource(reads[fields[0]])) == (schema.CASE, True)
                continue
            assert len(callers.get(number, ())) == len(fields), name
            for field, place in zip(fields, callers.get(number, ()), strict=True):
                assert f"Offset({2 * place + 4})" in inspect.getsource(reads[field])


def check(path: Path) -> ModelFile:
    """Holds the records against the generated reader."""
    model, data = read_model(path), path.read_bytes()
    root = generated.ModelT.InitFromObj(generated.Model.GetRootAs(data, 0))
    assert (model.schema_version, model.size_bytes) == (root.version, len(data))
    assert read_operator_codes(path) == model.codes
    assert [code.version for code in model.codes] == [code.version for code in root.operatorCodes]
    assert len(model.subgraphs) == len(root.subgraphs)
    for mine, theirs in zip(model.subgraphs, root.subgraphs, strict=True):
        check_subgraph(mine, theirs, root)
    for signature, other in zip(model.signatures, root.signatureDefs or (), strict=True):
        assert (signature.key, signature.subgraph) == (other.signatureKey.decode(), other.subgraphIndex)
        assert signature.inputs == {each.name.decode(): each.tensorIndex for each in other.inputs or ()}
        assert signature.outputs == {each.name.decode(): each.tensorIndex for each in other.outputs or ()}
    assert [(each.name, each.buffer) for each in model.metadata] == [
        (each.name.decode(), each.buffer) for each in root.metadata or ()
    ]
    return model


def check_subgraph(mine: Subgraph, theirs: Any, root: Any) -> None:
    assert (mine.inputs, mine.outputs) == (numbers(theirs.inputs), numbers(theirs.outputs))
    assert mine.input_tensors == tuple(mine.tensors[index] for index in mine.inputs)
    for tensor, other in zip(mine.tensors, theirs.tensors, strict=True):
        check_tensor(tensor, other, root)
    for operator, other in zip(mine.operators, theirs.operators or (), strict=True):
        assert (operator.inputs, operator.outputs) == (numbers(other.inputs), numbers(other.outputs))
        code = root.operatorCodes[other.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        assert operator.code.custom == (number == generated.BuiltinOperator.CUSTOM)
        name = code.customCode.decode() if operator.code.custom else schema.builtin_operators()[number]
        assert operator.name == name


def check_tensor(tensor: FileTensor, other: Any, root: Any) -> None:
    assert tensor.name.encode() == (other.name or b"")
    assert (tensor.shape, tensor.shape_signature) == (numbers(other.shape), numbers(other.shapeSignature))
    assert (tensor.is_variable, tensor.has_rank, tensor.buffer) == (other.isVariable, other.hasRank, other.buffer)
    assert tensor.dtype.upper() == {number: name for name, number in vars(generated.TensorType).items()}[other.type]
    data = root.buffers[other.buffer].data if other.buffer else None
    assert tensor.stored_bytes == (0 if data is None else len(data))
    quantisation = other.quantization
    if quantisation is None or quantisation.scale is None:
        assert tensor.quantisation is None
    else:
        assert tensor.quantisation is not None
        assert tensor.quantisation.scales == numbers(quantisation.scale)
        assert tensor.quantisation.zero_points == numbers(quantisation.zeroPoint)
        assert tensor.quantisation.axis == quantisation.quantizedDimension


def numbers(vector: Any) -> tuple[Any, ...]:
    return () if vector is None else tuple(vector.tolist() if hasattr(vector, "tolist") else vector)


def test_a_model_is_read_as_by_the_generated_reader(
    small: Path, keyword_model: Path, flexible_keyword_model: Path
) -> None:
    for path in (small, keyword_model, flexible_keyword_model):
        check(path)


def test_models_of_many_makers_are_read_as_by_the_generated_reader(zoo: Path) -> None:
    models = sorted((zoo / "models").rglob("*.tflite"))
    assert models
    for path in models:
        check(path)


def test_tensors_and_operators_are_read_as_written(small: Path) -> None:
    model = read_model(small)
    assert [(tensor.name, tensor.shape, tensor.dtype) for tensor in model.main.input_tensors] == [
        ("picture", (1, 8, 6, 3), "float32")
    ]
    assert [tensor.name for tensor in model.main.output_tensors] == ["third"]
    names = [(operator.name, operator.code.version, operator.code.custom) for operator in model.operators]
    assert names == [("CONV_2D", 1, False), ("DEPTHWISE_CONV_2D", 1, False), ("ADD", 1, False)]


def write(path: Path, model: Any) -> Path:
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def test_signatures_control_flow_and_state_are_read(tmp_path: Path) -> None:
    """Two graphs with a signature each, of which one runs the other in a loop and keeps a variable."""
    tensors = [
        generated.TensorT(shape=[1, 4], shapeSignature=[-1, 4], name=b"given", hasRank=True),
        generated.TensorT(shape=[1, 4], name=b"kept", isVariable=True),
    ]
    loop = generated.OperatorT(
        inputs=[0],
        outputs=[0],
        builtinOptionsType=generated.BuiltinOptions.WhileOptions,
        builtinOptions=generated.WhileOptionsT(condSubgraphIndex=1, bodySubgraphIndex=1),
    )
    number = generated.BuiltinOperator.WHILE
    names = [generated.TensorMapT(name=b"x", tensorIndex=0)]
    path = write(
        tmp_path / "two.tflite",
        generated.ModelT(
            version=3,
            operatorCodes=[generated.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=number)],
            buffers=[generated.BufferT()],
            subgraphs=[
                generated.SubGraphT(tensors=tensors, inputs=[0], outputs=[0], operators=[loop], name=b"main"),
                generated.SubGraphT(tensors=tensors[:1], inputs=[0], outputs=[0], operators=[]),
            ],
            signatureDefs=[
                generated.SignatureDefT(inputs=names, outputs=names, signatureKey=b"auxiliary", subgraphIndex=1),
                generated.SignatureDefT(inputs=names, outputs=names, signatureKey=b"serving_default"),
            ],
        ),
    )
    model = check(path)
    assert [(each.key, each.subgraph, each.inputs) for each in model.signatures] == [
        ("auxiliary", 1, {"x": 0}),
        ("serving_default", 0, {"x": 0}),
    ]
    assert model.main.name == "main"
    assert [operator.subgraphs for operator in model.operators] == [(1, 1)]
    given_, kept = model.main.tensors
    assert given_.is_open
    assert given_.declared_shape == (-1, 4)
    assert not kept.is_open
    assert kept.is_variable


def test_scales_of_blocks_and_left_out_zeros_are_read(tmp_path: Path) -> None:
    blocks = generated.QuantizationParametersT(
        detailsType=generated.QuantizationDetails.BlockwiseQuantization,
        details=generated.BlockwiseQuantizationT(scales=1, zeroPoints=-1, blockSize=32),
        quantizedDimension=1,
    )
    dimensions = [
        generated.DimensionMetadataT(format=generated.DimensionType.DENSE, denseSize=4),
        generated.DimensionMetadataT(format=generated.DimensionType.SPARSE_CSR),
    ]
    sparsity = generated.SparsityParametersT(traversalOrder=[0, 1], dimMetadata=dimensions)
    tensors = [
        generated.TensorT(shape=[4, 64], type=generated.TensorType.INT4, quantization=blocks, sparsity=sparsity),
        generated.TensorT(shape=[4, 2], type=generated.TensorType.FLOAT16),
    ]
    graph = generated.SubGraphT(tensors=tensors, inputs=[0], outputs=[0], operators=[])
    path = write(
        tmp_path / "blocks.tflite",
        generated.ModelT(version=3, operatorCodes=[], buffers=[generated.BufferT()], subgraphs=[graph]),
    )
    weights = read_model(path).main.tensors[0]
    assert weights.quantisation is not None
    assert weights.quantisation.scales == ()
    assert weights.quantisation.blockwise == Blockwise(scales=1, zero_points=-1, block_size=32)
    assert weights.sparsity == Sparsity((0, 1), (), (False, True))


def test_a_file_that_was_replaced_is_read_anew(small: Path, keyword_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(small.read_bytes())
    before = read_model(path)
    path.write_bytes(keyword_model.read_bytes())
    assert read_model(path).operators != before.operators


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_corrupt_model_is_refused_or_read_but_nothing_else(
    data: st.DataObject, small: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = bytearray(small.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(8, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    path = tmp_path_factory.mktemp("corrupt") / "model.tflite"
    path.write_bytes(whole[:cut] if data.draw(st.booleans()) else whole)
    with contextlib.suppress(ModelRejected):
        read_model(path)


def test_a_file_that_is_no_model_is_refused_in_the_words_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "y_labels.csv"
    path.write_bytes(b"abcd0000, 12, 3\n")
    with pytest.raises(ModelRejected) as of_run:
        check_model_file(path)
    with pytest.raises(ModelRejected) as of_inspect:
        read_model(path)
    words = f"{path} is not a TFLite model: bytes 4 to 8 are b'0000', not b'TFL3'"
    assert str(of_run.value).startswith(words)
    assert str(of_inspect.value).startswith(words)
