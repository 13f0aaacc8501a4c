#!/usr/bin/env python3
"""The flag: for those who come late, when the camera dies and comes back, when the node dies or is ended.

    check_flag.py LOOKOUT
"""
import signal
import sys
import tempfile
import time
from pathlib import Path

from lifecycle_msgs.msg import Transition
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_msgs.msg import Bool

from harness import Child, Node, holds, main, percentile, wait_for
from peer import LATCHED, Outputs, Peer, values

CAMERA = Path(__file__).with_name("camera.py")
STALE_MS, ALLOWED_MS, CLEAR_FRAMES, START_FRAMES = 500, 300, 5, 3
LONGER_MS = 1500
# A threshold that no score is above: the pictures are not what is looked at here.
QUIET = {"threshold": 1.0, "deadline_ms": 450, "stale_after_ms": STALE_MS}


def milliseconds(later, earlier):
    return (later - earlier) / 1e6


def last_frame(file):
    """Stamp and monotonic time of the last frame that a camera has handed over, in ns."""
    lines = [line.split() for line in file.read_text().splitlines()]
    return next((int(line[0]), int(line[1])) for line in reversed(lines) if len(line) == 2)


class Stage:
    """A node that is ready, and cameras for it. Each has a namespace of its own: one that was killed
    stays in the graph of others until its lease is over."""

    count = 0

    def __init__(self, binary, peer, folder, parameters, before=None):
        """`before(stage)` is called while the node is unconfigured and brings it to active."""
        Stage.count += 1
        self.folder, self.cameras = folder, 0
        self.node = Node(binary, parameters, namespace=f"/stage{Stage.count}")
        self.outputs = Outputs(peer, self.node.base)
        peer.wait_node(self.node.name, self.node.namespace)
        if before:
            before(self)
        peer.wait_active(self.node.base)

    def camera(self):
        """A camera's process and the file with its stamps."""
        self.cameras += 1
        file = self.folder / f"{Stage.count}-{self.cameras}.txt"
        command = [sys.executable, CAMERA, f"{self.node.base}/input/image", "--rate", 30,
                   "--stamps", file]
        return Child(command), file

    def close(self):
        self.node.end()
        self.outputs.close()


def judged(outputs, since):
    """State and reason of the frames judged in time after `since`."""
    said = [values(item.message) for item in outputs.status.since(since)]
    return [(v["state"], v["reason"]) for v in said if v.get("fate") == "in-time"]


def late_joiners(stage, peer, report):
    """The heartbeat beats once a second here: what comes sooner, and was sent before it was asked for,
    was kept for those who come late."""
    kept, waited = 0, []
    stage.outputs.wait_flag(True, 5)
    for _ in range(5):
        # in the middle between two beats
        beat = stage.outputs.flag.items[-1].at
        wait_for("beat", 3, lambda b=beat: stage.outputs.flag.items[-1].at > b)
        time.sleep(0.3)
        joiner = peer.collect(Bool, f"{stage.node.base}/output/safe_stop", LATCHED)
        first = joiner.wait("flag", 5)
        waited.append(milliseconds(first.at, joiner.made))
        kept += first.message.data is True and first.sent < joiner.made_wall
        joiner.close()
    report.check("a late subscriber gets the raised flag that was sent before",
                 kept == 5 and max(waited) < 1000,
                 f"{kept} of 5, after {', '.join(f'{w:.0f}' for w in waited)} ms")
    with Peer("stranger") as stranger:
        joiner = stranger.collect(Bool, f"{stage.node.base}/output/safe_stop", LATCHED)
        wait_for("publisher of the flag", 20, joiner.matched)
        known = time.monotonic_ns()
        first = joiner.wait("flag", 5)
        took = max(0, milliseconds(first.at, known))
        report.check("a participant new to the network gets it", first.message.data and took < 1000,
                     f"{took:.0f} ms after it found the node, which took "
                     f"{milliseconds(known, joiner.made):.0f} ms")


def starts(stage, report):
    """The flag goes down when enough good frames came, and not before."""
    began = time.monotonic_ns()
    camera, file = stage.camera()
    stage.outputs.wait_flag(False, 30, began)
    first = [state for state, _ in judged(stage.outputs, began)]
    report.check(f"start: WAITING until good frame {START_FRAMES}, flag up until then",
                 first[:START_FRAMES] == ["WAITING"] * (START_FRAMES - 1) + ["OK"],
                 first[:START_FRAMES + 1])
    return camera, file


def camera_dies(stage, camera, file, report):
    time.sleep(1)
    flag, status = stage.outputs.flag, stage.outputs.status
    calm = [i for i in flag.items if i.at > time.monotonic_ns() - 800_000_000]
    report.check("flag down while frames come", calm and not any(i.message.data for i in calm),
                 f"{len(calm)} beats")
    killed = camera.kill()
    _, last = last_frame(file)
    fault = stage.outputs.wait_state("FAULT", 5, killed)
    up = stage.outputs.wait_flag(True, 5, killed)
    to_flag, to_fault = milliseconds(up.at, last), milliseconds(fault.at, last)
    report.check(f"camera killed: flag up {STALE_MS} to {STALE_MS + ALLOWED_MS} ms after its last frame",
                 STALE_MS - 20 <= to_flag <= STALE_MS + ALLOWED_MS, f"{to_flag:.0f} ms")
    report.check(f"... and FAULT at most {STALE_MS + ALLOWED_MS} ms after it",
                 to_fault <= STALE_MS + ALLOWED_MS
                 # the watchdog or the supervisor, whichever finds it first
                 and values(fault.message)["reason"] in ("stale", "missing"),
                 f"{to_fault:.0f} ms: {fault.message.message}")
    part = stage.outputs.wait_part(
        "verdict", "FAULT", 5, lambda s: s.message.startswith("FAULT"), killed)
    report.check("... and /diagnostics says so", part.level in (2, b"\x02"), part.message)
    time.sleep(0.5)
    report.check("... and it stays up", all(i.message.data for i in flag.since(up.at)) and all(
        values(i.message)["safe_stop"] == "true" for i in status.since(fault.at)),
        f"{len(flag.since(up.at))} beats")


