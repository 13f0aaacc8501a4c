#!/usr/bin/env python3
"""Writes one message of each type with another implementation of CDR, for src/msg/live_tests.rs.

    pip install rosbags numpy
    write_messages.py FOLDER        (tests/fixtures/msg)

rosbags brings the types of Jazzy; those of vision_msgs 4 are given here.
"""
import sys
from pathlib import Path

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

VISION = {
    "Point2D": "float64 x\nfloat64 y",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": "ObjectHypothesis hypothesis\n"
                                "geometry_msgs/PoseWithCovariance pose",
    "Detection2D": "std_msgs/Header header\nObjectHypothesisWithPose[] results\n"
                   "BoundingBox2D bbox\nstring id",
    "Detection2DArray": "std_msgs/Header header\nDetection2D[] detections",
}

store = get_typestore(Stores.ROS2_JAZZY)
added = {}
for name, definition in VISION.items():
    added |= get_types_from_msg(definition, f"vision_msgs/msg/{name}")
store.register(added)


def make(name, /, *args, **fields):
    """A message of `package/Type`."""
    package, kind = name.split("/")
    return store.types[f"{package}/msg/{kind}"](*args, **fields)


def numbers(first, count):
    """`count` numbers from `first` on, a quarter apart."""
    return np.array([first + i / 4 for i in range(count)], dtype=np.float64)


header = make("std_msgs/Header", make("builtin_interfaces/Time", 1_700_000_000, 123_456_789),
              "camera")
pose = make("geometry_msgs/PoseWithCovariance",
            make("geometry_msgs/Pose", make("geometry_msgs/Point", 1.0, 2.0, 3.0),
                 make("geometry_msgs/Quaternion", 0.5, 0.25, 0.125, 1.0)), numbers(100, 36))
twist = make("geometry_msgs/TwistWithCovariance",
             make("geometry_msgs/Twist", make("geometry_msgs/Vector3", 8.0, 9.0, 10.0),
                  make("geometry_msgs/Vector3", 11.0, 12.0, 13.0)), numbers(200, 36))


def box(x, y, theta, width, height):
    """A BoundingBox2D."""
    center = make("vision_msgs/Pose2D", make("vision_msgs/Point2D", x, y), theta)
    return make("vision_msgs/BoundingBox2D", center, width, height)


hypothesis = make("vision_msgs/ObjectHypothesisWithPose",
                  make("vision_msgs/ObjectHypothesis", "anomaly", 0.75), pose)
messages = [
    make("sensor_msgs/CameraInfo", header, 720, 1280, "plumb_bob", numbers(0.5, 5), numbers(1, 9),
         numbers(10, 9), numbers(20, 12), 1, 2,
         make("sensor_msgs/RegionOfInterest", 3, 4, 5, 6, True)),
    make("nav_msgs/Odometry", header, "base_link", pose, twist),
    make("rosgraph_msgs/Clock", make("builtin_interfaces/Time", -2, 5)),
    make("std_msgs/Float64", 0.1),
    make("rcl_interfaces/Log", stamp=make("builtin_interfaces/Time", 7, 8), level=30,
         name="lookout", msg="slow", file="a.rs", function="f", line=9),
    make("vision_msgs/Detection2DArray", header, [
        make("vision_msgs/Detection2D", header, [hypothesis], box(320.5, 240.25, 0.0, 64.0, 32.0),
             ""),
        make("vision_msgs/Detection2D", header, [], box(1.0, 2.0, 3.0, 4.0, 5.0), "n"),
    ]),
]
folder = Path(sys.argv[1])
for message in messages:
    kind = message.__msgtype__
    (folder / f"{kind.split('/')[-1]}.cdr").write_bytes(store.serialize_cdr(message, kind))
