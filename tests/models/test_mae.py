"""The masked autoencoder against the paper's sizes, transformers' own, and a computation by hand."""

from __future__ import annotations

import pytest
import timm
import torch
import torch.nn.functional as F
from accelerate import init_empty_weights
from torch import Tensor, nn

from toprung.errors import ModelError
from toprung.models.catalogue import build_shapes
from toprung.models.mae import DecoderShape, MaskedAutoencoder, begin_encoder
from toprung.models.masking import Masking, mask_by_noise
from toprung.models.sincos import sincos_positions

SMALL = DecoderShape(width=24, depth=2, heads=3)


def encoder(name: str = "vit_tiny_patch16_224", side: int = 64, **how: object) -> nn.Module:
    return timm.create_model(name, num_classes=0, global_pool="token", img_size=side, **how)


def autoencoder(side: int = 64, **how: float) -> MaskedAutoencoder:
    """Return a small one whose every value matters: no zero biases, no tiny weights."""
    torch.manual_seed(0)
    module = MaskedAutoencoder(encoder("test_vit", side), SMALL, **how)  # type: ignore[arg-type]
    for parameter in module.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.2)
    return module.eval()


def example(module: MaskedAutoencoder, pictures: int = 3, side: int = 64) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    images = torch.randn(pictures, 3, side, side, generator=draw)
    return images, torch.rand(pictures, module.patches, generator=draw)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("vit_base_patch16_224", 111_907_840),
        ("vit_large_patch16_224", 329_541_888),
        ("vit_huge_patch14_224", 657_074_508),
    ],
)
def test_as_many_parameters_as_the_papers_fixed_positions_included(name: str, count: int) -> None:
    with init_empty_weights():
        module = MaskedAutoencoder(timm.create_model(name, num_classes=0, global_pool="token"))
    assert sum(parameter.numel() for parameter in module.parameters()) == count


def test_the_loss_of_one_picture_computed_by_hand() -> None:
    module = autoencoder()
    images, noise = example(module, 1)
    state = module.state_dict()
    size = 16
    corners = [(top, left) for top in range(0, 64, size) for left in range(0, 64, size)]
    patches = [images[0, :, top : top + size, left : left + size] for top, left in corners]
    kept = noise[0].sort().indices[:4].tolist()
    kernel, bias = state["encoder.patch_embed.proj.weight"], state["encoder.patch_embed.proj.bias"]
    places = state["encoder.pos_embed"][0]
    rows = [state["encoder.cls_token"][0, 0] + places[0]]
    rows += [(kernel * patches[i]).sum(dim=(1, 2, 3)) + bias + places[1 + i] for i in kept]
    x = _blocks(torch.stack(rows), state, "encoder.blocks", 2, 1e-6)
    x = _linear(_norm(x, state, "encoder.norm"), state, "decoder_embed")
    full = state["mask_token"][0, 0].repeat(17, 1)
    full[0] = x[0]
    for place, i in enumerate(kept):
        full[1 + i] = x[1 + place]
    full = full + state["decoder_pos_embed"][0]
    full = _blocks(full, state, "decoder_blocks", SMALL.heads, 1e-6)
    painted = _linear(_norm(full, state, "decoder_norm"), state, "decoder_pred")[1:]
    errors = []
    for i in range(16):
        if i not in kept:
            target = patches[i].permute(1, 2, 0).flatten()
            variance = ((target - target.mean()) ** 2).sum() / (len(target) - 1)
            errors.append(((painted[i] - (target - target.mean()) / (variance + 1e-6) ** 0.5) ** 2).mean())
    with torch.no_grad():
        found = module(images, noise)
    assert len(errors) == 12
    assert torch.allclose(found, torch.stack(errors).mean()[None], rtol=1e-5)


def _linear(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def _norm(x: Tensor, state: dict[str, Tensor], name: str, eps: float = 1e-6) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + eps) ** 0.5
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def _blocks(x: Tensor, state: dict[str, Tensor], name: str, heads: int, eps: float) -> Tensor:
    depth = len({key.removeprefix(f"{name}.").split(".")[0] for key in state if key.startswith(f"{name}.")})
    for i in range(depth):
        block = f"{name}.{i}"
        q, k, v = _linear(_norm(x, state, f"{block}.norm1", eps), state, f"{block}.attn.qkv").chunk(3, dim=1)
        width = q.shape[1] // heads
        seen = []
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            attention = torch.softmax(q[:, part] @ k[:, part].T / width**0.5, dim=1)
            seen.append(attention @ v[:, part])
        y = _linear(torch.cat(seen, dim=1), state, f"{block}.attn.proj")
        x = x + y * state.get(f"{block}.ls1.gamma", torch.ones(1))
        y = _linear(_norm(x, state, f"{block}.norm2", eps), state, f"{block}.mlp.fc1")
        y = _linear(0.5 * y * (1 + torch.erf(y / 2**0.5)), state, f"{block}.mlp.fc2")
        x = x + y * state.get(f"{block}.ls2.gamma", torch.ones(1))
    return x


