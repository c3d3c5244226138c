"""A run's page: one HTML file that needs nothing but a browser, rebuilt from the run folder at any time.

The page holds its style, its charts (SVG), small pictures and one short script that sorts a table. Class
names, paths and everything else in the folder may come from strangers: the template escapes all of it, and
the page's content policy allows no script but that one, and no request to anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
from pathlib import Path
from typing import Any

from toprung.errors import RunError
from toprung.evaluation.predictions import Predictions
from toprung.ladder import findings, reconstructions_shown, sections, wording
from toprung.ladder.averaging.section import average_section
from toprung.ladder.calibration_section import calibration_section
from toprung.ladder.controls import read_controls, verdict
from toprung.ladder.fusion_section import fusion_section
from toprung.ladder.heads_section import heads
from toprung.ladder.health import data_health
from toprung.ladder.reading import Record, listing, mapping, number, read_json, read_record, text
from toprung.ladder.thumbnails import Thumbnails
from toprung.runs.folder import RunFolder
from toprung.storage import write_text

_PAGES = {"pretraining": "pretraining.html.j2"}


def write_report(run: Path) -> Path:
    """Write ``report.html`` into a run folder, from what the folder holds.

    Whatever is missing or damaged (the run failed, or still goes on) is named on the page, and the rest is
    shown. Pictures are read from where they stood during the run, for thumbnails; one that is gone becomes a
    grey field.

    Args:
        run: the folder, ``runs/<name>``.

    Returns:
        Path of the page.

    Raises:
        RunError: there is no such folder, or it was written by a newer toprung.
        StorageError: the page cannot be written.
    """
    record = read_record(run)
    file: Path = RunFolder(Path(run)).report_file
    # A path from a damaged file may hold half a surrogate pair, which UTF-8 cannot write.
    write_text(file, render(record).encode("utf-8", "replace").decode("utf-8"))
    return file


def render(record: Record) -> str:
    """Return the page of a run as HTML."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("toprung.ladder", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for name in (
        "percent",
        "percent_span",
        "decimal",
        "short",
        "amount",
        "parameters",
        "duration",
        "moment",
        "plural",
    ):
        environment.filters[name] = getattr(wording, name)
    environment.filters["split_name"] = wording.split_name
    script = environment.loader.get_source(environment, "report.js")[0]  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    page = environment.get_template(_PAGES.get(text(record.run.get("kind")), "report.html.j2"))
    return page.render(script=Markup(script), script_digest=digest, **gather(record))


def gather(record: Record) -> dict[str, Any]:
    """Return all that the template shows, as plain values."""
    problems = list[str]()
    predictions = _read_predictions(record, problems)
    scored = findings.find_scores(record, predictions, problems)
    head = next(iter(scored.values()), None)
    data_folder = text(mapping(record.run.get("data")).get("path"))
    thumbnail = Thumbnails(Path(data_folder) if data_folder else None)
    training = sections.training(record)
    index = read_json(reconstructions_shown.index_file(RunFolder(record.path)), problems)
    shown = predictions.get(head.split if head else "val")
    return {
        "name": record.name,
        "status": record.status,
        "run": record.run,
        "data_folder": data_folder,
        "marks": [text(mark) for mark in listing(record.run.get("marks")) if text(mark)],
        "head": head,
        "accuracy": findings.measure(head.values, "accuracy") if head else None,
        "verdict": findings.verdict(record, scored) if head else [],
        "forest": findings.forest(scored) if head else None,
        "log_loss": findings.measure(head.values, "log_loss") if head else None,
        "ece": findings.measure(head.values, "ece") if head else None,
        "training": training,
        "heads": heads(record),
        "average": average_section(record),
        "fusion": fusion_section(record),
        "controls": [
            {"split": split, "rows": rows, "verdict": verdict(rows)}
            for split, rows in sorted(read_controls(record.run).items())  # test before val
        ],
        "confusion": sections.confusion(head) if head else None,
        "mistakes": sections.mistakes(shown, thumbnail) if shown else None,
        "calibration": sections.calibration(head) if head else None,
        "calibrated": calibration_section(RunFolder(record.path), problems),
        "per_class": sections.per_class(head) if head else [],
        "reconstructions": reconstructions_shown.shown(RunFolder(record.path), index),
        "hidden": number(index.get("mask_ratio")),
        "normalised": index.get("normalised") is True,
        "best_loss": number(record.run.get("best_loss")),
        "health": data_health(record, thumbnail),
        "recipe": _recipe(record, problems),
        "load_report": _load_report(record),
        "environment": {str(key): text(value) for key, value in record.environment.items()},
        "problems": [*record.problems, *problems],
    }


def _read_predictions(record: Record, problems: list[str]) -> dict[str, Predictions]:
    found = {}
    for split in ("val", "test"):
        file = RunFolder(record.path).predictions_file(split)
        if not file.is_file():
            continue
        try:
            found[split] = Predictions.read(file)
        except RunError as error:
            problems.append(str(error))
    return found


def _recipe(record: Record, problems: list[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the settings by subject; those without a subject come first."""
    try:
        parsed = tomllib.loads(record.recipe)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        problems.append(f"recipe.toml is damaged: {error}.")
        return []
    plain = {key: value for key, value in parsed.items() if not isinstance(value, dict)}
    tables = {"recipe": plain, **{key: value for key, value in parsed.items() if isinstance(value, dict)}}
    return [(name, [(key, _setting(value)) for key, value in table.items()]) for name, table in tables.items() if table]


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value == "" else str(value)


def _load_report(record: Record) -> dict[str, Any]:
    given = record.load_report
    if not given:
        return {}
    reasons: dict[str, list[str]] = {}
    for pair in listing(given.get("dropped")):
        if isinstance(pair, list) and len(pair) == 2:
            reasons.setdefault(text(pair[1]), []).append(text(pair[0]))
    return {
        "source": text(given.get("source")),
        "dialect": text(given.get("dialect")),
        "matched": given.get("matched"),
        "loaded": len(listing(given.get("loaded"))),
        "resized": [_resized(one) for one in listing(given.get("resized"))],
        "adjusted": [text(one) for one in listing(given.get("adjusted"))],
        "taken": text(given.get("taken")),
        "licence": text(given.get("licence")),
        "dropped": reasons,
        "missing": [text(name) for name in listing(given.get("missing"))],
        "assumptions": [text(one) for one in listing(given.get("assumptions"))],
    }


def _resized(given: object) -> str:
    values = mapping(given)
    return f"{text(values.get('name'))}: {text(values.get('method'))}" if values else text(given)
