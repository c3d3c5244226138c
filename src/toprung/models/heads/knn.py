"""The k nearest neighbours by cosine, each voting with a weight that grows with its similarity.

Legend: B rows, N training features, D their size, C classes.

Source:
    Wu et al. 2018, "Unsupervised feature learning via non-parametric instance discrimination", section 3.4, as DINO
    (Caron et al. 2021) evaluates with it: a neighbour of similarity s votes with exp(s / 0.07).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toprung.models.head_fitting import Fitted, HeadData, HeadOptions, log_loss

NEIGHBOURS = (1, 3, 5, 10, 20, 50, 100, 200)
TEMPERATURE = 0.07
_ROWS = 256  # compared with the bank at once


class KNearestNeighbours(nn.Module):
    """Votes of the k nearest training features, as logarithms of shares.

    The shares are mixed with equal ones by Laplace's rule, with the weight of one neighbour of k + 1, so that a class
    without a vote has a finite logarithm. The order of the classes stays.

    Args:
        samples: N.
        features: D.
        classes: C.
        k: neighbours that vote.
        temperature: of the votes.
    """

    def __init__(self, samples: int, features: int, classes: int, k: int, temperature: float) -> None:
        super().__init__()
        if not 1 <= k <= samples:
            raise ValueError(f"k = {k} must be in 1 … {samples}")
        # parameters, not buffers: a saved model is built without memory for its parameters, then filled
        self.bank = nn.Parameter(torch.empty(samples, features), requires_grad=False)
        self.labels = nn.Parameter(torch.empty(samples, dtype=torch.int64), requires_grad=False)
        self.classes, self.k, self.temperature = classes, k, temperature

    def forward(self, features_BD: Tensor) -> Tensor:  # noqa: N803 - named with its axes
        """Return ``(B, C)`` logarithms of shares, each row's shares sum to 1."""
        return self.votes(*self.nearest(features_BD, self.k))

    def nearest(self, features_BD: Tensor, k: int) -> tuple[Tensor, Tensor]:  # noqa: N803
        """Return similarities and labels, ``(B, k)`` each, of the k nearest, the nearest first."""
        similarity_BN = F.normalize(features_BD.float(), dim=1) @ self.bank.float().T  # noqa: N806
        similarity, rows = similarity_BN.topk(k, dim=1)
        return similarity, self.labels[rows]

    def votes(self, similarity: Tensor, labels: Tensor) -> Tensor:
        """Return ``(B, C)`` logarithms of shares from ``(B, k)`` similarities and labels."""
        k = similarity.shape[1]
        weights = torch.exp((similarity - similarity[:, :1]) / self.temperature)
        votes = weights.new_zeros(labels.shape[0], self.classes).scatter_add_(1, labels, weights)
        shares = votes / votes.sum(dim=1, keepdim=True)
        return torch.log((k * shares + 1 / self.classes) / (k + 1))


def build(*, classes: int, samples: int, features: int, k: int, temperature: float) -> nn.Module:
    """Return the head with an arbitrary bank."""
    return KNearestNeighbours(samples, features, classes, k, temperature)


def fit(data: HeadData, options: HeadOptions) -> Fitted:
    """Keep the training features, at length 1; take the k of :data:`NEIGHBOURS` of the lowest validation log-loss."""
    samples, width = data.train.values.shape
    choices = [k for k in NEIGHBOURS if k <= samples]
    head = KNearestNeighbours(samples, width, data.classes, choices[-1], TEMPERATURE)
    with torch.inference_mode():
        head.bank.copy_(F.normalize(torch.from_numpy(data.train.values), dim=1))
        head.labels.copy_(torch.from_numpy(data.train.labels))
        parts = [head.nearest(part, choices[-1]) for part in torch.from_numpy(data.val.values).split(_ROWS)]
        similarity, labels = (torch.cat(columns) for columns in zip(*parts, strict=True))
        losses = {k: log_loss(head.votes(similarity[:, :k], labels[:, :k]).numpy(), data.val.labels) for k in choices}
    head.k = min(losses, key=lambda k: losses[k])
    sizes = {"samples": samples, "features": width, "k": head.k, "temperature": TEMPERATURE}
    return Fitted(head.eval(), f"k = {head.k}", sizes)
