"""``review.html``: one page over the pictures in ``review/``, that needs nothing but a browser.

Names may come from strangers: the records stand in the page as JSON in which ``<`` is escaped, the script sets them as
text only, and the page's content policy allows no other script and no request but to its own place.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from toprung.cutting.review import choices as choosing
from toprung.cutting.review.choices import Choice, read_choices
from toprung.cutting.review.entry import FailedEntry, ReviewEntry
from toprung.cutting.review.pictures import write_entry
from toprung.cutting.review.records import Record, read_records
from toprung.storage import write_text

FILE = "review.html"
_SCRIPTS = ("state.js", "list.js", "stage.js", "brush.js", "saving.js", "entry.js")


def write_review(folder: Path, entries: Iterable[ReviewEntry | FailedEntry] = ()) -> Path:
    """Write the pictures of the entries given, then ``review.html`` over all entries that the folder holds.

    A long run calls :func:`toprung.cutting.review.pictures.write_entry` for each photo as it is done, in any process,
    and this in the end without entries. A ``choices.json`` in the folder is shown on the page.

    Args:
        folder: the output folder.
        entries: taken one by one, so that a generator holds one photo in memory.

    Returns:
        Path of the page.

    Raises:
        CutoutError: ``choices.json`` is damaged.
        StorageError: the disk is full or the place is not writable.
    """
    folder = Path(folder)
    for entry in entries:
        write_entry(folder, entry)
    return write_page(folder, read_records(folder), saved_choices(folder))


def write_page(folder: Path, records: Iterable[Record], choices: Mapping[str, Choice]) -> Path:
    """Write ``review.html`` from records that were read already, in their order."""
    file = Path(folder) / FILE
    write_text(file, render(Path(folder).resolve().name, records, choices))
    return file


def saved_choices(folder: Path) -> dict[str, Choice]:
    """Return the choices that stand in the folder; none when it has no ``choices.json``."""
    file = Path(folder) / choosing.FILE
    return read_choices(file) if file.exists() else {}


def render(title: str, records: Iterable[Record], choices: Mapping[str, Choice]) -> str:
    """Return the page as HTML.

    Args:
        title: the folder's name.
        records: the worst first.
        choices: made before.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("toprung.cutting.review", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    templates = importlib.resources.files("toprung.cutting.review") / "templates"
    style = (templates / "review.css").read_text(encoding="utf-8")
    body = "\n".join((templates / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n{body}'
    title = title.encode("utf-8", "replace").decode("utf-8")  # a name that is no UTF-8 cannot be written
    data = {"records": list(records), "choices": {n: c.to_json() for n, c in choices.items()}}
    return environment.get_template("review.html.j2").render(
        title=title,
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        data=Markup(json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")),
    )


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src 'self' file: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
