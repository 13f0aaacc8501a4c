#!/usr/bin/env python3
"""Checks the JSON that `lookout demo|replay --json` prints, and the folder it wrote.

    check_summary.py SUMMARY.json DIR [--frames N] [--clean]

One object; `frames`, `states` and `latency` are there; every frame was handled; the states add up to
the frames; no number is NaN; frames.csv, report.html and the bag are there. With --clean no frame is in STOP. Of a demo: how it ended, and
what belongs to that.
"""
import argparse
import json
import math
import sys
from pathlib import Path


def numbers(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


def demo_problems(demo):
    """What is wrong with what a demo says of its end."""
    problems = [f"demo: no `{key}`" for key in ("line", "end", "false_stop", "driven_s") if key not in demo]
    end = demo.get("end")
    if end not in ("stopped", "hit", "passed", "driving"):
        problems.append(f"demo: the end is {end}")
    if end == "hit" and demo.get("impact_kmh") is None:
        problems.append("demo: a hit without a speed")
    if end == "stopped" and demo.get("stop_s") is None:
        problems.append("demo: the vehicle stands and no flag rose")
    left = demo.get("left_m")
    if left is not None and left <= 0:
        problems.append(f"demo: the vehicle stands {left} m before the thing")
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("summary", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--clean", action="store_true", help="nothing strange is to be seen")
    args = parser.parse_args()
    summary = json.loads(args.summary.read_text())  # fails on anything but one JSON value
    problems = [f"no `{key}`" for key in ("frames", "states", "latency")
                if key not in summary]
    counts = summary.get("frames") or {}
    frames, handled = sum(numbers(counts)), counts.get("handled", 0)
    if frames <= 0 or handled != frames:
        problems.append(f"{handled} of {frames} frames handled")
    if args.frames is not None and frames != args.frames:
        problems.append(f"{frames} frames, expected {args.frames}")
    states = summary.get("states")
    if isinstance(states, dict) and sum(numbers(states)) != frames:
        problems.append(f"states {states} do not add up to {frames}")
    if args.clean and (states or {}).get("stop") != 0:
        problems.append(f"states {states}: a STOP on a clean drive")
    if not all(math.isfinite(n) for n in numbers(summary)):
        problems.append("a number is not finite")
    if "demo" in summary:
        problems += demo_problems(summary["demo"])
    if not summary.get("latency"):
        problems.append("no latency")
    for name in ("frames.csv", "report.html", "annotated/metadata.yaml"):
        path = args.folder / name
        if not path.is_file() or path.stat().st_size == 0:
            problems.append(f"{path}: missing or empty")
    if not list((args.folder / "annotated").glob("*.mcap")):
        problems.append(f"{args.folder}/annotated: no MCAP file")
    for problem in problems:
        print(f"{args.summary}: {problem}")
    print(json.dumps(summary)[:2000])
    sys.exit(1 if problems else 0)


main()
