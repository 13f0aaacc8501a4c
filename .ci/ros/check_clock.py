#!/usr/bin/env python3
"""Simulated time: none yet, at twice the speed, set back by ten seconds, standing still.

    check_clock.py LOOKOUT
"""
import threading
import time
from collections import Counter

from harness import Node, main, percentile, pictures
from peer import (Camera, Outputs, Peer, SENSOR, number, stamp_of, stamp_text, values)
from rosgraph_msgs.msg import Clock

SPEED, BACK_S, TICK_S, RATE = 2, 10, 0.01, 20
# In simulated time, of which twice as much goes by: the engine seems to take twice as long.
PARAMETERS = {"use_sim_time": True, "threshold": 1.0, "deadline_ms": 480, "stale_after_ms": 1000}


class Simulator:
    """Publishes /clock a hundred times a second."""

    def __init__(self, peer):
        self.publisher = peer.publisher(Clock, "/clock", SENSOR)
        self._lock = threading.Lock()
        self._base, self._since, self.speed = 1_000 * 10**9, time.monotonic_ns(), 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.told = self._base

    def now(self):
        with self._lock:
            return self._base + (time.monotonic_ns() - self._since) * self.speed

    def set(self, speed, jump=0):
        now = self.now()
        with self._lock:
            self._base, self._since, self.speed = now + jump, time.monotonic_ns(), speed

    def stamp(self):
        """What a camera in the simulation stamps: the clock as it was told last."""
        return self.told

    def start(self):
        self._thread.start()

    def _run(self):
        while not self._end.wait(TICK_S):
            message = Clock()
            self.told = self.now()
            message.clock = stamp_of(self.told)
            self.publisher.publish(message)

    def close(self):
        self._end.set()
        self._thread.join(2)


def states(outputs, since):
    return Counter(f"{v['state']} {v['reason']}" for v in (
        values(i.message) for i in outputs.status.since(since)))


def no_clock(outputs, camera, report):
    began = time.monotonic_ns()
    camera.on()
    time.sleep(1.5)
    camera.off()
    beats = outputs.flag.since(began)
    seen = {values(i.message)["state"] for i in outputs.status.since(began)}
    report.check("no clock yet: flag up, beats go on", len(beats) >= 12
                 and all(i.message.data for i in beats), f"{len(beats)} beats in 1.5 s")
    report.check("... and no frame is taken for good", not seen & {"OK", "WARN"}, states(outputs, began))


def twice(outputs, simulator, camera, report):
    simulator.set(SPEED)
    simulator.start()
    time.sleep(0.5)
    began = time.monotonic_ns()
    camera.on()
    down = outputs.wait_flag(False, 15, began)
    report.check(f"a clock at {SPEED} times the speed: flag down", True,
                 f"{(down.at - began) / 1e6:.0f} ms after the first frame; {states(outputs, began)}")
    began = time.monotonic_ns()
    time.sleep(3)
    frames = [values(i.message) for i in outputs.status.since(began)]
    raised = sum(i.message.data for i in outputs.flag.since(began))
    report.check("... and it stays down, no fault by the clock", frames and not raised and not any(
        v["state"] == "FAULT" for v in frames), f"{states(outputs, began)}, {raised} raised beats")
    ages = [number(v["age_ms"]) for v in frames if v["fate"] == "in-time"]
    stamps = [stamp_text(v["capture_stamp"]) for v in frames]
    # 1,000 s is where the simulation began; real stamps are a million times that.
    report.check("stamps and ages are simulated time", ages and all(
        1_000 * 10**9 <= s <= simulator.now() for s in stamps) and 0 <= min(ages) < 500,
        f"ages p50 {percentile(ages, 50):.0f}, max {max(ages, default=0):.0f} ms")


def back(outputs, simulator, report):
    began = time.monotonic_ns()
    simulator.set(SPEED, -BACK_S * 10**9)
    fault = outputs.wait_state("FAULT", 2, began)
    up = outputs.wait_flag(True, 2, began)
    reason = values(fault.message)["reason"]
    report.check(f"set back by {BACK_S} s: FAULT, flag up", reason in (
        "clock-stepped", "stamp-regressed", "future-stamp", "missing"),
        f"{fault.message.message}; flag up after {(up.at - began) / 1e6:.0f} ms")
    down = outputs.wait_flag(False, 10, up.at)
    report.check("... good frames of the new time bring it back", True,
                 f"{(down.at - began) / 1e6:.0f} ms after the step; {states(outputs, began)}")
    time.sleep(0.5)
    after = [stamp_text(values(i.message)["capture_stamp"]) for i in outputs.status.since(down.at)]
    report.check("... and are judged as before", after and all(
        values(i.message)["state"] in ("OK", "WARN") for i in outputs.status.since(down.at)),
        len(after))


def still(outputs, simulator, camera, report):
    """Simulator and camera stand still, as a simulation does that hangs: the real time counts too."""
    simulator.set(0)
    camera.off()
    began = time.monotonic_ns()
    up = outputs.wait_flag(True, 5, began)
    report.check("clock and camera stand still: flag up", True,
                 f"{(up.at - began) / 1e6:.0f} ms, stale_after_ms {PARAMETERS['stale_after_ms']}")
    time.sleep(0.5)
    beats = outputs.flag.since(up.at)
    report.check("... and stays up", len(beats) >= 3 and all(i.message.data for i in beats),
                 f"{len(beats)} beats; {states(outputs, began)}")


def check(binary, report):
    with Peer() as peer:
        node = Node(binary, PARAMETERS)
        outputs = Outputs(peer, node.base)
        simulator = Simulator(peer)
        camera = Camera(peer, f"{node.base}/input/image", pictures(480, 360, 8), RATE,
                        simulator.stamp)
        peer.wait_node(node.name)
        peer.wait_active(node.base)
        peer.wait_matched(camera.publisher)
        peer.wait_matched(simulator.publisher)
        no_clock(outputs, camera, report)
        twice(outputs, simulator, camera, report)
        back(outputs, simulator, report)
        still(outputs, simulator, camera, report)
        report.check("the node is alive", node.running())
        camera.close()
        simulator.close()


main(check, __doc__)
