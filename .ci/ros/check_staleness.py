#!/usr/bin/env python3
"""An engine of 100 ms a frame, a camera of 30 Hz, 20 s: no verdict is old, memory stays as it is.

    check_staleness.py LOOKOUT

Needs examples/slow_node where cargo puts it, beside LOOKOUT.
"""
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from harness import Child, Failed, Node, main, percentile, wait_for
from peer import Outputs, Peer, nanoseconds, number, stamp_text, values
from sensor_msgs.msg import Image

CAMERA = Path(__file__).with_name("camera.py")
SLOW_MS, DEADLINE_MS, RATE, SECONDS, MEMORY_MB = 100, 250, 30, 20, 30


def check(binary, report):
    slow = Path(binary).with_name("examples") / "slow_node"
    if not slow.exists():
        raise Failed(f"{slow}: not there; cargo build --release --example slow_node")
    with tempfile.TemporaryDirectory() as folder, Peer() as peer:
        node = Node(slow, {"threshold": 0.5, "deadline_ms": DEADLINE_MS}, words=[SLOW_MS])
        outputs = Outputs(peer, node.base)
        masks = peer.collect(Image, f"{node.base}/output/anomaly_mask")
        peer.wait_node(node.name)
        peer.wait_active(node.base)
        idle = node.rss_mb()
        file = Path(folder) / "stamps.txt"
        camera = Child([sys.executable, CAMERA, f"{node.base}/input/image", "--size", "640x480",
                        "--rate", RATE, "--count", RATE * SECONDS, "--stamps", file])
        wait_for("ten frames", 30,
                 lambda: file.exists() and len(file.read_text().splitlines()) >= 10)
        start = node.rss_mb()
        memory = [start]
        while camera.running():
            time.sleep(0.5)
            memory.append(node.rss_mb())
        sent = [line.split() for line in file.read_text().splitlines()]
        pace = (int(sent[-1][1]) - int(sent[0][1])) / 1e9
        report.check(f"camera: {RATE} Hz for {SECONDS} s", len(sent) == RATE * SECONDS and
                     pace < 1.1 * SECONDS, f"{len(sent)} frames in {pace:.1f} s")
        fates = Counter(values(i.message)["fate"] for i in outputs.status.items)
        fresh = [i for i in outputs.status.items if values(i.message)["fate"] == "in-time"]
        told = [number(values(i.message)["age_ms"]) for i in fresh]
        report.check("it judged on, at the engine's pace", SECONDS * 3 <= len(fresh) <= SECONDS * 11,
                     f"{len(fresh)} in time; {dict(fates)}")
        report.check(f"age of every verdict in time under {DEADLINE_MS} ms, as it says",
                     told and max(told) < DEADLINE_MS, f"p50 {percentile(told, 50):.0f}, "
                     f"p99 {percentile(told, 99):.0f}, max {max(told, default=0):.0f} ms")
        report.check("... and at least what the engine takes", told and min(told) >= SLOW_MS,
                     f"min {min(told, default=0):.0f} ms")
        arrived = [(i.wall - stamp_text(values(i.message)["capture_stamp"])) / 1e6 for i in fresh]
        # What a busy peer needs to take a message in is not the node's.
        report.check("... and when it arrives", percentile(arrived, 99) < DEADLINE_MS + 20,
                     f"p50 {percentile(arrived, 50):.0f}, p99 {percentile(arrived, 99):.0f}, "
                     f"max {max(arrived, default=0):.0f} ms")
        stamps = {stamp_text(values(i.message)["capture_stamp"]) for i in fresh}
        extra = [i for i in masks.items if nanoseconds(i.message.header.stamp) not in stamps]
        report.check("no mask of a frame that was late", not extra and masks.items,
                     f"{len(masks.items)} masks, {len(extra)} without a verdict in time")
        # the allocator gives some back when it likes
        report.check(f"memory at the end at most {MEMORY_MB} MB over the start",
                     memory[-1] - start < MEMORY_MB, f"idle {idle:.1f}, start {start:.1f}, "
                     f"end {memory[-1]:.1f}, most {max(memory):.1f} MB")


main(check, __doc__)
