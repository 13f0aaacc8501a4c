#!/usr/bin/env python3
"""`lookout replay BAG --publish` against a real subscriber: every frame as it was recorded, in order, at
its pace, with /clock.

    check_replay.py LOOKOUT
"""
import signal
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from harness import ROOT, Child, main, percentile, pictures
from peer import Peer, nanoseconds

DRIVE = ROOT.parent / "shared/data/bags/camvid_val_drive_mcap"
KINDS = {"sensor_msgs/msg/CompressedImage": CompressedImage, "sensor_msgs/msg/Image": Image}
# Deep enough to lose nothing in this process; best effort, as cameras are.
EVERYTHING = QoSProfile(depth=500, reliability=ReliabilityPolicy.BEST_EFFORT)
# What a busy machine may hold up a message, here or there.
USUAL_MS, WORST_MS = 20, 150


def recorded(folder):
    """Topic, type and (log time, stamp, bytes) of every message of a bag's camera topic, by rosbags."""
    with AnyReader([folder], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
        connection = next(c for c in reader.connections if c.msgtype in KINDS)
        found = []
        for _, at, data in reader.messages([connection]):
            message = reader.deserialize(data, connection.msgtype)
            found.append((at, nanoseconds(message.header.stamp), bytes(message.data)))
    return connection.topic, connection.msgtype, found


def write_raw(folder):
    """Raw images at an uneven pace, with stamps 30 ms before they were recorded."""
    kind, store = "sensor_msgs/msg/Image", get_typestore(Stores.ROS2_JAZZY)
    message, header, stamp = (store.types[name] for name in (
        kind, "std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
    with Writer(folder, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        camera = writer.add_connection("/front/image", kind, typestore=store)
        at = 1_600_000_000 * 10**9
        for index, picture in enumerate(pictures(320, 240, 20)):
            at += (40 + 70 * (index % 3)) * 10**6
            taken = at - 30 * 10**6
            made = message(header(stamp(taken // 10**9, taken % 10**9), "front"), 240, 320, "rgb8", 0,
                           960, np.ravel(picture))
            writer.write(camera, at, store.serialize_cdr(made, kind))


def played(binary, peer, bag, rate, report):
    """Plays it and compares what arrives."""
    topic, kind, frames = recorded(bag)
    name = f"{kind.rpartition('/')[2]}, {rate:g} x"
    images = peer.collect(KINDS[kind], topic, EVERYTHING)
    ticks = peer.collect(Clock, "/clock", EVERYTHING)
    player = Child([binary, "replay", bag, "--publish", "--rate", rate])
    span = (frames[-1][0] - frames[0][0]) / 1e9 / rate
    code, took = player.wait(span + 20)
    report.check(f"{name}: it ends by itself", code == 0, f"exit code {code}, {took:.1f} s for "
                 f"{span:.2f} s")
    stamps = [nanoseconds(item.message.header.stamp) for item in images.items]
    report.check(f"{name}: every frame arrives, in order, with its stamp",
                 stamps == [stamp for _, stamp, _ in frames], f"{len(stamps)} of {len(frames)}")
    report.check("... with its bytes", [bytes(i.message.data) for i in images.items]
                 == [data for _, _, data in frames], len(images.items))
    if len(stamps) != len(frames):
        return
    # The least held up of all stands for the pace: what is late is late against it.
    late = [item.at / 1e6 - at / 1e6 / rate for item, (at, _, _) in zip(images.items, frames)]
    late = [one - min(late) for one in late]
    report.check("... at the recorded pace", percentile(late, 90) < USUAL_MS and max(late) < WORST_MS,
                 f"off by p50 {percentile(late, 50):.1f}, p90 {percentile(late, 90):.1f}, "
                 f"max {max(late):.1f} ms")
    clock(ticks.items, images.items, frames, rate, report)
    images.close()
    ticks.close()


def clock(ticks, images, frames, rate, report):
    times = [nanoseconds(item.message.clock) for item in ticks]
    gaps = [b.at / 1e6 - a.at / 1e6 for a, b in zip(ticks, ticks[1:])]
    report.check("... /clock never goes back, a hundred times a second", times == sorted(times)
                 and percentile(gaps, 50) < 15 and max(gaps, default=1e9) < WORST_MS,
                 f"{len(times)} ticks, gaps p50 {percentile(gaps, 50):.1f}, "
                 f"max {max(gaps, default=0):.1f} ms")
    report.check("... from the first frame's recording to the last's", times
                 and abs(times[0] - frames[0][0]) < 50e6 * rate
                 and abs(times[-1] - frames[-1][0]) < 50e6 * rate,
                 f"{(times[0] - frames[0][0]) / 1e6:+.1f} and "
                 f"{(times[-1] - frames[-1][0]) / 1e6:+.1f} ms" if times else "no tick")
    apart = []
    for item, (at, _, _) in zip(images, frames):
        before = [t for t, tick in zip(times, ticks) if tick.at <= item.at]
        if before:
            apart.append(abs(before[-1] - at) / 1e6 / rate)
    report.check("... and shows the frame's time when it arrives", len(apart) >= len(frames) - 1
                 and percentile(apart, 90) < USUAL_MS, f"off by p50 {percentile(apart, 50):.1f}, "
                 f"p90 {percentile(apart, 90):.1f} ms of real time")


def interrupted(binary, peer, bag, report):
    """The exit code of a player that a signal ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        ticks = peer.collect(Clock, "/clock", EVERYTHING)
        player = Child([binary, "replay", bag, "--publish", "--rate", "0.01"])
        ticks.wait("a tick of the player", 20)
        player.signal(number)
        code, _ = player.wait(10)
        report.check(f"{number.name} ends it with {128 + number}", code == 128 + number, code)
        ticks.close()


def refused(binary, report):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([binary, "replay", folder, "--publish"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30, check=False)
    report.check("a folder that is no bag is refused with the reason",
                 done.returncode not in (0, -6) and folder in done.stderr, done.stderr)


def check(binary, report):
    with tempfile.TemporaryDirectory() as folder, Peer() as peer:
        raw = Path(folder) / "raw"
        write_raw(raw)
        played(binary, peer, raw, 1.0, report)
        played(binary, peer, raw, 3.0, report)
        interrupted(binary, peer, raw, report)
        if DRIVE.is_dir():
            played(binary, peer, DRIVE, 1.0, report)
        else:
            report.tell("the CamVid drive", "not there, left out")
        refused(binary, report)


main(check, __doc__)
