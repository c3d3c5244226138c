"""Write a climb's page, from what its folder holds; torch is not needed."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from toprung.ladder import wording
from toprung.ladder.climb.page.gather import gather
from toprung.ladder.climb.record import ClimbRecord
from toprung.storage import write_text

_FILTERS = ("percent", "percent_span", "decimal", "short", "amount", "parameters", "duration", "moment", "plural")


def write_climb_page(folder: Path) -> Path:
    """Write ``report.html`` into a climb's folder.

    Args:
        folder: ``runs/<climb>``.

    Returns:
        Path of the page.

    Raises:
        RunError: no climb, or from a newer toprung.
        StorageError: the page cannot be written.
    """
    page = folder / "report.html"
    # A path from a damaged file may hold half a surrogate pair, which UTF-8 cannot write.
    write_text(page, render(ClimbRecord.open(folder)).encode("utf-8", "replace").decode("utf-8"))
    return page


def render(record: ClimbRecord) -> str:
    """Return the page as HTML; everything from the folder is escaped, and no request leaves it."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader("toprung.ladder.climb.page", "templates"),
                jinja2.PackageLoader("toprung.ladder", "templates"),
            ]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for name in _FILTERS:
        environment.filters[name] = getattr(wording, name)
    script = environment.loader.get_source(environment, "climb.js")[0]  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    page = environment.get_template("climb.html.j2")
    return page.render(script=Markup(script), script_digest=digest, **gather(record))
