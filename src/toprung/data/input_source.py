"""Pictures that make a model's input themselves, such as one view of many, or a tile of a larger picture."""

from __future__ import annotations

from abc import ABC, abstractmethod

from toprung.data.preprocessing import Preprocessing
from toprung.data.resample import Pixels


class InputSource(ABC):
    """Stands where a path may stand; :class:`toprung.data.eval_view.EvalView` asks it for the input.

    So whatever predicts paths predicts these too, each model of several with its own preprocessing.
    """

    @abstractmethod
    def input_for(self, how: Preprocessing) -> Pixels:
        """Return ``(H, W, 3)`` uint8 of the model's input size.

        Args:
            how: the model's preprocessing.

        Raises:
            UnreadableImage: there is no picture; the message names the file.
        """
