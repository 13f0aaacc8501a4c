#!/usr/bin/env python3
"""Profiles a bag with every core busy with another process, and checks what must hold then.

usage: profile_loaded.py LOOKOUT OUT BAG [--free] [--runs N]   (--free: without the load)

The bag is a clean drive: no frame may confirm a STOP, on a free machine or on a busy one, in any mode. CI runs it once of each; --runs 20 shows more.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys

BUSY = "while True: sum(i * i for i in range(100000))"


def run(lookout, out, bag, busy):
    shutil.rmtree(out, ignore_errors=True)
    load = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
    try:
        command = [lookout, "profile", bag, "--out", out]
        subprocess.run(command, check=True, timeout=300)
    finally:
        for process in load:
            process.kill()
            process.wait()


def check(out, busy):
    with open(os.path.join(out, "profile.json"), encoding="utf-8") as file:
        profile = json.load(file)
    deadlines = profile["deadlines"]
    misses = deadlines["misses"]
    told = deadlines["in_time"] + sum(misses.values())
    problems = []
    if deadlines["late_shown_as_fresh"] != 0:
        problems.append(f"{deadlines['late_shown_as_fresh']} late verdicts were shown as fresh")
    if told != deadlines["frames"] or deadlines["frames"] != 101:
        problems.append(f"{told} frames accounted for of {deadlines['frames']}, 101 in the bag")
    if deadlines["in_time"] == 0:
        problems.append("not one verdict was in time")
    with open(os.path.join(out, "frames.csv"), newline="", encoding="utf-8") as file:
        stops = [row for row in csv.DictReader(file) if row["reason"].endswith("confirmed")]
    problems += [
        f"a STOP on a clean drive, in mode {row['mode']}: {row['reason_text']}"
        for row in stops
    ]
    if not busy and deadlines["miss_ratio"] > 0.5:
        problems.append(f"without load {deadlines['miss_ratio']:.0%} of the frames were missed")
    with open(os.path.join(out, "trace.json"), encoding="utf-8") as file:
        if len(json.load(file)) < 101:
            problems.append("the trace has fewer events than frames")
    print(
        f"{busy} busy processes: {deadlines['in_time']} of {deadlines['frames']} in time, misses"
        f" {misses}, miss ratio {deadlines['miss_ratio']:.1%}, late shown as fresh"
        f" {deadlines['late_shown_as_fresh']}, STOP in {[row['mode'] for row in stops] or 'none'}"
    )
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lookout")
    parser.add_argument("out")
    parser.add_argument("bag")
    parser.add_argument("--free", action="store_true", help="without the load")
    parser.add_argument("--runs", type=int, default=1, help="one after another")
    args = parser.parse_args()
    busy = 0 if args.free else (os.cpu_count() or 1)
    problems = []
    for number in range(1, args.runs + 1):
        run(args.lookout, args.out, args.bag, busy)
        problems += [f"run {number} of {args.runs}: {problem}" for problem in check(args.out, busy)]
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
