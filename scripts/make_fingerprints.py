"""Write the index of timm's architectures by the names and shapes of their tensors.

    python scripts/make_fingerprints.py

Run it again when timm has new architectures. An architecture that the index lacks still loads by name; it is only
not proposed for a file.
"""

import json
import warnings
from pathlib import Path

import timm
from accelerate import init_empty_weights

from toprung.checkpoints.fingerprints import fingerprint, shape_print

OUTPUT = Path(__file__).parents[1] / "src/toprung/checkpoints/fingerprints.json"


def main() -> None:
    """Build every architecture without memory and note its fingerprint."""
    warnings.simplefilter("ignore")
    names: dict[str, list[str]] = {}
    by_shape: dict[str, list[str]] = {}
    for name in timm.list_models():
        try:
            with init_empty_weights(include_buffers=True):
                model = timm.create_model(name)
        except Exception:  # some compute with their weights while they are built
            try:
                model = timm.create_model(name)
            except Exception as error:
                print(f"left out: {name}: {error}")
                continue
        shapes = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
        names.setdefault(fingerprint(shapes), []).append(name)
        by_shape.setdefault(shape_print(shapes), []).append(name)
        del model
    index = {"names": names, "shapes": by_shape}
    for table in index.values():
        table.pop("", None)
    OUTPUT.write_text(json.dumps(index, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
    print(f"{sum(map(len, names.values()))} architectures, {len(names)} fingerprints, timm {timm.__version__}")


if __name__ == "__main__":
    main()
