import shlex
from pathlib import Path

from tests.cli.command_line import toprung
from tests.pictures import make_pictures


def test_the_plan_is_three_lines_and_a_command_that_trains(tmp_path: Path) -> None:
    planned = toprung("plan", "test_vit", "--memory", "2GiB", "--batch", 12, "--classes", 3, "--device", "cpu")
    assert planned.code == 0, planned.err
    model, batch, memory, command = planned.out.splitlines()
    assert model.startswith("model      test_vit, 0.3 million parameters in 6 blocks, all of it trains; fp32, adamw")
    assert batch.startswith("batch      12 = 12 pictures × 1 pass, ")
    assert "of 2.0 GiB on cpu: weights" in memory
    words = shlex.split(command)
    assert words[:3] == ["toprung", "train", "PICTURES"]
    pictures = make_pictures(tmp_path / "pictures", 8)
    words[2] = str(pictures)
    trained = toprung(*words[1:], "--weights", "none", "--epochs", 1, "--out", tmp_path / "run")
    assert trained.code == 0, trained.err
    recipe = (tmp_path / "run" / "recipe.toml").read_text()
    assert "batch_size = 12" in recipe
    assert "micro_batch = 12" in recipe


def test_settings_are_planned_for_and_repeated_in_the_command() -> None:
    planned = toprung(
        "plan", "test_vit", "--memory", "1GiB", "--device", "cpu", "--processes", 2, "--img-size", 96,
        "--set", "averaging.ema_decay=0", "--set", "hardware.grad_checkpointing=true",
    )  # fmt: skip
    assert planned.code == 0, planned.err
    assert "with gradient checkpointing" in planned.out
    assert "× 2 processes, 96 × 96 pixels" in planned.out
    assert "averaged" not in planned.out
    command = planned.out.splitlines()[3]
    assert command.startswith("torchrun --standalone --nproc-per-node 2 -m toprung train PICTURES")
    assert "--img-size 96" in command
    assert command.count("hardware.grad_checkpointing=true") == 1
    assert "--set averaging.ema_decay=0" in command


def test_what_does_not_fit_or_is_no_size_is_one_sentence() -> None:
    small = toprung("plan", "test_vit", "--memory", "1MB", "--batch", 1, "--device", "cpu")
    assert small.code == 2
    assert "the least it needs is" in small.err
    assert "write it as in 24GiB" in toprung("plan", "test_vit", "--memory", "much").err
    assert "there is no model" in toprung("plan", "test_vi", "--memory", "1GB", "--device", "cpu").err


def test_checkpointing_is_refused_before_a_picture_is_opened_where_timm_has_none(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "pictures", 2)
    refused = toprung(
        "train", pictures, "--model", "hrnet_w18_small", "--weights", "none", "--out", tmp_path / "run",
        "--set", "hardware.grad_checkpointing=true", "--img-size", 64,
    )  # fmt: skip
    assert refused.code == 2
    assert "timm has no gradient checkpointing" in refused.err
    assert not (tmp_path / "run").exists()
    refused = toprung(
        "train", pictures, "--model", "test_vit", "--weights", "none", "--out", tmp_path / "run",
        "--set", "optimisation.optimizer=bnbadamw8bit", "--device", "cpu",
    )  # fmt: skip
    assert "bitsandbytes" in refused.err or "CUDA" in refused.err
