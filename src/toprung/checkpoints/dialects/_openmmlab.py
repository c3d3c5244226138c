"""What the dialects of OpenMMLab's files share: what stands beside the backbone, and the configuration in ``meta``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BACKBONE = "backbone."
_BESIDE = {
    "neck": "neck of detection, segmentation or pretraining",
    "decode_head": "segmentation head",
    "auxiliary_head": "segmentation head",
    "rpn_head": "detection head",
    "roi_head": "detection head",
    "bbox_head": "detection head",
    "mask_head": "detection head",
    "target_generator": "makes the targets of pretraining",
    "data_preprocessor": "mean and std of pixels, which the data pipeline applies",
}


def beside(name: str) -> str:
    """Return what a tensor beside the backbone is for where no classifier needs it, "" for all others."""
    found = _BESIDE.get(name.partition(".")[0])
    return f"{found}, not needed to classify" if found else ""


def configuration(entries: Mapping[str, Any]) -> str:
    """Return the text of the configuration that a training file keeps, "" where there is none."""
    meta = entries.get("meta")
    return "".join(str(meta.get(key) or "") for key in ("cfg", "config")) if isinstance(meta, Mapping) else ""
