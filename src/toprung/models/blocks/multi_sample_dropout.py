"""Multi-sample dropout: several dropout masks of the same features in front of one classifier.

Legend: M samples, B pictures in a batch, F features, C classes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from timm.layers import Linear
from torch import Tensor, nn

from toprung.errors import ModelError


class MultiSampleLinear(nn.Linear):
    """A linear classifier that in training answers for several dropout masks of its input at once.

    Its parameters are named and shaped as those of ``nn.Linear``, and in eval mode it computes the same: a model with
    it is saved, loaded and exported as the plain model is.

    The loss of a picture is the *mean* of its samples' losses. With their sum the gradient, and so the step, would
    grow with M; with the mean of the logits there would be one loss of one average, which is another method.

    Args:
        plain: the classifier whose parameters are taken over (not copied).
        samples: number of masks M, at least 1. One is ordinary dropout.
        rate: share of features that a mask drops, in [0, 1).

    Source:
        Inoue 2019, "Multi-sample dropout for accelerated training and better generalization", arXiv 1905.09788,
        section 3.
    """

    def __init__(self, plain: nn.Linear, samples: int, rate: float) -> None:
        # the parameters come from the other layer: no memory and no random numbers are spent on own ones
        super().__init__(plain.in_features, plain.out_features, bias=plain.bias is not None, device="meta")
        self.weight = plain.weight
        self.bias = plain.bias
        self.samples = samples
        self.rate = rate
        self.train(plain.training)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits ``(M, B, C)`` in training and ``(B, C)`` in eval mode, for features ``(B, F)``."""
        if not self.training:
            return super().forward(features)
        masked = F.dropout(features.expand(self.samples, *features.shape), self.rate, training=True)
        return super().forward(masked)

    def extra_repr(self) -> str:
        """Describe the layer where a model is printed."""
        return f"{super().extra_repr()}, samples={self.samples}, rate={self.rate}"


def add_multi_sample_dropout(model: nn.Module, *, samples: int, rate: float, input_size: tuple[int, int]) -> None:
    """Put a :class:`MultiSampleLinear` in the place of the model's classifier, and try it.

    The model must have been built without dropout of its own before the classifier.

    Args:
        model: of timm, on the CPU. When it is refused it stays as it was.
        samples: M, at least 1.
        rate: of dropout, in [0, 1).
        input_size: height and width of the pictures that the model takes.

    Raises:
        ModelError: the model's classifier is not one linear layer, or its output is not what the model returns.
    """
    plain = _classifier(model)
    head = MultiSampleLinear(plain, samples, rate)
    _exchange(model, plain, head)
    if not _returns_samples(model, head, input_size):
        _exchange(model, head, plain)
        raise ModelError(
            f"{type(model).__name__} does something with the classifier's answers before it returns them, so "
            "multi-sample dropout does not fit it; leave model.dropout_samples out."
        )


def _classifier(model: nn.Module) -> nn.Linear:
    get = getattr(model, "get_classifier", None)
    found = get() if callable(get) else None
    # a subclass may compute something else; timm's own Linear differs in the casts for TorchScript only
    if isinstance(found, nn.Linear) and type(found) in (nn.Linear, Linear):
        return found
    kinds = ", ".join(type(part).__name__ for part in found) if isinstance(found, tuple) else type(found).__name__
    raise ModelError(
        f"multi-sample dropout needs one linear classifier and {type(model).__name__} has {kinds}; "
        "leave model.dropout_samples out."
    )


def _exchange(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if child is old:
                setattr(parent, name, new)


def _returns_samples(model: nn.Module, head: MultiSampleLinear, input_size: tuple[int, int]) -> bool:
    """Say whether what the head answers in training is what the model returns, tried with two pictures.

    The head alone is in training mode: a whole model in training would change its BatchNorm statistics.
    """
    answers: list[Tensor] = []
    hook = head.register_forward_hook(lambda module, inputs, output: answers.append(output))
    pictures = torch.zeros(2, 3, *input_size)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]), _only_training(model, head):
            returned = model(pictures)
    finally:
        hook.remove()
    wanted = (head.samples, len(pictures), head.out_features)
    return (
        len(answers) == 1
        and isinstance(returned, Tensor)
        and returned.shape == wanted
        and torch.equal(returned, answers[0])
    )


@contextlib.contextmanager
def _only_training(model: nn.Module, part: nn.Module) -> Iterator[None]:
    was_training = model.training
    model.eval()
    part.train()
    try:
        yield
    finally:
        model.train(was_training)
