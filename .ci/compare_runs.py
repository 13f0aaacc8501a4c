#!/usr/bin/env python3
"""Says whether two runs over the same frames came to the same verdicts, byte for byte.

    compare_runs.py DIR_A DIR_B [--frames N] [--masks]

Compares the columns of frames.csv up to `reason` (what follows is time) and, with --masks, every
message of the topics whose content may not depend on time. `--frames N`: both must have N rows.
"""
import argparse
import csv
import hashlib
import json
import sys
from pathlib import Path

TOPICS = ["/lookout/output/anomaly_mask", "/lookout/output/score_map",
          "/lookout/output/safe_stop"]
EXPECTED = ["frame", "stamp_ns", "mode", "anomalous_pixels", "corridor_pixels", "score_max",
            "state", "safe_stop", "reason"]


def verdicts(folder):
    """The header and the rows of frames.csv up to `reason`."""
    with open(folder / "frames.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    if not rows or "reason" not in rows[0]:
        sys.exit(f"{folder}/frames.csv: no column `reason`")
    end = rows[0].index("reason") + 1
    if rows[0][:end] != EXPECTED:
        sys.exit(f"{folder}/frames.csv: columns {rows[0][:end]}, expected {EXPECTED}")
    return [row[:end] for row in rows[1:]]


def messages(folder):
    """Digests of all messages of TOPICS in an annotated bag, by topic, in the file's order."""
    from mcap.reader import make_reader

    found = {topic: [] for topic in TOPICS}
    for file in sorted((folder / "annotated").glob("*.mcap")):
        with open(file, "rb") as stream:
            for _, channel, message in make_reader(stream).iter_messages(topics=TOPICS):
                digest = hashlib.sha256(message.data).hexdigest()
                found[channel.topic].append((message.log_time, digest))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--masks", action="store_true")
    args = parser.parse_args()
    problems = []
    a, b = verdicts(args.a), verdicts(args.b)
    for folder, rows in ((args.a, a), (args.b, b)):
        if args.frames is not None and len(rows) != args.frames:
            problems.append(f"{folder}: {len(rows)} rows, expected {args.frames}")
    if not a:
        problems.append(f"{args.a}: no frames")
    if len(a) != len(b):
        problems.append(f"{len(a)} rows and {len(b)} rows")
    for left, right in zip(a, b):
        if left != right:
            problems.append(f"frame {left[0]}: {left} and {right}")
    counts = {}
    if args.masks:
        first, second = messages(args.a), messages(args.b)
        for topic in TOPICS:
            counts[topic] = len(first[topic])
            if first[topic] != second[topic]:
                at = next((i for i, (x, y) in enumerate(zip(first[topic], second[topic]))
                           if x != y), min(len(first[topic]), len(second[topic])))
                problems.append(f"{topic}: {len(first[topic])} and {len(second[topic])} messages, "
                                f"different from message {at}")
        for topic in TOPICS[:2]:  # one a frame; a bag without any would agree with itself
            if counts[topic] != len(a):
                problems.append(f"{topic}: {counts[topic]} messages for {len(a)} frames")
    for problem in problems[:10]:
        print(problem)
    print(json.dumps({"rows": len(a), "messages": counts, "problems": len(problems)}))
    sys.exit(1 if problems else 0)


main()
