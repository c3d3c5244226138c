"""The last norm and the pooling: ``norm`` before a class token, ``fc_norm`` after an average."""

from __future__ import annotations

from toprung.checkpoints.adapting import Workpiece


def adapt_last_norm(work: Workpiece) -> None:
    """Drop the last norm of a model that pools otherwise; the model's ``fc_norm`` then starts fresh.

    The other way round, a file with ``fc_norm`` into a model with ``norm``, is left as it is and refused later: the
    model must be built with average pooling.
    """
    own = work.target.shapes
    averages = "fc_norm.weight" in own and "norm.weight" not in own
    if averages and "norm.weight" in work.state and "fc_norm.weight" not in work.state:
        for name in [name for name in work.state if name in ("norm.weight", "norm.bias")]:
            work.drop(name, "last norm of all tokens; the model averages first and has fc_norm, which starts fresh")
        work.spare |= {name for name in own if name.startswith("fc_norm.")}
    if not any(name.startswith("head.") for name in work.state):
        # ConvNeXt's norm stands in the head, behind the average: files of pretraining have neither
        work.spare |= {name for name in own if name.startswith("head.norm.")}


def adapt_pooling(work: Workpiece) -> None:
    """Drop an attention-pooling head where the model averages the same patches."""
    own = work.target.shapes
    if any(name.startswith("attn_pool.") for name in own) or getattr(work.model, "global_pool", "") != "avg":
        return
    for name in [name for name in work.state if name.startswith("attn_pool.")]:
        work.drop(name, "attention pooling; the model pools by average")
