"""Ridge regression at every strength from one eigendecomposition, in whichever of two forms is the smaller.

Legend: N rows, H columns, C targets; A ``(N, H)``, T ``(N, C)``, strength λ > 0.

    primal   W = (AᵀA + λI)⁻¹ Aᵀ T      an H × H decomposition
    dual     W = Aᵀ (AAᵀ + λI)⁻¹ T      an N × N decomposition

Source:
    Hoerl & Kennard 1970, "Ridge regression"; the dual form: Saunders et al. 1998. Both are equal, since
    (AᵀA + λI) Aᵀ = Aᵀ (AAᵀ + λI).
"""

from __future__ import annotations

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


def primal_path(rows: Matrix, targets: Matrix) -> RidgePath:
    """Decompose AᵀA = Q diag(e) Qᵀ: W = Q diag(1 / (e + λ)) Qᵀ Aᵀ T."""
    eigenvalues, vectors = np.linalg.eigh(rows.T @ rows)
    return RidgePath(vectors, eigenvalues.clip(min=0), vectors.T @ (rows.T @ targets))


def dual_path(rows: Matrix, targets: Matrix) -> RidgePath:
    """Decompose AAᵀ = U diag(e) Uᵀ: W = Aᵀ U diag(1 / (e + λ)) Uᵀ T."""
    eigenvalues, vectors = np.linalg.eigh(rows @ rows.T)
    return RidgePath(rows.T @ vectors, eigenvalues.clip(min=0), vectors.T @ targets)


def ridge_path(rows: Matrix, targets: Matrix) -> RidgePath:
    """Return the path by the form whose decomposition is the smaller."""
    count, width = rows.shape
    return primal_path(rows, targets) if width <= count else dual_path(rows, targets)
