"""What the curves of a training say: overfitting, stopping too early; and the probe against the fine-tuning."""

from __future__ import annotations

from collections.abc import Iterator

from toprung.evaluation.significance import mcnemar
from toprung.ladder.climb.advice import Advice, register
from toprung.ladder.climb.advice_evidence import Evidence, Seen
from toprung.ladder.wording import decimal, p_words, percent

_RISE = 1.05  # of the validation loss over its least value
_APART = 0.5  # training loss over validation loss
_FALL = 0.01  # of the validation loss over the last quarter of the epochs
_LARGE_GAP = 0.05


@register
def overfitting(evidence: Evidence) -> Iterator[Advice]:
    """The validation loss rises while the training loss falls, or the training loss is far below it.

    The training loss is recorded while weights change, with augmentation, dropout and label smoothing on; all of them
    raise it. So the gap that is seen is smaller than the real one.
    """
    run = evidence.fine_tuned
    if run is None:
        return
    train, val = dict(run.curve("train_loss")), dict(run.curve("val_loss"))
    epochs = sorted(train.keys() & val.keys())
    if len(epochs) < 3:
        return
    last, least = epochs[-1], min(epochs, key=lambda epoch: val[epoch])
    numbers = {"train_loss": train[last], "val_loss": val[last], "least_val_loss": val[least], "least_at_epoch": least}
    more = run.again(*_stronger(run))
    if least <= last - 2 and val[last] > _RISE * val[least] and train[last] < train[least]:
        yield Advice(
            "overfitting",
            f"{run.name} learns its pictures by heart: the validation loss was least after epoch {least} "
            f"({decimal(val[least])}) and rose to {decimal(val[last])}, while the training loss fell to "
            f"{decimal(train[last])}. Augment more, drop paths, freeze lower blocks, or stop at epoch {least}.",
            numbers,
            more,
            0.85,
        )
    elif 0 < train[last] < _APART * val[last]:
        yield Advice(
            "overfitting",
            f"{run.name} is much better on its own pictures: the training loss ended at {decimal(train[last])}, the "
            f"validation loss at {decimal(val[last])}, although augmentation raises the first. Augment more, drop "
            "paths, or freeze lower blocks.",
            numbers,
            more,
            0.7,
        )


@register
def still_improving(evidence: Evidence) -> Iterator[Advice]:
    """The validation loss was least after the last epoch and fell by 1 % or more over the last quarter."""
    run = evidence.fine_tuned
    if run is None:
        return
    curve = run.curve("val_loss")
    if len(curve) < 3:
        return
    quarter = max(1, len(curve) // 4)
    (last, end), (_, before) = curve[-1], curve[-1 - quarter]
    if end > min(value for _, value in curve) or end <= 0 or before < (1 + _FALL) * end:
        return
    yield Advice(
        "still-improving",
        f"{run.name} was still getting better when it ended: the validation loss fell from {decimal(before)} to "
        f"{decimal(end)} over the last {quarter} of {last} epochs. Train longer.",
        {"epochs": last, "val_loss_before": before, "val_loss": end},
        run.again("--epochs", str(2 * last)),
        0.8,
    )


@register
def probe_against_fine_tuning(evidence: Evidence) -> Iterator[Advice]:
    """A probe and a fine-tuning from the same weights, compared picture by picture on validation."""
    tuned = {run.start: run for run in reversed(evidence.scored) if run.is_fine_tuned}
    probes = {run.start: run for run in reversed(evidence.scored) if run.is_probe}
    for start in tuned.keys() & probes.keys():
        yield from _compared(probes[start], tuned[start])


def _compared(probe: Seen, run: Seen) -> Iterator[Advice]:
    first, second = probe.predictions("val"), run.predictions("val")
    if first is None or second is None:
        return
    outcome = mcnemar(first, second)
    gain = (outcome.second_only - outcome.first_only) / outcome.pictures
    accuracy = (outcome.both + outcome.first_only) / outcome.pictures
    numbers = {"probe": accuracy, "fine_tuned": accuracy + gain, "p_value": outcome.p_value}
    told = f"{percent(accuracy + gain)} against {percent(accuracy)} on validation, {p_words(outcome.p_value)}"
    if gain <= 0:
        changes = ["--set optimisation.layer_decay=0.65"] if run.start[0].startswith("vit") else ["--freeze blocks:2"]
        rate = run.setting("optimisation", "lr")
        if isinstance(rate, float):
            changes.insert(0, f"--lr {rate / 3:.2g}")
        yield Advice(
            "probe-against-fine-tuning",
            f"Fine-tuning {run.name} gained nothing over the frozen network with a new head, {probe.name} ({told}): it "
            "forgets what the weights knew. Take a lower rate, layer decay, or freeze lower blocks.",
            numbers,
            run.again(*changes),
            0.75,
        )
    elif gain >= _LARGE_GAP and outcome.p_value < 0.05:
        epochs = len(run.record.epochs)
        yield Advice(
            "probe-against-fine-tuning",
            f"Fine-tuning {run.name} gained much over the probe {probe.name} ({told}): these pictures need other "
            "features than the weights bring. Train longer, and more of the network.",
            numbers,
            run.again("--epochs", str(2 * epochs)),
            0.55,
        )


def _stronger(run: Seen) -> list[str]:
    changes = []
    if run.setting("augment", "auto_augment") in (None, "none"):
        changes.append("--set augment.auto_augment=randaugment")
    elif not run.setting("augment", "mixup"):
        changes.append("--set augment.mixup=0.2")
    if not run.setting("model", "drop_path"):
        changes.append("--set model.drop_path=0.1")
    return changes or ["--freeze blocks:2"]
