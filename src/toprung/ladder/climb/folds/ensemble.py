"""The models of all folds as one: the mean of their probabilities, as a fused run."""

from __future__ import annotations

import os
from pathlib import Path

from toprung.data.table_csv import read_table_csv, write_table_csv
from toprung.errors import RunError
from toprung.evaluation.fusion.fused import Fusion
from toprung.evaluation.fusion.mean_probabilities import MeanProbabilities
from toprung.evaluation.metrics import score
from toprung.evaluation.predictions import Predictions
from toprung.ladder.climb.folds.folds import NOTE, FoldsResult
from toprung.ladder.climb.selection import REPORT, common_root
from toprung.ladder.origin import command_line, data_hash, now
from toprung.ladder.report import write_report
from toprung.runs.environment import describe_environment
from toprung.runs.folder import RunFolder
from toprung.runs.fused import FusedClassifier
from toprung.runs.fusion_card import FusionCard, Member, write_fusion_card
from toprung.runs.opening import fingerprint
from toprung.storage import make_folder, write_bytes


def ensemble(result: FoldsResult, table_file: Path, folder: Path) -> RunFolder:
    """Make the fused run of the folds' models; nothing is fitted, and test is predicted here for the first time.

    Its val predictions are the out-of-fold ones: each of one model, since all others learnt the picture. They tell what
    a single fold's model reaches, so the ensemble is rather better.

    Args:
        result: of the folds.
        table_file: every picture in a split.
        folder: of the run; a finished one is used again, an unfinished one is made anew in place.

    Raises:
        RunError: another run stands there.
        DataError: a test picture cannot be read.
    """
    run, names = RunFolder(folder), [one.path.name for one in result.runs]
    prints = [fingerprint(one.model) for one in result.runs]
    if run.record_file.is_file():
        if run.record().get("folds", {}).get("fingerprints") != prints:
            raise RunError(f"{folder} exists already and is another run; choose another folder.")
        return run
    make_folder(run.model)
    places = [os.path.relpath(one.model.resolve(), run.model.resolve()) for one in result.runs]
    members = tuple(Member(*facts) for facts in zip(names, places, prints, strict=True))
    fusion = Fusion((1.0,) * len(members), MeanProbabilities(), 1.0)
    write_fusion_card(run.model, FusionCard(result.out_of_fold.classes, members, fusion))
    table = read_table_csv(table_file)
    write_table_csv(run.table_file, table, common_root(table.paths))
    run.write_json(run.environment_file, describe_environment())
    said = {"val": result.out_of_fold}
    test = table.split(REPORT)
    if len(test):
        logits = FusedClassifier.open(run.model).logits(list(test.paths))
        said[REPORT] = Predictions(tuple(map(str, test.paths)), test.hashes, test.labels, logits, table.classes)
    for split, predictions in said.items():
        write_bytes(run.predictions_file(split), predictions.to_bytes())
    run.write_json(run.scores_file, {split: score(predictions) for split, predictions in said.items()})
    records = [one.record() for one in result.runs]
    record = RunFolder.opening_record(folder.name) | {
        "kind": "fusion",
        "status": "finished",
        "finished": now(),
        "command": command_line(),
        "data": {"path": str(table_file), "hash": data_hash(table)},
        "model": f"fusion of {len(members)}",
        "parameters": sum(int(one.get("parameters") or 0) for one in records),
        "marks": [f"ensemble of {len(members)} folds", "val is out of fold"],
        "error": None,
        "seconds": sum(float(one.get("seconds") or 0.0) for one in records),
        "method": fusion.method,
        "selection": "none",
        "folds": {
            "runs": names,
            "fingerprints": prints,
            "accuracies": list(result.accuracies),
            "mean": result.mean,
            "sd": result.sd,
            "note": NOTE,
        },
    }
    run.write_json(run.record_file, record)
    write_report(folder)
    return run
