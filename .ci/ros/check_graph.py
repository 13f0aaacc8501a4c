#!/usr/bin/env python3
"""The node as others see it: names, topics, services, parameters, events, log, arguments.

    check_graph.py LOOKOUT
"""
import re
import tempfile
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Log, ParameterEvent
from rcl_interfaces.srv import (DescribeParameters, GetParameters, GetParameterTypes, ListParameters,
                                SetParameters, SetParametersAtomically)
from rclpy.parameter import Parameter, parameter_value_to_python
from sensor_msgs.msg import CompressedImage

import contract
from harness import Child, Failed, Node, holds, main, wait_for
from peer import LATCHED, Outputs, Peer

NAME, NAMESPACE = "eye", "/front"
BASE = f"{NAMESPACE}/{NAME}"
CAMERA = "/cameras/front/image_raw"
OTHER_DOMAIN = 7
FILE = """\
/**:
  ros__parameters:
    overlay_quality: 55
    overlay_max_width: 320
    supervisor:
      start_frames: 4
/front/eye:
  ros__parameters:
    stale_after_ms: 700
    overlay_max_width: 200
/front/ear:
  ros__parameters:
    stale_after_ms: 900
"""
# What the file and the command line above make of the defaults.
SET = {"overlay_quality": 55, "overlay_max_width": 200, "supervisor.start_frames": 4,
       "stale_after_ms": 700, "threshold": 0.5, "supervisor.confirm_hits": 2}
TYPES = {"bool": 1, "int": 2, "double": 3, "string": 4}


def same(found, wanted):
    """What is missing or of another type in what was found, in words; empty when nothing is."""
    return "; ".join(f"{name}: {found.get(name, 'absent')}" for name, kind in wanted.items()
                     if kind not in found.get(name, []))


def graph(peer, report):
    outputs = {f"{BASE}/{name}": kind for name, kind in contract.OUTPUTS.items()}
    outputs |= contract.GLOBAL_OUTPUTS
    inputs = {f"{BASE}/{name}": kind for name, kind in contract.INPUTS.items()}
    inputs[CAMERA] = inputs.pop(f"{BASE}/input/image")
    services = {f"{BASE}/{name}": kind for name, kind in contract.SERVICES.items()}
    for what, wanted, ask in (
            ("topics that it publishes", outputs, peer.node.get_publisher_names_and_types_by_node),
            ("topics that it subscribes to", inputs,
             peer.node.get_subscriber_names_and_types_by_node),
            ("services that it offers", services, peer.node.get_service_names_and_types_by_node)):
        holds(10, lambda: not same(dict(ask(NAME, NAMESPACE)), wanted))
        wrong = same(dict(ask(NAME, NAMESPACE)), wanted)
        report.check(f"{what}, with types", not wrong, wrong or f"{len(wanted)} of {len(wanted)}")
    taken = dict(peer.node.get_subscriber_names_and_types_by_node(NAME, NAMESPACE))
    report.check("no other picture, no odometry, no clock subscribed",
                 not [t for t in taken if "compressed" in t or "odometry" in t or t == "/clock"],
                 sorted(taken))
    wrong = []
    for name, (reliability, durability) in contract.QOS.items():
        for info in peer.node.get_publishers_info_by_topic(f"{BASE}/{name}"):
            qos = info.qos_profile
            if (qos.reliability.name, qos.durability.name) != (reliability, durability):
                wrong.append(f"{name}: {qos.reliability.name} {qos.durability.name}")
            if (info.node_name, info.node_namespace) != (NAME, NAMESPACE):
                wrong.append(f"{name}: by {info.node_namespace} {info.node_name}")
        if not peer.node.get_publishers_info_by_topic(f"{BASE}/{name}"):
            wrong.append(f"{name}: nobody publishes it")
    for info in peer.node.get_subscriptions_info_by_topic(CAMERA):
        if info.qos_profile.reliability.name != "BEST_EFFORT":
            wrong.append(f"{CAMERA}: {info.qos_profile.reliability.name}")
    report.check("quality of service, and whose", not wrong, wrong or f"{len(contract.QOS) + 1}")


