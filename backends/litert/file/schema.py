"""Numbers of the TFLite schema that the reader needs (LRT tflite/schema/schema.fbs)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache

CUSTOM = 32
"""The built-in operator that stands for all custom ones."""
BLOCKWISE = 2
"""Of the union QuantizationDetails."""
SPARSE_CSR = 1
"""Of DimensionType."""
TENSOR_TYPES = (
    "float32",
    "float16",
    "int32",
    "uint8",
    "int64",
    "string",
    "bool",
    "int16",
    "complex64",
    "int8",
    "float64",
    "complex128",
    "uint64",
    "resource",
    "variant",
    "uint32",
    "uint16",
    "int4",
    "bfloat16",
    "int2",
    "uint4",
    "float8_e4m3fn",
    "float8_e5m2",
)
"""By number."""
HANDED_OVER_AS: Mapping[str, str] = {"int4": "int8", "int2": "int8", "uint4": "uint8", "bfloat16": "uint16"}
"""Types that numpy has not, and those in which the runtime takes and gives their values, one an element."""
CALLERS: Mapping[int, tuple[int, ...]] = {
    16: (0,),  # CallOptions
    92: (0, 1),  # IfOptions
    93: (0, 1),  # WhileOptions
    103: (0,),  # CallOnceOptions
}
"""Of the union BuiltinOptions, those that name subgraphs, and by which fields."""
CALLERS_2: Mapping[int, tuple[int, ...]] = {
    6: (1,),  # StablehloReduceOptions
    7: (6,),  # StablehloScatterOptions
    13: (5,),  # StablehloReduceWindowOptions
    14: (2,),  # StablehloSortOptions
    15: (0, 1),  # StablehloWhileOptions
    21: (1,),  # StableHLOCompositeOptions
}
"""The same of BuiltinOptions2."""
RANDOM_OPTIONS = 114
"""Of the union BuiltinOptions: two seeds, of which the generator makes one of its own where both are 0."""
CASE = 23
"""StablehloCaseOptions, whose first field is a vector of subgraphs."""


class ModelTable(IntEnum):
    """Fields."""

    VERSION = 0
    OPERATOR_CODES = 1
    SUBGRAPHS = 2
    DESCRIPTION = 3
    BUFFERS = 4
    METADATA = 6
    SIGNATURE_DEFS = 7
    EXTERNAL_BUFFER_GROUPS = 8


class ExternalBufferGroupTable(IntEnum):
    """Fields."""

    NAME = 0


class SubGraphTable(IntEnum):
    """Fields."""

    TENSORS = 0
    INPUTS = 1
    OUTPUTS = 2
    OPERATORS = 3
    NAME = 4


class TensorTable(IntEnum):
    """Fields."""

    SHAPE = 0
    TYPE = 1
    BUFFER = 2
    NAME = 3
    QUANTIZATION = 4
    IS_VARIABLE = 5
    SPARSITY = 6
    SHAPE_SIGNATURE = 7
    HAS_RANK = 8


class QuantizationParametersTable(IntEnum):
    """Fields."""

    SCALE = 2
    ZERO_POINT = 3
    DETAILS_TYPE = 4
    DETAILS = 5
    QUANTIZED_DIMENSION = 6


class BlockwiseQuantizationTable(IntEnum):
    """Fields."""

    SCALES = 0
    ZERO_POINTS = 1
    BLOCK_SIZE = 2


class SparsityParametersTable(IntEnum):
    """Fields."""

    TRAVERSAL_ORDER = 0
    BLOCK_MAP = 1
    DIM_METADATA = 2


class DimensionMetadataTable(IntEnum):
    """Fields."""

    FORMAT = 0


class OperatorTable(IntEnum):
    """Fields."""

    OPCODE_INDEX = 0
    INPUTS = 1
    OUTPUTS = 2
    BUILTIN_OPTIONS_TYPE = 3
    BUILTIN_OPTIONS = 4
    BUILTIN_OPTIONS_2_TYPE = 11
    BUILTIN_OPTIONS_2 = 12


class RandomOptionsTable(IntEnum):
    """Fields."""

    SEED = 0
    SEED2 = 1


class OperatorCodeTable(IntEnum):
    """Fields."""

    DEPRECATED_BUILTIN_CODE = 0
    CUSTOM_CODE = 1
    VERSION = 2
    BUILTIN_CODE = 3


class BufferTable(IntEnum):
    """Fields."""

    DATA = 0
    OFFSET = 1
    SIZE = 2


class SignatureDefTable(IntEnum):
    """Fields."""

    INPUTS = 0
    OUTPUTS = 1
    SIGNATURE_KEY = 2
    SUBGRAPH_INDEX = 4


class TensorMapTable(IntEnum):
    """Fields."""

    NAME = 0
    TENSOR_INDEX = 1


class MetadataTable(IntEnum):
    """Fields."""

    NAME = 0
    BUFFER = 1


class Builtin(IntEnum):
    """Numbers of operators that are looked for in a process that never loads the runtime, as the schema gives them."""

    RESHAPE = 22
    SQUEEZE = 43
    CAST = 53
    ARG_MAX = 56
    EXPAND_DIMS = 70
    RESIZE_NEAREST_NEIGHBOR = 97
    QUANTIZE = 114


@lru_cache(maxsize=1)
def builtin_operators() -> Mapping[int, str]:
    """Number -> name."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    return {number: name for name, number in vars(BuiltinOperator).items() if isinstance(number, int)}
