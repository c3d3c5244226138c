from pathlib import Path

import pytest
from accelerate.utils import DistributedType

from tests.cli.command_line import toprung
from tests.pictures import make_pictures
from toprung.errors import RecipeError
from toprung.training.processes import refuse_sharding


def test_a_model_split_over_processes_is_refused_because_a_checkpoint_would_hold_a_part() -> None:
    with pytest.raises(RecipeError, match=r"configured for FSDP.*MULTI_GPU"):
        refuse_sharding(DistributedType.FSDP)


def test_it_is_refused_before_a_run_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    pictures = make_pictures(tmp_path / "p", per_class=3)
    done = toprung("train", pictures, "--model", "test_vit", "--weights", "none", "--out", tmp_path / "run")
    assert done.code == 2
    assert "configured for FSDP" in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", [DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU])
def test_whole_models_may_be_trained_by_many(kind: DistributedType) -> None:
    refuse_sharding(kind)
