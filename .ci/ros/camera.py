#!/usr/bin/env python3
"""A camera as a process of its own: publishes pictures at a rate until it has sent enough or dies.

    camera.py TOPIC --size WxH --rate HZ [--count N] [--stamps FILE] [--settle SECONDS] [--pictures N]

Waits for a subscriber and then SECONDS more. A line of FILE is a frame: its stamp (which is the
system's time when it was made) and the monotonic time just before it was handed over, in ns.
"""
import argparse
import itertools
import time

import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image

from harness import pictures
from peer import SENSOR, image, nanoseconds, stamp_of


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("topic")
    parser.add_argument("--size", default="480x360")
    parser.add_argument("--rate", type=float, default=30)
    parser.add_argument("--count", type=int)
    parser.add_argument("--stamps", required=True)
    parser.add_argument("--settle", type=float, default=1)
    parser.add_argument("--pictures", type=int, default=12, help="so many different ones")
    args = parser.parse_args()
    width, height = (int(part) for part in args.size.split("x"))
    frames = [image(picture, 0) for picture in pictures(width, height, args.pictures)]
    rclpy.init()
    node = Node("camera", enable_rosout=False, start_parameter_services=False)
    publisher = node.create_publisher(Image, args.topic, SENSOR)
    end = time.monotonic() + 20
    while publisher.get_subscription_count() == 0 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(args.settle)
    with open(args.stamps, "w", encoding="utf-8") as stamps:
        start = time.monotonic()
        for number in itertools.count() if args.count is None else range(args.count):
            time.sleep(max(0.0, start + number / args.rate - time.monotonic()))
            message = frames[number % len(frames)]
            message.header.stamp = stamp_of(time.time_ns())
            at = time.monotonic_ns()
            publisher.publish(message)
            stamps.write(f"{nanoseconds(message.header.stamp)} {at}\n")
            stamps.flush()
    time.sleep(1)  # what was sent last is still on its way


main()
