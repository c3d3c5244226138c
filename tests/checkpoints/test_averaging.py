from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from toprung.checkpoints.averaging import AverageAccount, average_files
from toprung.errors import WeightsError, WeightsMismatch

LARGE = 300_000  # more numbers than are summed at a time


def state(seed: int, *, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {
        "conv.weight": torch.randn(7, 5, 3, 3, generator=draw).to(dtype),
        "norm.running_var": torch.rand(5, generator=draw).to(dtype) + 1,
        "norm.num_batches_tracked": torch.tensor(100 + seed),
        "big": (torch.randn(LARGE, generator=draw) * 1e-3).to(dtype),
        "scale": torch.randn((), generator=draw).to(dtype),
    }


def saved(folder: Path, states: Sequence[dict[str, Tensor]], suffix: str = ".safetensors") -> list[Path]:
    files = [folder / f"{number}{suffix}" for number in range(len(states))]
    for file, tensors in zip(files, states, strict=True):
        if suffix == ".safetensors":
            save_file(tensors, file)
        else:
            torch.save({"state_dict": tensors, "epoch": 3}, file)
    return files


def even(count: int) -> list[float]:
    return [1 / count] * count


def float64_mean(states: Sequence[dict[str, Tensor]], shares: Sequence[float], name: str) -> np.ndarray:
    stacked = np.stack([tensors[name].double().numpy() for tensors in states])
    return np.average(stacked, axis=0, weights=shares)


@pytest.mark.parametrize("shares", [even(3), [0.7, 0.1, 0.2], [0.25, 0.0, 0.75]])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_the_result_is_the_float64_mean(tmp_path: Path, shares: list[float], suffix: str) -> None:
    states = [state(seed) for seed in range(3)]
    average_files(saved(tmp_path, states, suffix), shares, tmp_path / "mean.safetensors")
    found = load_file(tmp_path / "mean.safetensors")
    assert found.keys() == states[0].keys()
    for name in ("conv.weight", "norm.running_var", "big", "scale"):
        assert found[name].dtype == torch.float32
        assert tuple(found[name].shape) == tuple(states[0][name].shape)
        np.testing.assert_allclose(found[name].numpy(), float64_mean(states, shares, name), rtol=1e-7, atol=1e-30)


def test_it_is_what_torchs_averaged_model_gives_up_to_its_own_rounding(tmp_path: Path) -> None:
    models = [torch.nn.Linear(40, 30) for _ in range(5)]
    theirs = AveragedModel(models[0])
    for model in models:
        theirs.update_parameters(model)
    files = saved(tmp_path, [dict(model.state_dict()) for model in models])
    average_files(files, even(5), tmp_path / "mean.safetensors")
    found = load_file(tmp_path / "mean.safetensors")
    assert torch.allclose(found["weight"], theirs.module.weight, rtol=1e-5, atol=1e-7)


@settings(max_examples=20)
@given(st.integers(1, 9), st.integers(0, 2**31))
def test_the_mean_of_equal_files_is_that_file_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, count: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("equal")
    one = {"a": torch.randn(50, generator=torch.Generator().manual_seed(seed))}
    files = saved(folder, [one] * count)
    average_files(files, even(count), folder / "mean.safetensors")
    assert torch.equal(load_file(folder / "mean.safetensors")["a"], one["a"])


def test_whole_numbers_are_the_last_files_and_no_mean(tmp_path: Path) -> None:
    states = [state(1), state(2), state(3)]
    account = average_files(saved(tmp_path, states), even(3), tmp_path / "mean.safetensors")
    found = load_file(tmp_path / "mean.safetensors")
    assert found["norm.num_batches_tracked"].dtype == torch.int64
    assert int(found["norm.num_batches_tracked"]) == 103
    assert account.kept == ("norm.num_batches_tracked",)
    assert "big" in account.averaged


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_numbers_are_averaged_with_all_digits(tmp_path: Path, dtype: torch.dtype) -> None:
    states = [state(seed, dtype=dtype) for seed in range(4)]
    account = average_files(saved(tmp_path, states), even(4), tmp_path / "mean.safetensors")
    found = load_file(tmp_path / "mean.safetensors")
    assert found["big"].dtype == torch.float32
    np.testing.assert_allclose(found["big"].numpy(), float64_mean(states, even(4), "big"), rtol=1e-7)
    assert set(account.widened) == {"conv.weight", "norm.running_var", "big", "scale"}


def test_one_file_alone_stays_as_it_is(tmp_path: Path) -> None:
    states = [state(0, dtype=torch.bfloat16), state(1, dtype=torch.bfloat16)]
    account = average_files(saved(tmp_path, states), [0.0, 1.0], tmp_path / "mean.safetensors")
    for name, tensor in load_file(tmp_path / "mean.safetensors").items():
        assert torch.equal(tensor, states[1][name]), name
    assert account.widened == ()


def test_float64_stays_float64(tmp_path: Path) -> None:
    states = [{"a": torch.randn(9, dtype=torch.float64)} for _ in range(2)]
    average_files(saved(tmp_path, states), even(2), tmp_path / "mean.safetensors")
    found = load_file(tmp_path / "mean.safetensors")["a"]
    assert torch.equal(found, (states[0]["a"] + states[1]["a"]) / 2)


@pytest.mark.parametrize("way", ["old", "channels last"])
def test_files_that_cannot_be_mapped_give_the_same_and_leave_nothing_behind(tmp_path: Path, way: str) -> None:
    states = [state(seed) for seed in range(3)]
    files = [tmp_path / f"{number}.pth" for number in range(3)]
    for file, tensors in zip(files, states, strict=True):
        if way == "old":
            torch.save(tensors, file, _use_new_zipfile_serialization=False)
        else:
            weight = tensors["conv.weight"].to(memory_format=torch.channels_last)
            torch.save(tensors | {"conv.weight": weight}, file)
    average_files(files, even(3), tmp_path / "mean.safetensors")
    found = load_file(tmp_path / "mean.safetensors")
    for name in ("conv.weight", "big"):
        np.testing.assert_allclose(found[name].numpy(), float64_mean(states, even(3), name), rtol=1e-7, atol=1e-30)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.pth", "1.pth", "2.pth", "mean.safetensors"]


def test_other_names_and_shapes_are_refused_with_file_and_name(tmp_path: Path) -> None:
    first = state(0)
    other = state(1)
    lacking = {name: tensor for name, tensor in other.items() if name != "scale"}
    wider = other | {"conv.weight": torch.zeros(8, 5, 3, 3)}
    more = other | {"extra": torch.zeros(1)}
    for wrong, said in (
        (lacking, "1.safetensors cannot be averaged with .*0.safetensors: it lacks scale"),
        (wider, "conv.weight is 8×5×3×3 and there 7×5×3×3"),
        (more, "it has extra, which the other lacks"),
    ):
        with pytest.raises(WeightsMismatch, match=said):
            average_files(saved(tmp_path, [first, wrong]), even(2), tmp_path / "mean.safetensors")
    assert not (tmp_path / "mean.safetensors").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_refused_with_file_and_name(tmp_path: Path, value: float) -> None:
    states = [state(0), state(1)]
    states[1]["big"][LARGE - 5] = value
    with pytest.raises(WeightsError, match=r"1\.safetensors: 1 of the 300,000 values of big are NaN or infinite"):
        average_files(saved(tmp_path, states), even(2), tmp_path / "mean.safetensors")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["0.safetensors", "1.safetensors"]


def test_the_data_lie_where_they_can_be_used_as_mapped(tmp_path: Path) -> None:
    files = saved(tmp_path, [state(0), state(1)])
    account = average_files(files, even(2), tmp_path / "mean.safetensors")
    assert isinstance(account, AverageAccount)
    with (tmp_path / "mean.safetensors").open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
    assert (8 + length) % 64 == 0


def test_shares_must_add_up(tmp_path: Path) -> None:
    for shares in ([0.5, 0.4], [1.5, -0.5], [1.0]):
        with pytest.raises(ValueError, match="add up to 1"):
            average_files(saved(tmp_path, [state(0), state(1)]), shares, tmp_path / "mean.safetensors")


@pytest.mark.parametrize("way", ["mapped", "old"])
def test_memory_stays_below_one_model_and_a_half_however_many_files(tmp_path: Path, way: str) -> None:
    """In a process of its own, eight models of 24 MB that would take 192 MB together; old files cannot be mapped."""
    import subprocess
    import sys

    if not Path("/proc/self/status").is_file():
        pytest.skip("reads the memory of a process as Linux tells it")
    files = saved(tmp_path, [{"w": torch.randn(2000, 1000), "v": torch.randn(4_000_000)} for _ in range(8)])
    if way == "old":
        for file in files:
            torch.save(load_file(file), file.with_suffix(".pth"), _use_new_zipfile_serialization=False)
        files = [file.with_suffix(".pth") for file in files]
    code = """
import sys, threading, time
from pathlib import Path
from toprung.checkpoints.averaging import average_files
def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
files = [Path(name) for name in sys.argv[1:-1]]
average_files(files[:1], [1.0], Path(sys.argv[-1]))
before, most = anonymous(), []
average_files(files, [1 / 8] * 8, Path(sys.argv[-1]), progress=lambda done, total: most.append(anonymous()))
print((max(most) - before) / 1024)
"""
    names = [*map(str, files), str(tmp_path / "mean.safetensors")]
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.5 * 24
