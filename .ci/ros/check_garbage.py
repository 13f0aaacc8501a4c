#!/usr/bin/env python3
"""Messages that no camera should send: each is a FAULT with a reason, none ends the node, good frames
bring it back.

    check_garbage.py LOOKOUT
"""
import io
import struct
import time

import numpy as np
from PIL import Image as Picture

from harness import Failed, Node, holds, main, note, pictures
from peer import LATCHED, Outputs, Peer, SENSOR, compressed, count, image, values
from rcl_interfaces.msg import Log
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image

WIDTH, HEIGHT = 480, 360
SOME, SILENCE = "some", "silence"
# Area and picture do not matter here; a fault ends after two good frames, which saves time.
PARAMETERS = {"threshold": 1.0, "deadline_ms": 450, "diagnostics_period_ms": 100,
              "supervisor.fault_clear_frames": 2}


def raw_cases(picture):
    """Name, message made from a stamp, and what the reason is to be: SOME, or SILENCE where the
    message may not even arrive."""
    def made(**fields):
        def make(stamp):
            message = image(picture, stamp)
            stamp_fields = fields.get("stamp")
            for name, value in fields.items():
                if name != "stamp":
                    setattr(message, name, value)
            if stamp_fields:
                message.header.stamp.sec, message.header.stamp.nanosec = stamp_fields(stamp)
            return message
        return make

    def huge(stamp):
        return image(np.zeros((4096, 5461, 3), np.uint8), stamp)  # 64 MiB

    seconds = 10**9
    return [
        ("width and height too large for the data", made(width=640, height=480, step=1920), "failed"),
        ("no data", made(data=[]), "failed"),
        ("one byte short", made(data=bytes(picture.nbytes - 1)), "failed"),
        ("step smaller than a row", made(step=WIDTH), "failed"),
        ("width 4,000,000,000", made(width=4_000_000_000, step=4_000_000_000), "failed"),
        ("all sizes the largest there is",
         made(width=2**32 - 1, height=2**32 - 1, step=2**32 - 1), "failed"),
        ("no rows, no columns", made(width=0, height=0, step=0, data=[]), "failed"),
        ("unknown encoding", made(encoding="32FC7"), "failed"),
        ("empty encoding", made(encoding=""), "failed"),
        ("encoding of 100,000 letters", made(encoding="x" * 100_000), "failed"),
        ("encoding with control characters", made(encoding="rgb8\x1b[31m\n\"'{}%s"), "failed"),
        ("nv12 of odd height", made(encoding="nv12", height=HEIGHT - 1, step=WIDTH), "failed"),
        ("16x12 pixels", made(width=16, height=12, step=48, data=bytes(16 * 12 * 3)), "picture-size"),
        ("8x2000 pixels", made(width=8, height=2000, step=24, data=bytes(8 * 2000 * 3)), "picture-size"),
        ("another resolution", made(height=HEIGHT - 2, data=picture[:-2].tobytes()), "picture-changed"),
        ("stamp before the epoch", made(stamp=lambda s: (-5, 0)), SOME),
        ("stamp of the smallest seconds", made(stamp=lambda s: (-2**31, 0)), SOME),
        ("stamp zero", made(stamp=lambda s: (0, 0)), SOME),
        ("stamp of the largest seconds", made(stamp=lambda s: (2**31 - 1, 999_999_999)), SOME),
        ("nanoseconds of a whole second", made(stamp=lambda s: (s // seconds, seconds)), SOME),
        ("most nanoseconds there can be", made(stamp=lambda s: (s // seconds, 4_294_967_295)), SOME),
        ("64 MB frame", huge, SILENCE),
    ]


def wire_cases(picture):
    """Bytes that are no Image, or half of one."""
    whole = serialize_message(image(picture, time.time_ns()))
    head = b"\x00\x01\x00\x00"
    text = struct.pack("<iI", 1, 2) + struct.pack("<I", 0xFFFFFFFF)
    noise = np.random.default_rng(7).bytes
    return [
        ("half a message", whole[:len(whole) // 2]),
        ("a message of 40 bytes", whole[:40]),
        ("a string of 4 GB that is not there", head + text + b"abc"),
        ("data of 4 GB that is not there", whole[:-picture.nbytes - 4] + b"\xff\xff\xff\xff" + b"x" * 64),
        ("nothing but a header", head),
        # a parameter list (00 03) is left out: RustDDS drops it before anybody here sees it
        ("random bytes", head + noise(5000)),
        ("random bytes, any representation", noise(3000)),
    ]


def compressed_cases(picture):
    def encoded(kind):
        out = io.BytesIO()
        Picture.fromarray(picture).save(out, kind)
        return out.getvalue()

    jpeg, png = encoded("JPEG"), encoded("PNG")
    wide = png[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + png[24:]
    noise = np.random.default_rng(8).bytes
    return [
        ("JPEG cut in half", jpeg[:len(jpeg) // 2], "jpeg"),
        ("JPEG without its end", jpeg[:-2], "jpeg"),
        ("JPEG whose data ends early, with its end marker",
         jpeg[:len(jpeg) * 6 // 10].rstrip(b"\xff") + b"\xff\xd9", "jpeg"),
        ("nothing of a JPEG but its start", jpeg[:3], "jpeg"),
        ("JPEG start, then noise", jpeg[:200] + noise(5000), "jpeg"),
        ("no data", b"", "jpeg"),
        ("random bytes", noise(5000), "jpeg"),
        ("PNG cut in half", png[:len(png) // 2], "png"),
        ("PNG with a wrong checksum", png[:60] + b"\x00\x01\x02" + png[63:], "png"),
        ("PNG of 2^31 pixels a side", wide, "png"),
        ("GIF", b"GIF89a" + noise(500), "gif"),
    ]


class Stage:
    """A node that judges good frames, and a camera that can be told to send something else."""

    def __init__(self, binary, peer, report, kind, transport):
        self.report, self.peer = report, peer
        self.node = Node(binary, {**PARAMETERS, "image_transport": transport},
                         namespace=f"/{transport}")
        self.outputs = Outputs(peer, self.node.base)
        self.topic = f"{self.node.base}/input/image" + ("/compressed" if transport != "raw" else "")
        self.publisher = peer.publisher(kind, self.topic, SENSOR)
        self.frames = pictures(WIDTH, HEIGHT, 6)
        self.encoded = []
        for frame in self.frames:
            out = io.BytesIO()
            Picture.fromarray(frame).save(out, "JPEG", quality=92)
            self.encoded.append(out.getvalue())
        self.transport, self.sent = transport, 0
        peer.wait_node(self.node.name, self.node.namespace)
        peer.wait_active(self.node.base)
        peer.wait_matched(self.publisher)

    def good(self):
        number, stamp = self.sent % len(self.frames), time.time_ns()
        self.sent += 1
        if self.transport == "raw":
            self.publisher.publish(image(self.frames[number], stamp))
        else:
            self.publisher.publish(compressed(self.encoded[number], "rgb8; jpeg compressed bgr8", stamp))

    def recover(self, seconds=8):
        """Good frames at 20 Hz until the flag is down; whether it came to that."""
        end, began = time.monotonic() + seconds, time.monotonic_ns()
        while time.monotonic() < end:
            self.good()
            time.sleep(0.05)
            down = [i for i in self.outputs.flag.since(began) if not i.message.data]
            state = values(self.outputs.status.items[-1].message)["state"] \
                if self.outputs.status.items else None
            if down and state in ("OK", "WARN") and not self.outputs.raised():
                return True
        return False

    def send(self, what, message, reason):
        """Sends it once and looks for the FAULT, in the status and in /diagnostics."""
        began = time.monotonic_ns()
        self.publisher.publish(message)
        # No frame for 500 ms is a fault as well, and would prove nothing.
        seconds = 1.5 if reason == SILENCE else 0.4

        def faults():
            return [i for i in self.outputs.status.since(began)
                    if values(i.message)["state"] == "FAULT"
                    and reason in (SOME, SILENCE, values(i.message)["reason"])]

        def told():
            part = self.outputs.part("verdict", began)
            return part is not None and part.message.startswith("FAULT")

        holds(seconds, faults)
        found = faults()
        said = found[0].message.message if found else "no such status"
        shown = holds(1, told)
        # The flag may come just after the status.
        raised = holds(0.3, lambda: any(
            i.message.data for i in self.outputs.flag.since(began)))
        back = self.node.running() and self.recover()
        wrong = [text for text, right in (
            ("no FAULT", found), ("not in /diagnostics", shown), ("flag not raised", raised),
            ("the node ended", self.node.running()), ("no recovery", back)) if not right]
        self.report.check(what, not wrong, f"{', '.join(wrong)}: {said}" if wrong else said)

    def close(self):
        self.node.end()
        self.outputs.close()


def ready(stage, report):
    """Without good frames that are taken for good, nothing below would prove anything."""
    if not report.check(f"good frames, {stage.transport}: flag down", stage.recover(20)):
        last = stage.outputs.status.items[-1:]
        raise Failed(last[0].message.message if last else "no status")


def named(rosout, stage, report):
    """The word FAULT alone helps nobody: what was wrong with the frame is told somewhere."""
    def said():
        texts = [i.message.msg for i in rosout.items]
        for status in stage.outputs.status.items:
            texts += [status.message.message] + list(values(status.message).values())
        for item in stage.outputs.diagnostics.items:
            for status in item.message.status:
                texts += [status.message] + list(values(status).values())
        return next((text for text in texts if "32FC7" in text), None)

    holds(2, said)
    report.check("the unknown encoding is named: status, /diagnostics or /rosout", said(),
                 said() or "nowhere")


def after(stage, report, memory):
    """What a node that was fed garbage is like."""
    used, began = stage.node.cpu_seconds(), time.monotonic()
    time.sleep(1)
    used = (stage.node.cpu_seconds() - used) / (time.monotonic() - began)
    report.check("alive, idle without frames", stage.node.running() and used < 0.3,
                 f"{used * 100:.0f} % of a core")
    malformed = count(stage.outputs.part("frames"), "malformed")
    report.check("malformed frames are counted", malformed > 5, malformed)
    report.check("memory did not stay with it", stage.node.rss_mb() < memory + 150,
                 f"{memory:.0f} MB before, {stage.node.rss_mb():.0f} MB now")


def check(binary, report):
    with Peer() as peer:
        rosout = peer.collect(Log, "/rosout", LATCHED)
        stage = Stage(binary, peer, report, Image, "raw")
        ready(stage, report)
        memory = stage.node.rss_mb()
        picture = stage.frames[0]
        for what, make, reason in raw_cases(picture):
            note(what)
            stage.send(what, make(time.time_ns()), reason)
        for what, data in wire_cases(picture):
            note(what)
            stage.send(f"wire: {what}", data, "failed")
        named(rosout, stage, report)
        after(stage, report, memory)
        stage.close()
        stage = Stage(binary, peer, report, CompressedImage, "compressed")
        ready(stage, report)
        memory = stage.node.rss_mb()
        for what, data, kind in compressed_cases(picture):
            note(what)
            stage.send(f"compressed: {what}", compressed(data, kind, time.time_ns()), "failed")
        after(stage, report, memory)
        stage.close()


main(check, __doc__)
