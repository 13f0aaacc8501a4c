#!/usr/bin/env python3
"""Reads a rosbag2 folder with two readers that are not ours and says whether all is well.

    pip install rosbags mcap-ros2-support
    read_bag.py DIR

Opens the bag with rosbags' AnyReader and every MCAP file of it with mcap-ros2-support's decoder
(which knows the types only from the schemas in the file), deserialises every message of every
topic, and checks that raw images have step * height bytes. Prints JSON; exit code 1 when a reader
fails, the two disagree, or an image is malformed.
"""
import json
import sys
from collections import Counter
from pathlib import Path

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

SAMPLE = {"mono8": 1, "mono16": 2, "8UC1": 1, "16UC1": 2, "32FC1": 4, "rgb8": 3, "bgr8": 3,
          "rgba8": 4, "bgra8": 4}


def check_image(topic, message, problems):
    """A raw image whose numbers disagree is a problem."""
    if not hasattr(message, "step"):
        if len(message.data) == 0:
            problems.append(f"{topic}: empty compressed image")
        return
    expected = message.step * message.height
    if len(message.data) != expected:
        problems.append(f"{topic}: {len(message.data)} bytes, step and height say {expected}")
    size = SAMPLE.get(message.encoding)
    if size and message.step < message.width * size:
        problems.append(f"{topic}: step {message.step} for {message.width} px {message.encoding}")


def with_rosbags(folder, problems):
    counts, types, last = Counter(), {}, None
    typestore = get_typestore(Stores.ROS2_JAZZY)
    with AnyReader([folder], default_typestore=typestore) as reader:
        for topic, info in reader.topics.items():
            types[topic] = info.msgtype
            counts[topic] = 0
        for connection, time, raw in reader.messages():
            message = reader.deserialize(raw, connection.msgtype)
            counts[connection.topic] += 1
            if last is not None and time < last:
                problems.append(f"{connection.topic}: log time goes back to {time}")
            last = time
            if connection.msgtype.endswith("Image"):
                check_image(connection.topic, message, problems)
        for topic, info in reader.topics.items():
            if info.msgcount != counts[topic]:
                problems.append(f"{topic}: metadata says {info.msgcount}, read {counts[topic]}")
    return dict(counts), types


def with_mcap(folder, problems):
    counts = Counter()
    for file in sorted(folder.glob("*.mcap")):
        with open(file, "rb") as stream:
            reader = make_reader(stream, decoder_factories=[DecoderFactory()])
            for channel in reader.get_summary().channels.values():
                counts[channel.topic] += 0
            for schema, channel, _, message in reader.iter_decoded_messages():
                counts[channel.topic] += 1
                if schema.name.endswith("Image"):
                    check_image(channel.topic, message, problems)
    return dict(counts)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: read_bag.py DIR")
    folder, problems = Path(sys.argv[1]), []
    counts, types, decoded = {}, {}, {}
    try:
        counts, types = with_rosbags(folder, problems)
    except Exception as error:  # whatever a reader throws is the finding
        problems.append(f"rosbags: {type(error).__name__}: {error}")
    if any(folder.glob("*.mcap")):
        try:
            decoded = with_mcap(folder, problems)
        except Exception as error:
            problems.append(f"mcap-ros2-support: {type(error).__name__}: {error}")
        if decoded != counts:
            problems.append(f"the readers disagree: rosbags {counts}, mcap {decoded}")
    topics = {t: {"type": types[t], "messages": counts[t]} for t in sorted(counts)}
    json.dump({"bag": str(folder), "topics": topics, "problems": problems}, sys.stdout, indent=2)
    print()
    sys.exit(1 if problems else 0)


main()
