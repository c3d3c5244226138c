"""timm's models saved by Hugging Face transformers (TimmWrapperModel, TimmWrapperForImageClassification).

Facts:

- all tensors have timm's names under ``timm_model.``;
- ``config.json`` names the ``architecture``, keywords for ``create_model`` under ``model_args``, and ``label_names``;
- TimmWrapperModel is built without a classifier.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from toprung.checkpoints.dialects import Target, Translation, timm_names
from toprung.checkpoints.dialects import _transformers as hf
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import under

NAME = "transformers TimmWrapper"

_PREFIX = "timm_model."
_NO_NAME = re.compile(r"LABEL_\d+")


def recognise(file: WeightsFile) -> bool:
    """Recognise the wrapper's attribute before every name."""
    return hf.is_type(file, "timm_wrapper") and bool(file.tensors) and all(n.startswith(_PREFIX) for n in file.tensors)


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Take the wrapper off; the rest is timm's."""
    inner = timm_names.translate(dataclasses.replace(file, tensors=under(file.tensors, _PREFIX)), target)
    made_up = any(_NO_NAME.fullmatch(name) for name in inner.classes)
    arguments = file.config.get("model_args")
    given = arguments if isinstance(arguments, Mapping) else {}
    return dataclasses.replace(
        inner,
        dropped=tuple((_PREFIX + name, reason) for name, reason in inner.dropped),
        classes=() if made_up else inner.classes,
        arguments={str(key): value for key, value in given.items() if isinstance(value, str | int | float | list)},
    )
