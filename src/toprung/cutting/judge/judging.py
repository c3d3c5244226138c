"""Judge one candidate, or rank all."""

from __future__ import annotations

from collections.abc import Mapping

from toprung.cutting.align.alignment import Alignment
from toprung.cutting.judge.evidence import Evidence, fit, gather
from toprung.cutting.judge.fitted import fitted
from toprung.cutting.judge.posterior import Posterior, ask
from toprung.cutting.judge.verdict import give
from toprung.cutting.judge.view import View
from toprung.cutting.scene import RGB, Alpha, Scene, Verdict
from toprung.errors import CutoutError, nearest


def judge(
    scene: Scene,
    candidate_alphas: Mapping[str, Alpha],
    name: str,
    foreground: RGB | None = None,
    alignment: Alignment | None = None,
) -> Verdict:
    """Say without ground truth how wrong one alpha is.

    Args:
        scene: the photo and what is known of its background.
        candidate_alphas: all candidates, ``(H, W)`` float32 in [0, 1] each, by name; one alone can be judged too, but
            less surely.
        name: which of them to judge.
        foreground: ``(H, W, 3)`` float32 sRGB, that candidate's colours; looked at for background left in them.
        alignment: how the plate was aligned, None without a plate.

    Returns:
        The verdict; its ``measures`` are shares of the picture.

    Raises:
        CutoutError: no candidate of that name, or an alpha of another size or outside [0, 1].
    """
    if name not in candidate_alphas:
        raise CutoutError(
            f"cannot judge '{name}' of {scene.name}: no candidate is called so.{nearest(name, candidate_alphas)}"
        )
    evidence = gather(scene, candidate_alphas, alignment)
    return _verdict(evidence, ask(evidence, fitted().rounds), name, foreground)


def rank(
    scene: Scene,
    candidates: Mapping[str, Alpha],
    foregrounds: Mapping[str, RGB] | None = None,
    alignment: Alignment | None = None,
) -> dict[str, Verdict]:
    """Judge all candidates of a scene together, which costs little more than judging one.

    Args:
        scene: the photo and what is known of its background.
        candidates: ``(H, W)`` float32 in [0, 1] each, by name.
        foregrounds: ``(H, W, 3)`` float32 sRGB of those that have colours.
        alignment: how the plate was aligned, None without a plate.

    Returns:
        Each candidate's verdict, the smallest expected error first; equal ones in the order given.

    Raises:
        CutoutError: no candidate, or an alpha of another size or outside [0, 1].
    """
    evidence = gather(scene, candidates, alignment)
    posterior = ask(evidence, fitted().rounds)
    colours = foregrounds or {}
    verdicts = {name: _verdict(evidence, posterior, name, colours.get(name)) for name in candidates}
    return dict(sorted(verdicts.items(), key=lambda item: item[1].expected_error))


def _verdict(evidence: Evidence, posterior: Posterior, name: str, foreground: RGB | None) -> Verdict:
    small = None if foreground is None else fit(foreground, evidence.rgb.shape[1::-1])
    return give(View(evidence, evidence.alphas[name]), posterior, fitted(), small)
