"""What the contract does not cover of the dialects of Hugging Face transformers."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from transformers import (
    BeitModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    DeiTForImageClassificationWithTeacher,
    DINOv3ViTModel,
    ViTForImageClassification,
    ViTModel,
)

from tests.checkpoints.examples import hf_beit, hf_clip, hf_deit, hf_dinov2, hf_dinov3, hf_siglip, hf_vit, randomise
from tests.checkpoints.examples._hf_files import SIZES, TIMM_SIZES
from toprung.checkpoints.dialects import Translation, _transformers, all_dialects, hf_vitmae
from toprung.checkpoints.files import WeightsFile
from toprung.checkpoints.load import load_file
from toprung.checkpoints.recognise import recognise
from toprung.errors import WeightsError

NAMES = {index: f"kind {index}" for index in range(7)}


def file_of(peer: nn.Module, config: Mapping[str, Any] | None = None) -> WeightsFile:
    tensors: dict[str, Tensor] = randomise(peer).state_dict()
    return WeightsFile(Path("model.safetensors"), "torch", tensors, config=config or {})


def translated(file: WeightsFile) -> Translation:
    found = recognise(file)
    assert found is not None
    return found.dialect.translate(found.file, None)


def test_a_classifier_of_as_many_classes_answers_as_the_peer() -> None:
    peer = ViTForImageClassification(hf_vit.config(id2label=NAMES))
    model = hf_vit.model()
    load_file(model, file_of(peer))
    pictures = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(pictures), peer(pictures).logits, atol=1e-4, rtol=1e-4)


def test_deits_two_classifiers_go_to_their_tokens() -> None:
    config = hf_deit.config()
    config.id2label = NAMES
    peer = DeiTForImageClassificationWithTeacher(config)
    model = hf_deit.model()
    load_file(model, file_of(peer))
    pictures = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(pictures), peer(pictures).logits, atol=1e-4, rtol=1e-4)


def test_the_configuration_tells_what_no_tensor_does() -> None:
    config = hf_vit.config(hidden_act="quick_gelu", layer_norm_eps=1e-5, num_attention_heads=4, id2label=NAMES)
    found = translated(file_of(ViTForImageClassification(config), config.to_dict()))
    assert found.conventions.to_json() == {"activation": "quick_gelu", "norm_eps": 1e-5, "num_heads": 4}
    assert found.grid == (4, 4)
    assert found.classes == tuple(NAMES.values())
    assert not any("default" in assumption for assumption in found.assumptions)


def test_without_a_configuration_the_library_s_defaults_are_assumed_and_said() -> None:
    vit = translated(file_of(hf_vit.classifier()))
    assert vit.conventions.norm_eps == 1e-12
    assert any("no config.json" in assumption for assumption in vit.assumptions)
    assert any("heads" in assumption for assumption in vit.assumptions)
    assert translated(file_of(hf_clip.both())).conventions.activation == "quick_gelu"
    assert translated(file_of(hf_siglip.both())).conventions.activation == "gelu_tanh"


@pytest.mark.parametrize(
    "labels",
    [{0: "LABEL_0", 1: "LABEL_1"}, {0: "cat"}, {0: "cat", 1: "cat"}, {0: "cat", 2: "dog"}, {}, None],
)
def test_class_names_that_the_library_made_up_are_not_taken(labels: object) -> None:
    assert _transformers.classes_of({"id2label": labels}, torch.zeros(2, 4)) == ()


def test_class_names_are_ordered_by_their_number() -> None:
    labels = {str(index): f"kind {index}" for index in sorted(range(12), key=str)}
    assert _transformers.classes_of({"id2label": labels}, torch.zeros(12, 4)) == tuple(f"kind {i}" for i in range(12))


def test_an_activation_that_no_model_here_has_is_refused() -> None:
    file = file_of(hf_vit.bare(), {"model_type": "vit", "hidden_act": "relu"})
    assert "relu" in translated(file).unfit
    with pytest.raises(WeightsError):
        load_file(hf_vit.model(), file)


def test_another_model_type_is_not_claimed() -> None:
    file = file_of(hf_vit.bare(), {"model_type": "yolos"})
    assert [dialect.NAME for dialect in all_dialects() if dialect.recognise(file)] == []


@pytest.mark.parametrize(
    ("build", "into"),
    [
        (lambda: BeitModel(hf_beit.config()), hf_vit.model),
        (hf_dinov3.biased, hf_vit.model),
        (hf_clip.both, hf_vit.model),
        (hf_deit.two, hf_vit.model),
        (hf_dinov2.with_registers, hf_dinov2.model),
        (hf_dinov2.bare, hf_dinov2.registers),
        (hf_siglip.vision, hf_vit.model),
        (hf_vit.bare, hf_beit.model),
    ],
)
def test_a_model_built_otherwise_is_refused_and_stays(
    build: Callable[[], nn.Module], into: Callable[[], nn.Module]
) -> None:
    model = into()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError):
        load_file(model, file_of(build()))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_dinov3s_biases_must_not_be_lost_unless_they_are_zeros() -> None:
    file = file_of(hf_dinov3.biased())
    plain = hf_dinov3.model("vit_small_patch16_dinov3")
    with pytest.raises(WeightsError, match="qkv_bias"):
        load_file(plain, file)
    zeros = {
        name: torch.zeros_like(tensor) if name.endswith(("q_proj.bias", "v_proj.bias")) else tensor
        for name, tensor in file.tensors.items()
    }
    report = load_file(plain, dataclasses.replace(file, tensors=zeros))
    assert any("zeros" in reason for _, reason in report.dropped)


def test_dinov3_with_another_number_of_heads_is_refused() -> None:
    config = hf_dinov3.config(num_attention_heads=6)
    with pytest.raises(WeightsError, match="attention heads"):
        load_file(hf_dinov3.model(), file_of(DINOv3ViTModel(config), {"num_attention_heads": 6}))


def test_dinov2s_double_classifier_is_dropped_with_the_reason() -> None:
    report = load_file(hf_dinov2.model(), file_of(hf_dinov2.classifier()))
    assert dict(report.dropped)["classifier.weight"].startswith("head on the class token and the average")


def test_clips_projection_becomes_a_head_of_its_width_only() -> None:
    peer = CLIPVisionModelWithProjection(CLIPVisionConfig(**SIZES, projection_dim=24))
    file = file_of(peer)
    wide = timm.create_model("vit_base_patch16_clip_224", num_classes=24, **TIMM_SIZES)
    report = load_file(wide, file)
    assert any("projection" in assumption for assumption in report.assumptions)
    pictures = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(wide.eval()(pictures), peer(pictures).image_embeds, atol=1e-4, rtol=1e-4)
    assert "visual_projection.weight" in dict(load_file(hf_clip.model(), file).dropped)


def test_siglips_classifier_answers_as_the_peer_where_the_model_averages() -> None:
    peer = hf_siglip.classifier()
    model = timm.create_model("vit_base_patch16_siglip_gap_224", num_classes=9, **TIMM_SIZES)
    load_file(model, file_of(peer))
    pictures = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(pictures), peer(pictures).logits, atol=1e-4, rtol=1e-4)
    assert "classifier.weight" in dict(load_file(hf_siglip.model(), file_of(peer)).dropped)


def test_sines_for_positions_tell_a_bare_autoencoder_from_a_vit() -> None:
    vit = file_of(ViTModel(hf_vit.config(), add_pooling_layer=False))
    assert not hf_vitmae.recognise(vit)
    table = vit.tensors["embeddings.position_embeddings"].clone()
    table[:, 0] = 0
    autoencoder = dataclasses.replace(vit, tensors=vit.tensors | {"embeddings.position_embeddings": table})
    assert hf_vitmae.recognise(autoencoder)
    assert [d.NAME for d in all_dialects() if d.recognise(autoencoder)] == [hf_vitmae.NAME]


def test_names_that_nobody_knows_are_refused() -> None:
    file = file_of(hf_vit.bare())
    strange = dataclasses.replace(file, tensors=file.tensors | {"embeddings.strange": torch.zeros(3)})
    with pytest.raises(WeightsError, match="strange"):
        load_file(hf_vit.model(), strange)
