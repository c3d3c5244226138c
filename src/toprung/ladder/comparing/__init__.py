"""Compare models by what they said: runs, files of predictions, tables of other tools, or bare counts."""