def parameters(peer, report):
    """List, types, values, descriptions."""
    def call(kind, name, **fields):
        return peer.call(kind, f"{BASE}/{name}", kind.Request(**fields))

    listed = set(call(ListParameters, "list_parameters").result.names)
    absent = sorted(set(contract.PARAMETERS) - listed)
    report.check("list_parameters", not absent, f"absent: {absent}" if absent else f"{len(listed)}")
    strange = sorted(listed - set(contract.PARAMETERS))
    if strange:
        report.tell("parameters beyond the contract", strange)
    below = call(ListParameters, "list_parameters", prefixes=["supervisor.quality"]).result.names
    report.check("list_parameters below a prefix",
                 below and all(n.startswith("supervisor.quality.") for n in below), below)
    names = sorted(set(contract.PARAMETERS) & listed)
    types = call(GetParameterTypes, "get_parameter_types", names=names).types
    wrong = [f"{n}: {t}" for n, t in zip(names, types) if t != TYPES[contract.PARAMETERS[n][0]]]
    report.check("get_parameter_types", not wrong and len(types) == len(names), wrong or len(types))
    values = call(GetParameters, "get_parameters", names=names).values
    wrong = []
    for name, value in zip(names, map(parameter_value_to_python, values)):
        wanted = SET.get(name, contract.PARAMETERS[name][1])
        if wanted is not None and value != wanted:
            wrong.append(f"{name}: {value!r}, not {wanted!r}")
    report.check("get_parameters: defaults, --params-file, -p", not wrong, wrong or len(values))
    wrong = []
    for about in call(DescribeParameters, "describe_parameters", names=names).descriptors:
        kind, _, least, largest, _ = contract.PARAMETERS[about.name]
        ranges = about.integer_range if kind == "int" else about.floating_point_range
        if len(about.description) < 10:
            wrong.append(f"{about.name}: description {about.description!r}")
        if about.type != TYPES[kind]:
            wrong.append(f"{about.name}: type {about.type}")
        if kind in ("int", "double") and [(r.from_value, r.to_value) for r in ranges] != [
                (least, largest)]:
            wrong.append(f"{about.name}: ranges {list(ranges)}")
    report.check("describe_parameters: descriptions, types, ranges", not wrong, wrong or len(names))
    none = call(GetParameters, "get_parameters", names=["no.such"]).values
    report.check("a parameter that there is not has no value",
                 not none or (len(none) == 1 and none[0].type == 0), none)


def changes(peer, report):
    """What may be changed, what not, and who is told."""
    def put(name, value):
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        return peer.call(SetParameters, f"{BASE}/set_parameters", request).results[0]

    def get(name):
        request = GetParameters.Request(names=[name])
        answer = peer.call(GetParameters, f"{BASE}/get_parameters", request)
        return parameter_value_to_python(answer.values[0])

    events = peer.collect(ParameterEvent, "/parameter_events")
    wait_for("publisher of /parameter_events", 10, events.matched)
    result = put("threshold", 0.625)
    report.check("a change at run time is taken", result.successful and get("threshold") == 0.625,
                 result.reason or get("threshold"))
    event = events.wait("event", 5, lambda i: any(
        p.name == "threshold" and p.value.double_value == 0.625
        for p in i.message.changed_parameters))
    report.check("the parameter event names the node", event.message.node == BASE,
                 event.message.node)
    for what, name, value in (
            ("over the range", "threshold", 7.0), ("under the range", "overlay_quality", 0),
            ("not a number", "threshold", float("nan")), ("another type", "threshold", "high"),
            ("not there", "no.such", 1), ("only while unconfigured", "deadline_ms", 200),
            ("only while unconfigured", "use_sim_time", True),
            ("at the start only", "heartbeat_period_ms", 200),
            ("at the start only", "autostart", False)):
        before = get(name) if name in contract.PARAMETERS else None
        result = put(name, value)
        kept = before is None or get(name) == before
        report.check(f"{name} := {value} ({what}) is refused",
                     not result.successful and len(result.reason) > 5 and kept,
                     result.reason if kept else f"changed to {get(name)}")
    pair = [Parameter("overlay_quality", value=33).to_parameter_msg(),
            Parameter("threshold", value=-1.0).to_parameter_msg()]
    result = peer.call(SetParametersAtomically, f"{BASE}/set_parameters_atomically",
                       SetParametersAtomically.Request(parameters=pair)).result
    report.check("set_parameters_atomically: one bad, none is set",
                 not result.successful and get("overlay_quality") == 55, result.reason)
    events.close()


def log(rosout, report):
    dotted = BASE.strip("/").replace("/", ".")
    try:
        line = rosout.wait("line", 5, lambda i: i.message.name == dotted).message
        report.check("/rosout has the node's lines", line.level >= 10 and line.msg, line.msg)
    except Failed as error:
        report.check("/rosout has the node's lines", False,
                     f"{error}; lines of {sorted({i.message.name for i in rosout.items})}")