def test_the_encoder_sees_nothing_of_hidden_patches() -> None:
    module = autoencoder()
    images, noise = example(module)
    before = module.reconstruct(images, noise).masked
    hidden = before == 0
    with torch.no_grad():
        one = module._encode(images, _masking(module, noise))
        other = module._encode(torch.where(hidden, torch.full_like(images, 9.0), images), _masking(module, noise))
    assert one.shape == (3, 1 + 4, 64)
    assert torch.equal(one, other)


def _masking(module: MaskedAutoencoder, noise: Tensor) -> Masking:
    return mask_by_noise(noise, module.mask_ratio)


def test_seen_patches_do_not_count_in_the_loss() -> None:
    """A seen patch changes the prediction; with a decoder that says nothing it cannot change the loss."""
    module = autoencoder(normalise=False)
    nn.init.zeros_(module.decoder_pred.weight)
    images, noise = example(module)
    seen = module.reconstruct(images, noise).masked != 0
    with torch.no_grad():
        assert torch.equal(module(images, noise), module(images + 5.0 * seen, noise))
        assert not torch.allclose(module(images, noise), module(images + 5.0 * ~seen, noise))


def test_without_a_say_the_normalised_loss_is_the_share_of_the_unbiased_variance() -> None:
    """Zeros predicted: the mean square of values of unbiased variance 1 is (P - 1) / P."""
    module = autoencoder()
    nn.init.zeros_(module.decoder_pred.weight)
    nn.init.zeros_(module.decoder_pred.bias)
    with torch.no_grad():
        losses = module(*example(module))
    assert torch.allclose(losses, torch.full((3,), 767 / 768), atol=1e-5)


def test_a_reconstruction_keeps_what_was_seen_and_undoes_the_normalisation() -> None:
    module = autoencoder()
    images, noise = example(module)
    with torch.no_grad():
        made = module.reconstruct(images, noise)
        assert torch.equal(made.losses, module(images, noise))
    seen = made.masked != 0
    assert torch.equal(made.painted[seen], images[seen])
    assert 0.2 < seen.float().mean() < 0.3
    nn.init.zeros_(module.decoder_pred.weight)
    nn.init.zeros_(module.decoder_pred.bias)
    with torch.no_grad():
        flat = module.reconstruct(images, noise).painted
    means = F.interpolate(F.avg_pool2d(images.mean(1, keepdim=True), 16), scale_factor=16)
    assert torch.allclose(flat[~seen], means.expand_as(images)[~seen], atol=1e-5)


def test_one_pictures_loss_does_not_depend_on_the_others() -> None:
    module = autoencoder()
    images, noise = example(module)
    with torch.no_grad():
        together, alone = module(images, noise), module(images[1:2], noise[1:2])
    assert torch.allclose(together[1:2], alone, rtol=1e-5)


def test_positions_never_learn_and_everything_else_does() -> None:
    module = autoencoder().train()
    module(*example(module)).sum().backward()
    still = {name for name, parameter in module.named_parameters() if parameter.grad is None}
    assert still == {"encoder.pos_embed", "decoder_pos_embed"}


def test_the_papers_initial_values() -> None:
    torch.manual_seed(0)
    module = encoder()
    begin_encoder(module)  # type: ignore[arg-type]
    assert torch.equal(module.pos_embed, sincos_positions(192, (4, 4), slots=1))
    for name, parameter in module.state_dict().items():
        if name.endswith("qkv.weight"):
            assert abs(float(parameter.std()) - (2 / (192 + 576)) ** 0.5) < 1e-3  # Xavier's variance
        if name.endswith(("attn.proj.bias", "fc1.bias", "norm1.bias")):
            assert not parameter.any()
    kernel = module.patch_embed.proj.weight.detach()
    assert abs(float(kernel.std()) - (2 / (192 + 768)) ** 0.5) < 1e-3  # as a linear layer of 768 inputs


@pytest.mark.parametrize("name", ["vit_medium_patch16_reg4_gap_256", "deit_tiny_distilled_patch16_224"])
def test_vits_with_other_tokens(name: str) -> None:
    pool = "" if "gap" in name else "token"
    module = MaskedAutoencoder(timm.create_model(name, num_classes=0, global_pool=pool, img_size=64, depth=1), SMALL)
    losses = module(*example(module))
    assert losses.shape == (3,)
    assert losses.isfinite().all()


@pytest.mark.parametrize("name", ["test_resnet", "beit_base_patch16_224", "vit_tiny_r_s16_p8_224"])
def test_what_is_no_plain_vit_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="plain ViT"):
        MaskedAutoencoder(build_shapes(name, 0, {}))


def test_a_single_patch_is_refused() -> None:
    with pytest.raises(ModelError, match="one patch"):
        MaskedAutoencoder(encoder("test_vit", 16), SMALL)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ModelError, match="5 heads"):
        MaskedAutoencoder(encoder("test_vit"), DecoderShape(24, 1, 5))
