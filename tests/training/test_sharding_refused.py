import pytest
from accelerate.utils import DistributedType

from toprung.errors import RecipeError
from toprung.training.processes import refuse_sharding


def test_a_model_split_over_processes_is_refused_because_a_checkpoint_would_hold_a_part() -> None:
    with pytest.raises(RecipeError, match=r"configured for FSDP.*MULTI_GPU"):
        refuse_sharding(DistributedType.FSDP)


@pytest.mark.parametrize("kind", [DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU])
def test_whole_models_may_be_trained_by_many(kind: DistributedType) -> None:
    refuse_sharding(kind)
