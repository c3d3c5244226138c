"""Any ONNX saliency or matting model as a masker, run by ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toprung.cutting.masks.model_card import ModelCard, card_beside, guess_card, read_card
from toprung.cutting.scene import RGB, Alpha, Scene
from toprung.errors import CutoutError

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


class OnnxMasker:
    """A model file as a masker.

    The preprocessing comes from the card beside the model, else from the model's shape (see `model_card`). The model is
    loaded once, when made; a copy sent to another process loads it again there.

    Args:
        model: an ``.onnx`` file.
        card: the preprocessing; None reads it from beside the model or recognises the shape.

    Raises:
        CutoutError: the file is missing or no model, ONNX Runtime is not installed, or the preprocessing is not known.
    """

    def __init__(self, model: str | Path, card: ModelCard | None = None) -> None:
        self.path = Path(model)
        self._session = _open(self.path)
        self._inputs = {entry.name: entry for entry in self._session.get_inputs()}
        outputs = [entry.name for entry in self._session.get_outputs()]
        beside = card_beside(self.path)
        if card is None and beside.is_file():
            card = read_card(beside)
        elif card is None:
            card = guess_card({name: entry.shape for name, entry in self._inputs.items()}, outputs, str(self.path))
        self.card = card
        self._image_input = card.image_input or next(iter(self._inputs))
        self._output = card.output or outputs[0]
        for kind, name, known in (
            ("input", self._image_input, list(self._inputs)),
            ("input", card.plate_input, list(self._inputs)),
            ("output", self._output, outputs),
        ):
            if name is not None and name not in known:
                raise CutoutError(f"The model '{self.path}' has no {kind} '{name}': it has {', '.join(known)}.")

    def __reduce__(self) -> tuple[type[OnnxMasker], tuple[Path, ModelCard]]:
        return OnnxMasker, (self.path, self.card)

    def __call__(self, scene: Scene) -> Alpha:
        """Run the model on a scene.

        Args:
            scene: the photo; with the plate as its background for a model that takes one.

        Returns:
            ``(H, W)`` float32 in [0, 1].

        Raises:
            CutoutError: the model needs a plate and there is none, or it fails on the picture.
        """
        feed = {self._image_input: self._prepared(scene.rgb, self._image_input)}
        if self.card.plate_input is not None:
            if scene.background is None or not scene.background.valid.any():
                raise CutoutError(f"The model '{self.path}' takes a plate, and {scene.name} has none: give --plate.")
            feed[self.card.plate_input] = self._prepared(scene.background.rgb, self.card.plate_input)
        try:
            (raw,) = self._session.run([self._output], feed)
        except Exception as error:  # ONNX Runtime's own exceptions share no base class
            raise CutoutError(
                f"The model '{self.path}' failed on {scene.name}: {_first_line(error)} Check its card."
            ) from None
        mask = _one_map(np.nan_to_num(np.asarray(raw, np.float32)), self.card, self.path)
        height, width = scene.rgb.shape[:2]
        shrinks = mask.shape[0] > height and mask.shape[1] > width
        large = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        return np.clip(large, 0, 1).astype(np.float32)

    def _prepared(self, rgb: RGB, name: str) -> NDArray[Any]:
        """Return the picture as the model's input: one picture, channels where the model has them."""
        card, entry = self.card, self._inputs[name]
        height, width = card.size or _own_size(rgb.shape[0], rgb.shape[1], card)
        shrinks = height < rgb.shape[0] and width < rgb.shape[1]
        small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        values = np.clip(small, 0, 1) * 255
        scale = max(float(values.max()), 1e-6) if isinstance(card.scale, str) else card.scale
        values = (values / scale - np.array(card.mean)) / np.array(card.std)
        if card.order == "bgr":
            values = values[..., ::-1]
        channels_last = len(entry.shape) == 4 and entry.shape[3] == 3 and entry.shape[1] != 3
        laid = values if channels_last else values.transpose(2, 0, 1)
        if entry.type == "tensor(uint8)":
            return np.ascontiguousarray(np.clip(np.rint(laid), 0, 255)[None].astype(np.uint8))
        return np.ascontiguousarray(laid[None].astype(_TYPES.get(entry.type, np.float32)))


def _open(path: Path) -> Any:
    if not path.is_file():
        raise CutoutError(f"There is no model '{path}': give the path of an .onnx file.")
    try:
        import onnxruntime
    except ImportError:
        raise CutoutError(
            f"To run '{path}', ONNX Runtime is needed: install it with `pip install 'toprung[export]'`."
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base class
        raise CutoutError(f"'{path}' cannot be loaded as an ONNX model: {_first_line(error)}") from None


def _own_size(height: int, width: int, card: ModelCard) -> tuple[int, int]:
    shrink = min(1.0, card.longest / max(height, width)) if card.longest else 1.0

    def fitting(side: int) -> int:
        return max(1, round(side * shrink / card.multiple)) * card.multiple

    return fitting(height), fitting(width)


def _one_map(raw: NDArray[np.float32], card: ModelCard, path: Path) -> NDArray[np.float32]:
    """Return the object's map ``(h, w)`` of an output: its channel, activated and normalised."""
    channels = _as_channels(raw)
    if channels is None or card.channel >= len(channels):
        raise CutoutError(
            f"The model '{path}' gave an output of shape {list(raw.shape)}, which holds no map for channel "
            f"{card.channel}: name another `output` or `channel` in its card."
        )
    if card.activation == "softmax":
        powers = np.exp(channels - channels.max(0))
        channels = powers / powers.sum(0)
    chosen = channels[card.channel]
    outside = float(chosen.min()) < -0.01 or float(chosen.max()) > 1.01
    if card.activation == "sigmoid" or (card.activation == "auto" and outside):
        chosen = 1 / (1 + np.exp(-np.clip(chosen, -60, 60)))
    if card.normalise == "min-max":
        low, high = float(chosen.min()), float(chosen.max())
        # a map that is flat says nothing, and must not become noise
        chosen = (chosen - low) / (high - low) if high - low > 1e-3 else np.clip(chosen, 0, 1)
    return np.ascontiguousarray(chosen, np.float32)


def _as_channels(raw: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return ``(C, h, w)`` of an output ``(1, C, h, w)``, ``(1, h, w, C)``, ``(1, h, w)`` or ``(h, w)``."""
    if raw.ndim == 4 and raw.shape[0] == 1:
        # few channels stand last in models that come from TensorFlow
        last = raw.shape[3] <= 4 < raw.shape[1]
        return raw[0].transpose(2, 0, 1) if last else raw[0]
    if raw.ndim == 3 and raw.shape[0] == 1:
        return raw
    if raw.ndim == 2:
        return raw[None]
    return None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") + "." if lines else f"{type(error).__name__}."
