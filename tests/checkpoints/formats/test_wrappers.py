from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.checkpoints.formats.helpers import STATE, assert_same, refused, save_old
from toprung.checkpoints.files import read_weights, unwrap
from toprung.checkpoints.formats import wrappers

OTHER = {"other": torch.zeros(1)}
OPTIMIZER = {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in STATE.items()}


@pytest.mark.parametrize("write", [torch.save, save_old], ids=["archive", "old"])
@pytest.mark.parametrize(
    ("content", "wrapper", "alternatives", "prefixes", "entries"),
    [
        (STATE, "", (), (), {}),
        (OrderedDict(STATE), "", (), (), {}),
        (STATE | {"epoch": 3, "note": "best"}, "", (), (), {"epoch": 3, "note": "best"}),
        ({"state_dict": STATE, "arch": "resnet50"}, "state_dict", (), (), {"arch": "resnet50"}),
        ({"model": "cls_hrnet", "state_dict": STATE}, "state_dict", (), (), {"model": "cls_hrnet"}),
        ({"model": STATE, "optimizer": OPTIMIZER, "epoch": 7}, "model", (), (), {"epoch": 7}),
        ({"optimizer": OPTIMIZER, "model": STATE, "model_ema": None}, "model", (), (), {"model_ema": None}),
        ({"model": STATE, "model_ema": {}}, "model", (), (), {"model_ema": {}}),
        ({"model": OTHER, "model_ema": STATE}, "model_ema", ("model",), (), {}),
        ({"state_dict": OTHER, "state_dict_ema": prefixed("module.")}, "state_dict_ema", ("state_dict",),
         ("module.",), {}),
        ({"student": OTHER, "teacher": STATE, "epoch": 1, "dino_loss": OTHER}, "teacher", ("student",), (),
         {"epoch": 1}),
        ({"encoder": OTHER, "predictor": OTHER, "target_encoder": prefixed("module."), "opt": OPTIMIZER},
         "target_encoder", ("encoder", "predictor"), ("module.",), {}),
        ({"meta": {"CLASSES": ("a", "b"), "epoch": 2}, "state_dict": STATE}, "state_dict", (), (),
         {"meta": {"CLASSES": ["a", "b"], "epoch": 2}}),
        ({"model": {"state_dict": STATE, "step": 2}, "step": 1}, "model.state_dict", (), (), {"step": 1}),
        ({"model": {"teacher": STATE, "student": OTHER}}, "model.teacher", ("model.student",), (), {}),
        ({"net": STATE}, "net", (), (), {}),
        ({"weird_name": STATE, "optim": OPTIMIZER, "scaler": {"scale": torch.ones(1)}}, "weird_name", (), (), {}),
        (prefixed("module."), "", (), ("module.",), {}),
        (prefixed("module._orig_mod."), "", (), ("module.", "_orig_mod."), {}),
        ({"model": prefixed("_orig_mod.module.")}, "model", (), ("_orig_mod.", "module."), {}),
        ({"params": {"layer": {"weight": STATE["layer.weight"], "bias": STATE["layer.bias"]}}}, "params", (), (), {}),
        ({"model": {name: torch.nn.Parameter(tensor) for name, tensor in STATE.items()}}, "model", (), (), {}),
        ({"state_dict": STATE | {"step": 5, "rate": 0.5}}, "state_dict", (), (), {"step": 5, "rate": 0.5}),
    ],
)  # fmt: skip
def test_what_scripts_wrap_around_the_tensors(
    tmp_path: Path, write: Any, content: Any, wrapper: str, alternatives: Any, prefixes: Any, entries: Any
) -> None:
    write(content, tmp_path / "weights.pth")
    found = read_weights(tmp_path / "weights.pth")
    assert_same(found.tensors, STATE)
    assert not any(tensor.requires_grad for tensor in found.tensors.values())
    assert (found.wrapper, found.alternatives, found.prefixes) == (wrapper, alternatives, prefixes)
    assert found.entries == entries
    assert found.format == ("torch" if write is torch.save else "torch (before 1.6)")


def test_a_prefix_that_not_all_names_have_is_kept() -> None:
    state = {"module.weight": torch.zeros(1), "head.weight": torch.zeros(1)}
    assert unwrap(state).keys() == state.keys()


def test_a_state_dict_with_a_part_called_model_is_no_wrapper() -> None:
    state = {"a": torch.zeros(1), "b": torch.zeros(1), "c": torch.zeros(1), "model": {"d": torch.zeros(1)}}
    assert unwrap(state).keys() == {"a", "b", "c", "model.d"}


