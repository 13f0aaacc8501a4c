#!/usr/bin/env python3
"""What the node's way in and out adds to a frame, beside the same in rclpy alone, in one run.

    bench_transport.py ECHO [--frames N] [--rate HZ] [--blocks N] [--size WxH]... [--peer NAME]...

ECHO is examples/ros_echo. A camera in this process (rclpy) sends images; a peer takes each and answers it
at once; the answer comes back here. The peers take turns, each with a process of its own:

    lookout    the node's input, mailbox and publisher (examples/ros_echo.rs), over UDP
    rclpy      the same in rclpy (echo.py), over UDP alone
    rclpy shm  as it is on one computer: Fast DDS hands images over in shared memory

Told are medians (p50) and p99, in ms: *receive*, from the last datagram of an image on the loopback to the
frame in the peer's hands; *send*, from the answer ready to its datagram on the loopback; *added*, both
together for a frame; *round trip*, from the image's publication to the answer in this process. The first two
need the wire, so not in shared memory. Processor time of the peer's process a frame (ms; in brackets how much
of it was in the kernel, which is known in steps of 10 ms of the whole), its resident memory, and how many
frames were not answered.
"""
import argparse
import os
import statistics
import struct
import sys
import tempfile
import time
from collections import defaultdict, namedtuple
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from harness import Child, percentile, pictures, wait_for
from peer import ANSWERS, SENSOR, Peer, image, values

HERE = Path(__file__).parent
WARM_UP, SETTLE_S = 30, 1.0

# Frames of each size and peer, Hz, turns of each peer, names of peers, sizes as WxH.
Options = namedtuple("Options", "frames rate blocks peers sizes")


class Contender:
    """How a peer is started: its name, its command, and whether its traffic is on the loopback."""

    def __init__(self, name, command, env=None, on_wire=True):
        self.name, self.command, self.env, self.on_wire = name, command, env or {}, on_wire


def udp_alone(folder):
    """The Fast DDS profile of this process without shared memory, and what names it."""
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
        self.used = self.user = self.system = self.memory = 0.0

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


def run_block(peer, contender, images, options, number, folder):
    topics = [f"/bench/b{number}/image", f"/bench/b{number}/answer"]
    block = Block()
    publisher = peer.publisher(Image, topics[0], SENSOR)
    answers = peer.collect(DiagnosticStatus, topics[1], ANSWERS)
    file = folder / f"wire-{number}.txt"
    with Child([*contender.command, *topics], env=contender.env) as process:
        peer.wait_matched(publisher)
        wait_for("the answers' publisher", 20, answers.matched)
        time.sleep(SETTLE_S)
        pump(publisher, images, WARM_UP, options.rate)
        with Child([sys.executable, HERE / "wire.py", file]) as sniffer:
            wait_for("the wire", 10, file.exists)
            before, used = process.cpu_times(), process.thread_seconds()
            block.sent = pump(publisher, images, options.frames // options.blocks, options.rate)
            block.user, block.system = (b - a for a, b in zip(before, process.cpu_times()))
            block.used = process.thread_seconds() - used
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
    used, user, system = (sum(getattr(block, name) for block in blocks) * 1e3 / frames
                          for name in ("used", "user", "system"))
    added = [[value for name, value in block.figures(bytes_each) if name == "added"] for block in blocks]
    kernel = used * system / (user + system) if user + system else 0.0
    return {"frames": frames, "unanswered": sum(block.unanswered() for block in blocks),
            "turns": [(percentile(found, 50), block.used * 1e3 / len(block.sent))
                      for found, block in zip(added, blocks)],
            "used": used, "kernel": kernel, "memory": max(block.memory for block in blocks),
            **{name: (statistics.median(found), percentile(found, 99), len(found))
               for name, found in figures.items()}}


def row(size, name, told):
    def pair(figure):
        return f"{told[figure][0]:.2f} / {told[figure][1]:.2f}" if figure in told else ""

    cells = [size, name, pair("receive"), pair("send"), pair("added"), pair("round trip"),
             f"{told['used']:.2f} ({told['kernel']:.2f})", f"{told['memory']:.0f} MB",
             f"{told['unanswered']} of {told['frames']}"]
    return "| " + " | ".join(cells) + " |"


def ratios(size, ours, theirs):
    def share(a, b):
        return f"{a / b:.2f}" if b else "unknown"

    latency = ", ".join(f"{name} {share(ours[name][0], theirs[name][0])}"
                        for name in ("receive", "send", "added", "round trip")
                        if name in ours and name in theirs)
    return (f"{size}: lookout by rclpy over UDP, medians: {latency}; processor "
            f"{share(ours['used'], theirs['used'])}")


def turns(size, told):
    """What each turn of a peer came to: processes of one program differ, by how their heap lies."""
    said = (f"{name} " + ", ".join(f"{added:.2f} and {used:.2f}" for added, used in one["turns"])
            for name, one in told.items() if "added" in one)
    return f"{size}: added (median) and processor a frame of each turn, ms: {'; '.join(said)}"


def measure(echo, options, folder, peer):
    """For one size after the other: its name, and for each peer by name what `summary` tells."""
    python = [sys.executable, HERE / "echo.py"]
    contenders = [Contender("lookout", [echo.resolve()]), Contender("rclpy", python, udp_alone(folder)),
                  Contender("rclpy shm", python, on_wire=False)]
    chosen = [one for one in contenders if one.name in options.peers]
    number = 0
    for size in options.sizes:
        width, height = (int(part) for part in size.split("x"))
        images, blocks = Images(width, height), defaultdict(list)
        for _ in range(options.blocks):
            for contender in chosen:
                number += 1
                blocks[contender.name].append(
                    run_block(peer, contender, images, options, number, folder))
        yield size, {name: summary(found, images.bytes) for name, found in blocks.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("echo", type=Path)
    parser.add_argument("--frames", type=int, default=300, help="measured, of each size and peer")
    parser.add_argument("--rate", type=float, default=30, help="Hz")
    parser.add_argument("--blocks", type=int, default=2, help="turns of each peer")
    parser.add_argument("--peer", action="append", help="of the three; all without")
    parser.add_argument("--size", action="append", help="WxH; 640x480, 1280x720 and 1920x1080 without")
    args = parser.parse_args()
    options = Options(args.frames, args.rate, args.blocks,
                      args.peer or ["lookout", "rclpy", "rclpy shm"],
                      args.size or ["640x480", "1280x720", "1920x1080"])
    compared = []
    print("| image | peer | receive p50 / p99 | send p50 / p99 | added p50 / p99 | round trip p50 / p99 "
          "| processor a frame | memory | unanswered |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder, Peer("camera") as peer:
        for size, told in measure(args.echo, options, Path(folder), peer):
            for name, one in told.items():
                print(row(size, name, one), flush=True)
            if {"lookout", "rclpy"} <= told.keys():
                compared.append(ratios(size, told["lookout"], told["rclpy"]))
            compared.append(turns(size, told))
    print("\n" + "\n".join(compared))


if __name__ == "__main__":
    main()
