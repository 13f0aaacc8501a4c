#!/usr/bin/env python3
"""What interrupts system calls or comes at a bad time does not end the node, and ends it in order.

    check_interrupted.py LOOKOUT
"""
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image
from std_msgs.msg import Bool

from harness import Child, Node, holds, main, pictures, wait_for
from peer import LATCHED, Camera, Outputs, Peer, values

QUIET = {"threshold": 1.0, "deadline_ms": 450}
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
HEARTBEAT_MS = 100


def stopped(node):
    """What a shell's job control does."""
    node.signal(signal.SIGSTOP)
    time.sleep(0.05)
    node.signal(signal.SIGCONT)


def traced(node):
    """What `gdb -p` and `strace -p` do first and last, to every thread."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    threads = [int(task.name) for task in Path(f"/proc/{node.pid}/task").iterdir()]
    attached = [thread for thread in threads if libc.ptrace(PTRACE_ATTACH, thread, None, None) == 0]
    for thread in attached:
        os.waitpid(thread, 0x40000000)  # __WALL
    for thread in attached:
        libc.ptrace(PTRACE_DETACH, thread, None, None)
    return len(attached) == len(threads)


def goes_on(node, outputs):
    """Whether the flag still beats and frames are still judged."""
    since = time.monotonic_ns()
    judged = [0]

    def enough():
        judged[0] = sum(values(i.message).get("fate") == "in-time" for i in outputs.status.since(since))
        return judged[0] > 5 and len(outputs.flag.since(since)) > 5

    return node.running() and holds(5, enough), judged[0]


def survives(binary, peer, report):
    node = Node(binary, QUIET, namespace="/interrupted")
    outputs = Outputs(peer, node.base)
    camera = Camera(peer, f"{node.base}/input/image", pictures(480, 360, 4), 15)
    peer.wait_node(node.name, node.namespace)
    peer.wait_active(node.base)
    peer.wait_matched(camera.publisher)
    camera.on()
    outputs.wait_flag(False, 20)
    for what, interrupt in (("SIGSTOP for 50 ms", stopped), ("a debugger's attach and detach", traced)):
        done = [interrupt(node) for _ in range(10)]
        on, judged = goes_on(node, outputs)
        report.check(f"{what}, ten times: the node goes on", on and False not in done,
                     f"{judged} frames judged after it")
    killed_beside(peer, f"{node.base}/output/anomaly_mask", report)
    camera.close()
    outputs.close()
    node.end()


def killed_beside(peer, topic, report):
    """A reliable listener dies without a word: others get masks as before."""
    before = peer.node.count_subscribers(topic)
    listener = Child([sys.executable, "-c", DEAD.format(topic=topic, package="sensor_msgs", kind="Image")])
    wait_for("the listener's subscription", 20, lambda: peer.node.count_subscribers(topic) > before)
    masks = peer.collect(Image, topic)
    masks.wait("a mask", 20)
    time.sleep(1)
    killed = listener.kill()
    time.sleep(6)
    arrivals = [killed, *(i.at for i in masks.since(killed)), time.monotonic_ns()]
    gap = max(b - a for a, b in zip(arrivals, arrivals[1:])) / 1e9
    report.check("a listener of masks is killed: others wait for none", gap < 1.5,
                 f"{len(arrivals) - 2} in 6 s, {gap:.2f} s apart at most")
    masks.close()


def ended_early(binary, report):
    """SIGTERM at any time after the start: never another end than exit code 0."""
    ends = []
    for delay in (0.1, 0.2, 0.3, 0.5, 0.8, 1.2):
        node = Node(binary, QUIET, namespace="/early")
        # before the handler is there, a signal ends any process
        holds(5, lambda n=node: "lookout-signals" in {
            (task / "comm").read_text().strip() for task in Path(f"/proc/{n.pid}/task").iterdir()}, 0.002)
        time.sleep(delay)
        node.signal(signal.SIGTERM)
        code, took = node.wait(15)
        ends.append((delay, code, round(took, 2)))
    report.check("SIGTERM while joining, configuring, activating: exit code 0",
                 all(code == 0 for _, code, _ in ends), ends)
    report.check("... within two seconds once it has joined", all(
        took < 2 for delay, _, took in ends if delay >= 0.5), ends)


def ended_twice(binary, peer, report):
    """Ctrl-C under `ros2 launch`: the terminal and the launcher both send SIGINT."""
    node = Node(binary, QUIET, namespace="/twice")
    outputs = Outputs(peer, node.base)
    peer.wait_node(node.name, node.namespace)
    peer.wait_active(node.base)
    at = node.signal(signal.SIGINT)
    time.sleep(0.05)
    node.signal(signal.SIGINT)
    code, took = node.wait(5)
    time.sleep(0.3)
    flags = outputs.flag.since(at)
    report.check("two SIGINT, 50 ms apart: exit code 0, the last flag up",
                 code == 0 and took < 1.5 and flags and flags[-1].message.data,
                 f"exit code {code}, {took * 1e3:.0f} ms, {len(flags)} beats")
    outputs.close()


def latest_first(binary, peer, report):
    """Who comes late gets what was sent last, however long nobody listened or a listener is dead."""
    node = Node(binary, {**QUIET, "heartbeat_period_ms": HEARTBEAT_MS}, namespace="/late")
    peer.wait_node(node.name, node.namespace)
    flag, status = f"{node.base}/output/safe_stop", f"{node.base}/output/status"
    peer.wait_active(node.base)
    time.sleep(4)

    def age(kind, topic, kept, name):
        with Peer(name) as stranger:
            joiner = stranger.collect(kind, topic, LATCHED)
            first = joiner.wait("first message", 20)
            older = [(first.wall - i.sent) / 1e6 for i in joiner.items]
            time.sleep(0.3)
            before = sum(i.sent < first.wall - 1e6 * HEARTBEAT_MS for i in joiner.items)
            return max(older), before <= kept

    ages = [age(Bool, flag, 1, f"stranger{i}")[0] for i in range(4)]
    report.check("nobody listened for 4 s: the first flag is the last", max(ages) < 3 * HEARTBEAT_MS,
                 ", ".join(f"{a:.0f} ms" for a in ages))
    _, few = age(DiagnosticStatus, status, 1, "stranger4")
    report.check("... and of the statuses the last alone is kept", few)
    # a reliable listener that dies without a word is waited for until its lease is over
    listener = Child([sys.executable, "-c", DEAD.format(topic=flag, package="std_msgs", kind="Bool")])
    time.sleep(4)
    listener.kill()
    time.sleep(4)
    ages = [age(Bool, flag, 1, f"stranger{i}")[0] for i in range(5, 8)]
    report.check("a listener was killed 4 s ago: the first flag is the last",
                 max(ages) < 3 * HEARTBEAT_MS, ", ".join(f"{a:.0f} ms" for a in ages))
    node.end()


# collects reliably until it is killed
DEAD = """
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from {package}.msg import {kind}
rclpy.init()
node = rclpy.create_node("dead")
qos = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
node.create_subscription({kind}, "{topic}", lambda message: None, qos)
rclpy.spin(node)
"""


def check(binary, report):
    with Peer() as peer:
        survives(binary, peer, report)
        ended_early(binary, report)
        ended_twice(binary, peer, report)
        latest_first(binary, peer, report)


main(check, __doc__)
