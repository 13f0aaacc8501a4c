#!/usr/bin/env python3
"""A second vendor's DDS, CycloneDDS without ROS: pictures in; flag, mask and regions out.

    check_cyclone.py LOOKOUT

The types are written here after the .msg files, and so a mistake in ours is not repeated by a code
generator. vision_msgs is not on PyPI for rclpy: this is where the regions are read.
"""
import os
import time
from dataclasses import dataclass

CYCLONE = """\
<CycloneDDS><Domain Id="any">
  <General><Interfaces><NetworkInterface name="lo" multicast="default"/></Interfaces></General>
  <Internal><SocketReceiveBufferSize min="default" max="4MB"/></Internal>
</Domain></CycloneDDS>"""
os.environ.setdefault("CYCLONEDDS_URI", CYCLONE)

# pylint: disable=wrong-import-position
from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.idl.types import array, float64, int32, sequence, uint8, uint32
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from harness import Node, main, pictures, wait_for


def ros(name):
    """The DDS name of a ROS message type."""
    package, kind = name.split("/")
    return {"typename": f"{package}::msg::dds_::{kind}_"}


@dataclass
class Time(IdlStruct, **ros("builtin_interfaces/Time")):
    sec: int32
    nanosec: uint32


@dataclass
class Header(IdlStruct, **ros("std_msgs/Header")):
    stamp: Time
    frame_id: str


@dataclass
class Bool(IdlStruct, **ros("std_msgs/Bool")):
    data: bool


@dataclass
class Image(IdlStruct, **ros("sensor_msgs/Image")):
    header: Header
    height: uint32
    width: uint32
    encoding: str
    is_bigendian: uint8
    step: uint32
    data: sequence[uint8]


@dataclass
class Point(IdlStruct, **ros("geometry_msgs/Point")):
    x: float64
    y: float64
    z: float64


@dataclass
class Quaternion(IdlStruct, **ros("geometry_msgs/Quaternion")):
    x: float64
    y: float64
    z: float64
    w: float64


@dataclass
class Pose(IdlStruct, **ros("geometry_msgs/Pose")):
    position: Point
    orientation: Quaternion


@dataclass
class PoseWithCovariance(IdlStruct, **ros("geometry_msgs/PoseWithCovariance")):
    pose: Pose
    covariance: array[float64, 36]


@dataclass
class ObjectHypothesis(IdlStruct, **ros("vision_msgs/ObjectHypothesis")):
    class_id: str
    score: float64


@dataclass
class ObjectHypothesisWithPose(IdlStruct, **ros("vision_msgs/ObjectHypothesisWithPose")):
    hypothesis: ObjectHypothesis
    pose: PoseWithCovariance


@dataclass
class Point2D(IdlStruct, **ros("vision_msgs/Point2D")):
    x: float64
    y: float64


@dataclass
class Pose2D(IdlStruct, **ros("vision_msgs/Pose2D")):
    position: Point2D
    theta: float64


@dataclass
class BoundingBox2D(IdlStruct, **ros("vision_msgs/BoundingBox2D")):
    center: Pose2D
    size_x: float64
    size_y: float64


@dataclass
class Detection2D(IdlStruct, **ros("vision_msgs/Detection2D")):
    header: Header
    results: sequence[ObjectHypothesisWithPose]
    bbox: BoundingBox2D
    id: str


@dataclass
class Detection2DArray(IdlStruct, **ros("vision_msgs/Detection2DArray")):
    header: Header
    detections: sequence[Detection2D]


WIDTH, HEIGHT, RATE, FRAMES = 320, 240, 10, 40
# Low enough that there are regions; see the encodings' check for masks that are looked at closely.
PARAMETERS = {"threshold": 0.1, "deadline_ms": 1000, "stale_after_ms": 1500}
RELIABLE = Policy.Reliability.Reliable(duration(milliseconds=100))
LATCHED = Qos(RELIABLE, Policy.Durability.TransientLocal, Policy.History.KeepLast(100))
KEEP = Qos(RELIABLE, Policy.History.KeepLast(100))
SENSOR = Qos(Policy.Reliability.BestEffort, Policy.History.KeepLast(1))


