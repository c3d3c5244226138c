"""What is particular to JAX's npz files."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from tests.checkpoints.examples import jax_vit, jax_vit_variants
from toprung.checkpoints.dialects.jax_vit import TABLE, recognise, translate
from toprung.checkpoints.files import WeightsFile, read_weights
from toprung.checkpoints.load import load_file, load_weights
from toprung.errors import WeightsMismatch


def test_a_file_without_positions_is_refused_and_both_reasons_are_named(tmp_path: Path) -> None:
    given = jax_vit.arrays(jax_vit.NEW, token=False)
    del given["pos_embedding"]
    np.savez(tmp_path / "vit_s16_i1k_90ep.npz", **given)
    with pytest.raises(WeightsMismatch, match="incomplete, or its project computes them"):
        load_weights(jax_vit.averaging(), tmp_path / "vit_s16_i1k_90ep.npz")


def test_attention_pooling_with_another_number_of_heads_is_refused(tmp_path: Path) -> None:
    file = jax_vit_variants.attending(tmp_path).path
    with pytest.raises(WeightsMismatch, match="attention pooling has 4 heads, the model's 3"):
        load_weights(jax_vit.model(class_token=False, global_pool="map", num_heads=3), file)


def test_a_tensor_in_two_layouts_is_refused(tmp_path: Path) -> None:
    file = read_weights(jax_vit.write(tmp_path).path)
    name = "Transformer/encoderblock_0/LayerNorm_0/scale"
    file.tensors["Transformer/encoderblock/LayerNorm_0/scale"] = torch.ones(2, jax_vit.WIDTH)
    assert name in file.tensors
    with pytest.raises(WeightsMismatch, match="encoderblock/LayerNorm_0/scale"):
        load_file(jax_vit.model(), file)


def test_a_hybrid_does_not_go_into_a_plain_model(tmp_path: Path) -> None:
    file = jax_vit_variants.hybrid(tmp_path, (1, 2), 1).path
    with pytest.raises(WeightsMismatch, match=r"patch_embed\.backbone|conv_root"):
        load_weights(jax_vit.model(), file)


def test_kernels_that_are_scaled_are_told(tmp_path: Path) -> None:
    file = jax_vit_variants.hybrid(tmp_path, (1, 2), 1).path
    report = load_weights(jax_vit_variants.hybrid_model((1, 2), 1), file)
    assert any("weight standardisation" in phrase for phrase in report.assumptions)
    assert report.conventions["std_conv_eps"] > 0


def test_the_median_kernel_keeps_its_size(tmp_path: Path) -> None:
    file = read_weights(jax_vit_variants.hybrid(tmp_path, (1, 2), 1).path)
    translated = translate(file, None).state
    gains = sorted(
        float(translated[f"patch_embed.backbone.stages.0.blocks.0.conv{number}.weight"].std())
        / float(file.tensors[f"block1/unit1/conv{number}/kernel"].std())
        for number in (1, 2, 3)
    )
    assert 0.5 < gains[1] < 2  # about 0.1 with timm's own epsilon


@pytest.mark.parametrize("name", ["vit_tiny_r_s16_p8_224", "vit_small_r26_s32_224", "vit_base_r50_s16_224"])
def test_all_names_of_timms_hybrids_are_known(name: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=3)
    units = [len(stage.blocks) for stage in getattr(model.patch_embed.backbone, "stages", ())]
    theirs = jax_vit_variants.resnet_arrays(tuple(units))
    file = WeightsFile(
        Path("R.npz"),
        "npz",
        {name: torch.from_numpy(array) for name, array in (jax_vit.arrays(jax_vit.OLD) | theirs).items()},
    )
    assert recognise(file)
    translation = translate(file, None)
    assert not translation.leftover
    ours = {name for name in model.state_dict() if "backbone" in name}
    assert ours == {name for name in translation.state if "backbone" in name}


def test_names_go_there_and_back() -> None:
    for name in jax_vit.arrays(jax_vit.OLD):
        ours = TABLE.forward(name)
        assert ours is not None
        assert name in TABLE.backward(ours)
