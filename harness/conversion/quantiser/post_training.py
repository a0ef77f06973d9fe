"""Quantisation after training, by litert-quantizer, which needs no TensorFlow. Only the process that converts imports it."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from backends.litert.loading import first_line
from harness.conversion.model_objects import drop_idle_tensors, operator_name, read_objects, text, write_objects
from harness.conversion.quantiser.calibration import PreparedSamples
from harness.conversion.quantiser.dead_channels import mend_dead_channels
from harness.conversion.quantiser.integer_interfaces import with_uint8_interfaces
from harness.conversion.record import CALIBRATED, Variant
from harness.conversion.signature_names import give_signature
from harness.errors import ConfigError
from harness.whole_file import replacing

_BITS = {"int8": 8, "int16x8": 16}
_FLOAT_ENDS = ("int8-float", "int16x8")
"""Variants whose inputs and outputs stay float; no picture is prepared in 16 bits."""


class PostTraining:
    """A float model that is quantised in several ways; its activations are seen once for each number of bits."""

    def __init__(self, source: Path, folder: Path, samples: PreparedSamples, threads: int) -> None:
        """Gives the model a signature where it has none, in a copy: static quantisation takes no model without one.

        Args:
            source: The float model.
            folder: For the copy.
            samples: What it is asked to see the ranges of its activations; none where no variant needs them.
            threads: Of the interpreter that is asked.

        Raises:
            ConfigError: Samples, and more signatures than the one that they belong to.
        """
        self.source, self._samples, self._threads = source, samples, threads
        model = read_objects(source)
        give_signature(model)
        drop_idle_tensors(model)
        self._signatures = [_key(each) for each in model.signatureDefs]
        if samples.values and len(self._signatures) > 1:
            raise ConfigError(
                f"{source} has {len(self._signatures)} signatures ({', '.join(self._signatures)}), and samples for one: int8 "
                "and int16x8 need a model with one signature; float16, dynamic and weight-only take it"
            )
        graph = model.subgraphs[0]
        self._custom_outputs = _has_custom_outputs(model)
        self._tensors = {
            text(named.name): text(graph.tensors[named.tensorIndex].name) for named in model.signatureDefs[0].inputs
        }
        """An input's name -> its tensor's."""
        self._signed = folder / "signed.tflite"
        write_objects(model, self._signed)
        self._seen: dict[int, Any] = {}
        self.calibration_s = 0.0

    def make(self, variant: Variant, place: Path) -> None:
        """Writes one variant.

        Raises:
            ConfigError: The quantiser cannot make it of this model.
        """
        from litert_quantizer import quantizer

        with _quiet(), nullcontext() if self._samples.xnnpack else _without_xnnpack():
            try:
                one = quantizer.Quantizer(str(self._signed))
                one.load_quantization_recipe(_recipe(variant, float_outputs=self._custom_outputs))
                seen = self._ranges(variant) if variant in CALIBRATED else None
                made = one.quantize(seen, enable_progress_report=False, enable_progress_bar=False)
            except (ValueError, RuntimeError, NotImplementedError, KeyError) as error:
                raise ConfigError(
                    f"litert-quantizer cannot make {variant} of {self.source}: {first_line(error)}"
                ) from None
        # Its own way to write maps the file: on a full disk that kills the process.
        with replacing(place) as file:
            file.write(made.quantized_model)
        if variant in CALIBRATED:
            model = read_objects(place)
            mended = mend_dead_channels(model, read_objects(self._signed))
            if variant == "int8-uint8":
                with_uint8_interfaces(model)
            if mended or variant == "int8-uint8":
                write_objects(model, place)

    def _ranges(self, variant: Variant) -> Any:
        bits = _BITS[variant.split("-")[0]]
        if bits not in self._seen:
            began = time.perf_counter()
            # With the interfaces among it, so that one look does for all variants of as many bits.
            manager = _static(bits, float_inputs=False, float_outputs=False)
            seen = self._look(manager)
            for name, (low, high) in self._samples.ranges.items():
                of_input = seen[self._tensors.get(name, name)]
                of_input["min"], of_input["max"] = (
                    np.full_like(of_input[end], value) for end, value in (("min", low), ("max", high))
                )
            self._seen[bits] = seen
            self.calibration_s += time.perf_counter() - began
        return self._seen[bits]

    def _look(self, manager: Any) -> Any:
        """The ranges that the samples reach, each asked of the model as a run asks it.

        The quantiser puts variable tensors back when it was given its samples; all else is as it was in a new interpreter.
        """
        from litert_quantizer import calibrator
        from litert_quantizer.utils import qsv_utils

        def opened() -> Any:
            # By itself it takes a moving average of the ends, which cuts off what only some samples reach: on a stand-in
            # of visual wake words that cost 16-bit activations 5 points that they do not lose. TensorFlow takes the ends.
            return calibrator.Calibrator(str(self._signed), self._threads, qsv_update_func=qsv_utils.min_max_update)

        samples, resets = self._samples.values, self._samples.resets
        looking = opened()
        for lot in [[sample] for sample in samples] if resets else [list(samples)]:
            if resets.only_anew:
                seen, looking = looking.get_model_qsvs(), opened()
                looking.load_model_qsvs(seen)
            looking.calibrate({self._signatures[0]: lot}, manager)
        return looking.get_model_qsvs()


def _key(signature: Any) -> str:
    key = signature.signatureKey
    return key.decode() if isinstance(key, bytes) else str(key)


def _has_custom_outputs(model: Any) -> bool:
    """Whether an output is a custom op's, as TFLite_Detection_PostProcess's are: its kernel gives floats and nothing else."""
    graph = model.subgraphs[0]
    outputs = {int(index) for index in graph.outputs}
    return any(
        operator_name(model, operator) == schema.BuiltinOperator.CUSTOM
        and outputs & {int(index) for index in operator.outputs}
        for operator in graph.operators
    )


def _recipe(variant: Variant, *, float_outputs: bool) -> Any:
    from litert_quantizer import qtyping, recipe, recipe_manager
    from litert_quantizer.algorithm_manager import AlgorithmName

    if variant == "dynamic":
        return recipe.dynamic_wi8_afp32()
    if variant == "weight-only":
        return recipe.weight_only_wi8_afp32()
    manager, every = recipe_manager.RecipeManager(), qtyping.TFLOperationName
    if variant == "float16":
        halves = qtyping.OpQuantizationConfig(
            weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        )
        manager.add_quantization_config(".*", every.ALL_SUPPORTED, halves, algorithm_key=AlgorithmName.FLOAT_CASTING)
        return manager.get_quantization_recipe()
    floats = variant in _FLOAT_ENDS
    manager = _static(_BITS[variant.split("-")[0]], float_inputs=floats, float_outputs=floats or float_outputs)
    return manager.get_quantization_recipe()


def _static(bits: int, *, float_inputs: bool, float_outputs: bool) -> Any:
    """Weights of 8 bits, activations of so many; inputs and outputs as they are, or quantised too."""
    from litert_quantizer import qtyping, recipe_manager
    from litert_quantizer.algorithm_manager import AlgorithmName

    manager, every = recipe_manager.RecipeManager(), qtyping.TFLOperationName
    manager.add_static_config(
        regex=".*", operation_name=every.ALL_SUPPORTED, activation_num_bits=bits, weight_num_bits=8
    )
    for end, stays in ((every.INPUT, float_inputs), (every.OUTPUT, float_outputs)):
        if stays:
            manager.add_quantization_config(".*", end, algorithm_key=AlgorithmName.NO_QUANTIZE)
    return manager


@contextlib.contextmanager
def _without_xnnpack() -> Iterator[None]:
    """The quantiser asks the model on the runtime's own kernels, as the backend says; it has no word for that."""
    from litert_quantizer.utils import tfl_interpreter_utils

    made = tfl_interpreter_utils.create_tfl_interpreter
    tfl_interpreter_utils.create_tfl_interpreter = lambda *given, **more: made(*given, **more | {"use_xnnpack": False})
    try:
        yield
    finally:
        tfl_interpreter_utils.create_tfl_interpreter = made


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress that it draws and the warnings of its own debugging switches."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
