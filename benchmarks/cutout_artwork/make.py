"""Make the set of sixty cases from public-domain artwork. It is for measuring, never for tuning.

    apt-get download openclipart-svg mate-backgrounds lomiri-wallpapers-20.04     # and unpack with dpkg -x
    pip install resvg-py                                                          # draws SVG
    python -m benchmarks.cutout_artwork.make --art ROOT --out FOLDER [--light]

ROOT holds the unpacked packages. Each case is a folder with photo, plate, second photo on another paper, its plate,
alpha (16 bit), foreground and ``case.json``. ``--light`` mixes object and ground in linear light instead of sRGB.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cutout_artwork.camera import Camera, Floats, hand_held, look, to_light, to_srgb
from benchmarks.cutout_artwork.grounds import MARGIN, paper, photograph
from benchmarks.cutout_artwork.pictures import DRAWINGS, OUT_OF_FOCUS, PAPERS, PHOTOGRAPHS

WIDTH, HEIGHT = 1152, 864
_PHOTO_EVERY = (1, 4, 7, 9, 11)
"""Which of a group's twelve cases lie on photographs (four or five of twelve)."""


def main() -> None:
    """Make all cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--art", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name begins so")
    arguments = parser.parse_args()
    count = 0
    for group, drawings in DRAWINGS.items():
        for index, drawing in enumerate(drawings):
            if f"{group}-{index:02d}".startswith(arguments.only):
                encoding = "linear" if arguments.light else "gamma"
                make(arguments.art, arguments.out, group, index, drawing, count, encoding)
            count += 1
    print(f"{count} cases in {arguments.out}")


def make(root: Path, out: Path, group: str, index: int, drawing: str, seed: int, encoding: str) -> None:
    """Make and save one case."""
    rng = np.random.default_rng([20261125, seed])
    camera = Camera.drawn(rng)
    alpha, colour = _placed(rng, _draw(_find(root, drawing)))
    defocus = OUT_OF_FOCUS.get(drawing, 0.0)
    on_photograph = index in _PHOTO_EVERY and not (group == "soft" and index == 11)
    names = list(PAPERS)
    first, other = rng.choice(len(names), 2, replace=False)
    if group == "camouflaged":
        typical = np.median(colour[alpha > 0.95], axis=0) * 255
        sheet = paper(rng, tuple(np.clip(typical + rng.normal(0, 6, 3), 25, 245)), WIDTH, HEIGHT)
    else:
        sheet = paper(rng, PAPERS[names[first]], WIDTH, HEIGHT)
    if on_photograph:
        turn = len(_PHOTO_EVERY) * list(DRAWINGS).index(group) + _PHOTO_EVERY.index(index)
        picture = PHOTOGRAPHS[turn % len(PHOTOGRAPHS)]
        sheet = photograph(rng, _find(root, picture), WIDTH, HEIGHT)
        if group == "camouflaged":
            colour = _towards(colour, alpha, sheet)
    second_sheet = paper(rng, PAPERS[names[other]], WIDTH, HEIGHT)

    soft_alpha, soft_colour = _soften(alpha, colour, float(np.hypot(defocus, camera.blur)))
    shadow = _shadow(rng, alpha)
    still, balance = np.eye(3), np.ones(3)
    photo = camera.take(rng, _lay(camera, sheet, still, soft_alpha, soft_colour, shadow, encoding), 0.0, balance)
    second_shadow = _shadow(rng, alpha)
    mixed = _lay(camera, second_sheet, still, soft_alpha, soft_colour, second_shadow, encoding)
    second = camera.take(rng, mixed, float(rng.uniform(-0.05, 0.05)), np.exp(rng.normal(0, 0.005, 3)))
    plates, matrices = [], []
    for under in (sheet, second_sheet):
        matrix = hand_held(rng, WIDTH, HEIGHT)
        seen = camera.soften(_see(under, matrix))
        plates.append(camera.take(rng, seen, float(rng.uniform(-0.2, 0.2)), np.exp(rng.normal(0, 0.01, 3))))
        matrices.append(matrix)

    folder = out / f"{group}-{index:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in (("photo", photo), ("plate", plates[0]), ("second", second), ("second_plate", plates[1])):
        cv2.imwrite(str(folder / f"{name}.png"), pixels[..., ::-1])
    cv2.imwrite(str(folder / "alpha.png"), np.round(soft_alpha * 65535).astype(np.uint16))
    cv2.imwrite(str(folder / "foreground.png"), np.round(soft_colour[..., ::-1] * 65535).astype(np.uint16))
    facts = {
        "group": group,
        "ground": "photograph" if on_photograph else "paper",
        "drawing": drawing,
        "matrix": matrices[0].tolist(),
        "second_matrix": matrices[1].tolist(),
        "encoding": encoding,
    }
    (folder / "case.json").write_text(json.dumps(facts, indent=1))


def _draw(path: Path) -> Floats:
    """Premultiplied RGBA at four times the size needed: ``(H, W, 4)`` in [0, 1]."""
    import resvg_py

    data = bytes(resvg_py.svg_to_bytes(svg_string=path.read_text(errors="replace"), width=1800))
    rgba = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).astype(np.float32) / 255
    rgba = np.ascontiguousarray(rgba[..., [2, 1, 0, 3]])
    rgba[..., :3] *= rgba[..., 3:]
    rows, columns = np.nonzero(rgba[..., 3] > 0.02)
    return rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _placed(rng: np.random.Generator, rgba: Floats) -> tuple[Floats, Floats]:
    """Alpha and colours of the drawing somewhere in the picture, turned a little."""
    height, width = rgba.shape[:2]
    turn = rng.uniform(-15, 15)
    radians = np.deg2rad(turn)
    wide = width * abs(np.cos(radians)) + height * abs(np.sin(radians))
    tall = width * abs(np.sin(radians)) + height * abs(np.cos(radians))
    scale = min(rng.uniform(0.55, 0.85) * HEIGHT / tall, 0.85 * WIDTH / wide)
    x = rng.uniform(wide * scale / 2 + 12, WIDTH - wide * scale / 2 - 12)
    y = rng.uniform(tall * scale / 2 + 12, HEIGHT - tall * scale / 2 - 12)
    twice = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 2 * scale)
    twice[:, 2] += np.array([2 * x, 2 * y]) - (width / 2, height / 2)
    blurred = cv2.GaussianBlur(rgba, (0, 0), max(0.3, 0.35 / (2 * scale)))
    big = cv2.warpAffine(blurred, twice, (2 * WIDTH, 2 * HEIGHT), flags=cv2.INTER_LINEAR)
    small = cv2.resize(big, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return _unmultiplied(small)


def _unmultiplied(rgba: Floats) -> tuple[Floats, Floats]:
    """Alpha, and colours carried on outwards where there is no object."""
    alpha = np.clip(rgba[..., 3], 0, 1)
    far, weight, colour = rgba[..., :3], alpha, np.zeros_like(rgba[..., :3])
    known = np.zeros(alpha.shape, bool)
    for sigma in (0.0, 2.0, 8.0, 40.0, 300.0):
        mass, sums = _blurred(weight, sigma), _blurred(far, sigma)
        new = ~known & (mass > (0.02 if sigma < 300 else -1))
        colour[new] = sums[new] / np.maximum(mass[new, None], 1e-6)
        known |= new
    return alpha, np.clip(colour, 0, 1)


def _blurred(picture: Floats, sigma: float) -> Floats:
    if sigma < 8:
        return cv2.GaussianBlur(picture, (0, 0), sigma) if sigma else picture
    small = cv2.resize(picture, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
    size = picture.shape[1::-1]
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / 8), size, interpolation=cv2.INTER_LINEAR)


def _soften(alpha: Floats, colour: Floats, sigma: float) -> tuple[Floats, Floats]:
    premultiplied = np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
    return _unmultiplied(cv2.GaussianBlur(premultiplied, (0, 0), sigma))


def _towards(colour: Floats, alpha: Floats, sheet: Floats) -> Floats:
    """The object's colours moved to the mean of the ground under it."""
    under = _see(sheet, np.eye(3))[alpha > 0.5]
    own = colour[alpha > 0.5]
    spread = float(np.clip(under.std(0).mean() / max(own.std(0).mean(), 1e-3), 0.3, 1.0))
    return np.clip((colour - own.mean(0)) * spread + under.mean(0), 0.02, 0.98).astype(np.float32)


