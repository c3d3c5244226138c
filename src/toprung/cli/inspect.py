"""``toprung inspect``: what a weights file is, and what loading it would do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.table import Table

    from toprung.checkpoints.adapting.patches import PatchResize
    from toprung.checkpoints.inspection import Inspection

_SHOWN = 4


@click.command(name="inspect")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", help="Show the load into this model that would happen, or why it is refused.")
@click.option("--classes", type=int, default=1000, show_default=True, help="Outputs of that model.")
@click.option("--dialect", help="Read the file as this dialect, where no tensor tells (such as 'bubbliiiing ViT').")
@click.option(
    "--patch-resize",
    type=click.Choice(["refuse", "flexi", "bicubic"]),
    default="refuse",
    show_default=True,
    help="With --model: what to do with a kernel for patches of another size.",
)
@click.option("--accept-proposal", is_flag=True, help="With --model: match unknown names by shape and order.")
@click.option("--json", "as_json", is_flag=True, help="Print plain values for programs.")
def command(
    file: Path,
    model: str | None,
    classes: int,
    dialect: str | None,
    patch_resize: PatchResize,
    accept_proposal: bool,
    as_json: bool,
) -> None:
    """Tell what FILE is: a weights file, a Hugging Face model folder, or a run. Nothing in it is executed.

    \b
    toprung inspect mae_pretrain_vit_large.pth
    toprung inspect mae_pretrain_vit_large.pth --model vit_large_patch16_224
    toprung inspect models/vit-base --json
    """
    from toprung.checkpoints.inspection import inspect_weights, planned_load

    if model is not None:
        from toprung.checkpoints.plan import LoadOptions

        options: dict[str, Any] = {"dialect": dialect, "accept_proposal": accept_proposal}
        chosen = LoadOptions(patch_resize=patch_resize)
        report = planned_load(file, model, classes, options=chosen, **options)
        click.echo(json.dumps(report.to_json(), indent=1) if as_json else str(report))
        return
    found = inspect_weights(file, dialect=dialect)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=1, default=str))
        return
    from rich.console import Console

    Console(highlight=False).print(_table(found))


def _table(found: Inspection) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(found):
        bad = name in ("unhealthy", "unknown")
        table.add_row(name, Text(value, style="red" if bad else ""))
    return table


def _rows(found: Inspection) -> list[tuple[str, str]]:
    dtypes = ", ".join(f"{count} {dtype}" for dtype, count in found.dtypes.items())
    rows = [("file", f"{found.path} ({found.format}, {_bytes(found.size)})"), ("tensors", f"{found.tensors}: {dtypes}")]
    if found.taken:
        left = f"; also there: {', '.join(found.alternatives)}" if found.alternatives else ""
        rows.append(("taken", f"the tensors under {found.taken!r}{left}"))
    if found.entries:
        rows.append(("beside", _entries(found.entries)))
    rows.append(("dialect", found.dialect or "none that toprung knows"))
    if found.trained_for:
        rows.append(("trained", found.trained_for))
    if found.geometry is not None:
        rows.append(("geometry", _geometry(found)))
    rows += _fits(found)
    if found.preprocessing:
        rows.append(("input", ", ".join(f"{key} {_plain(value)}" for key, value in found.preprocessing.items())))
    if found.conventions:
        rows.append(("computes", ", ".join(f"{key} {value}" for key, value in found.conventions.items())))
    rows += [("assumed", text) for text in found.assumptions]
    if found.licence:
        rows.append(("licence", found.licence))
    rows += [("dropped", f"{_listed(names)}: {reason}") for reason, names in _by_reason(found.dropped).items()]
    if found.leftover:
        rows.append(("unknown", _listed(list(found.leftover))))
    rows += [("unhealthy", f"{_listed(names)}: {reason}") for reason, names in _by_reason(found.unhealthy).items()]
    rows += [("proposal", f"{name}: {why}; used only with --accept-proposal") for name, why in found.proposals]
    return rows


def _fits(found: Inspection) -> list[tuple[str, str]]:
    if not found.dialect:
        return []
    if not found.fits:
        return [("fits", "no model of the catalogue")]
    first, *others = found.fits
    rows = [("fits", f"timm.create_model({_quoted(first)})")]
    return rows + ([("also", "; ".join(others))] if others else [])


def _quoted(fit: str) -> str:
    name, comma, rest = fit.partition(",")
    return f'"{name}"{comma}{rest}'


def _geometry(found: Inspection) -> str:
    assert found.geometry is not None
    words = {
        "patch": "patch",
        "width": "width",
        "depth": "depth",
        "heads": "heads",
        "image_size": "image",
        "tokens": "tokens beside the patches",
        "classes": "classes",
    }
    given = [f"{word} {value}" for name, word in words.items() if (value := getattr(found.geometry, name)) is not None]
    return ", ".join([*given, f"{found.geometry.parameters:,} values"])


def _entries(entries: Any) -> str:
    short = []
    for name, value in list(entries.items())[:8]:
        text = f"{len(value)} values" if isinstance(value, dict | list) else str(value)
        short.append(f"{name} {text if len(text) <= 40 else text[:37] + '...'}")
    return ", ".join(short)


def _by_reason(pairs: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for name, reason in pairs:
        reasons.setdefault(reason, []).append(name)
    return reasons


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _plain(value: Any) -> str:
    return " ".join(f"{number:g}" for number in value) if isinstance(value, list | tuple) else str(value)


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"
