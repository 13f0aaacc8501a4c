#!/usr/bin/env python3
"""Writes bags with rosbags, one for every storage and compression mode, for our reader.

    pip install rosbags numpy
    write_bags.py DIR && LOOKOUT_FOREIGN_BAGS=DIR cargo test --test bag
"""
import sys
from pathlib import Path

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

IMAGE = "sensor_msgs/msg/Image"


def write(path, storage, mode, typestore):
    image, header, time = (
        typestore.types[t] for t in (IMAGE, "std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
    writer = Writer(path, version=9, storage_plugin=storage)
    if mode != CompressionMode.NONE:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        camera = writer.add_connection("/camera", IMAGE, typestore=typestore)
        for sec in range(5):
            pixels = np.full(24, sec, np.uint8)
            message = image(header(time(sec, 0), "camera"), 4, 6, "mono8", 0, 6, pixels)
            writer.write(camera, sec * 10**9, typestore.serialize_cdr(message, IMAGE))


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    typestore = get_typestore(Stores.ROS2_JAZZY)
    for storage in StoragePlugin:
        for mode in CompressionMode:
            if (storage, mode) != (StoragePlugin.SQLITE3, CompressionMode.STORAGE):
                write(folder / f"{storage.name}_{mode.name}".lower(), storage, mode, typestore)


main()
