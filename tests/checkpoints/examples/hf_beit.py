"""BEiT, made by transformers itself."""

from functools import partial
from typing import Any

import timm
from torch import Tensor, nn
from transformers import BeitConfig, BeitForImageClassification, BeitForMaskedImageModeling, BeitModel

from . import Example
from ._hf_files import LABELS, SIZES, TIMM_SIZES, last_hidden, written

DIALECT = "transformers BEiT"


def model(**arguments: object) -> nn.Module:
    return timm.create_model("beit_base_patch16_224", num_classes=7, **(TIMM_SIZES | arguments))


def config(**changes: object) -> BeitConfig:
    return BeitConfig(**(SIZES | {"use_relative_position_bias": True, "id2label": LABELS} | changes))


def classifier() -> nn.Module:
    return BeitForImageClassification(config())


def bare() -> nn.Module:
    return BeitModel(config())


def first_token() -> nn.Module:
    return BeitModel(config(use_mean_pooling=False), add_pooling_layer=False)


def absolute() -> nn.Module:
    return BeitModel(config(use_relative_position_bias=False, use_absolute_position_embeddings=True))


def masked() -> nn.Module:
    shared = {"use_relative_position_bias": False, "use_shared_relative_position_bias": True}
    return BeitForMaskedImageModeling(config(vocab_size=60, use_mask_token=True, **shared))


def pooled(network: Any, pictures: Tensor) -> Tensor:
    found = network(pixel_values=pictures).pooler_output
    assert isinstance(found, Tensor)
    return found


def normed(peer: Any, pictures: Tensor) -> Tensor:
    found = peer.layernorm(peer.beit(pixel_values=pictures).last_hidden_state)
    assert isinstance(found, Tensor)
    return found


def before_head(m: Any, x: Tensor) -> Tensor:
    found = m.forward_head(m.forward_features(x), pre_logits=True)
    assert isinstance(found, Tensor)
    return found


def example(name: str, make: Any, build: Any = model) -> Example:
    return Example(f"transformers BEiT, {name}", DIALECT, make, build, before_head)


token = partial(model, global_pool="token")
shared = partial(token, use_rel_pos_bias=False, use_shared_rel_pos_bias=True)
EXAMPLES = [
    example("classifier", written(classifier, pooled, inner="beit")),
    example("classifier, memory", written(classifier, pooled, inner="beit", how="memory")),
    example("classifier, folder", written(classifier, pooled, inner="beit", how="folder")),
    example("bare", written(bare, pooled)),
    example("bare, memory", written(bare, pooled, how="memory")),
    example(
        "absolute positions", written(absolute, pooled), partial(model, use_abs_pos_emb=True, use_rel_pos_bias=False)
    ),
    Example("transformers BEiT, class token", DIALECT, written(first_token, last_hidden), token),
    Example("transformers BEiT, masked", DIALECT, written(masked, normed), token),
    Example("transformers BEiT, masked, memory", DIALECT, written(masked, normed, how="memory"), token),
    Example("transformers BEiT, masked, one table", DIALECT, written(masked, normed), shared),
]
