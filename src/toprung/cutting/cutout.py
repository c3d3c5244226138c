"""The whole way from a photo to its cutout: align, mask, matte, fuse, judge, colour."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toprung.cutting.align.align import align_rgb
from toprung.cutting.align.alignment import Alignment
from toprung.cutting.foreground.estimate import estimate_foreground
from toprung.cutting.fuse import disagreement_of, fuse_alphas
from toprung.cutting.given_trimap import open_trimap
from toprung.cutting.judge.judging import rank
from toprung.cutting.methods.materials import Materials, Second
from toprung.cutting.methods.registry import chosen_methods
from toprung.cutting.photo import open_photo
from toprung.cutting.plate_background import plate_background
from toprung.cutting.reduced import window_of
from toprung.cutting.result import Cutout
from toprung.cutting.scene import RGB, Alpha, Background, Candidate, Photo, Verdict
from toprung.errors import CutoutError

_GROUND = 0.1  # share of the longer side: ground around the object that tells light and noise
Picture = str | Path | Image.Image | NDArray


def cutout(
    photo: Picture,
    plate: Picture | None = None,
    second: Picture | None = None,
    second_plate: Picture | None = None,
    *,
    methods: Sequence[str] | None = None,
    model: str | Path | None = None,
    trimap: Picture | None = None,
) -> Cutout:
    """Cut the object out of a photo.

    Where the photo is transparent already, the cutout is at most as opaque as the photo.

    Args:
        photo: a file, a PIL image or an array.
        plate: the same scene without the object, from about the same place; it is aligned.
        second: the same object and view on paper of another colour.
        second_plate: that paper without the object.
        methods: names of :data:`toprung.cutting.methods.registry.METHODS`; None runs those that apply.
        model: an ONNX file of a saliency or matting network.
        trimap: black background, white object, grey to be found.

    Returns:
        The cutout. When nothing can be found, alpha is 0 and the verdict "failed".

    Raises:
        UnreadableImage: a file is not a picture.
        CutoutError: the pictures do not go together, or no such method.
    """
    start = time.perf_counter()
    if second is None and second_plate is not None:
        raise CutoutError("A second plate needs its second photo: give both, or neither.")
    entries = chosen_methods(methods)
    opened = open_photo(photo)
    height, width = opened.rgb.shape[:2]
    background, alignment = _aligned(opened.rgb, plate)
    materials = Materials(
        opened.rgb,
        opened.name,
        background,
        alignment,
        _second(opened.rgb, second, second_plate),
        None if trimap is None else open_trimap(trimap, height, width),
        None if model is None else Path(model),
    )
    candidates = []
    for entry in entries:
        begun = time.perf_counter()
        alpha = entry.solve(materials)
        if alpha is not None:
            shown = alpha if opened.alpha is None else np.minimum(alpha, opened.alpha)
            candidates.append(Candidate(entry.name, shown, None, time.perf_counter() - begun))
    remarks = _remarks(alignment)
    if not candidates:
        nothing = materials.empty()
        verdict = Verdict("failed", 0.5, (0.0, 1.0), (*remarks, _nothing_applies(methods)))
        elapsed = time.perf_counter() - start
        return Cutout(nothing, opened.rgb, (), verdict, nothing, None, alignment, materials.background, opened, elapsed)
    decisive = {entry.name for entry in entries if entry.decides}
    return _decided(opened.rgb, materials, candidates, decisive, remarks, start, opened)


def _decided(
    rgb: RGB,
    materials: Materials,
    candidates: list[Candidate],
    decisive: Set[str],
    remarks: tuple[str, ...],
    start: float,
    opened: Photo,
) -> Cutout:
    """Judge all candidates and their fusion, and take the one that is expected to be best, or a decisive one."""
    alphas: dict[str, Alpha] = {candidate.name: candidate.alpha for candidate in candidates}
    disagreement = disagreement_of(alphas)
    used = materials.alignment if materials.plate is not None else None
    verdicts = rank(materials.scene, alphas, None, used)
    if len(alphas) > 1:
        fused = fuse_alphas(alphas, {name: verdicts[name].expected_error for name in alphas})
        candidates.append(Candidate("fused", fused))
        alphas["fused"] = fused
        verdicts = rank(materials.scene, alphas, None, used)
    judged = [replace(one, expected_error=verdicts[one.name].expected_error) for one in candidates]
    judged.sort(key=lambda one: (one.name not in decisive, verdicts[one.name].expected_error))
    best = judged[0]
    verdict = verdicts[best.name]
    if remarks:
        status = "check" if verdict.status == "good" else verdict.status
        verdict = replace(verdict, status=status, reasons=(*remarks, *verdict.reasons))
    foreground = _foreground(rgb, best.alpha, materials.background)
    judged[0] = replace(best, foreground=foreground)
    return Cutout(
        best.alpha, foreground, tuple(judged), verdict, disagreement, best.name, materials.alignment,
        materials.background, opened, time.perf_counter() - start,
    )  # fmt: skip


def _foreground(rgb: RGB, alpha: Alpha, background: Background | None) -> RGB:
    if not bool((alpha > 0).any()):
        return rgb
    window = window_of(alpha > 0, _GROUND)
    part = None if background is None else background.part(window)
    share = alpha[window]
    usable = part is not None and bool(part.valid[(share > 0) & (share < 1)].all())
    found = estimate_foreground(rgb[window], share, part if usable else None)
    rows, columns = (line.indices(length) for line, length in zip(window, alpha.shape, strict=True))
    edges = rows[0], alpha.shape[0] - rows[1], columns[0], alpha.shape[1] - columns[1]
    return cv2.copyMakeBorder(found, *edges, cv2.BORDER_REPLICATE)


def _aligned(rgb: RGB, plate: Picture | None) -> tuple[Background | None, Alignment | None]:
    if plate is None:
        return None, None
    alignment = align_rgb(open_photo(plate).rgb, rgb)
    return (plate_background(rgb, alignment) if alignment.ok else None), alignment


def _second(rgb: RGB, second: Picture | None, plate: Picture | None) -> Second | None:
    if second is None:
        return None
    opened = open_photo(second)
    if opened.rgb.shape != rgb.shape:
        raise CutoutError(
            f"The second photo {opened.name} is {opened.rgb.shape[1]} × {opened.rgb.shape[0]} and the first "
            f"{rgb.shape[1]} × {rgb.shape[0]}: both must come from the same camera, cropped alike."
        )
    background, _ = _aligned(opened.rgb, plate)
    if background is None:
        background = Materials(opened.rgb, opened.name).border
    return Second(opened.rgb, background)


def _remarks(alignment: Alignment | None) -> tuple[str, ...]:
    if alignment is None or alignment.ok:
        return ()
    return (f"The plate was not used, as it could not be aligned: {alignment.reason}.",)


def _nothing_applies(methods: Sequence[str] | None) -> str:
    asked = "" if methods is None else f" ({', '.join(methods)})"
    return f"No method{asked} applies: the background is not plain; give a plate, a trimap or a model."