def camera_returns(stage, report):
    back = time.monotonic_ns()
    camera, file = stage.camera()
    down = stage.outputs.wait_flag(False, 30, back)
    time.sleep(0.3)
    frames = judged(stage.outputs, back)
    states = [state for state, _ in frames]
    first = states.index("OK") if "OK" in states else -1
    # The first frame ends the gap, and so is faulty itself; see F01 and F08 in docs/safety.md.
    want = [("FAULT", "missing")] + [("FAULT", "recovering")] * (CLEAR_FRAMES - 1)
    report.check(f"camera back: FAULT for the gap, then OK at good frame {CLEAR_FRAMES}",
                 frames[:first] == want, f"{[reason for _, reason in frames[:first + 1]]}")
    lines = [int(line.split()[1]) for line in file.read_text().splitlines()]
    report.tell("time from its first frame to the flag down",
                f"{milliseconds(down.at, lines[0]):.0f} ms at 30 Hz")
    return camera


def another_limit(binary, peer, folder, report):
    """The watchdog, too, goes by a limit that was set while the node was unconfigured."""
    def lengthened(stage):
        request = SetParameters.Request(
            parameters=[Parameter("stale_after_ms", value=LONGER_MS).to_parameter_msg()])
        result = peer.call(SetParameters, f"{stage.node.base}/set_parameters", request).results[0]
        report.check(f"stale_after_ms:={LONGER_MS} while unconfigured", result.successful, result.reason)
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            peer.change(stage.node.base, transition)

    stage = Stage(binary, peer, folder, {**QUIET, "autostart": False}, lengthened)
    camera, file = stage.camera()
    stage.outputs.wait_flag(False, 30)
    time.sleep(0.5)
    killed = camera.kill()
    up = stage.outputs.wait_flag(True, 5, killed)
    to_flag = milliseconds(up.at, last_frame(file)[1])
    report.check(f"... camera killed: flag up {LONGER_MS} to {LONGER_MS + ALLOWED_MS} ms after its last "
                 "frame", LONGER_MS - 20 <= to_flag <= LONGER_MS + ALLOWED_MS, f"{to_flag:.0f} ms")
    stage.close()


def node_dies(stage, report):
    """Nobody lowers or repeats the flag any more: who listens knows after a few beats."""
    flag = stage.outputs.flag
    time.sleep(2)
    beats = [i.at for i in flag.items if i.at > time.monotonic_ns() - 2_000_000_000]
    gaps = [milliseconds(b, a) for a, b in zip(beats, beats[1:])]
    report.check("heartbeat every 100 ms", len(beats) >= 18 and max(gaps) < 200,
                 f"{len(beats)} in 2 s, gaps p50 {percentile(gaps, 50):.0f}, max {max(gaps):.0f} ms")
    killed = stage.node.kill()
    time.sleep(2)
    after = [milliseconds(i.at, killed) for i in flag.since(killed)]
    last = milliseconds(flag.items[-1].at, killed)
    report.check("node killed: the beats stop", not after or max(after) < 100,
                 f"last one {last:+.0f} ms from the kill, then none for {2000 - last:.0f} ms")
    noticed = last + 300
    report.check("... a listener with a limit of 300 ms knows within 400 ms", noticed <= 400,
                 f"{noticed:.0f} ms")


def ended(stage, number, report):
    """SIGTERM or SIGINT while all is well."""
    outputs = stage.outputs
    camera, _ = stage.camera()
    outputs.wait_flag(False, 30)
    time.sleep(0.3)
    at = stage.node.signal(number)
    code, took = stage.node.wait(5)
    time.sleep(0.3)
    flags, said = outputs.flag.since(at), outputs.status.since(at)
    report.check(f"{number.name}: exit code 0, under a second", code == 0 and took < 1,
                 f"exit code {code}, {took * 1e3:.0f} ms")
    report.check("... the last beat has the flag up", flags and flags[-1].message.data,
                 f"{[i.message.data for i in flags][-4:]}")
    last = values(said[-1].message) if said else {}
    report.check("... the last status says so",
                 last.get("safe_stop") == "true" and last.get("state") not in ("OK", "WARN"),
                 said[-1].message.message if said else "none")
    camera.end()


def check(binary, report):
    with tempfile.TemporaryDirectory() as folder, Peer() as peer:
        folder = Path(folder)
        stage = Stage(binary, peer, folder, {**QUIET, "heartbeat_period_ms": 1000})
        late_joiners(stage, peer, report)
        stage.close()

        stage = Stage(binary, peer, folder, {**QUIET, "diagnostics_period_ms": 200})
        report.check("before the first frame: flag up",
                     holds(2, lambda: len(stage.outputs.flag.items) > 3)
                     and all(i.message.data for i in stage.outputs.flag.items),
                     f"{len(stage.outputs.flag.items)} beats")
        camera, file = starts(stage, report)
        camera_dies(stage, camera, file, report)
        camera = camera_returns(stage, report)
        node_dies(stage, report)
        camera.end()
        stage.close()

        another_limit(binary, peer, folder, report)

        for number in (signal.SIGTERM, signal.SIGINT):
            stage = Stage(binary, peer, folder, QUIET)
            ended(stage, number, report)
            stage.close()


main(check, __doc__)
