#!/usr/bin/env python3
"""The managed node: every transition, its events, a bundle that cannot be loaded; enable and reset.

    check_lifecycle.py LOOKOUT
"""
import time

from harness import Node, holds, main, pictures, wait_for
from lifecycle_msgs.msg import TransitionEvent
from lifecycle_msgs.srv import (ChangeState, GetAvailableStates, GetAvailableTransitions, GetState)
from peer import LATCHED, Camera, Outputs, Peer, values
from rcl_interfaces.msg import Log
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4
SHUTDOWN_ACTIVE = 7
PRIMARY = {"unconfigured", "inactive", "active", "finalized"}
PARAMETERS = {"autostart": False, "threshold": 1.0, "deadline_ms": 450,
              "diagnostics_period_ms": 200}
RESET_FRAMES = 10
SCORES = {"full+observer": "observer", "reduced+observer": "observer", "full": "energy", "reduced": "energy"}


class Driver:
    """What a launch file does with the node."""

    def __init__(self, peer, node, report):
        self.peer, self.node, self.report = peer, node, report
        self.outputs = Outputs(peer, node.base)
        self.events = peer.collect(TransitionEvent, f"{node.base}/transition_event")
        self.rosout = peer.collect(Log, "/rosout", LATCHED)

    def call(self, kind, name, **fields):
        return self.peer.call(kind, f"{self.node.base}/{name}", kind.Request(**fields))

    def put(self, name, value):
        request = [Parameter(name, value=value).to_parameter_msg()]
        return self.call(SetParameters, "set_parameters", parameters=request).results[0]

    def state(self):
        return self.peer.state(self.node.base)

    def step(self, what, transition, state, flag=True):
        """A transition that works; the state after it, and the flag half a second later."""
        began = time.monotonic_ns()
        success = self.peer.change(self.node.base, transition)
        took = (time.monotonic_ns() - began) / 1e6
        after = self.state()
        time.sleep(0.4)
        flags = {i.message.data for i in self.outputs.flag.since(began + 200_000_000)}
        self.report.check(f"{what}: {state}, flag {'up' if flag else 'as the frames say'}",
                          success and after == state and (not flag or flags == {True}),
                          f"{after} after {took:.0f} ms, flag {flags}")
        return began

    def refused(self, what, transition, state):
        success = self.peer.change(self.node.base, transition)
        after = self.state()
        self.report.check(f"{what} is refused", not success and after == state, after)


def interface(driver, report):
    states = driver.call(GetAvailableStates, "get_available_states").available_states
    labels = {s.label for s in states}
    report.check("get_available_states", PRIMARY <= labels, sorted(labels))
    now = driver.call(GetAvailableTransitions, "get_available_transitions").available_transitions
    report.check("get_available_transitions while unconfigured",
                 {"configure", "shutdown"} <= {t.transition.label for t in now}
                 and "activate" not in {t.transition.label for t in now},
                 sorted(t.transition.label for t in now))
    graph = driver.call(GetAvailableTransitions, "get_transition_graph").available_transitions
    report.check("get_transition_graph has more", len(graph) > len(now), len(graph))


def no_bundle(driver, report):
    result = driver.put("bundle", "/nonexistent")
    report.check("a bundle may be named while unconfigured", result.successful, result.reason)
    began = time.monotonic_ns()
    success = driver.peer.change(driver.node.base, CONFIGURE)
    after = driver.state()
    report.check("configure without its bundle fails", not success and after == "unconfigured", after)

    def reasons():
        said = [i.message.msg for i in driver.rosout.since(began) if i.message.level >= 40]
        for item in driver.outputs.diagnostics.since(began):
            for status in item.message.status:
                said += [status.message] + [pair.value for pair in status.values]
        return [text for text in said if "/nonexistent" in text]

    holds(3, reasons)
    report.check("... and /rosout or /diagnostics say why", reasons(), (reasons() or ["no"])[0])
    driver.put("bundle", "")


