"""Ridge regression at every strength from one eigendecomposition, in whichever of two forms is the smaller.

Legend: N rows, H columns, C targets; A ``(N, H)``, T ``(N, C)``, strength λ > 0.

    primal   W = (AᵀA + λI)⁻¹ Aᵀ T      an H × H decomposition
    dual     W = Aᵀ (AAᵀ + λI)⁻¹ T      an N × N decomposition

Source:
    Hoerl & Kennard 1970, "Ridge regression"; the dual form: Saunders et al. 1998. Both are equal, since
    (AᵀA + λI) Aᵀ = Aᵀ (AAᵀ + λI).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class RidgePath:
    """The solutions W(λ) = B diag(1 / (e + λ)) P for all λ.

    Attributes:
        basis: B, ``(H, R)``, where R is H in the primal form and N in the dual one.
        eigenvalues: e, ``(R,)``, 0 or more.
        projected: P, ``(R, C)``.
    """

    basis: Matrix
    eigenvalues: Matrix
    projected: Matrix

    def weights(self, strength: float) -> Matrix:
        """Return W(λ), ``(H, C)``."""
        return self.basis @ self._shrunk(strength)

    def predictions(self, rows: Matrix, strengths: list[float]) -> list[Matrix]:
        """Return ``rows @ W(λ)`` for several λ, with one product of the size of ``rows`` for all of them."""
        turned = rows @ self.basis
        return [turned @ self._shrunk(strength) for strength in strengths]

    def _shrunk(self, strength: float) -> Matrix:
        return self.projected / (self.eigenvalues + strength)[:, None]


def primal_path(gram: Matrix, cross: Matrix) -> RidgePath:
    """Decompose AᵀA = Q diag(e) Qᵀ: W = Q diag(1 / (e + λ)) Qᵀ Aᵀ T.

    Args:
        gram: AᵀA, ``(H, H)``.
        cross: AᵀT, ``(H, C)``.
    """
    eigenvalues, vectors = np.linalg.eigh(gram)
    return RidgePath(vectors, eigenvalues.clip(min=0), vectors.T @ cross)


def dual_path(rows: Matrix, targets: Matrix) -> RidgePath:
    """Decompose AAᵀ = U diag(e) Uᵀ: W = Aᵀ U diag(1 / (e + λ)) Uᵀ T."""
    eigenvalues, vectors = np.linalg.eigh(rows @ rows.T)
    return RidgePath(rows.T @ vectors, eigenvalues.clip(min=0), vectors.T @ targets)


def centred_path(blocks: Iterable[tuple[Matrix, Matrix]], *, count: int, width: int) -> tuple[RidgePath, Matrix]:
    """Return the path for centred columns, by the form whose decomposition is the smaller, and the columns' means.

    The primal form needs no more memory than H × H and one block.

    Args:
        blocks: rows of A and of T in parts; the columns of T have mean 0.
        count: N, the number of rows in all.
        width: H.
    """
    if count < width:
        rows, targets = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        means = rows.mean(axis=0)
        return dual_path(rows - means, targets), means
    gram, cross, total = np.zeros((width, width)), np.zeros((width, 1)), np.zeros(width)
    for rows, targets in blocks:
        gram += rows.T @ rows
        cross = cross + rows.T @ targets  # at first one column of zeros for all
        total += rows.sum(axis=0)
    means = total / count
    return primal_path(gram - count * np.outer(means, means), cross), means
