"""ONNX, for ONNX Runtime, TensorRT, OpenVINO and others.

torch's exporter by ``torch.export`` writes it; the older one, by TorchScript, is deprecated.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from toprung.ladder.export.formats import Answer, Choices, not_expressible, package_missing
from toprung.ladder.export.network import ExportNetwork
from toprung.runs.exported.description import INPUT, KEY, OUTPUT, ExportDescription
from toprung.runs.exported.onnx_session import OnnxSession

SUFFIX = ".onnx"
OPSETS = range(18, 24)
OPSET = 18
"""The lowest that the exporter writes without converting: the one that most programs read."""

_LARGEST = 2**31 - 2**24
"""A protobuf message is below 2 GiB; larger weights go into ``FILE.data`` beside it."""


def write(network: ExportNetwork, file: Path, description: ExportDescription, choices: Choices) -> None:
    """Write the model, checked by ONNX's own checker."""
    onnx = _packages()
    if choices.half:
        network.halve()
    try:
        with _quiet():
            program: Any = torch.onnx.export(
                network,
                (network.example(),),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=choices.opset or OPSET,
                verbose=False,
            )
        program.model.metadata_props[KEY] = description.to_text()
        program.model.producer_name = "toprung"
        program.save(str(file), external_data=_bytes(network) > _LARGEST)
        onnx.checker.check_model(str(file), full_check=True)
    except OSError:
        raise
    except Exception as error:  # the exporter has errors of every kind
        raise not_expressible("ONNX", error) from error


def opened(file: Path) -> Answer:
    """Return what answers through ONNX Runtime on the CPU, as ``toprung predict`` will."""
    return OnnxSession(file, "cpu")


def _packages() -> Any:
    for package in ("onnxscript", "onnxruntime"):
        try:
            __import__(package)
        except ImportError as error:
            raise package_missing(package, "export") from error
    import onnx
    import onnx.checker

    return onnx


def _bytes(network: ExportNetwork) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes on its own progress from the terminal; its errors are raised."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
