"""A small folder of review entries: tape rolls whose hole was overlooked, and names that try to break out."""

import numpy as np

from toprung.cutting.review.entry import FailedEntry, ReviewEntry
from toprung.cutting.review.pictures import write_entry
from toprung.cutting.review.retouch import retouch
from toprung.cutting.scene import Candidate, Scene, Verdict

WIDTH, HEIGHT = 160, 120
HOSTILE = (
    "</script><script>window.broken = 1</script>.jpg",
    "<img src=x onerror=window.broken=1> & \"double\" 'single'.png",
    "50% #2 what?.jpg",
    "päper 剪纸 🎀/two words.jpg",
    "not utf-8 \udcff.jpg",
    "__proto__",
)


def disc(radius):
    rows, columns = np.indices((HEIGHT, WIDTH))
    return np.clip(radius + 0.5 - np.hypot(columns - 80, rows - 60), 0, 1).astype(np.float32)


TRUTH = disc(45) - disc(20)


def photo():
    alpha = TRUTH[..., None]
    return (alpha * np.array([0.8, 0.5, 0.2]) + (1 - alpha) * np.array([0.3, 0.5, 0.8])).astype(np.float32)


def entry(name="tape roll.jpg", *, status="check", error=0.07, alpha=None, files=()):
    candidates = (
        Candidate("plate difference", TRUTH, expected_error=0.004),
        Candidate("grabcut", disc(45), expected_error=0.07),
    )
    return ReviewEntry(
        name,
        photo(),
        disc(45) if alpha is None else alpha,
        photo(),
        candidates,
        Verdict(status, error, (error / 2, error * 2), ("a hole may be filled",), (60, 40, 40, 40), {"holes": 1.0}),
        np.abs(disc(45) - TRUTH),
        files=files,
    )


def entries():
    yield entry("fine.jpg", status="good", error=0.001)
    yield entry()
    yield from (entry(name, error=0.01, files=(f"{name}.cut.png",)) for name in HOSTILE)
    yield FailedEntry("broken.jpg", "cannot read broken.jpg: it is empty (0 bytes).")


class Resolver:
    """What the pipeline does when a person decided: starts from the picked candidate and touches it up."""

    def __init__(self, folder):
        self.folder, self.calls, self.error = folder, [], None

    def __call__(self, name, certain_object, certain_background, picked):
        self.calls.append((name, certain_object, certain_background, picked))
        if self.error is not None:
            raise self.error
        start = next((c.alpha for c in entry().candidates if c.name == picked), disc(45))
        alpha = retouch(Scene(photo()), start, certain_object, certain_background)
        write_entry(self.folder, entry(name, status="good", error=0.002, alpha=alpha))
