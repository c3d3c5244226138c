"""Build a network by name: every timm architecture."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from toprung.errors import ModelError, WeightsError, nearest
from toprung.models.blocks.learnable_resizer import ResizerShape, attach_resizer
from toprung.models.conventions import Conventions, apply_conventions
from toprung.models.heads import build_head
from toprung.models.hub import first_line, is_download_error, offline_when_out_of_reach, unreachable
from toprung.models.trunk import replace_classifier

MODEL_ARGUMENTS = {
    "img_size": "img_size",
    "patch_size": "patch_size",
    "drop_path": "drop_path_rate",
    "drop_rate": "drop_rate",
    "global_pool": "global_pool",
}
CONVENTIONS = "conventions"  # ours and not timm's: what weights from elsewhere compute with
RESIZER = "resizer"  # ours too: the learnable resizer before the model
HEAD = "head"  # ours too: a head of another kind in the classifier's place
OUR_ARGUMENTS = (CONVENTIONS, RESIZER, HEAD)


def check_name(name: str) -> None:
    """Refuse a name that is not in the catalogue.

    Raises:
        ModelError: unknown; the nearest names are suggested.
    """
    import timm

    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        hint = nearest(name, timm.list_models())
        raise ModelError(f"there is no model {name!r}.{hint} Any name of timm.list_models() can be used.")
    known = {full.partition(".")[2] for full in timm.list_pretrained(f"{architecture}.*")}
    if tag and tag not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise ModelError(f"{architecture} has no weights {tag!r}, its tags are: {listed}.{nearest(tag, known)}")


def build(name: str, num_classes: int, arguments: Mapping[str, Any], *, pretrained: bool = False) -> nn.Module:
    """Return a model with a fresh head for ``num_classes``.

    Args:
        name: a timm model name, with or without a tag such as ``.in1k``.
        num_classes: outputs of the classifier.
        arguments: keywords of timm's ``create_model``, such as ``drop_path_rate``, and ``conventions``, the values of
            a :class:`~toprung.models.conventions.Conventions`, ``resizer``, those of a
            :class:`~toprung.models.blocks.learnable_resizer.ResizerShape`, and ``head``, as
            :func:`toprung.models.heads.build_head` takes it.
        pretrained: let timm download and load its weights.

    Raises:
        ModelError: unknown name, or an argument that the model does not take.
        WeightsError: the weights cannot be downloaded, or the model has none.
    """
    import timm

    check_name(name)
    if pretrained and not _has_weights(name):
        raise WeightsError(f"timm has no pretrained weights for {name}; use --weights none, a file, or another model.")
    reach = offline_when_out_of_reach() if pretrained else contextlib.nullcontext()
    keywords = {key: value for key, value in arguments.items() if key not in OUR_ARGUMENTS}
    conventions = Conventions.from_json(arguments.get(CONVENTIONS, {}))
    try:
        with reach:
            model = timm.create_model(name, pretrained=pretrained, num_classes=num_classes, **keywords)
    except torch.OutOfMemoryError:
        raise
    except TypeError as error:
        unknown = re.search(r"unexpected keyword argument(?:\(s\): \[| )'(\w+)'", str(error))
        if not unknown:
            raise
        spoken = {value: key for key, value in MODEL_ARGUMENTS.items()}.get(unknown[1], unknown[1])
        raise ModelError(f"the model {name} takes no {spoken}; leave model.{spoken} out.") from error
    except Exception as error:  # timm asserts and raises of every kind, and so do the hub client's layers
        if pretrained and is_download_error(error):
            raise unreachable(name, error) from error
        if isinstance(error, (AssertionError, ValueError, RuntimeError, ArithmeticError, LookupError)):
            reason = first_line(error)
            raise ModelError(f"the model {name} cannot be built with {keywords}: {reason}.") from error
        raise
    apply_conventions(model, conventions)
    if RESIZER in arguments:
        attach_resizer(model, ResizerShape.from_json(arguments[RESIZER]))
    if HEAD in arguments:
        replace_classifier(model, build_head(arguments[HEAD], num_classes))
    return model


def build_empty(name: str, num_classes: int, arguments: Mapping[str, Any]) -> nn.Module:
    """Return the model with its parameters on ``meta``: no memory taken, nothing initialised. Buffers are real.

    A few architectures compute with their parameters while they are built (Swin, ViTamin); those are built in full.

    Raises:
        ModelError: as :func:`build`.
    """
    from accelerate import init_empty_weights

    try:
        with init_empty_weights(include_buffers=False):
            model = build(name, num_classes, arguments)
    except ModelError as error:
        if "meta" not in str(error.__cause__):
            raise
    else:
        if not any(buffer.is_meta for buffer in model.buffers()):
            return model
    return build(name, num_classes, arguments)


def build_shapes(name: str, num_classes: int, arguments: Mapping[str, Any]) -> nn.Module:
    """Return the model on ``meta``, buffers too: it has names and shapes, and can never compute.

    Raises:
        ModelError: as :func:`build`.
    """
    from accelerate import init_empty_weights

    try:
        with init_empty_weights(include_buffers=True):
            return build(name, num_classes, arguments)
    except ModelError as error:
        if "meta" not in str(error.__cause__):
            raise
    return build_empty(name, num_classes, arguments)


def takes_img_size(name: str) -> bool:
    """Say whether the architecture is built for one input size and must be told another (ViT, Swin)."""
    import timm

    check_name(name)
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    return bool(config and config.fixed_input_size)


def check_runs(model: nn.Module, input_size: tuple[int, int, int]) -> None:
    """Run one forward pass, so that settings that cannot work fail before any picture is read.

    Args:
        model: on the CPU.
        input_size: channels, height and width.

    Raises:
        ModelError: the model raised; its own words are in the message.
    """
    try:
        # not inference_mode: what a layer keeps from this pass, such as position tables, must not bar training
        with torch.no_grad(), evaluating(model):
            model(torch.zeros(1, *input_size))
    except (RuntimeError, AssertionError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        height, width = input_size[1:]
        raise ModelError(
            f"the model does not run on {height} × {width} pictures: {first_line(error)}. "
            "Change model.img_size, model.patch_size or model.global_pool."
        ) from error


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put the model in eval mode for the time of a ``with`` block."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def parameter_count(model: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def is_convolutional(model: nn.Module) -> bool:
    """Say whether most of the work is in convolutions, so that channels_last pays.

    A ViT has one convolution, its patch embedding; a convolutional network has dozens.
    """
    convolutions = sum(isinstance(module, nn.Conv2d) for module in model.modules())
    linears = sum(isinstance(module, nn.Linear) for module in model.modules())
    return convolutions > 4 and convolutions >= linears


def _has_weights(name: str) -> bool:
    import timm

    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    return bool(config and config.has_weights)
