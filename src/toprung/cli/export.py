"""``toprung export``: write a run's model for other programs."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format", "kind", default="onnx", show_default=True, metavar="NAME", help="onnx, torchscript or openvino."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The file to write. [default: the run's name, in this folder]"
)
@click.option("--opset", type=int, help="Version of ONNX's operators. [default: the lowest that is written, 18]")
@click.option("--half", is_flag=True, help="Numbers of 16 bits inside: half the file, a little less exact.")
def command(run: Path, kind: str, out: Path | None, opset: int | None, half: bool) -> None:
    """Write the best model of RUN for other programs, and beside it how to feed it.

    The model takes 8-bit red-green-blue pictures, any number at a time, and gives logits; normalisation is inside.
    FILE.json holds class names and the steps from a picture file to the input; an ONNX model holds the same. A fused
    run becomes a folder: a file for each member, and fusion.json, which says how their answers are put together.
    The written model is compared with the run on up to 64 of its val pictures (else test pictures, else drawn ones),
    and is refused where the two differ.

    \b
    toprung export runs/X
    toprung export runs/X --out shoes.onnx --half
    toprung export runs/X --format openvino
    toprung predict X.onnx photos -o photos.csv
    """
    from toprung.ladder.export.export import export_run
    from toprung.ladder.export.formats import Choices

    done = export_run(run, kind=kind, out=out, choices=Choices(opset, half))
    click.echo(f"{done.file}: as the run, by {done.parity.sentence()}")
    click.echo(f"{done.description}: class names, and how to use it")
