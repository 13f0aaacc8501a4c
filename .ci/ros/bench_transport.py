#!/usr/bin/env python3
"""What the node's way in and out adds to a frame, beside the same in rclpy alone, in one run.

    bench_transport.py ECHO [--frames N] [--rate HZ] [--blocks N] [--size WxH]...

ECHO is examples/ros_echo. A camera in this process (rclpy) sends images; a peer takes each and answers it
at once; the answer comes back here. The peers take turns, each with a process of its own:

    lookout    the node's input, mailbox and publisher (examples/ros_echo.rs), over UDP
    rclpy      the same in rclpy (echo.py), over UDP alone
    rclpy shm  as it is on one computer: Fast DDS hands images over in shared memory

Told are medians (p50) and p99, in ms: *receive*, from the last datagram of an image on the loopback to the
frame in the peer's hands; *send*, from the answer ready to its datagram on the loopback; *added*, both
together for a frame; *round trip*, from the image's publication to the answer in this process. The first two
need the wire, so not in shared memory. Processor time of the peer's process a frame (ms, in the kernel in
brackets), its resident memory, and how many frames were not answered.
"""
import argparse
import statistics
import struct
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from harness import Child, percentile, pictures, wait_for
from peer import ANSWERS, SENSOR, Peer, image, values

HERE = Path(__file__).parent
WARM_UP, SETTLE_S = 30, 1.0


class Contender:
    """How a peer is started: its name, its command, and whether its traffic is on the loopback."""

    def __init__(self, name, command, env=None, on_wire=True):
        self.name, self.command, self.env, self.on_wire = name, command, env or {}, on_wire


def udp_alone(folder):
    """The Fast DDS profile of this process without shared memory, and what names it."""
    import os
    for variable in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"):
        if variable in os.environ:
            content = Path(os.environ[variable]).read_text()
            alone = content.replace("<transport_id>lookout_shm</transport_id>\n          ", "")
            if alone == content:
                sys.exit("the profile lists its transports in another way than it did")
            file = folder / "udp.xml"
            file.write_text(alone)
            return {variable: str(file)}
    sys.exit("no Fast DDS profile: .ci/ros/run.sh sets one")


