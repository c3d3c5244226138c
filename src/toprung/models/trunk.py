"""A network as a trunk and its classifier: the features between the two, and another head in the classifier's place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from toprung.errors import ModelError


def classifier_of(model: nn.Module) -> tuple[str, nn.Module]:
    """Return name and module of the classifier.

    Raises:
        ModelError: the model has none, or more than one.
    """
    told = getattr(model, "get_classifier", None)
    module = told() if callable(told) else None
    for name, one in model.named_modules():
        if name and isinstance(module, nn.Module) and one is module:
            return name, one
    raise ModelError(
        f"{type(model).__name__} has no single classifier whose place another head could take; take another model."
    )


def linear_classifier_of(model: nn.Module) -> nn.Linear:
    """Return the classifier of a model that has one linear layer as its classifier.

    Raises:
        ModelError: it is something else.
    """
    _, module = classifier_of(model)
    if not isinstance(module, nn.Linear):
        raise ModelError(
            f"the classifier of {type(model).__name__} is a {type(module).__name__}, not one linear layer, so there "
            "are no features to fit a head to; take another model."
        )
    return module


def replace_classifier(model: nn.Module, head: nn.Module) -> None:
    """Put another head in the place of the classifier.

    Raises:
        ModelError: as :func:`classifier_of`.
    """
    name, _ = classifier_of(model)
    owner, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(owner), leaf, head)


def features_and_logits(model: nn.Module, classifier: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return what enters the classifier, and what the model answers.

    What enters is taken where it enters, so that whatever a model does before its classifier (pooling, a norm, a
    resizer) is in it. In timm's words it is ``forward_head(forward_features(x), pre_logits=True)``.
    """
    caught: list[Tensor] = []

    def catch(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        caught.append(arguments[0])

    handle = classifier.register_forward_pre_hook(catch)
    try:
        logits: Tensor = model(inputs)
    finally:
        handle.remove()
    if len(caught) != 1 or caught[0].ndim != 2:
        shapes = ", ".join(str(tuple(one.shape)) for one in caught) or "nothing"
        raise ModelError(
            f"{type(model).__name__} does not give its classifier one row of features per picture (but {shapes}), so "
            "no other head can take its place; take another model."
        )
    return caught[0], logits


def feature_function(model: nn.Module, input_size: tuple[int, int]) -> Callable[[Tensor], Tensor]:
    """Return the function from normalised pictures ``(B, 3, H, W)`` to features ``(B, D)``.

    Args:
        model: in eval mode.
        input_size: height and width, of the trial that shows that the classifier is all that follows the features.

    Raises:
        ModelError: the classifier is not one linear layer, or not the last of the model.
    """
    classifier = linear_classifier_of(model)
    trial = torch.linspace(-1, 1, 3 * input_size[0] * input_size[1], device=classifier.weight.device)
    with torch.inference_mode():
        features, logits = features_and_logits(model, classifier, trial.view(1, 3, *input_size))
        if not torch.allclose(classifier(features), logits, rtol=1e-4, atol=1e-5):
            raise ModelError(f"{type(model).__name__} changes what its classifier answers; take another model.")
    return lambda inputs: features_and_logits(model, classifier, inputs)[0]


def trunk_fingerprint(model: nn.Module) -> str:
    """Return a hash of all tensors but the classifier's, of their names, types and shapes."""
    name, _ = classifier_of(model)
    digest = hashlib.blake2b(digest_size=16)
    for key, tensor in sorted(model.state_dict().items()):
        if key.startswith(f"{name}."):
            continue
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
