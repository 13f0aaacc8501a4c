#!/usr/bin/env python3
"""The weighted mean of the weights of two finished runs, for another experiment's `start`: mean.py A B SHARE OUT

A and B are folders of `lookout-train run`, or what `keep.py` kept of one; SHARE of B, 0 to 1. Of use only where B went on
from the weights of A (or both from the same): then what lies between often knows what either has forgotten.
"""

import sys
from pathlib import Path

from safetensors.numpy import load_file, save_file


def main(a, b, share, out):
    share = float(share)
    for network in ("segmentation", "observer"):
        one, other = (load_file(Path(run) / network / "best.safetensors") for run in (a, b))
        names = sorted(name for name in one if name.startswith("average/"))
        if names != sorted(name for name in other if name.startswith("average/")):
            sys.exit(f"{a} and {b} have other tensors in {network}: they are no runs of one design")
        mean = {n: ((1 - share) * one[n] + share * other[n]).astype(one[n].dtype) for n in names}
        (Path(out) / network).mkdir(parents=True, exist_ok=True)
        save_file(mean, Path(out) / network / "best.safetensors")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
