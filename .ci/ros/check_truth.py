#!/usr/bin/env python3
"""What breaks or blocks the node raises the flag, and the reason is said.

    check_truth.py LOOKOUT

Needs examples/slow_node where cargo puts it, beside LOOKOUT.
"""
import os
import signal
import tempfile
import time
from pathlib import Path

from harness import Failed, Node, holds, main, pictures
from peer import Camera, Outputs, Peer, values

QUIET = {"threshold": 1.0, "deadline_ms": 450, "diagnostics_period_ms": 200}
STALE_MS, ALLOWED_MS, RATE = 500, 400, 15


def milliseconds(later, earlier):
    return (later - earlier) / 1e6


class Stage:
    """A node that is active, and a camera that it knows and that does not send yet."""

    count = 0

    def __init__(self, binary, peer, parameters, **how):
        Stage.count += 1
        self.node = Node(binary, parameters, namespace=f"/truth{Stage.count}", **how)
        self.outputs = Outputs(peer, self.node.base)
        self.camera = Camera(peer, f"{self.node.base}/input/image", pictures(480, 360, 4), RATE)
        peer.wait_node(self.node.name, self.node.namespace)
        peer.wait_active(self.node.base)
        peer.wait_matched(self.camera.publisher)

    def close(self):
        self.camera.close()
        self.node.end()
        self.outputs.close()


def panicked(slow, peer, folder, report):
    """Nobody repairs what a thread left behind that nobody knows of."""
    file, log = Path(folder) / "now", Path(folder) / "log.txt"
    with log.open("w") as stderr:
        stage = Stage(slow, peer, QUIET, words=[0, file], stderr=stderr)
    outputs = stage.outputs
    stage.camera.on()
    outputs.wait_flag(False, 20)
    at = time.monotonic_ns()
    file.touch()
    up = outputs.wait_flag(True, 5, at)
    code, took = stage.node.wait(5)
    report.check("a thread panics, and nobody repairs that: the flag is up at once",
                 milliseconds(up.at, at) < ALLOWED_MS, f"{milliseconds(up.at, at):.0f} ms")
    report.check("... and the process ends with exit code 1", code == 1 and took < 2,
                 f"exit code {code} after {took * 1e3:.0f} ms")

    def said():
        return [i for i in outputs.status.since(at) if values(i.message)["reason"] == "panic"]

    holds(1, said)
    report.check("... the status says why", said() and all(
        values(i.message)["safe_stop"] == "true" and "a panic on purpose" in i.message.message
        for i in said()), said()[0].message.message if said() else "no such status")
    report.check("... and so does the log", "that it cannot repair" in log.read_text())
    report.check("... the last flag is up", outputs.raised() is True)
    stage.close()


def blocked(binary, peer, report):
    """A terminal that is stopped with Ctrl-S, or a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writing, True)
    stage = Stage(binary, peer, QUIET, stderr=writing)
    os.close(writing)
    outputs = stage.outputs
    stage.camera.on()
    outputs.wait_flag(False, 20)
    time.sleep(0.5)
    at = time.monotonic_ns()
    stage.camera.off()
    up, fault = outputs.wait_flag(True, 5, at), outputs.wait_state("FAULT", 5, at)
    took = [milliseconds(item.at, at) for item in (up, fault)]
    report.check("stderr takes nothing: flag and FAULT as soon as else when the camera stops",
                 max(took) <= STALE_MS + ALLOWED_MS, f"{took[0]:.0f} ms, {took[1]:.0f} ms")
    stage.node.signal(signal.SIGTERM)
    code, took = stage.node.wait(5)
    report.check("... and it ends in order", code == 0 and took < 2, f"exit code {code}, {took:.1f} s")
    stage.close()
    os.close(reading)


def check(binary, report):
    slow = Path(binary).with_name("examples") / "slow_node"
    if not slow.exists():
        raise Failed(f"{slow}: not there; cargo build --release --example slow_node")
    with tempfile.TemporaryDirectory() as folder, Peer() as peer:
        panicked(slow, peer, folder, report)
        blocked(binary, peer, report)


main(check, __doc__)
