"""ONNX Runtime, opened for one model; its errors in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toprung.data.pipeline import cores
from toprung.errors import RunError
from toprung.runs.exported.description import INPUT, KEY, OUTPUT, ExportDescription

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxSession:
    """A model that ONNX Runtime runs.

    Args:
        file: an ONNX file that toprung exported.
        device: ``auto`` (CUDA where this ONNX Runtime has it), ``cpu`` or ``cuda``.

    Attributes:
        description: what the file says of itself.

    Raises:
        RunError: ONNX Runtime is missing or has no such device, or the file is missing, damaged, from elsewhere or of a
            newer version.
    """

    def __init__(self, file: Path, device: str = "auto") -> None:
        runtime = _runtime(file)
        if not file.is_file():
            raise RunError(f"there is no file {file}; give a model that `toprung export` wrote.")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = cores()  # by itself it counts the machine's, not those of this process
        options.log_severity_level = 3  # errors; they are raised as well
        try:
            self._session = runtime.InferenceSession(str(file), options, providers=_providers(runtime, device))
        except RunError:
            raise
        except Exception as error:  # the runtime's errors have no base of their own
            raise RunError(f"{file} is no ONNX model that can be run here: {_first_line(error)}.") from error
        self.description = self._description(file)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return logits ``(B, C)`` of pictures ``(B, 3, H, W)``."""
        logits: NDArray[np.float32] = self._session.run([OUTPUT], {INPUT: np.ascontiguousarray(images)})[0]
        return logits

    def _description(self, file: Path) -> ExportDescription:
        properties = self._session.get_modelmeta().custom_metadata_map
        if KEY not in properties:
            raise RunError(f"{file} was not written by `toprung export`: it has no property {KEY!r} with its classes.")
        try:
            return ExportDescription.from_text(properties[KEY])
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise RunError(f"the description in {file} cannot be used: {_first_line(error)}.") from error


def _runtime(file: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise RunError(
            f"{file} needs ONNX Runtime, which is not installed; install it with `pip install 'toprung[export]'`, "
            "or `pip install onnxruntime`."
        ) from error
    return onnxruntime


def _providers(runtime: Any, device: str) -> list[str]:
    there = runtime.get_available_providers()
    if device == "auto":
        return [name for name in (PROVIDERS["cuda"], PROVIDERS["cpu"]) if name in there]
    if PROVIDERS.get(device) not in there:
        raise RunError(f"the device {device!r} cannot be used by this ONNX Runtime; use cpu.")
    return [PROVIDERS[device]]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