def _see(sheet: Floats, matrix: NDArray[np.float64]) -> Floats:
    margin = int(MARGIN * WIDTH)
    return look(sheet, (margin, margin), 1.0, matrix, WIDTH, HEIGHT)


def _shadow(rng: np.random.Generator, alpha: Floats) -> Floats:
    """Share of the light that reaches the ground: a contact shadow and a wide one, to one side."""
    left = np.ones_like(alpha)
    angle = rng.uniform(0, np.pi)  # the light comes from above
    for reach, depth in ((4.0, rng.uniform(0.1, 0.35)), (28.0, rng.uniform(0.0, 0.3))):
        moved = np.array([[1, 0, np.cos(angle) * reach], [0, 1, np.sin(angle) * reach]], np.float32)
        cast = cv2.GaussianBlur(cv2.warpAffine(alpha, moved, (WIDTH, HEIGHT)), (0, 0), 1.2 * reach)
        left = left * (1 - depth * cast)
    return left


def _lay(
    camera: Camera,
    sheet: Floats,
    matrix: NDArray[np.float64],
    alpha: Floats,
    colour: Floats,
    shadow: Floats,
    encoding: str,
) -> Floats:
    """The object over the shadowed ground, all softened by the optics once."""
    ground = camera.soften(to_light(_see(sheet, matrix)) * shadow[..., None])
    share = alpha[..., None]
    if encoding == "linear":
        return to_srgb(share * to_light(colour) + (1 - share) * ground)
    return (share * colour + (1 - share) * to_srgb(ground)).astype(np.float32)


def _find(root: Path, name: str) -> Path:
    """The file of a name under an unpacked package, or scikit-learn's photograph."""
    found = next(iter(sorted(root.rglob(Path(name).name))), None)
    if found is None:
        import sklearn.datasets

        found = Path(sklearn.datasets.__file__).parent / "images" / name
    if not found.is_file():
        raise SystemExit(f"{name} is not under {root}: unpack the packages that this module's head names")
    return found


if __name__ == "__main__":
    main()
