"""OpenVINO, for Intel's processors: ``NAME.xml`` with ``NAME.bin`` beside it, made from the ONNX model."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.ladder.export.formats import Answer, Choices, not_expressible, onnx, package_missing
from toprung.ladder.export.network import ExportNetwork
from toprung.runs.exported.description import INPUT, KEY, OUTPUT, ExportDescription

SUFFIX = ".xml"
OPSETS = range(0)


def write(network: ExportNetwork, file: Path, description: ExportDescription, choices: Choices) -> None:
    """Write the model with its description as run-time information; ``half`` stores weights of 16 bits."""
    openvino = _package()
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        between = Path(folder) / f"model{onnx.SUFFIX}"
        onnx.write(network, between, description, replace(choices, half=False))
        try:
            model = openvino.convert_model(str(between))
        except Exception as error:  # the converter has errors of every kind
            raise not_expressible("OpenVINO", error) from error
        model.set_rt_info(description.to_text(), [KEY])
        openvino.save_model(model, str(file), compress_to_fp16=choices.half)


def opened(file: Path) -> Answer:
    """Return what answers through OpenVINO on the CPU, in float32: by itself it takes bfloat16 where there is AMX."""
    compiled = _package().Core().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = compiled({INPUT: np.ascontiguousarray(images)})[OUTPUT]
        return logits

    return answer


def _package() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise package_missing("openvino", "openvino") from error
    return openvino
