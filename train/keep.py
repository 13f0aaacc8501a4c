#!/usr/bin/env python3
"""Copies what a finished run leaves for others into a bundle's folder: train/keep.py RUN BUNDLE.

BUNDLE gets the networks and the manifest, and in `training/` configurations, metrics, summaries, the
numbers of the fusion, the evaluation, and the averaged weights of the best steps: the `start` of
another experiment. The optimiser's state and the weights that were not averaged stay behind.
"""

import re
import shutil
import sys
from pathlib import Path

from safetensors.numpy import load_file, save_file


def keep(run, source, to):
    """Copies a text; in it the run lies in `runs`, and libraries have no folder."""
    text = source.read_text().replace(str(run), f"runs/{run.name}")
    to.write_text(re.sub(r"/[^\s\"]*/(?=lib\w+\.so)", "", text))


def main(run, bundle):
    run, training = Path(run), Path(bundle) / "training"
    training.mkdir(parents=True, exist_ok=True)
    for name in ("segmentation.onnx", "observer.onnx", "model.toml"):
        shutil.copyfile(run / "bundle" / name, Path(bundle) / name)
    keep(run, run / "fusion.json", training / "fusion.json")
    for folder in ("calibration", "evaluation"):
        (training / folder).mkdir(exist_ok=True)
        for file in sorted((run / folder).iterdir()):
            keep(run, file, training / folder / file.name)
    for network in ("segmentation", "observer"):
        to = training / network
        to.mkdir(exist_ok=True)
        for name in ("config.json", "metrics.jsonl", "last.json", "summary.json", "prior.json"):
            if (run / network / name).exists():
                keep(run, run / network / name, to / name)
        tensors = load_file(run / network / "best.safetensors")
        kept = {k: v for k, v in tensors.items() if k.startswith("average/")}
        save_file(kept, to / "best.safetensors")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
