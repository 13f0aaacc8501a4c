#!/usr/bin/env python3
"""Runs the demo's drives and prints a table: demo_drives.py [--seeds 0-31] [-- ARGUMENTS OF lookout demo]

A row a drive: the thing, where a fifth of its pixels was in the mask first, where the stop came, what came
of the drive, false alarms before it. Distances are from the vehicle's front. Then how many were seen at 35 m
or more and how many ended in time. For many drives, `lookout sweep` is faster.
"""

import argparse
import json
import subprocess
import tempfile

ENOUGH_M = 35.0


def ending(drive):
    """What came of it, in a few words."""
    if drive["end"] == "stopped" and drive["left_m"] is not None:
        return f"stopped {drive['left_m']:.0f} m before it"
    if drive["end"] == "hit":
        return f"hit at {drive['impact_kmh']:.0f} km/h"
    return drive["end"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seeds", default="0-31", help="first-last")
    parser.add_argument("--lookout", default="target/release/lookout")
    parser.add_argument("more", nargs="*", help="given to `lookout demo`")
    args = parser.parse_args()
    first, last = map(int, args.seeds.split("-"))
    metres = lambda value: "never" if value is None else f"{value:.0f}"
    drives = []
    print("| seed | thing | in sight from, m | seen at, m | stop at, m | end | false alarms before |")
    print("|---|---|---|---|---|---|---|")
    for seed in range(first, last + 1):
        with tempfile.TemporaryDirectory() as out:
            command = [args.lookout, "demo", "--seed", str(seed), "--out", f"{out}/demo", "--json"]
            done = subprocess.run(command + args.more, check=True, capture_output=True)
        drive = json.loads(done.stdout)["demo"]
        drives.append(drive)
        row = [seed, drive["thing"], metres(drive["first_visible_m"]), metres(drive["seen_at_m"]),
               metres(drive["stop_at_m"]), ending(drive), drive["false_alarms_before"]]
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
    seen = sum((drive["seen_at_m"] or 0.0) >= ENOUGH_M for drive in drives)
    alarms = sum(drive["false_alarms_before"] for drive in drives)
    false_stops = sum(drive["false_stop"] for drive in drives)
    in_time = sum(drive["end"] == "stopped" and not drive["false_stop"] for drive in drives)
    print(f"\nOf {len(drives)}: seen at {ENOUGH_M:.0f} m or more {seen}, ended in time {in_time}, "
          f"false stops {false_stops}; {alarms} false alarms before.")


if __name__ == "__main__":
    main()