def test_several_parts_without_a_known_name_keep_their_names() -> None:
    assert unwrap({"backbone": {"w": torch.zeros(1)}, "head": {"w": torch.ones(1)}}).keys() == {"backbone.w", "head.w"}


LINEAR = {"weight": torch.ones(2, 2), "bias": torch.zeros(2)}
DOTTED = {"layer.weight": torch.ones(2, 2), "layer.bias": torch.zeros(2)}


@pytest.mark.parametrize(
    ("content", "wrapper", "names"),
    [
        ({"weight": torch.ones(2)}, "", {"weight"}),
        (LINEAR, "", {"weight", "bias"}),
        ({"state_dict": {"weight": torch.ones(2)}}, "state_dict", {"weight"}),
        ({"module.weight": torch.ones(2)}, "", {"weight"}),
        # Parts of a tree of tables with names that wrappers have too.
        ({"params": {"embed": LINEAR, "encoder": {"layer0": LINEAR}, "head": LINEAR}}, "params",
         {"embed.weight", "embed.bias", "encoder.layer0.weight", "encoder.layer0.bias", "head.weight", "head.bias"}),
        ({"encoder": LINEAR, "head": LINEAR}, "", {"encoder.weight", "encoder.bias", "head.weight", "head.bias"}),
        ({"cls": torch.ones(1), "encoder": LINEAR}, "", {"cls", "encoder.weight", "encoder.bias"}),
        ({"weight": torch.ones(1), "bias": torch.ones(1), "model": LINEAR}, "",
         {"weight", "bias", "model.weight", "model.bias"}),
        ({"net": {"a": LINEAR}, "classifier": LINEAR}, "",
         {"net.a.weight", "net.a.bias", "classifier.weight", "classifier.bias"}),
        ({"weights": {"classes": torch.ones(3)}, "backbone": DOTTED}, "",
         {"weights.classes", "backbone.layer.weight", "backbone.layer.bias"}),
        ({"params": LINEAR, "batch_stats": LINEAR, "opt_state": {"mu": LINEAR}}, "params", {"weight", "bias"}),
        # Wrappers, whatever lies beside them.
        ({"encoder": DOTTED, "decoder": DOTTED}, "encoder", set(DOTTED)),
        ({"model": DOTTED, "mean": torch.ones(3), "std": torch.ones(3)}, "model", set(DOTTED)),
        ({"model": {"state_dict": DOTTED}, "critic": {"state_dict": DOTTED}}, "model.state_dict", set(DOTTED)),
        ({"state_dict": LINEAR, "a": torch.ones(3), "b": torch.ones(3), "c": torch.ones(3)}, "state_dict", set(LINEAR)),
        ({"state_dict": LINEAR, "acc": torch.tensor(1.0), "lr": torch.tensor(0.1), "n": torch.tensor(3)}, "state_dict",
         set(LINEAR)),
        ({"model": LINEAR, "rng_state": torch.ones(9), "queue": torch.ones(9)}, "model", set(LINEAR)),
        # Tables of single numbers are no averaged weights.
        ({"ema": {"decay": torch.tensor(0.9), "updates": torch.tensor(3)}, "model": DOTTED}, "model", set(DOTTED)),
        ({"ema": {"decay": 0.9, "shadow_params": [torch.ones(2)]}, "model": DOTTED}, "model", set(DOTTED)),
        ({"ema": {"module": DOTTED, "updates": 3}, "model": LINEAR}, "ema.module", set(DOTTED)),
        ({"state_dict_ema": None, "model_ema": {}, "ema": {"n": torch.tensor(1)}, "state_dict": LINEAR}, "state_dict",
         set(LINEAR)),
        # The optimizer's state, wherever it lies.
        ({"generator": {"model": LINEAR, "optimizer": OPTIMIZER}, "critic": {"model": LINEAR, "optimizer": OPTIMIZER}},
         "", {"generator.model.weight", "generator.model.bias", "critic.model.weight", "critic.model.bias"}),
        ({"model": LINEAR, "opt": {"state": {0: {"exp_avg": torch.ones(2)}}}}, "model", set(LINEAR)),
        ({"target": LINEAR, "state": {"param_states": {"mu": LINEAR}}}, "target", set(LINEAR)),
        ({"state_dict": LINEAR, "optimizer_states": [OPTIMIZER], "lr_schedulers": [{}], "loops": {"x": LINEAR},
          "callbacks": {"c": LINEAR}, "hyper_parameters": {"lr": 1}}, "state_dict", set(LINEAR)),
    ],
)  # fmt: skip
def test_parts_are_told_from_wrappers(content: Any, wrapper: str, names: set[str]) -> None:
    found = wrappers.unwrap(content, "the file")
    assert isinstance(found, wrappers.Unwrapped)
    assert (found.wrapper, found.tensors.keys()) == (wrapper, names)


