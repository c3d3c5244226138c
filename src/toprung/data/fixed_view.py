"""A random view of a picture that is always the same one: drawn by the picture's content, not by an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toprung.data.augment import TrainView
from toprung.data.resample import Pixels
from toprung.errors import UnreadableImage
from toprung.images.files import content_hash, decode_rgb, identify, read_content
from toprung.seeding import generator


@dataclass(frozen=True)
class FixedView:
    """One of a fixed number of random views, for :class:`toprung.data.loaders.EvalLoader`.

    The position of the random numbers is the number of the view and the picture's content hash, so that a view depends
    neither on the order of the pictures nor on which others there are.

    Attributes:
        view: the random changes.
        number: of the view.
        seed: the run's.
        background: colour under transparent pixels.
    """

    view: TrainView
    number: int
    seed: int
    background: tuple[int, int, int] = (255, 255, 255)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the result in pixels."""
        return self.view.size

    def __call__(self, source: Path) -> Pixels:
        """Return ``(H, W, 3)`` uint8 of the file's picture.

        Raises:
            UnreadableImage: the file is no picture.
        """
        try:
            content = read_content(source)
            with identify(content) as image:
                pixels = decode_rgb(image, content, background=self.background)
        except UnreadableImage as error:
            raise UnreadableImage(f"cannot read {source}: {error}.") from error
        draw = generator(self.seed, "fixed view", self.number, int(content_hash(content), 16))
        crop = self.view.choose_crop(pixels.shape[0], pixels.shape[1], draw)
        cut = pixels[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
        return self.view.finish(cut, draw)