def refused(binary, report):
    """Arguments that cannot be meant."""
    for what, parameters, extra, word in (
            ("a value out of its range", {"threshold": 7.0}, (), "threshold"),
            ("a value of another type", {"deadline_ms": "soon"}, (), "deadline_ms"),
            ("a parameter file that is not there", {}, ("--params-file", "/nonexistent.yaml"),
             "/nonexistent.yaml")):
        with tempfile.TemporaryFile("w+") as said, Node(
                binary, parameters, extra=extra, stdout=said, stderr=said) as node:
            code, _ = node.wait(10)
            said.seek(0)
            text = said.read()
        report.check(f"{what} ends the start", code not in (None, 0) and word in text,
                     f"exit code {code}: {re.sub(chr(27) + r'.[0-9;]*m', '', text).strip()[-160:]}")
    env = {"ROS_SECURITY_ENABLE": "true", "ROS_SECURITY_STRATEGY": "Enforce"}
    with tempfile.TemporaryFile("w+") as said, Node(
            binary, env=env, stdout=said, stderr=said) as node:
        code, _ = node.wait(10)
        said.seek(0)
        text = said.read()
    report.check("security that is enforced is refused", code not in (None, 0)
                 and "ROS_SECURITY_STRATEGY" in text, f"exit code {code}: {text.strip()[-160:]}")


def nothing_comes(binary, report):
    """What the node says of a camera that is published in another way than it listens."""
    topic, wrong = "/rear/image", "~/input/imge"
    with Peer() as peer:
        rosout = peer.collect(Log, "/rosout", LATCHED)
        peer.publisher(CompressedImage, f"{topic}/compressed")
        node = Node(binary, {"threshold": 0.5}, {"~/input/image": topic, wrong: "/x"}, "rear")

        def said(text):
            return holds(15, lambda: any(text in item.message.msg for item in rosout.items))

        for what, text in (
                ("a remapping that matches nothing is named", f"the remapping {wrong}:=/x matches no"),
                ("why no frame comes: the other transport",
                 f"nobody publishes {topic}, but {topic}/compressed is published")):
            right = said(text)
            lines = [item.message.msg for item in rosout.items if item.message.level >= 30]
            report.check(what, right, " | ".join(lines))
        outputs = Outputs(peer, node.base)
        part = outputs.wait_part("frames", "why", 10, lambda s: "is published" in s.message)
        report.check("... and /diagnostics says it", True, part.message)
        node.end()


def check(binary, report):
    with tempfile.TemporaryDirectory() as folder, Peer() as peer:
        rosout = peer.collect(Log, "/rosout", LATCHED)  # before the start: old lines are not kept
        file = Path(folder) / "eye.param.yaml"
        file.write_text(FILE)
        Node(binary, {"threshold": 0.5, "supervisor.confirm_hits": 2}, {"~/input/image": CAMERA},
             NAME, NAMESPACE, ("--params-file", str(file), "--log-level", "info"))
        plain = Node(binary, env={"ROS_DOMAIN_ID": str(OTHER_DOMAIN)})
        took = peer.wait_node(NAME, NAMESPACE)
        report.check("in the graph by the name and namespace given", True, f"{took * 1e3:.0f} ms")
        outputs = Outputs(peer, BASE)
        peer.wait_active(BASE)
        graph(peer, report)
        parameters(peer, report)
        changes(peer, report)
        log(rosout, report)
        told = outputs.diagnostics.wait("diagnostics", 5).message.status
        parts = {s.name for s in told}
        wanted = {f"{BASE.lstrip('/')}: {p}" for p in ("frames", "latency", "engine", "verdict", "machine")}
        report.check("/diagnostics has its parts, by the full name", wanted <= parts, sorted(parts))
        cameras = {s.hardware_id for s in told}
        report.check("hardware_id is the topic of the camera", cameras == {CAMERA}, sorted(cameras))
        with Peer("far", OTHER_DOMAIN) as far:
            far.wait_node("lookout")
            mixed = ("lookout", "/") in peer.node.get_node_names_and_namespaces()
            report.check(f"ROS_DOMAIN_ID={OTHER_DOMAIN}: default name, seen there alone", not mixed)
            heard = far.collect(DiagnosticArray, "/diagnostics").wait("diagnostics", 10).message
            report.check("its diagnostics bear its name",
                         all(s.name.startswith("lookout: ") for s in heard.status),
                         heard.status[0].name if heard.status else "none")
        plain.end()
    for child in list(Child.alive):
        child.end()
    nothing_comes(binary, report)
    refused(binary, report)


main(check, __doc__)
