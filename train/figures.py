#!/usr/bin/env python3
"""Prints the tables of a bundle's card from evaluations: figures.py EVALUATION [EVALUATION]

An EVALUATION is a folder of what `lookout evaluate --json` prints, a file a set: `evaluation/` of a run, or
`training/evaluation` of a bundle. The second one is printed beside the first. In per cent.
"""

import json
import sys
from pathlib import Path

SCORES = ("observer", "energy", "max-logit", "entropy", "softmax")


def read(folder):
    files = sorted(Path(folder).glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def per_cent(value):
    return "-" if value is None else f"{100 * value:.1f}"


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|---|" + "---|" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def anomalies(runs, names):
    """AUROC / AP / FPR95 of every score, and what else is said of the default one."""
    sets = [name for name in runs[0] if "anomaly" in runs[0][name]]
    rows = []
    for run, which in zip(runs, names):
        for score in SCORES:
            cell = lambda f: " / ".join(per_cent(f[k]) for k in ("auroc", "ap", "fpr95"))
            rows.append([f"{score}{which}"] + [
                cell(run[name]["anomaly"][score]) if name in run else "-" for name in sets])
    table(["AUROC / AP / FPR95", *sets], rows)

    rows = []
    for run, which in zip(runs, names):
        for name in sets:
            if name not in run:
                continue
            things = run[name]["things"]["observer"]
            found = [f"{c['found']} of {c['things']}" for c in things["classes"]]
            parts = run[name]["components"]["observer"]
            rows.append([f"{name}{which}", *found] + [
                " / ".join(per_cent(parts[rule][k]) for k in ("siou", "ppv", "f1"))
                for rule in ("calibration", "benchmark")])
    classes = runs[0][sets[0]]["things"]["observer"]["classes"]
    sizes = [f"{c['from']} to {c['to']}" if c["to"] else f"above {c['from']}" for c in classes]
    table(["things found, by size in pixels", *sizes, "sIoU / PPV / F1, threshold by calibration",
           "by the benchmark's rule"], rows)


def segmentations(runs, names):
    rows = []
    for run, which in zip(runs, names):
        for set_name, report in run.items():
            if not set_name.startswith("clean-") or not report.get("segmentation"):
                continue
            figures = report["segmentation"]
            flagged = report["flagged"]["observer"]
            errors = report["error_detection"]["observer"]
            by_class = ", ".join(
                f"{name} {per_cent(iou)}" for name, iou in zip(figures["classes"], figures["iou"])
                if iou is not None)
            rows.append([f"{set_name}{which}", per_cent(figures["miou"]), by_class,
                         f"{per_cent(flagged['mean'])} / {per_cent(flagged['p90'])}",
                         per_cent(errors["auroc"])])
    table(["set", "mIoU", "by class", "known pixels flagged, mean / p90", "error detection, AUROC"], rows)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    runs = [read(folder) for folder in sys.argv[1:]]
    names = ["", ", the second"][: len(runs)]
    anomalies(runs, names)
    segmentations(runs, names)


if __name__ == "__main__":
    main()
