"""``toprung recipe``: the presets, and every setting of one, explained."""

from __future__ import annotations

import click


@click.command(name="recipe")
@click.argument("preset_name", metavar="[PRESET]", required=False)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="A.B=V",
    help="Change one setting, such as optimisation.lr=1e-4; may be repeated.",
)
def command(preset_name: str | None, assignments: tuple[str, ...]) -> None:
    """List the presets, or print every setting of PRESET as TOML, each with what it means.

    What is printed can be saved, changed, and given to `toprung train --recipe FILE`.

    \b
    toprung recipe
    toprung recipe finetune --set schedule.epochs=10 > mine.toml
    """
    if preset_name is None:
        if assignments:
            raise click.UsageError("--set needs a PRESET to change: for example `toprung recipe finetune --set …`.")
        click.echo(_presets())
        return
    from toprung.training.presets import compose
    from toprung.training.recipe import parse_assignment
    from toprung.training.recipe_text import explained_toml

    click.echo(explained_toml(compose(preset_name, dict(map(parse_assignment, assignments)))), nl=False)


def _presets() -> str:
    """Return the presets, each with what it is for and where it comes from."""
    from toprung.training.presets import preset_description, preset_names

    formatter = click.HelpFormatter(width=100)
    for name in preset_names():
        summary, _, source = preset_description(name).partition("\n\n")
        formatter.write(f"{click.style(name, bold=True)}\n")
        with formatter.indentation():
            for paragraph in (summary, source):
                if paragraph:
                    formatter.write_text(" ".join(paragraph.split()))
        formatter.write_paragraph()
    formatter.write_text(
        "`toprung recipe PRESET` prints its settings, `toprung train PICTURES --preset PRESET` trains with them; "
        f"{' and '.join(preset_names('pretraining'))} are for `toprung pretrain`."
    )
    return formatter.getvalue().rstrip()