def configuring(driver, report):
    """get_state while the engine is loaded and warmed."""
    base, peer, seen, slowest = driver.node.base, driver.peer, [], 0.0
    request = ChangeState.Request()
    request.transition.id = CONFIGURE
    change = peer.start(ChangeState, f"{base}/change_state", request)
    began = time.monotonic()
    while not change.done() and time.monotonic() - began < 30:
        asked = time.monotonic()
        label = peer.call(GetState, f"{base}/get_state", GetState.Request()).current_state.label
        slowest = max(slowest, time.monotonic() - asked)
        if label not in seen[-1:]:
            seen.append(label)
    took = time.monotonic() - began
    report.check("configure: inactive", change.done() and change.result().success
                 and driver.state() == "inactive", f"{took * 1e3:.0f} ms")
    report.check("get_state answers meanwhile", "configuring" in seen and slowest < 0.5,
                 f"{seen}, slowest answer {slowest * 1e3:.0f} ms")


def active(driver, camera, report):
    outputs = driver.outputs
    began = time.monotonic_ns()
    camera.on()
    time.sleep(1)
    in_time = [i for i in outputs.status.since(began) if values(i.message)["fate"] == "in-time"]
    report.check("inactive: frames come, none is judged, flag up", camera.number > 10
                 and not in_time and all(i.message.data for i in outputs.flag.since(began)),
                 f"{camera.number} frames")
    began = driver.step("activate", ACTIVATE, "active", flag=False)
    down = outputs.wait_flag(False, 10, began)
    report.check("... and the flag goes down", True, f"{(down.at - began) / 1e6:.0f} ms")
    told = [values(i.message) for i in outputs.status.since(began)]
    scores = sorted({(v["mode"], v["score"]) for v in told})
    report.check("... every status says which score judged", all(
        score == SCORES.get(mode, "none") for mode, score in scores)
        and any(score != "none" for _, score in scores), scores)
    asked = time.monotonic_ns()
    report.check("deactivate", driver.peer.change(driver.node.base, DEACTIVATE)
                 and driver.state() == "inactive")
    up = outputs.wait_flag(True, 5, asked)
    time.sleep(0.4)
    report.check("... the flag is up at once and stays", (up.at - asked) / 1e6 < 200
                 and all(i.message.data for i in outputs.flag.since(up.at)),
                 f"{(up.at - asked) / 1e6:.0f} ms")


def enable(driver, report):
    outputs = driver.outputs
    asked = time.monotonic_ns()
    answer = driver.call(SetBool, "enable", data=False)
    up = outputs.wait_flag(True, 5, asked)
    report.check("enable(false): flag up", answer.success and (up.at - asked) / 1e6 < 200,
                 f"{(up.at - asked) / 1e6:.0f} ms; {answer.message}")
    time.sleep(0.6)
    after = [i for i in outputs.status.since(up.at + 300_000_000)
             if values(i.message)["fate"] == "in-time"]
    said = outputs.status.items[-1].message
    report.check("... no frame is judged, the status says disabled", not after
                 and "disabled" in said.message + str(values(said)), said.message)
    part = outputs.wait_part("verdict", "disabled", 5, lambda s: "disabled" in s.message)
    report.check("... nor is /diagnostics green", part.level in (2, b"\x02"), part.message)
    answer = driver.call(Trigger, "reset")
    report.check("... and a reset is refused", not answer.success, answer.message)
    asked = time.monotonic_ns()
    driver.call(SetBool, "enable", data=True)
    down = outputs.wait_flag(False, 10, asked)
    report.check("enable(true): flag down again", True, f"{(down.at - asked) / 1e6:.0f} ms")


def refused_resets(driver, camera, report):
    """In STOP: what is refused does not happen later either; see S17 in docs/safety.md."""
    outputs = driver.outputs
    camera.off()
    time.sleep(1)
    lost = driver.call(Trigger, "reset")
    camera.on()
    time.sleep(1.5)
    report.check("reset while no frame comes: refused, and not done when frames come again",
                 not lost.success and values(outputs.status.items[-1].message)["state"] == "STOP",
                 lost.message)
    driver.call(SetBool, "enable", data=False)
    disabled = driver.call(Trigger, "reset")
    driver.call(SetBool, "enable", data=True)
    time.sleep(1.5)
    report.check("reset while disabled: refused, and not done when frames are judged again",
                 not disabled.success and values(outputs.status.items[-1].message)["state"] == "STOP",
                 disabled.message)


