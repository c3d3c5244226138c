"""``toprung pretrain`` as typed."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command_line import toprung
from tests.pictures import make_pictures

SMALL = [
    "--model=test_vit",
    "--img-size=64",
    "--epochs=1",
    "--batch-size=6",
    "--device=cpu",
    "--set=hardware.precision=fp32",
    "--set=pretraining.decoder_width=24",
    "--set=pretraining.decoder_depth=1",
    "--set=pretraining.decoder_heads=3",
]


def test_it_says_what_it_did_and_what_to_do_next(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "p", per_class=6)
    (pictures / "red" / "broken.png").write_bytes(b"no picture")
    result = toprung("pretrain", pictures, *SMALL, "--runs", tmp_path / "runs")
    assert result.code == 0, result.err
    run = tmp_path / "runs" / "test_vit-mae-pretrain-small"
    assert (run / "report.html").is_file()
    told = " ".join(result.out.split())
    assert "pictures 18 without labels: 17 to learn from, 1 held out" in told
    assert "left out 1 unreadable files" in told
    assert "decoder new, 1 blocks of width 24 from random values" in told
    assert f"toprung train LABELLED --weights {run} --model test_vit" in told
    again = toprung("pretrain", pictures, *SMALL, "--out", run)
    assert again.code == 2
    assert f"toprung pretrain --resume {run}" in again.err


def test_pictures_are_needed() -> None:
    result = toprung("pretrain")
    assert result.code == 2
    assert "the folder of pictures" in result.err


def test_resume_takes_nothing_else(tmp_path: Path) -> None:
    result = toprung("pretrain", "--resume", tmp_path, "--epochs=3")
    assert result.code == 2
    assert "give nothing else with it" in result.err


def test_presets_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    result = toprung("pretrain", tmp_path, "--preset=finetune")
    assert result.code == 2
    assert "the preset 'finetune' is not for pretraining, which has mae-pretrain" in result.err
    other = toprung("train", tmp_path, "--preset=mae-pretrain")
    assert other.code == 2
    assert "is not for training" in other.err