class Images:
    """Serialised images of one size; only the stamp is written anew."""

    def __init__(self, width, height):
        self.bytes = width * height * 3
        self._made = [bytearray(serialize_message(image(picture, 0)))
                      for picture in pictures(width, height, 4)]
        self._number = 0

    def next(self):
        """An image taken now, and its stamp in ns."""
        self._number += 1
        made = self._made[self._number % len(self._made)]
        stamp = time.time_ns()
        struct.pack_into("<iI", made, 4, stamp // 10**9, stamp % 10**9)
        return bytes(made), stamp


class Block:
    """Some hundred frames to one peer: the times of each, by its stamp, and what they cost the peer."""

    def __init__(self):
        self.sent, self.said, self.back, self.wire_in, self.wire_out = {}, {}, {}, {}, {}
        self.user = self.system = self.memory = 0.0

    def figures(self, bytes_each):
        """(name, ms) of each frame that was answered whole."""
        for stamp, sent in self.sent.items():
            said = self.said.get(stamp)
            if said is None or int(said["bytes"]) != bytes_each:
                continue
            taken, answered = int(said["taken"]), int(said["answered"])
            yield "round trip", (self.back[stamp] - sent) / 1e6
            if stamp in self.wire_in and stamp in self.wire_out:
                receive, send = taken - self.wire_in[stamp], self.wire_out[stamp] - answered
                yield "receive", receive / 1e6
                yield "send", send / 1e6
                yield "added", (receive + send) / 1e6

    def unanswered(self):
        return len(self.sent.keys() - self.said.keys())


def pump(publisher, images, count, rate):
    """Sends frames at a rate; gives stamp and time before publication of each, in ns."""
    sent, start = {}, time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        message, stamp = images.next()
        sent[stamp] = time.time_ns()
        publisher.publish(message)
    time.sleep(0.3)
    return sent


def read_wire(file, block, bytes_each):
    """Joins the kernel's stamps to the frames: the last datagram between publication and hands."""
    data = []
    for line in file.read_text(encoding="ascii").splitlines():
        kind, at, value = line.split()
        if kind == "answer":
            block.wire_out.setdefault(int(value), int(at))
        else:
            data.append((int(at), int(value)))
    for stamp, sent in block.sent.items():
        if stamp not in block.said:
            continue
        taken = int(block.said[stamp]["taken"])
        parts = [(at, size) for at, size in data if sent <= at <= taken]
        # Where the wire was not seen whole, its end is not known.
        if sum(size for _, size in parts) >= bytes_each:
            block.wire_in[stamp] = parts[-1][0]


def run_block(peer, contender, images, args, number, folder):
    topics = [f"/bench/b{number}/image", f"/bench/b{number}/answer"]
    block = Block()
    publisher = peer.publisher(Image, topics[0], SENSOR)
    answers = peer.collect(DiagnosticStatus, topics[1], ANSWERS)
    file = folder / f"wire-{number}.txt"
    with Child([*contender.command, *topics], env=contender.env) as process:
        peer.wait_matched(publisher)
        wait_for("the answers' publisher", 20, answers.matched)
        time.sleep(SETTLE_S)
        pump(publisher, images, WARM_UP, args.rate)
        with Child([sys.executable, HERE / "wire.py", file]) as sniffer:
            wait_for("the wire", 10, file.exists)
            before = process.cpu_times()
            block.sent = pump(publisher, images, args.frames // args.blocks, args.rate)
            block.user, block.system = (b - a for a, b in zip(before, process.cpu_times()))
            block.memory = process.rss_mb()
            sniffer.process.terminate()
            sniffer.wait(5)
        process.process.terminate()
        process.wait(5)
    for item in answers.items:
        said = values(item.message)
        stamp = int(said["capture_stamp"])
        if stamp in block.sent:
            block.said[stamp], block.back[stamp] = said, item.wall
    if contender.on_wire:
        read_wire(file, block, images.bytes)
    answers.close()
    peer.node.destroy_publisher(publisher)
    return block


def summary(blocks, bytes_each):
    figures = defaultdict(list)
    for block in blocks:
        for name, value in block.figures(bytes_each):
            figures[name].append(value)
    frames = sum(len(block.sent) for block in blocks)
    user, system = (sum(times) * 1e3 / frames for times in
                    zip(*((block.user, block.system) for block in blocks)))
    return {"frames": frames, "unanswered": sum(block.unanswered() for block in blocks),
            "user": user, "system": system, "memory": max(block.memory for block in blocks),
            **{name: (statistics.median(found), percentile(found, 99), len(found))
               for name, found in figures.items()}}


def row(size, contender, told):
    def pair(name):
        return f"{told[name][0]:.2f} / {told[name][1]:.2f}" if name in told else ""

    cells = [size, contender.name, pair("receive"), pair("send"), pair("added"), pair("round trip"),
             f"{told['user'] + told['system']:.2f} ({told['system']:.2f})", f"{told['memory']:.0f} MB",
             f"{told['unanswered']} of {told['frames']}"]
    return "| " + " | ".join(cells) + " |"


def ratios(size, ours, theirs):
    def share(a, b):
        return f"{a / b:.2f}" if b else "unknown"

    latency = ", ".join(f"{name} {share(ours[name][0], theirs[name][0])}"
                        for name in ("receive", "send", "added", "round trip")
                        if name in ours and name in theirs)
    used = [told["user"] + told["system"] for told in (ours, theirs)]
    return (f"{size}: lookout by rclpy over UDP, medians: {latency}; processor {share(*used)}, outside "
            f"the kernel {share(ours['user'], theirs['user'])}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("echo", type=Path)
    parser.add_argument("--frames", type=int, default=300, help="measured, of each size and peer")
    parser.add_argument("--rate", type=float, default=30, help="Hz")
    parser.add_argument("--blocks", type=int, default=2, help="turns of each peer")
    parser.add_argument("--size", action="append", help="WxH; 640x480, 1280x720 and 1920x1080 without")
    args = parser.parse_args()
    sizes = args.size or ["640x480", "1280x720", "1920x1080"]
    number, compared = 0, []
    print("| image | peer | receive p50 / p99 | send p50 / p99 | added p50 / p99 | round trip p50 / p99 "
          "| processor a frame | memory | unanswered |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder, Peer("camera") as peer:
        folder = Path(folder)
        python = [sys.executable, HERE / "echo.py"]
        contenders = [Contender("lookout", [args.echo.resolve()]),
                      Contender("rclpy", python, udp_alone(folder)),
                      Contender("rclpy shm", python, on_wire=False)]
        for size in sizes:
            width, height = (int(part) for part in size.split("x"))
            images, blocks = Images(width, height), defaultdict(list)
            for _ in range(args.blocks):
                for contender in contenders:
                    number += 1
                    blocks[contender.name].append(
                        run_block(peer, contender, images, args, number, folder))
            told = {name: summary(found, images.bytes) for name, found in blocks.items()}
            for contender in contenders:
                print(row(size, contender, told[contender.name]), flush=True)
            compared.append(ratios(size, told["lookout"], told["rclpy"]))
    print("\n" + "\n".join(compared))


main()
