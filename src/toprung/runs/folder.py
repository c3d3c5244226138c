"""The run folder: names of its files, and writing that never leaves a half-written file.

    runs/<name>/
      run.json               format version, status, command, marks
      recipe.toml            the resolved recipe
      environment.json       versions, machine, commit
      data/table.csv         path, label, split, group, hash
      data/health.json       counts, sizes, duplicates, leaks
      data/unreadable.csv    files left out, each with its reason
      load_report.json       what was used of the starting weights
      metrics.jsonl, metrics.csv   one line per log interval and per epoch
      tensorboard/
      checkpoints/last.pt    everything needed to resume
      model/                 the self-describing best model
      predictions/SPLIT.npz
      scores.json            metrics of each split, with intervals
      report.html
"""
