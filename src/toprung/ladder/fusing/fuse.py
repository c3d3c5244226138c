"""Fuse runs into a run: fitted on the selection split, reported on the other, written down like any run."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toprung.errors import RunError
from toprung.evaluation.fusion import method as method_named
from toprung.evaluation.fusion.choosing import Candidate, choose_method, cross_fitted
from toprung.evaluation.fusion.fused import Fusion, fit_fusion
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.ladder.display import Display
from toprung.ladder.fusing.account import MemberAccount, accounts_of, as_json, pairs_of, told_gain
from toprung.ladder.fusing.members import REPORT, SELECTION, FusedRun, open_members
from toprung.ladder.gain import Gain, gain_over_plain
from toprung.ladder.origin import command_line, now
from toprung.ladder.report import write_report
from toprung.runs.environment import describe_environment
from toprung.runs.folder import RunFolder, free_name
from toprung.runs.fused import model_fingerprint
from toprung.runs.fusion_card import FusionCard, Member, write_fusion_card
from toprung.storage import explain, make_folder, write_bytes

AUTO = "auto"


@dataclass(frozen=True)
class Fused:
    """What came of fusing.

    Attributes:
        fusion: what was fitted.
        whole: its cross-fitted answers on the selection split.
        candidates: all methods that were tried, where one was chosen.
        predictions: split -> what the fused model says.
        gains: split -> against the best member.
        best: place of the best member on the selection split.
        accounts: of the members.
    """

    fusion: Fusion
    whole: Candidate
    candidates: list[Candidate]
    predictions: dict[str, Predictions]
    gains: dict[str, Gain]
    best: int
    accounts: list[MemberAccount]


def fuse_runs(
    paths: Sequence[Path],
    *,
    method: str = AUTO,
    out: Path | None = None,
    runs: Path = Path("runs"),
    display: Display,
    copy: bool = False,
    tempered: bool = True,
    seed: int = 0,
) -> RunFolder:
    """Fuse the answers of runs into a new run.

    Args:
        paths: run folders, with predictions of the same val pictures.
        method: of :mod:`toprung.evaluation.fusion`, or ``auto`` for the one that cross-fitting on val chooses.
        out: the run folder to make, ``None`` for a free name below ``runs``.
        runs: where runs stand.
        display: where to tell what happens.
        copy: keep the members' models with the fused one, so that it can be moved without them.
        tempered: scale each member by its own temperature first.
        seed: of cross-fitting and of bags.

    Raises:
        ToprungError: for each thing that can be wrong with the runs, the method or the disk.
    """
    began = time.monotonic()
    if method != AUTO:
        method_named(method)
    members = open_members(paths)
    out = out or free_name(runs, "fusion")
    RunFolder.refuse_existing(out)
    fused = _fit(members, method, tempered=tempered, seed=seed)
    _tell(members, fused, display)
    make_folder(out.parent)
    with tempfile.TemporaryDirectory(prefix=f".{out.name[:40]}.", dir=out.parent) as name:
        made = RunFolder(Path(name) / "run")
        _write(made, out, members, fused, copy=copy, seconds=time.monotonic() - began, seed=seed)
        try:
            if out.is_dir():
                out.rmdir()  # it is empty
            made.path.rename(out)
        except OSError as error:
            raise explain(error, out) from error
    display.say(f"run        {out}")
    write_report(out)
    return RunFolder.open(out)


def _fit(members: Sequence[FusedRun], method: str, *, tempered: bool, seed: int) -> Fused:
    known = members[0].said[SELECTION].labels >= 0
    labels = members[0].said[SELECTION].labels[known]
    if not len(labels):
        raise RunError(f"none of the val pictures of {members[0].run.path} has a label, so nothing can be fitted.")
    logits = [member.selection[known] for member in members]
    candidates: list[Candidate] = []
    if method == AUTO:
        method, candidates = choose_method(logits, labels, seed=seed, tempered=tempered)
    whole = next((one for one in candidates if one.method == method), None) or cross_fitted(
        method, logits, labels, seed=seed, tempered=tempered
    )
    fusion = fit_fusion(method, logits, labels, seed=seed, tempered=tempered)
    predictions = {
        split: Predictions(
            paths=said.paths,
            hashes=said.hashes,
            labels=said.labels,
            logits=fusion.combine([member.said[split].logits for member in members]),
            classes=said.classes,
        )
        for split, said in members[0].said.items()
    }
    accounts = accounts_of(members, labels, fusion, whole, seed=seed) if known.all() else []
    best = _best(members)
    gains = {split: gain_over_plain(members[best].said[split], said) for split, said in predictions.items()}
    return Fused(fusion, whole, candidates, predictions, gains, best, accounts)


def _best(members: Sequence[FusedRun]) -> int:
    """Return the place of the most accurate member on the selection split."""
    right = [(member.said[SELECTION].predicted == member.said[SELECTION].labels).mean() for member in members]
    return int(np.argmax(right))


def _tell(members: Sequence[FusedRun], fused: Fused, display: Display) -> None:
    for one in fused.candidates:
        mark = "  chosen" if one.method == fused.fusion.method else ""
        display.say(f"tried      {one.method:<20} val {one.accuracy:.2%}, log-loss {one.log_loss:.4f}{mark}")
    head = f"{'member':<24} {'weight':>7} {'val':>8} {'log-loss':>9} {'T':>6}"
    display.say(f"{head}   the fusion with it, against without")
    for account in fused.accounts:
        weight = "-" if account.weight is None else f"{account.weight:.3f}"
        adds = ""
        if account.without_accuracy is not None and account.without_log_loss is not None:
            adds = f"   {100 * account.without_accuracy:+.2f} points, log-loss {-account.without_log_loss:+.4f}"
        display.say(
            f"{account.name:<24} {weight:>7} {account.val_accuracy:>8.2%} {account.val_log_loss:>9.4f} "
            f"{account.temperature:>6.2f}{adds}"
        )
    for split in (SELECTION, REPORT):
        if split in fused.gains:
            for line in told_gain(fused.gains[split], members[fused.best].name, split):
                display.say(line)


def _write(
    run: RunFolder,
    out: Path,
    members: Sequence[FusedRun],
    fused: Fused,
    *,
    copy: bool,
    seconds: float,
    seed: int,
) -> None:
    first = members[0].run
    scores = {split: score(said, seed=seed) for split, said in fused.predictions.items()}
    labels = members[0].said[SELECTION].labels
    record: dict[str, Any] = RunFolder.opening_record(out.name) | {
        "kind": "fusion",
        "status": "finished",
        "finished": now(),
        "command": command_line(),
        "data": first.record().get("data", {}),
        "model": f"fusion of {len(members)}",
        "parameters": sum(int(member.run.record().get("parameters") or 0) for member in members),
        "marks": [f"fusion of {len(members)}"],
        "error": None,
        "seconds": round(seconds, 1),
        "method": fused.fusion.method,
        "selection_score": {"accuracy": fused.whole.accuracy, "log_loss": fused.whole.log_loss},
        "best_member": members[fused.best].name,
        "gain": {split: gain.to_json() for split, gain in fused.gains.items()},
        "fusion": as_json(fused.accounts, pairs_of(members, labels), fused.candidates),
    }
    make_folder(run.model)
    listed = [_member(run, out, member, place, copy=copy) for place, member in enumerate(members)]
    write_fusion_card(run.model, FusionCard(members[0].said[SELECTION].classes, tuple(listed), fused.fusion))
    for file in (first.table_file, first.health_file, first.unreadable_file):
        if file.is_file():
            write_bytes(run.path / file.relative_to(first.path), file.read_bytes())
    run.write_json(run.environment_file, describe_environment())
    for split, said in fused.predictions.items():
        write_bytes(run.predictions_file(split), said.to_bytes())
    run.write_json(run.scores_file, scores)
    run.write_json(run.record_file, record)


def _member(run: RunFolder, out: Path, member: FusedRun, place: int, *, copy: bool) -> Member:
    """Return how a member is named in the fused model, copied into it where that is asked for."""
    source = member.run.model
    if copy:
        target = run.model / "members" / f"{place}-{member.run.path.resolve().name}"
        try:
            shutil.copytree(source, target)
        except (OSError, shutil.Error) as error:
            raise RunError(f"the model of {member.run.path} cannot be copied: {error}.") from error
        path = os.path.relpath(target, run.model)
    else:
        path = os.path.relpath(source.resolve(), out.resolve() / "model")
    return Member(member.name, path, model_fingerprint(source))