def logged(driver, words, since):
    """Lines of the log with these words."""
    holds(2, lambda: any(words in i.message.msg for i in driver.rosout.since(since)))
    return [i.message.msg for i in driver.rosout.since(since) if words in i.message.msg]


def stopped_in_fault(driver, camera, report):
    """A STOP that does not move the flag is in the log all the same."""
    began = time.monotonic_ns()
    camera.off()
    driver.outputs.wait_state("FAULT", 5, began)
    driver.put("threshold", 0.001)
    camera.on()
    driver.outputs.wait_state("STOP", 10, began)
    lines = logged(driver, "FAULT -> STOP: ", began)
    report.check("STOP during FAULT: logged once, with its reason", len(lines) == 1, lines)


def reset(driver, camera, report):
    """A STOP made with a threshold that everything is above; see S04 to S09 in docs/safety.md."""
    outputs = driver.outputs
    answer = driver.call(Trigger, "reset")
    report.check("reset without a STOP is refused", not answer.success and answer.message,
                 answer.message)
    began = time.monotonic_ns()
    report.check("threshold at run time", driver.put("threshold", 0.001).successful)
    stop = outputs.wait_state("STOP", 10, began)
    report.check("anomaly in the corridor: STOP", values(stop.message)["safe_stop"] == "true",
                 stop.message.message)
    driver.put("threshold", 1.0)
    time.sleep(0.8)
    report.check("... latched when nothing is seen any more", values(
        outputs.status.items[-1].message)["state"] == "STOP", outputs.status.items[-1].message.message)
    asked = time.monotonic_ns()
    refused_resets(driver, camera, report)
    lines = logged(driver, "asked for a reset, which was refused", asked)
    report.check("... the log says who asked", len(lines) == 2 and all("client" in text for text in lines),
                 lines)
    asked = time.monotonic_ns()
    answer = driver.call(Trigger, "reset")
    report.check("reset", answer.success, answer.message)
    lines = logged(driver, "asked for a reset; ", asked)
    report.check("... logged with who asked", len(lines) == 1, lines)
    down = outputs.wait_flag(False, 10, asked)
    pending = [values(i.message)["reason"] for i in outputs.status.since(asked) if i.at <= down.at]
    report.check(f"... the flag goes down {RESET_FRAMES} clean frames later",
                 RESET_FRAMES - 1 <= pending.count("reset-pending") <= RESET_FRAMES + 1,
                 f"{(down.at - asked) / 1e6:.0f} ms, {pending}")


def events(driver, report):
    time.sleep(0.3)
    seen = [(i.message.start_state.label, i.message.goal_state.label) for i in driver.events.items]
    reached = [goal for _, goal in seen if goal in PRIMARY]
    want = ["unconfigured", "inactive", "active", "inactive", "unconfigured", "inactive", "active",
            "finalized"]
    report.check("transition events: every state in order", reached == want,
                 " ".join(f"{a}>{b}" for a, b in seen))


def check(binary, report):
    with Peer() as peer:
        node = Node(binary, PARAMETERS)
        driver = Driver(peer, node, report)
        peer.wait_node(node.name)
        wait_for("transition events", 10, driver.events.matched)
        report.check("autostart:=false: unconfigured, flag up", driver.state() == "unconfigured"
                     and holds(2, lambda: driver.outputs.raised() is True), driver.state())
        time.sleep(0.3)  # the publisher of the events must know the peer
        interface(driver, report)
        driver.refused("activate while unconfigured", ACTIVATE, "unconfigured")
        no_bundle(driver, report)
        configuring(driver, report)
        camera = Camera(peer, f"{node.base}/input/image", pictures(480, 360, 8), 20)
        peer.wait_matched(camera.publisher)
        active(driver, camera, report)
        driver.step("cleanup", CLEANUP, "unconfigured")
        driver.step("configure again", CONFIGURE, "inactive")
        driver.refused("configure while inactive", CONFIGURE, "inactive")
        began = driver.step("activate again", ACTIVATE, "active", flag=False)
        driver.outputs.wait_flag(False, 10, began)
        enable(driver, report)
        reset(driver, camera, report)
        stopped_in_fault(driver, camera, report)
        driver.step("shutdown while active", SHUTDOWN_ACTIVE, "finalized")
        events(driver, report)
        camera.close()


main(check, __doc__)
