"""``toprung plan``: how a model can be trained in the memory there is."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from toprung.training.presets import preset, preset_names
from toprung.training.recipe import parse_assignment
from toprung.training.sizes import format_size, parse_size

if TYPE_CHECKING:
    from toprung.training.plan_training import Plan


@click.command(name="plan")
@click.argument("model")
@click.option("--memory", help="Of one device, as in 24GiB or 800MB. [default: what this machine's device has free]")
@click.option("--batch", type=click.IntRange(min=1), help="Pictures per optimiser step. [default: the preset's]")
@click.option("--img-size", type=click.IntRange(min=1), help="Side of the pictures in pixels. [default: the model's]")
@click.option("--classes", type=click.IntRange(min=1), default=1000, show_default=True, help="Classes to tell apart.")
@click.option("--processes", type=click.IntRange(min=1), default=1, show_default=True, help="One per device.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to train; with --memory also a device that this machine lacks.",
)
@click.option(
    "--preset",
    "preset_name",
    metavar="NAME",
    default="finetune",
    show_default=True,
    help=f"Starting point of the recipe: {', '.join(preset_names())}.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="A.B=V",
    help="Change one setting, such as averaging.ema_decay=0; may be repeated. `toprung recipe` lists all.",
)
def command(
    model: str,
    memory: str | None,
    batch: int | None,
    img_size: int | None,
    classes: int,
    processes: int,
    device: str,
    preset_name: str,
    assignments: tuple[str, ...],
) -> None:
    """Tell how MODEL trains whole, at the asked batch, in the memory there is; nothing is trained.

    Tried in this order: fewer pictures per forward pass, gradient checkpointing, bf16, an 8-bit optimiser where
    bitsandbytes is installed, and as the last resort frozen blocks. No block is ever cut out.

    \b
    toprung plan vit_huge_patch14_224 --memory 24GiB --batch 256 --device cuda
    toprung plan vit_base_patch16_224
    """
    given = {"model.name": model, "model.img_size": img_size, "optimisation.batch_size": batch}
    settings = {name: value for name, value in given.items() if value is not None}
    settings |= dict(map(parse_assignment, assignments))
    recipe = preset(preset_name).with_settings(settings)
    size = None if memory is None else parse_size(memory)
    from toprung.training.plan_training import plan_training

    plan = plan_training(recipe, classes=classes, memory=size, device=device, processes=processes)
    for name, text in _lines(plan):
        click.echo(f"{name:<10} {text}")
    click.echo(_train_command(plan, preset_name, assignments))
    for option in plan.options:
        click.echo(f"also possible: {option}")


def _lines(plan: Plan) -> list[tuple[str, str]]:
    """Return the plan in three lines."""
    choice, means, parts = plan.choice, plan.choice.means, plan.estimate.findings
    blocks = f" in {plan.blocks} blocks" if plan.blocks else ""
    batch = choice.micro_batch * choice.accumulation * choice.processes
    passes = "1 pass" if choice.accumulation == 1 else f"{choice.accumulation} passes"
    many = f" × {choice.processes} processes" if choice.processes > 1 else ""
    frozen = "all of it trains" if means.freeze == "none" else f"frozen: {means.freeze}"
    checkpointing = "with" if means.grad_checkpointing else "without"
    average = f", averaged weights {format_size(parts.average)}" if parts.average else ""
    return [
        (
            "model",
            f"{plan.recipe.model.name}, {plan.parameters / 1e6:.1f} million parameters{blocks}, {frozen}; "
            f"{means.precision}, {means.optimizer}, {checkpointing} gradient checkpointing",
        ),
        (
            "batch",
            f"{batch} = {choice.micro_batch} pictures × {passes}{many}, {plan.size[0]} × {plan.size[1]} pixels",
        ),
        (
            "memory",
            f"{format_size(choice.needed)} of {format_size(plan.memory)} on {plan.device}: "
            f"weights {format_size(parts.parameters)}, gradients {format_size(parts.gradients)}, "
            f"optimiser {format_size(parts.state)}{average}, activations {format_size(parts.activations)}",
        ),
    ]


def _train_command(plan: Plan, preset_name: str, assignments: tuple[str, ...]) -> str:
    """Return the command that trains by the plan."""
    recipe, choice = plan.recipe, plan.choice
    taken = {
        "optimisation.micro_batch": choice.micro_batch,
        "hardware.precision": choice.means.precision,
        "hardware.grad_checkpointing": str(choice.means.grad_checkpointing).lower(),
        "optimisation.optimizer": choice.means.optimizer,
        "optimisation.freeze": choice.means.freeze,
    }
    plain = {"hardware.grad_checkpointing": "false", "optimisation.optimizer": "adamw", "optimisation.freeze": "none"}
    words = ["toprung", "train", "PICTURES", "--preset", preset_name, "--model", recipe.model.name]
    words += ["--effective-batch", str(recipe.optimisation.batch_size), "--device", plan.device]
    if recipe.model.img_size:
        words += ["--img-size", str(recipe.model.img_size)]
    own = [text for text in assignments if text.partition("=")[0].strip() not in (*taken, "model.img_size")]
    own += [f"{name}={value}" for name, value in taken.items() if plain.get(name) != value]
    for text in own:
        words += ["--set", text]
    launcher = []
    if choice.processes > 1:
        launcher = ["torchrun", "--standalone", "--nproc-per-node", str(choice.processes), "-m"]
    return shlex.join(launcher + words)
