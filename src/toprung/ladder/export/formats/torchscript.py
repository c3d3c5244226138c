"""TorchScript, for programs with libtorch: the network traced, with its description in ``extra/toprung.json``.

torch keeps reading and writing it but develops it no further.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from toprung.ladder.export.formats import Answer, Choices, not_expressible
from toprung.ladder.export.network import ExportNetwork
from toprung.runs.exported.description import KEY, ExportDescription

SUFFIX = ".torchscript"
OPSETS = range(0)


def write(network: ExportNetwork, file: Path, description: ExportDescription, choices: Choices) -> None:
    """Write the traced network."""
    if choices.half:
        network.halve()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(network, network.example(), check_trace=False)
            extra = {f"{KEY}.json": description.to_text().encode("utf-8")}
            torch.jit.save(torch.jit.freeze(traced), str(file), _extra_files=extra)
    except OSError:
        raise
    except Exception as error:  # the tracer has errors of every kind
        raise not_expressible("TorchScript", error) from error


def opened(file: Path) -> Answer:
    """Return what answers with the file's own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(str(file), map_location="cpu")

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = module(torch.from_numpy(np.ascontiguousarray(images))).numpy()
        return logits

    return answer
