"""Make a run folder and write down all that is known before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toprung.data.cache import crop_side, fits_in_memory, kept_bytes
from toprung.data.health import write_unreadable_csv
from toprung.data.preprocessing import Preprocessing
from toprung.data.table_csv import write_table_csv
from toprung.ladder.origin import command_line, data_hash
from toprung.ladder.pictures import Pictures
from toprung.models.blocks.lora import plain_parameter_count
from toprung.runs.environment import describe_environment
from toprung.runs.folder import Kind, RunFolder
from toprung.runs.model import ModelCard, write_card
from toprung.storage import write_text
from toprung.training.hardware import HardwarePlan
from toprung.training.recipe import Recipe
from toprung.training.start import StartingModel


def create_run(
    folder: Path,
    source: Path,
    recipe: Recipe,
    pictures: Pictures,
    start: StartingModel,
    *,
    kind: Kind = "training",
    classes: tuple[str, ...] | None = None,
) -> RunFolder:
    """Make the run folder with recipe, environment, table, health, load report, and the model's card.

    Args:
        folder: to make.
        source: where the pictures came from.
        recipe: resolved.
        pictures: gathered from there.
        start: the model at its beginning.
        kind: of the run.
        classes: of the model's outputs; ``None`` for the table's.

    Raises:
        RunError: the folder exists.
        StorageError: full disk, or no permission.
    """
    table = pictures.table
    place = Path(source).resolve()
    record: dict[str, Any] = {
        "kind": kind,
        "command": command_line(),
        "data": {"path": str(place), "hash": data_hash(table)},
        "model": recipe.model.name,
        "parameters": plain_parameter_count(start.module),
        "marks": ["partial weights"] if start.report is not None and start.report.partial else [],
        "error": None,
    }
    run = RunFolder.create(folder, record)
    write_text(run.recipe_file, recipe.to_toml())
    run.write_json(run.environment_file, describe_environment())
    write_table_csv(run.table_file, table, place if place.is_dir() else place.parent)
    run.write_json(run.health_file, pictures.health.to_json())
    write_unreadable_csv(run.unreadable_file, pictures.unreadable)
    if start.report is not None:
        run.write_json(run.load_report_file, start.report.to_json())
    card = ModelCard(
        architecture=recipe.model.name,
        arguments=start.arguments,
        classes=table.classes if classes is None else classes,
        preprocessing=start.preprocessing,
        recipe=recipe.to_dict(),
        data_hash=data_hash(table),
    )
    write_card(run.model, card)
    return run


def resolved(recipe: Recipe, plan: HardwarePlan, pictures: Pictures, preprocessing: Preprocessing) -> Recipe:
    """Return the recipe with every ``auto`` replaced by what was decided, so that a resumed run decides the same."""
    cache = recipe.data.cache
    if cache == "auto":
        sizes = [
            (facts.height, facts.width)
            for facts, split in zip(pictures.facts, pictures.table.splits, strict=True)
            if split == "train"
        ]
        side = crop_side(preprocessing.size, recipe.augment.scale_min)
        cache = "ram" if recipe.schedule.epochs > 1 and fits_in_memory(kept_bytes(sizes, side)) else "off"
    return recipe.with_settings(
        {
            "data.cache": cache,
            "hardware.device": plan.device,
            "hardware.precision": plan.precision,
            "hardware.channels_last": "on" if plan.channels_last else "off",
        }
    )
