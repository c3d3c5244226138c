"""What only concerns CLIP's towers: which GELU, how many heads, what becomes of the projection, and CoCa."""

from pathlib import Path
from typing import Any

import open_clip
import pytest
import timm
import torch
from torch import Tensor

from tests.checkpoints.examples import openai_clip as vit
from tests.checkpoints.examples import openai_clip_resnet as resnet
from tests.checkpoints.examples import randomise
from toprung.checkpoints.dialects import openai_clip, openai_clip_resnet
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.load import load_weights
from toprung.errors import WeightsMismatch


def a_file(tensors: dict[str, Tensor], name: str = "model.pt", **beside: Any) -> WeightsFile:
    return WeightsFile(Path(name), "torch", tensors, **beside)


def state(**arguments: Any) -> dict[str, Tensor]:
    return dict(vit.peer(quick=False).state_dict()) | arguments


def activation_of(file: WeightsFile) -> str | None:
    return openai_clip.translate(file, None).conventions.activation


def test_openai_computes_with_quick_gelu() -> None:
    assert activation_of(a_file(state(input_resolution=torch.tensor(32)))) == "quick_gelu"
    assert activation_of(a_file(state(), entries={"vocab_size": 20})) == "quick_gelu"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"quick_gelu": True, "vision_cfg": {}}, "quick_gelu"),
        ({"vision_cfg": {}}, "gelu"),
        ({"vision_cfg": {"act_kwargs": {"approximate": "tanh"}}}, "gelu_tanh"),
    ],
)
def test_a_configuration_tells_the_activation(config: dict[str, Any], expected: str) -> None:
    assert activation_of(a_file(state(), config={"model_cfg": config})) == expected


def test_a_name_tells_quick_gelu() -> None:
    assert activation_of(a_file(state(), "vit_b_32-quickgelu-laion400m_e32.pt")) == "quick_gelu"
    assert activation_of(a_file(state(), entries={"name": "model_ViT-B-32-quickgelu-lr_1"})) == "quick_gelu"


@pytest.mark.parametrize("name", ["vit_base_patch16_clip_224", "vit_base_patch16_clip_quickgelu_224"])
def test_without_a_hint_the_models_own_activation_stays_and_the_report_says_so(tmp_path: Path, name: str) -> None:
    torch.save(state(), tmp_path / "model.pt")
    target = timm.create_model(name, num_classes=7, img_size=32, patch_size=8, embed_dim=128, depth=2, num_heads=2)
    before = type(target.blocks[0].mlp.act)
    report = load_weights(target, tmp_path / "model.pt")
    assert type(target.blocks[0].mlp.act) is before
    assert any(text.startswith("activation: the model's own") for text in report.assumptions)


def test_heads_are_known_where_the_project_fixes_them() -> None:
    def heads(**beside: Any) -> int | None:
        return openai_clip.translate(a_file(state(), **beside), None).conventions.num_heads

    assert heads(entries={"context_length": 8}) == 2
    assert heads(config={"model_cfg": {"vision_cfg": {"head_width": 32}}}) == 4
    assert heads(config={"model_cfg": {"vision_cfg": {"head_width": 0}}}) is None
    assert heads() is None


def test_the_projection_is_the_head_of_a_model_as_wide(tmp_path: Path) -> None:
    network = vit.peer(quick=True)
    torch.save(dict(network.state_dict()) | {"vocab_size": torch.tensor(20)}, tmp_path / "model.pt")
    target = vit.model(num_classes=16)
    report = load_weights(target, tmp_path / "model.pt")
    assert not report.missing
    pictures = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(target.eval()(pictures), network.visual(pictures), atol=1e-4, rtol=1e-4)  # type: ignore[union-attr, operator]


def test_a_resnets_projection_is_the_head_of_a_model_as_wide(tmp_path: Path) -> None:
    network = resnet.peer()
    torch.save(network.state_dict(), tmp_path / "RN50.pt")
    target = resnet.model(classes=24)
    report = load_weights(target, tmp_path / "RN50.pt")
    assert not report.missing
    pictures = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(target.eval()(pictures), network.visual(pictures), atol=1e-4, rtol=1e-4)  # type: ignore[union-attr, operator]


@pytest.mark.parametrize(
    ("vision", "name", "owner"),
    [
        ({"layers": 12, "width": 768, "patch_size": 32}, "vit_base_patch32_clip_quickgelu_224", openai_clip),
        ({"layers": [3, 4, 6, 3], "width": 64}, "resnet50_clip", openai_clip_resnet),
    ],
)
def test_every_tensor_of_a_full_size_model_is_given(vision: dict[str, Any], name: str, owner: Any) -> None:
    with torch.device("meta"):
        network = open_clip.CLIP(512, vision | {"image_size": 224}, vit.TEXT)
        target = timm.create_model(name, num_classes=3)
    translation = owner.translate(a_file(dict(network.state_dict())), None)
    own = {key: tensor.shape for key, tensor in target.state_dict().items() if not key.startswith("head.proj")}
    assert not translation.leftover
    given = {key: tensor.shape for key, tensor in translation.state.items()}
    assert given == {key: shape for key, shape in own.items() if key not in ("head.weight", "head.bias")}


def test_coca_is_refused_with_the_reason(tmp_path: Path) -> None:
    vision = vit.VISION | {"attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True}
    text = vit.TEXT | {"embed_cls": True, "output_tokens": True}
    network = randomise(open_clip.CoCa(16, vit.TEXT | {"attn_pooler_heads": 2}, text, vision))
    torch.save(network.state_dict(), tmp_path / "coca.pt")
    with pytest.raises(WeightsMismatch, match="CoCa"):
        load_weights(vit.model(), tmp_path / "coca.pt")


def test_clipa_needs_a_model_that_averages(tmp_path: Path) -> None:
    file = vit.configured(tmp_path, no_ln_pre=True, pool_type="avg", final_ln_after_pool=True).path
    with pytest.raises(WeightsMismatch, match="global_pool='avg'"):
        load_weights(vit.model(pre_norm=False), file)


def test_a_tower_into_a_model_without_the_first_norm_is_refused(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "model.pt")
    with pytest.raises(WeightsMismatch, match="norm_pre"):
        load_weights(vit.model(pre_norm=False), tmp_path / "model.pt")


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    for inside in ("visual.secret", "secret", "positional_embedding_of_another_tower"):
        torch.save(state() | {inside: torch.ones(3)}, tmp_path / "model.pt")
        with pytest.raises(WeightsMismatch, match=inside):
            load_weights(vit.model(), tmp_path / "model.pt")


def test_a_resnet_that_averages_drops_the_pooling(tmp_path: Path) -> None:
    report = load_weights(resnet.model("classifier"), resnet.openai(tmp_path).path)
    reasons = {reason for name, reason in report.dropped if name.startswith("visual.attnpool.")}
    assert reasons == {"attention pooling; the model pools by average"}


def test_a_resnet_of_torchvisions_kind_is_not_claimed() -> None:
    with torch.device("meta"):
        file = a_file(dict(timm.create_model("resnet50").state_dict()))
        deep = a_file(dict(timm.create_model("resnet50_clip").state_dict()))
    assert not openai_clip_resnet.recognise(file)
    assert not openai_clip_resnet.recognise(deep)


def test_tables_read_both_ways(tmp_path: Path) -> None:
    for module, file in ((openai_clip, vit.tower(tmp_path)), (openai_clip_resnet, resnet.tower(tmp_path))):
        for name in read_weights(file.path).tensors:
            ours = module.TABLE.forward(name)
            assert ours is None or name in module.TABLE.backward(ours)
