"""ViTPose (Xu et al. 2022, arXiv 2204.12484), files of ViTAE-Transformer/ViTPose, which was written for mmpose 0.24.

Facts:

- files are ``{"meta", "state_dict"}``; the backbone lies under ``backbone.`` with timm's names of a ViT but for
  ``last_norm``, the head that predicts heat maps in ``keypoint_head.`` (ViTPose+ has ``associate_keypoint_heads`` for
  other sets of keypoints beside it);
- there is no class token, yet ``pos_embed`` has its row in front, left from MAE's pretraining; it is added to every
  patch, as here;
- pictures are 256 pixels high and 192 wide: 16 rows of 12 patches (24 x 18 for 384 x 288);
- patches are embedded with a padding of 2 pixels on each side, so that every patch lies 2 pixels up and left of where
  timm's ViT has it. No tensor can make up for that;
- exact GELU, LayerNorm epsilon 1e-6, ImageNet's mean and std; positions are made for one size and never resized in the
  network; its loader resizes those of MAE bicubically;
- ViTPose+ splits the second layer of its MLPs among experts (``mlp.experts``), which timm's ViT has not.
"""

from __future__ import annotations

from toprung.checkpoints.dialects import IMAGENET, Target, Translation
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.names import NameTable
from toprung.models.conventions import Conventions

NAME = "ViTPose"

_BLOCK = "blocks.{i}."
TABLE = NameTable(
    [
        ("backbone.pos_embed", "pos_embed"),
        ("backbone.patch_embed.proj", "patch_embed.proj"),
        *(
            (f"backbone.{_BLOCK}{part}", f"{_BLOCK}{part}")
            for part in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
        ),
        ("backbone.last_norm", "norm"),
    ]
)
_MARKS = {"backbone.pos_embed", "backbone.last_norm.weight", "backbone.blocks.0.attn.qkv.weight"}
_HEADS = ("keypoint_head.", "associate_keypoint_heads.")
_GRIDS = {16 * 12: (16, 12), 24 * 18: (24, 18)}
_PADDING = (2, 2)
_UNFIT = (
    "ViTPose pads its patches by 2 pixels; timm's ViT does not, so features cannot be equal; "
    "strict=False loads it anyway."
)


def recognise(file: WeightsFile) -> bool:
    """Recognise a ViT under ``backbone.`` whose last norm is called ``last_norm``."""
    return file.tensors.keys() >= _MARKS


def translate(file: WeightsFile, target: Target | None) -> Translation:
    """Rename the backbone, and add the row of the absent class token to the positions of all patches."""
    heads = [name for name in file.tensors if name.startswith(_HEADS)]
    renamed = TABLE.rename({name: tensor for name, tensor in file.tensors.items() if name not in heads})
    state = renamed.state
    table = state["pos_embed"]
    rows = 0
    if table.ndim == 3 and table.shape[1] > 1:
        state["pos_embed"] = table[:, 1:] + table[:, :1]
        rows = table.shape[1] - 1
    return Translation(
        state,
        dropped=tuple((name, "predicts heat maps of keypoints, not classes") for name in heads),
        leftover=renamed.leftover,
        assumptions=(
            "heads: the model's own number (12 for S and B, 16 for L and H); no tensor tells it",
            "the model embeds patches with a padding of 2 pixels, as ViTPose does",
        ),
        preprocessing=dict(IMAGENET),
        conventions=Conventions(activation="gelu", norm_eps=1e-6),
        antialias=False,
        position_slots=0,
        grid=_GRIDS.get(rows),
        trained_for="poses (heat maps of keypoints); no classifier",
        licence="Apache 2.0",
        arguments={"class_token": False, "global_pool": "avg", "fc_norm": False},
        unfit=_UNFIT if target is not None and not _pads_likewise(target) else "",
    )


def _pads_likewise(target: Target) -> bool:
    embed = getattr(target.module, "patch_embed", None)
    return getattr(getattr(embed, "proj", None), "padding", None) == _PADDING
