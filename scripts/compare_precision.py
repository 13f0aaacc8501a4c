#!/usr/bin/env python3
"""What reduced precision costs: evaluates a bundle in f32, f16, int8 and mixed, and judges it.

usage: compare_precision.py BUNDLE QUANTISED --pasted SET [--pasted SET] --camvid VAL [options]
needs: onnx, numpy (PyPI), Python 3.11; ORT_DYLIB_PATH for `lookout --engine ort`

QUANTISED is the OUT folder of quantize_bundle.py. f16 is an f32 graph with every tensor rounded to
f16 (round_to_f16.py says why). Every variant becomes a bundle and goes through `lookout evaluate`, so
pre- and post-processing are the real ones. Prints a markdown table; exit code 1 when a variant named
by --gate loses more than is allowed. The gate is on the OOD map, the fragile output, and on the labels.
"""

import argparse
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

import onnx

from round_to_f16 import round_all

# allowed change against f32, in points of per cent
LIMITS = {"mIoU": -0.5, "AUROC": -0.5, "AP": -1.5, "FPR95": 1.5}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("bundle", type=pathlib.Path)
    parser.add_argument("quantised", type=pathlib.Path)
    parser.add_argument("--pasted", type=pathlib.Path, action="append", default=[],
                        help="set with images and masks (lookout-train sets, or any)")
    parser.add_argument("--camvid", type=pathlib.Path, help="folder with images and labels")
    parser.add_argument("--lookout", type=pathlib.Path, default="target/release/lookout")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the bundles that were judged")
    parser.add_argument("--gate", action="append", default=[], metavar="VARIANT")
    return parser.parse_args()


def variant(folder, bundle, graphs):
    """A copy of the bundle with other graphs."""
    folder.mkdir()
    manifest = (bundle / "model.toml").read_text()
    for part in ("segmentation", "observer"):
        head, found, rest = manifest.partition(f"[{part}]\n")
        if not found:
            sys.exit(f"{bundle}/model.toml has no [{part}]")
        file = f"{part}.onnx"
        shutil.copyfile(graphs[part], folder / file)
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        rest = re.sub(r'file = "[^"]*"', f'file = "{file}"', rest, count=1)
        rest = re.sub(r'sha256 = "[^"]*"', f'sha256 = "{digest}"', rest, count=1)
        manifest = head + found + rest
    (folder / "model.toml").write_text(manifest)
    if fallback := tomllib.loads(manifest).get("fallback"):
        shutil.copytree(bundle / fallback["bundle"], folder / fallback["bundle"])
    return folder


def evaluate(args, bundle, images, masks, labels=None):
    command = [args.lookout, "evaluate", images, masks, "--engine", "ort", "--bundle", bundle]
    command += ["--score", "observer,energy", "--json"] + (["--labels", labels] if labels else [])
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} evaluate: {done.stderr.strip()}")
    return json.loads(done.stdout)


def figures(args, bundle):
    """All figures of one bundle, in per cent, by (set, name)."""
    row = {}
    if args.camvid:
        report = evaluate(args, bundle, args.camvid / "images", "-", args.camvid / "labels")
        row["CamVid", "mIoU"] = 100 * report["segmentation"]["miou"]
    for pasted in args.pasted:
        report = evaluate(args, bundle, pasted / "images", pasted / "masks")
        for score in ("observer", "energy"):
            of = report["anomaly"][score]
            for name, key in (("AUROC", "auroc"), ("AP", "ap"), ("FPR95", "fpr95")):
                row[f"{pasted.name}, {score}", name] = 100 * of[key]
    return row


def table(rows):
    reference = rows["f32"]
    sets = list(dict.fromkeys(s for s, _ in reference))
    names = {s: [n for t, n in reference if t == s] for s in sets}
    lines = ["| | " + " | ".join(f"{s}: {' / '.join(names[s])}" for s in sets) + " |"]
    lines.append("|---|" + "---|" * len(sets))
    for variant_name, row in rows.items():
        cells = [" / ".join(f"{row[s, n]:.2f}" for n in names[s]) for s in sets]
        lines.append(f"| {variant_name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def losses(row, reference):
    """What a variant loses beyond the limits. Energy is told but not judged: the observer is the
    score that the node runs on."""
    for (of, name), value in row.items():
        limit, change = LIMITS[name], value - reference[of, name]
        if "energy" not in of and (change < limit if limit < 0 else change > limit):
            yield f"{of} {name}: {change:+.2f} points, allowed {limit:+.2f}"


def main():
    args = arguments()
    parts = ("segmentation", "observer")
    f32 = {p: args.bundle / f"{p}.onnx" for p in parts}
    int8 = {p: args.quantised / f"{p}.int8.onnx" for p in parts}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        f16 = {p: folder / f"{p}.f16.onnx" for p in parts}
        for part in parts:
            onnx.save(round_all(onnx.load(f32[part])), f16[part])
        mixed = {"segmentation": int8["segmentation"], "observer": f16["observer"]}
        variants = {"f32": f32, "f16": f16, "int8": int8, "int8 + f16 observer": mixed}
        rows = {}
        for number, (name, graphs) in enumerate(variants.items()):
            bundle = variant(folder / str(number), args.bundle, graphs)
            rows[name] = figures(args, bundle)
            if args.keep:
                shutil.copytree(bundle, args.keep / name.replace(" ", "-"), dirs_exist_ok=True)
            print(f"{name}: done", file=sys.stderr)
    print(table(rows))
    failed = False
    for name in args.gate:
        if name not in rows:
            sys.exit(f"no variant is called {name}; there are {', '.join(rows)}")
        for loss in losses(rows[name], rows["f32"]):
            failed = True
            print(f"{name} loses too much: {loss}", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