def test_names_that_are_no_strings_become_strings() -> None:
    assert unwrap({0: torch.zeros(1), 1: {2: torch.zeros(1)}}).keys() == {"0", "1.2"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({0: torch.zeros(1), "0": torch.zeros(1)}, "both named '0'"),
        ({"a": {"b": torch.zeros(1)}, "a.b": torch.zeros(1)}, "both named 'a.b'"),
        ({(1, 2): torch.zeros(1)}, "by a tuple"),
        ({"optimizer": OPTIMIZER, "epoch": 1}, "its entries are optimizer, epoch"),
        (OPTIMIZER, "its entries are state, param_groups"),
        ({"state_dict": OPTIMIZER}, "its entries are state_dict"),
        ({"epoch": 1}, "its entries are epoch"),
        ({"model": [torch.zeros(1)]}, "its entries are model"),
        ({}, "it is empty"),
        (torch.zeros(3), "but a Tensor"),
        ([torch.zeros(3)], "but a list"),
        ("text", "but a str"),
        (None, "but a NoneType"),
    ],
)
def test_content_without_a_model_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    torch.save(content, tmp_path / "weights.pth")
    message = refused(tmp_path / "weights.pth")
    assert said in message


def test_files_that_hold_themselves_end(tmp_path: Path) -> None:
    content: dict[str, Any] = {"epoch": 1}
    content["model"] = content
    torch.save(content, tmp_path / "weights.pth")
    assert "no tensors by name" in refused(tmp_path / "weights.pth")
    inner: dict[str, Any] = dict(STATE)
    inner["again"] = inner
    assert unwrap({"model": inner}).keys() == STATE.keys()


def test_tables_that_multiply_are_refused_in_time(tmp_path: Path) -> None:
    table: dict[str, Any] = {str(i): torch.zeros(1) for i in range(10)}
    for _ in range(9):
        table = {str(i): table for i in range(10)}
    torch.save(table, tmp_path / "weights.pth")
    assert "damaged or hostile" in refused(tmp_path / "weights.pth")
    lists: list[Any] = [0] * 10
    for _ in range(12):
        lists = [lists] * 10
    torch.save(STATE | {"lists": lists, "epoch": 1}, tmp_path / "weights.pth")
    assert read_weights(tmp_path / "weights.pth").entries == {"epoch": 1}


def test_entries_that_are_too_large_to_keep_end_in_time(tmp_path: Path) -> None:
    numbers = list(range(100_000))
    torch.save({"model": STATE, "first": 1} | {f"x{i}": numbers for i in range(20_000)}, tmp_path / "weights.pth")
    assert read_weights(tmp_path / "weights.pth").entries == {"first": 1}


def test_tables_deeper_than_any_model_are_left(tmp_path: Path) -> None:
    content: dict[str, Any] = dict(STATE)
    for _ in range(3000):
        content = {"x": content}
    assert not unwrap(content)


def test_numpy_arrays_are_tensors_too() -> None:
    found = unwrap({"model": {"a": np.arange(6, dtype=">f4").reshape(2, 3), "b": np.array(["x"]), "c": np.float64(1)}})
    assert_same(found, {"a": torch.arange(6.0).view(2, 3)})


def test_entries_are_small_and_plain(tmp_path: Path) -> None:
    names = [f"class {i}" for i in range(21_000)]
    content = {
        "state_dict": STATE, "classes": names, "text": "x" * 10_000, "best": torch.ones(1), "nested": {"a": {"b": [1]}},
        "mixed": {"fine": 1, "kind": torch.float16, "set": {1}}, "huge": list(range(100_000)), "n": 1 << 200,
        3: "number",
    }  # fmt: skip
    torch.save(content, tmp_path / "weights.pth")
    entries = read_weights(tmp_path / "weights.pth").entries
    assert entries == {"classes": names, "text": "x" * 4000, "nested": {"a": {"b": [1]}}, "mixed": {"fine": 1}}
