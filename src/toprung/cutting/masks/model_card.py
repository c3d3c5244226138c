"""The card of an ONNX model: how a picture becomes its input and which output becomes the mask.

The card is a small TOML file beside the model (``model.onnx`` → ``model.toml``); docs/cutout-models.md lists its keys.
Models of the shapes of U²-Net, ISNet and BackgroundMattingV2 need none.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toprung.errors import CutoutError, nearest

ORDERS = ("rgb", "bgr")
ACTIVATIONS = ("none", "sigmoid", "softmax", "auto")
NORMALISATIONS = ("none", "min-max")


@dataclass(frozen=True)
class ModelCard:
    """What a masker must know of a model.

    Attributes:
        size: height and width of the input; None = the picture's own, see ``longest`` and ``multiple``.
        longest: with ``size`` None, the longer side is reduced to this; None = not reduced.
        multiple: with ``size`` None, both sides are rounded to a multiple of it.
        mean, std: per channel of the picture in RGB order: input = (value / scale − mean) / std.
        scale: what 8-bit values are divided by: a number, or "max" for the largest value in the picture.
        order: "rgb" or "bgr".
        image_input: name of the input that takes the photo; None = the first.
        plate_input: name of the input that takes the plate; None = the model takes no plate.
        output: name of the output; None = the first.
        channel: which channel of the output is the object.
        activation: "none", "sigmoid", "softmax" over channels, or "auto": sigmoid when values leave [0, 1].
        normalise: "none", or "min-max": stretch each mask to [0, 1].
    """

    size: tuple[int, int] | None = None
    longest: int | None = None
    multiple: int = 1
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    scale: float | str = 255.0
    order: str = "rgb"
    image_input: str | None = None
    plate_input: str | None = None
    output: str | None = None
    channel: int = 0
    activation: str = "auto"
    normalise: str = "none"


U2NET = ModelCard(
    size=(320, 320), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), scale="max", normalise="min-max"
)
ISNET = ModelCard(size=(1024, 1024), mean=(0.5, 0.5, 0.5), normalise="min-max")
BACKGROUND_MATTING = ModelCard(
    longest=1920, multiple=32, image_input="src", plate_input="bgr", output="pha", activation="none"
)


def card_beside(model: Path) -> Path:
    """Return where the card of ``model`` stands: the same name, ending in .toml."""
    return model.with_suffix(".toml")


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Raises:
        CutoutError: it is not TOML, or holds an unknown key or a value outside its rule.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CutoutError(f"The model card '{path}' cannot be read: {error}.") from None
    return card_from(values, str(path))


def card_from(values: Mapping[str, Any], where: str) -> ModelCard:
    """Check a card's keys and values; ``where`` is named in errors.

    Raises:
        CutoutError: an unknown key or a value outside its rule.
    """
    known = {field.name for field in dataclasses.fields(ModelCard)}
    for key in values:
        if key not in known:
            raise CutoutError(
                f"The model card '{where}' holds the unknown key '{key}'.{nearest(key, known)} Known: "
                f"{', '.join(sorted(known))}."
            )
    return ModelCard(**{key: _CHECKS[key](key, value, where) for key, value in values.items()})


def guess_card(inputs: Mapping[str, Sequence[Any]], outputs: Sequence[str], where: str) -> ModelCard:
    """Recognise a model by the names and shapes of its inputs.

    Args:
        inputs: shape of each input by name; a dimension that is no int is free.
        outputs: names of the outputs.
        where: the model's file, named in errors.

    Raises:
        CutoutError: the shape is none of those known, so a card is needed.
    """
    if {"src", "bgr"} <= inputs.keys() and "pha" in outputs:
        sides = _sides(inputs["src"])
        fixed = all(isinstance(side, int) for side in sides)
        return dataclasses.replace(BACKGROUND_MATTING, size=(sides[0], sides[1]) if fixed else None)
    if len(inputs) == 1:
        sides = _sides(next(iter(inputs.values())))
        for card in (U2NET, ISNET):
            if sides == card.size:
                return card
    shapes = ", ".join(f"{name} {list(shape)}" for name, shape in inputs.items())
    raise CutoutError(
        f"The model '{where}' has the inputs {shapes}, which no known model has: write its preprocessing into "
        f"'{card_beside(Path(where)).name}' beside it (docs/cutout-models.md lists the keys)."
    )


def _sides(shape: Sequence[Any]) -> tuple[Any, Any]:
    """Return height and width of an input shape, channels first or last; (None, None) when it has no four axes."""
    if len(shape) != 4:
        return None, None
    return (shape[1], shape[2]) if shape[3] == 3 and shape[1] != 3 else (shape[2], shape[3])


def _wrong(key: str, value: object, where: str, rule: str) -> CutoutError:
    return CutoutError(f"The model card '{where}' says {key} = {value!r}: it must be {rule}.")


def _size(key: str, value: Any, where: str) -> tuple[int, int]:
    pair = [value, value] if isinstance(value, int) else value
    if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(v, int) and v > 0 for v in pair)):
        raise _wrong(key, value, where, "a number of pixels or [height, width]")
    return pair[0], pair[1]


def _triple(key: str, value: Any, where: str) -> tuple[float, float, float]:
    three = [value] * 3 if isinstance(value, int | float) else value
    if not (isinstance(three, list) and len(three) == 3 and all(isinstance(v, int | float) for v in three)):
        raise _wrong(key, value, where, "a number or three of them, for red, green and blue")
    if key == "std" and 0 in three:
        raise _wrong(key, value, where, "without a 0")
    return float(three[0]), float(three[1]), float(three[2])


def _scale(key: str, value: Any, where: str) -> float | str:
    if value == "max":
        return "max"
    if isinstance(value, int | float) and value > 0:
        return float(value)
    raise _wrong(key, value, where, 'a number above 0, or "max"')


def _count(key: str, value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < (0 if key == "channel" else 1):
        raise _wrong(
            key, value, where, "a whole number, not negative" if key == "channel" else "a whole number above 0"
        )
    return value


def _name(key: str, value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(key, value, where, "the name of an input or output of the model")
    return value


def _choice(key: str, value: Any, where: str) -> str:
    allowed = {"order": ORDERS, "activation": ACTIVATIONS, "normalise": NORMALISATIONS}[key]
    if value not in allowed:
        raise _wrong(key, value, where, " or ".join(f'"{choice}"' for choice in allowed))
    return str(value)


_CHECKS: dict[str, Callable[[str, Any, str], Any]] = {
    "size": _size,
    "longest": _count,
    "multiple": _count,
    "mean": _triple,
    "std": _triple,
    "scale": _scale,
    "order": _choice,
    "image_input": _name,
    "plate_input": _name,
    "output": _name,
    "channel": _count,
    "activation": _choice,
    "normalise": _choice,
}
