#!/usr/bin/env python3
"""The bundle of methods: the node judges frames by every score of it, one after the other, on each engine.

    check_scores.py LOOKOUT

ONNX Runtime takes part where LOOKOUT_ORT names its library.
"""
import os
import time
import tomllib

from harness import ROOT, Failed, Node, main, pictures
from peer import Camera, Outputs, Peer, values
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4
BUNDLE = ROOT / "models/methods"
LOGITS = ["softmax", "max-logit", "entropy", "energy"]
# Whether a machine is fast enough for a head is not what is asked here.
PARAMETERS = {"autostart": False, "bundle": str(BUNDLE), "deadline_ms": 5000, "stale_after_ms": 10000}


def scores():
    manifest = tomllib.loads((BUNDLE / "model.toml").read_text())
    return [*LOGITS, "observer", *(head["name"] for head in manifest["head"])]


def judged_by(peer, node, outputs, score):
    """The mode in which frames are judged in time by the score; raises `Failed` where none is."""
    request = SetParameters.Request(parameters=[Parameter("score", value=score).to_parameter_msg()])
    answer = peer.call(SetParameters, f"{node.base}/set_parameters", request).results[0]
    if not answer.successful:
        raise Failed(answer.reason)
    began = time.monotonic_ns()
    for transition in CONFIGURE, ACTIVATE:
        if not peer.change(node.base, transition):
            raise Failed(f"transition {transition} fails")
    try:
        item = outputs.status.wait(f"frame judged by {score} without a fault", 10, lambda item: (
            values(item.message)["fate"], values(item.message)["score"]) == ("in-time", score)
            and values(item.message)["state"] != "FAULT", began)
        return values(item.message)["mode"]
    finally:
        for transition in DEACTIVATE, CLEANUP:
            peer.change(node.base, transition)


def engine_runs(binary, engine, env, report):
    wanted, modes, failed = scores(), {}, {}
    with Peer() as peer:
        node = Node(binary, {**PARAMETERS, "engine": engine}, env=env)
        outputs = Outputs(peer, node.base)
        camera = Camera(peer, f"{node.base}/input/image", pictures(480, 360, 5), 20).on()
        peer.wait_node(node.name)
        for score in wanted:
            try:
                modes[score] = judged_by(peer, node, outputs, score)
            except Failed as error:
                failed[score] = str(error)
        camera.close()
        node.end()
    report.check(f"{engine}: each score of the bundle judges a frame in time", not failed
                 and len(modes) > 30, f"{len(modes)} of {len(wanted)} {failed or ''}")
    other = {score: mode for score, mode in modes.items()
             if mode != ("full" if score in LOGITS else "full+observer")}
    report.check(f"{engine}: ... in the best mode", not other, other)


def check(binary, report):
    engine_runs(binary, "rten", None, report)
    library = os.environ.get("LOOKOUT_ORT")
    if library:
        engine_runs(binary, "ort", {"ORT_DYLIB_PATH": library}, report)


main(check, __doc__)