class Reader:
    """All messages of a ROS topic."""

    def __init__(self, participant, kind, name, qos):
        self.reader = DataReader(participant, Topic(participant, f"rt{name}", kind), qos=qos)
        self.messages = []

    def take(self):
        self.messages += [m for m in self.reader.take(N=100) if m.sample_info.valid_data]
        return self.messages


def stamp_of(message):
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def regions_fit(message, mask):
    """What is wrong with a message of regions, in words."""
    wrong = []
    marked = sum(1 for value in mask.data if value)
    if marked and not message.detections:
        wrong.append(f"no region for {marked} pixels")
    for found in message.detections:
        box = found.bbox
        left, right = (box.center.position.x + s * box.size_x / 2 for s in (-1, 1))
        top, bottom = (box.center.position.y + s * box.size_y / 2 for s in (-1, 1))
        # Pixels of the camera's picture.
        if not (-1 <= left < right <= WIDTH + 1 and -1 <= top < bottom <= HEIGHT + 1):
            wrong.append(f"box {left:.0f}..{right:.0f}, {top:.0f}..{bottom:.0f}")
        if len(found.results) != 1 or not 0 <= found.results[0].hypothesis.score <= 1:
            wrong.append(f"results {found.results}")
        if stamp_of(found) != stamp_of(message):
            wrong.append("stamp of a region")
    return wrong


def check(binary, report):
    participant = DomainParticipant(0)
    node = Node(binary, PARAMETERS)
    flag = Reader(participant, Bool, f"{node.base}/output/safe_stop", LATCHED)
    mask = Reader(participant, Image, f"{node.base}/output/anomaly_mask", KEEP)
    regions = Reader(participant, Detection2DArray, f"{node.base}/output/regions", KEEP)
    writer = DataWriter(participant, Topic(participant, f"rt{node.base}/input/image", Image),
                        qos=SENSOR)
    began = time.monotonic()
    wait_for("the flag", 30, flag.take)
    report.check("flag: raised before the first frame", all(m.data for m in flag.take()),
                 f"first after {(time.monotonic() - began) * 1e3:.0f} ms")
    began = time.monotonic()  # CycloneDDS takes up to eight seconds to find another participant
    wait_for("a subscriber of the pictures", 30, writer.get_matched_subscriptions)
    time.sleep(2)  # until the engine is warm, and all of the topics are matched

    frames = [picture.tobytes() for picture in pictures(WIDTH, HEIGHT, 5)]
    sent = []
    start = time.monotonic()
    for number in range(FRAMES):
        stamp = time.time_ns()
        sent.append(stamp)
        header = Header(Time(stamp // 10**9, stamp % 10**9), "cyclone")
        writer.write(Image(header, HEIGHT, WIDTH, "rgb8", 0, WIDTH * 3,
                           list(frames[number % len(frames)])))
        while time.monotonic() < start + (number + 1) / RATE:
            for reader in (flag, mask, regions):
                reader.take()
            time.sleep(0.005)
    time.sleep(0.5)
    for reader in (flag, mask, regions):
        reader.take()

    masks = mask.messages
    report.check("masks of its pictures, with their stamps", len(masks) >= FRAMES // 2
                 and {stamp_of(m) for m in masks} <= set(sent), f"{len(masks)} of {FRAMES}")
    report.check("masks are whole, mono8, of the camera's frame_id", masks and all(
        (m.encoding, m.header.frame_id) == ("mono8", "cyclone") and m.step == m.width
        and len(m.data) == m.width * m.height and set(m.data) <= {0, 255} for m in masks),
        {(m.width, m.height, m.encoding, m.header.frame_id) for m in masks})
    by_stamp = {stamp_of(m): m for m in masks}
    pairs = [(r, by_stamp[stamp_of(r)]) for r in regions.messages if stamp_of(r) in by_stamp]
    wrong = [text for region, its in pairs for text in regions_fit(region, its)]
    total = sum(len(r.detections) for r, _ in pairs)
    report.check("regions for every mask", masks and len(pairs) == len(masks),
                 f"{len(pairs)} for {len(masks)}")
    report.check("regions are in the picture, with one score each", pairs and total and not wrong,
                 wrong[:3] or f"{total} in {len(pairs)} frames")
    report.check("flag: told on, ten times a second", len(flag.messages) > (time.monotonic() - began) * 5,
                 f"{len(flag.messages)} in {time.monotonic() - began:.1f} s")


main(check, __doc__)
