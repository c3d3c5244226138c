"""Try a candidate: what is wrong with it alone is written down, what is wrong with everything stops the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from toprung.errors import DataError, StorageError, ToprungError
from toprung.training.interrupt import Interrupted, Pruned

Result = TypeVar("Result")

_NOT_ITS_OWN = (Interrupted, Pruned, StorageError, DataError)


@dataclass(frozen=True)
class Failure:
    """A candidate could not be trained; ``reason`` is one sentence or two."""

    reason: str


def attempt(work: Callable[[], Result]) -> Result | Failure:
    """Do the work of one candidate; its divergence, lack of memory or impossible setting becomes a failure.

    Raises:
        ToprungError: Interrupted and Pruned; a full disk and unusable pictures, which would meet the next one too.
    """
    from toprung.training.memory import is_out_of_memory

    try:
        return work()
    except _NOT_ITS_OWN:
        raise
    except ToprungError as error:
        return Failure(str(error))
    except MemoryError:
        return Failure("memory ran out.")
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return Failure(f"memory ran out: {str(error).splitlines()[0]}")
