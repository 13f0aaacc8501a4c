#!/usr/bin/env python3
"""Answers every image at once, in rclpy alone: what examples/ros_echo.rs does with the node's own code.

    echo.py IMAGE_TOPIC ANSWER_TOPIC
"""
import sys
import time

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import Image

from peer import ANSWERS, SENSOR, nanoseconds


def main(images, answers):
    rclpy.init()
    node = Node("echo", enable_rosout=False, start_parameter_services=False)
    publisher = node.create_publisher(DiagnosticStatus, answers, ANSWERS)

    def answer(message):
        taken = time.time_ns()
        said = {"capture_stamp": nanoseconds(message.header.stamp), "bytes": len(message.data),
                "taken": taken, "answered": time.time_ns()}
        publisher.publish(DiagnosticStatus(
            level=b"\x00", name="echo",
            values=[KeyValue(key=key, value=str(value)) for key, value in said.items()]))

    node.create_subscription(Image, images, answer, SENSOR)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
