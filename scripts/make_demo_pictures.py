"""Make the demo pictures from Debian's public-domain package ``openclipart-png``.

The same package, ``demo_pictures.toml`` and Pillow (with the same libwebp) give the same bytes::

    python scripts/make_demo_pictures.py [SOURCE] [OUTPUT] [--force]

Which folders fill which class, and which pictures stay out and why, is in ``demo_pictures.toml``.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sys
import tomllib
import warnings
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, features

SOURCE = Path("/usr/share/openclipart/png")
REPOSITORY = Path(__file__).resolve().parent.parent
OUTPUT = REPOSITORY / "demo" / "pictures"
CHOICES = Path(__file__).resolve().with_name("demo_pictures.toml")

WHITE = (255, 255, 255)
NEARLY_WHITE = 12  # a channel this far from white, or more, counts as drawn on
MARGIN = 0.04  # white border kept around the drawing, as a share of its longest side


class UnusablePictureError(Exception):
    """A picture that shows too little to be worth a place in the demo; the message says why."""


@dataclass(frozen=True)
class Limits:
    """How pictures are written, and which are unfit."""

    longest_side: int  # of a written picture; smaller pictures keep their size
    quality: int  # of the WebP, 0 to 100
    least_longest_side: int  # of the drawing in the source, in pixels
    most_pixels: int  # in the source; beyond this, reading it costs more than it is worth
    most_aspect: float  # longest side of the drawing over its shortest side
    least_drawn: float  # share of the trimmed picture that is not white


@dataclass(frozen=True)
class DemoClass:
    """One class: its name, the most pictures it takes, and the glob patterns of its sources."""

    name: str
    most: int
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Exclusion:
    """Patterns of pictures left out, the reason, and the one class it holds for (all, if empty)."""

    reason: str
    patterns: tuple[str, ...]
    only: str = ""

    def covers(self, class_name: str, relative: str) -> bool:
        """Whether this exclusion keeps the picture out of that class."""
        if self.only and self.only != class_name:
            return False
        return any(fnmatchcase(relative.lower(), pattern.lower()) for pattern in self.patterns)


@dataclass(frozen=True)
class Choices:
    """What ``demo_pictures.toml`` says."""

    limits: Limits
    other_words: dict[str, str]
    classes: tuple[DemoClass, ...]
    exclusions: tuple[Exclusion, ...]


@dataclass
class Tally:
    """What came of one class."""

    written: int = 0
    size: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def read_choices(path: Path) -> Choices:
    """Read the classes, limits and exclusions from the TOML file."""
    data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    classes = [DemoClass(name, entry["most"], tuple(entry["sources"])) for name, entry in data["classes"].items()]
    exclusions = [
        Exclusion(entry["reason"], tuple(entry["patterns"]), entry.get("only", "")) for entry in data["exclude"]
    ]
    return Choices(Limits(**data["limits"]), data["other_words"], tuple(classes), tuple(exclusions))


def paths_of(demo_class: DemoClass, source: Path) -> list[Path]:
    """List the pictures that the class's patterns name, each once, in a fixed order.

    The order is that of the hash of the path, so that a class which takes only some of
    its pictures takes them from all over the package and not from its first folders.
    """
    found = {path for pattern in demo_class.sources for path in source.glob(f"{pattern}.png")}
    return sorted(found, key=lambda path: hashlib.sha256(path.relative_to(source).as_posix().encode()).hexdigest())


def on_white(image: Image.Image) -> Image.Image:
    """Lay the picture on white, as RGB."""
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (*WHITE, 255))
    return Image.alpha_composite(ground, layer).convert("RGB")


def drawn_mask(image: Image.Image) -> Image.Image:
    """Mark in an RGB picture the pixels that are not nearly white (255 there, 0 elsewhere)."""
    red, green, blue = ImageChops.difference(image, Image.new("RGB", image.size, WHITE)).split()
    furthest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return furthest.point([0] * NEARLY_WHITE + [255] * (256 - NEARLY_WHITE))


def trimmed(image: Image.Image, limits: Limits) -> Image.Image:
    """Cut the white around the drawing down to a small margin; refuse what shows too little."""
    mask = drawn_mask(image)
    box = mask.getbbox()
    if box is None:
        raise UnusablePictureError("nearly empty")
    left, top, right, bottom = box
    long_side, short_side = max(right - left, bottom - top), min(right - left, bottom - top)
    if long_side < limits.least_longest_side:
        raise UnusablePictureError("tiny")
    if long_side > limits.most_aspect * short_side:
        raise UnusablePictureError("extreme aspect ratio")
    if mask.crop(box).histogram()[255] < limits.least_drawn * long_side * short_side:
        raise UnusablePictureError("nearly empty")
    margin = round(MARGIN * long_side)
    ground = Image.new("RGB", (right - left + 2 * margin, bottom - top + 2 * margin), WHITE)
    ground.paste(image.crop(box), (margin, margin))
    return ground


def prepared(path: Path, limits: Limits) -> Image.Image:
    """Read one source picture and make it ready to be written."""
    try:
        with Image.open(path) as opened:
            picture = trimmed(on_white(opened), limits)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise UnusablePictureError("too many pixels to be worth reading") from None
    shrink = limits.longest_side / max(picture.size)
    if shrink < 1:
        size = (max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return picture


def readable_name(path: Path, source: Path, other_words: dict[str, str], taken: set[str]) -> str:
    """Name the new file after the source: lower case, hyphens, some words replaced, unique in the demo."""
    words: list[str] = []
    for found in re.findall(r"[a-z0-9]+", path.stem.lower()):
        word = other_words.get(found, found)
        if word and word not in words[-1:]:
            words.append(word)
    name = "-".join(words) or "picture"
    folders = [re.sub(r"[^a-z0-9]+", "-", part.lower()) for part in path.relative_to(source).parent.parts]
    while name in taken and folders:
        name = f"{folders.pop()}-{name}"
    stem, number = name, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name


def make_class(demo_class: DemoClass, choices: Choices, source: Path, folder: Path, taken: set[str]) -> Tally:
    """Write one class folder; ``taken`` holds the file names used so far in the demo."""
    folder.mkdir(parents=True)
    tally = Tally()
    seen: set[str] = set()
    for path in paths_of(demo_class, source):
        relative = path.relative_to(source).with_suffix("").as_posix()
        reasons = (rule.reason for rule in choices.exclusions if rule.covers(demo_class.name, relative))
        if reason := next(reasons, None):
            tally.left_out[reason] += 1
            continue
        if tally.written == demo_class.most:
            tally.left_out["the class is full"] += 1
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest in seen:
            tally.left_out["the package files the same bytes twice"] += 1
            continue
        seen.add(digest)
        try:
            picture = prepared(path, choices.limits)
        except UnusablePictureError as unfit:
            tally.left_out[str(unfit)] += 1
            continue
        name = readable_name(path, source, choices.other_words, taken)
        taken.add(name)
        target = folder / f"{name}.webp"
        picture.save(target, "WEBP", quality=choices.limits.quality, method=6)
        tally.written += 1
        tally.size += target.stat().st_size
    return tally


def report(tallies: dict[str, Tally]) -> None:
    """Print counts and sizes by class, and why pictures were left out."""
    for name, tally in tallies.items():
        print(f"{name:12} {tally.written:5} pictures {tally.size / 1e6:6.2f} MB")
        for reason, count in tally.left_out.most_common():
            print(f"{'':12} {count:5} left out: {reason}")
    written = sum(tally.written for tally in tallies.values())
    size = sum(tally.size for tally in tallies.values())
    print(f"{'all':12} {written:5} pictures {size / 1e6:6.2f} MB")


def main() -> int:
    """Make the demo folder from the command line."""
    parser = argparse.ArgumentParser(description="Make the demo pictures from openclipart-png.")
    parser.add_argument("source", nargs="?", type=Path, default=SOURCE, help=f"default {SOURCE}")
    parser.add_argument("output", nargs="?", type=Path, default=OUTPUT, help="default demo/pictures")
    parser.add_argument("--force", action="store_true", help="replace the output folder if it is there")
    arguments = parser.parse_args()
    if not arguments.source.is_dir():
        parser.error(f"{arguments.source} is not a folder; install the Debian package openclipart-png")
    choices = read_choices(CHOICES)
    if arguments.output.exists():
        if not arguments.force:
            parser.error(f"{arguments.output} is already there; --force replaces it")
        shutil.rmtree(arguments.output)
    Image.MAX_IMAGE_PIXELS = choices.limits.most_pixels  # Pillow warns above this, which we make an error
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    taken: set[str] = set()
    tallies = {
        one.name: make_class(one, choices, arguments.source, arguments.output / one.name, taken)
        for one in choices.classes
    }
    print(f"Pillow {features.version('pil')}, libwebp {features.version('webp')}")
    report(tallies)
    return 0


if __name__ == "__main__":
    sys.exit(main())
