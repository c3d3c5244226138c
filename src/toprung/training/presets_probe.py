"""Heads on the features of a frozen network (`docs/probe.md`)."""

from __future__ import annotations

from toprung.training.presets import Settings, register


@register
def probe(model: str | None) -> Settings:
    """Freeze the network, run it once over every picture, and keep the best of four heads on its features.

    The heads: logistic regression, k nearest neighbours, an extreme learning machine, and a small perceptron. What they
    choose, and which of them is kept, is decided on the validation pictures. Features are cached beside the runs.
    """
    return {
        "probe.head": "all",
        # what a run to go on from may have set, and a probe has no use for
        "hardware.precision": "fp32",
        "data.cache": "off",
        "data.balanced": False,
        "optimisation.class_weights": "none",
        "stages": [],
        "model.lora_rank": 0,
        "model.dropout_samples": 0,
    }
