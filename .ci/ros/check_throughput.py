#!/usr/bin/env python3
"""300 frames of 1280x720 at 30 Hz: none is lost, every stamp is kept, the times told are true.

    check_throughput.py LOOKOUT
"""
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from harness import Child, Node, holds, main, percentile, receive_limit
from peer import (Float64, Outputs, Peer, count, nanoseconds, number, stamp_text, values)
from sensor_msgs.msg import Image

CAMERA = Path(__file__).with_name("camera.py")
FRAMES, RATE = 300, 30
# Long enough that a machine with other work to do judges frames too; the age limit has its own check.
PARAMETERS = {"threshold": 0.5, "deadline_ms": 400, "diagnostics_period_ms": 200}


def size(report):
    """1280x720, or what the socket buffers of this machine can take in."""
    limit = receive_limit()
    if limit >= 1280 * 720 * 3:
        return 1280, 720
    height = int((limit / 2 / 3 * 9 / 16) ** 0.5) // 2 * 2
    report.tell("frames are smaller", f"net.core.rmem_max is {limit} here, "
                f"less than one frame of 1280x720; {height * 16 // 9}x{height} instead")
    return height * 16 // 9, height


def spread(figures):
    return (f"p50 {percentile(figures, 50):.1f}, p99 {percentile(figures, 99):.1f}, "
            f"max {max(figures, default=float('nan')):.1f} ms")


def counts(outputs, judged, sent, report):
    """What the node says became of the frames."""
    done = "received judged replaced refused late malformed failed".split()

    def numbers():
        part = outputs.part("frames")
        return {key: count(part, key) for key in done if key != "failed" or key in values(part)}

    holds(5, lambda: outputs.part("frames") and sum(numbers().values()) >= 2 * sent)
    said = numbers()
    report.check("diagnostics: every frame was received", said["received"] == sent,
                 f"{said['received']} of {sent}")
    rest = {key: value for key, value in said.items() if key != "received"}
    # A late result may be counted as judged too.
    total = sum(rest.values())
    report.check("diagnostics: what became of them adds up",
                 sent in (total, total - said["late"]), rest)
    report.check("diagnostics: as many judged as the statuses tell",
                 judged and said["judged"] in (judged, judged + said["late"]),
                 f"{said['judged']}, {judged}")
    return said


def times(in_time, latency, processing, report):
    """Ages and latencies against the clock of whoever receives them."""
    told = [number(values(i.message)["age_ms"]) for i in in_time]
    outside = [(i.wall - stamp_text(values(i.message)["capture_stamp"])) / 1e6 for i in in_time]
    way = [o - t for o, t in zip(outside, told)]
    report.check("age_ms is at most what the receiver measures", min(way) >= -0.1,
                 f"least difference {min(way):.2f} ms")
    report.check("... and not much less", percentile(way, 50) < 10 and percentile(way, 95) < 60,
                 f"on the way: {spread(way)}")
    report.tell("age at arrival", spread(outside))
    report.check("pipeline_latency_ms and processing_time_ms for every frame judged",
                 len(latency.items) == len(processing.items) == len(in_time),
                 f"{len(latency.items)}, {len(processing.items)} for {len(in_time)}")
    apart = [abs(i.message.data - t) for i, t in zip(latency.items, told)]
    # The status and the figure are written one after the other.
    report.check("pipeline_latency_ms is the age at publication",
                 len(latency.items) == len(in_time) and percentile(apart, 95) < 10,
                 f"from age_ms: {spread(apart)}")
    work = [i.message.data for i in processing.items]
    report.check("processing_time_ms is less than the age",
                 work and all(0 < w <= i.message.data + 1
                              for w, i in zip(work, latency.items)), spread(work))


def check(binary, report):
    width, height = size(report)
    with tempfile.TemporaryDirectory() as folder, Peer() as peer:
        node = Node(binary, PARAMETERS)
        outputs = Outputs(peer, node.base)
        masks = peer.collect(Image, f"{node.base}/output/anomaly_mask")
        latency = peer.collect(Float64, f"{node.base}/debug/pipeline_latency_ms")
        processing = peer.collect(Float64, f"{node.base}/debug/processing_time_ms")
        peer.wait_node(node.name)
        peer.wait_active(node.base)
        file = Path(folder) / "stamps.txt"
        used, began = node.cpu_seconds(), time.monotonic()
        camera = Child([sys.executable, CAMERA, f"{node.base}/input/image", "--size",
                        f"{width}x{height}", "--rate", RATE, "--count", FRAMES, "--stamps", file])
        code, _ = camera.wait(60)
        took = time.monotonic() - began
        used = node.cpu_seconds() - used
        sent = [int(line.split()[0]) for line in file.read_text().splitlines()]
        handed = [int(line.split()[1]) for line in file.read_text().splitlines()]
        pace = (handed[-1] - handed[0]) / 1e9
        report.check(f"camera: {FRAMES} frames {width}x{height} rgb8 at {RATE} Hz",
                     code == 0 and len(sent) == FRAMES and pace < 1.1 * FRAMES / RATE,
                     f"{len(sent)} in {pace:.2f} s")
        told = [i for i in outputs.status.items if stamp_text(
            values(i.message)["capture_stamp"]) and values(i.message)["fate"] != "none"]
        in_time = [i for i in told if values(i.message)["fate"] == "in-time"]
        said = counts(outputs, len(in_time), FRAMES, report)
        fates = Counter(values(i.message)["fate"] for i in told)
        stamps = [stamp_text(values(i.message)["capture_stamp"]) for i in told]
        report.check("a status for every frame that was not replaced",
                     len(set(stamps)) == len(stamps) == FRAMES - said["replaced"],
                     f"{dict(fates)}, replaced {said['replaced']}")
        report.check("every stamp in a status is that of a frame, in order",
                     set(stamps) <= set(sent) and stamps == sorted(stamps), len(stamps))
        masked = [nanoseconds(i.message.header.stamp) for i in masks.items]
        wanted = [stamp_text(values(i.message)["capture_stamp"]) for i in in_time]
        report.check("a mask for every frame judged in time, with its stamp",
                     masked == wanted and wanted, f"{len(masked)} for {len(wanted)}")
        shapes = {(m.width, m.height, m.step, m.encoding, m.header.frame_id, len(m.data))
                  for m in (i.message for i in masks.items)}
        report.check("masks are whole, mono8, of the camera's frame_id", shapes and all(
            s[2] == s[0] and s[5] == s[0] * s[1] and s[3:5] == ("mono8", "camera") for s in shapes),
            shapes)
        if in_time:
            times(in_time, latency, processing, report)
        else:
            report.check("frames were judged in time", False, dict(fates))
        report.tell("states and reasons", Counter(
            f"{values(i.message)['state']} {values(i.message)['reason']}" for i in told))
        report.tell("node", f"{used / took:.2f} cores, {node.rss_mb():.0f} MB resident")


main(check, __doc__)
