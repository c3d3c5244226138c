"""What goes with an exported model, so that any program can feed it: written into the file and beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toprung.data.preprocessing import Preprocessing
from toprung.version import __version__

FORMAT = 1
KEY = "toprung"
"""Under this name the description stands among a file's own properties."""

INPUT, OUTPUT = "pictures", "logits"
_RULES = {
    "center": "the shorter side becomes this long, the longer one in proportion",
    "squash": "height and width become these",
    "border": "the longer side becomes this long, the shorter one in proportion",
}


@dataclass(frozen=True)
class ExportDescription:
    """Everything about an exported model that its tensors do not tell.

    Attributes:
        name: of the run.
        architecture: a name of the catalogue.
        classes: class names, by output.
        preprocessing: from a picture to an input.
        data_hash: of the pictures, labels and splits that it was trained on.
        half: whether its numbers are of 16 bits inside.
    """

    name: str
    architecture: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    data_hash: str
    half: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain values, the steps from a file to the model's input spelt out."""
        how = self.preprocessing
        return {
            "format": FORMAT,
            "toprung": __version__,
            "name": self.name,
            "architecture": self.architecture,
            "data_hash": self.data_hash,
            "half": self.half,
            "classes": list(self.classes),
            "input": {
                "name": INPUT,
                "type": "uint8",
                "axes": ["batch", "channel", "row", "column"],
                "shape": ["batch", 3, *how.size],
                "channels": "red, green, blue",
            },
            "output": {
                "name": OUTPUT,
                "type": "float32",
                "shape": ["batch", len(self.classes)],
                "probabilities": "softmax over the last axis",
            },
            "preprocessing": how.to_json(),
            "before_the_model": _steps(how),
            "inside_the_model": {"divide_by": 255, "subtract": list(how.mean), "then_divide_by": list(how.std)},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ExportDescription:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError, LookupError, TypeError: it is something else, or of a newer version.
        """
        if values["format"] > FORMAT:
            raise ValueError(
                f"it was written by a newer toprung (export format {values['format']}, this one reads up to {FORMAT})"
            )
        classes = values["classes"]
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError("classes is no list of names")
        return cls(
            name=str(values["name"]),
            architecture=str(values["architecture"]),
            classes=tuple(classes),
            preprocessing=Preprocessing.from_json(values["preprocessing"]),
            data_hash=str(values["data_hash"]),
            half=bool(values["half"]),
        )

    def to_text(self) -> str:
        """Return the JSON in one line."""
        return json.dumps(self.to_json(), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> ExportDescription:
        """Read what :meth:`to_text` wrote; raises as :meth:`from_json`."""
        content = json.loads(text)
        if not isinstance(content, dict):
            raise ValueError("the description holds no entries by name")
        return cls.from_json(content)


def _steps(how: Preprocessing) -> list[dict[str, Any]]:
    """Return the way from a file to the input, as another program must follow it."""
    height, width = how.size
    return [
        {
            "step": "decode",
            "to": "8-bit sRGB, upright by its EXIF orientation",
            "under_transparent_pixels": list(how.background),
        },
        {
            "step": "resize",
            "height": math.floor(height / how.crop_pct),
            "width": math.floor(width / how.crop_pct),
            "rule": _RULES[how.crop_mode],
            "interpolation": how.interpolation,
            "antialiased": True,
        },
        {
            "step": "crop",
            "height": height,
            "width": width,
            "rule": "the middle; what is missing is filled",
            "fill": [round(255 * value) for value in how.mean],
        },
    ]
