#!/usr/bin/env python3
"""Holds pictures still for two seconds each and counts those that confirm a stop.

    pip install rosbags pillow numpy ruamel.yaml
    scripts/held_still.py FOLDER [--lookout PROGRAM] [-- ARGUMENTS OF lookout replay]

Each picture becomes a bag of 30 frames at 15 Hz, which `lookout replay` judges as a vehicle would that stands
before that scene: by evidence, with the shipped stop level, at any distance, for there is no odometry. Nothing
is known of the cameras of such pictures, so --camera is a nominal one, scaled to the picture's width. Every frame has noise
of its own, as of a sensor: a camera that gives the same picture again and again is broken, and lookout says so.

Nobody checks that what confirms the stop is the thing that the picture was taken for.
"""

import argparse
import csv
import io
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
from PIL import Image
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).resolve().parent.parent
IMAGE = "sensor_msgs/msg/CompressedImage"
FRAMES = 30
PERIOD_NS = 10**9 // 15
# Standard deviation of the noise, of 255.
NOISE = 2.0
PICTURES = {".jpg", ".jpeg", ".png", ".webp"}


def jpegs(picture):
    """The picture again and again, as a camera would give it."""
    pixels = numpy.asarray(Image.open(picture).convert("RGB"), numpy.float32)
    random = numpy.random.default_rng(1)
    for _ in range(FRAMES):
        noisy = pixels + random.normal(0.0, NOISE, pixels.shape).astype(numpy.float32)
        out = io.BytesIO()
        Image.fromarray(noisy.round().clip(0, 255).astype(numpy.uint8)).save(out, "JPEG", quality=95)
        yield out.getvalue()


def write_bag(folder, picture):
    """A drive that stands still."""
    types = get_typestore(Stores.ROS2_JAZZY)
    image, header, time = (
        types.types[name] for name in (IMAGE, "std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera = writer.add_connection("/camera/image/compressed", IMAGE, typestore=types)
        for number, data in enumerate(jpegs(picture)):
            at = 10**9 + number * PERIOD_NS
            stamp = time(at // 10**9, at % 10**9)
            message = image(header(stamp, "camera"), "jpeg", numpy.frombuffer(data, numpy.uint8))
            writer.write(camera, at, types.serialize_cdr(message, IMAGE))


def write_camera(path, nominal, picture):
    """The nominal camera, with the same field of view across a picture of this size."""
    yaml = YAML()
    camera = yaml.load(pathlib.Path(nominal))
    before = camera["image_width"], camera["image_height"]
    with Image.open(picture) as opened:
        camera["image_width"], camera["image_height"] = now = opened.size
    scale = now[0] / before[0]
    for matrix, across in (("camera_matrix", 3), ("projection_matrix", 4)):
        if matrix not in camera:
            continue
        data = camera[matrix]["data"]
        for focal in (0, across + 1):
            data[focal] *= scale
        for axis, centre in ((0, 2), (1, across + 2)):
            data[centre] = now[axis] / 2 + (data[centre] - before[axis] / 2) * scale
    yaml.dump(camera, path)


def judge(picture, args):
    """What a replay says: states and how many frames had them, when a stop came, and the last reason."""
    with tempfile.TemporaryDirectory() as folder:
        bag, out = f"{folder}/bag", f"{folder}/out"
        write_bag(pathlib.Path(bag), picture)
        camera = pathlib.Path(folder, "camera.yaml")
        write_camera(camera, args.camera, picture)
        command = [args.lookout, "replay", bag, "--camera", str(camera), "--stop", args.stop, "--json", "--out", out]
        done = subprocess.run(command + args.more, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{picture}: lookout replay ended with {done.returncode}:\n{done.stderr}")
        with open(f"{out}/frames.csv", encoding="utf-8", newline="") as rows:
            frames = list(csv.DictReader(rows))
    summary = json.loads(done.stdout)
    if summary["frames"]["handled"] != FRAMES:
        raise SystemExit(f"{picture}: {summary['frames']['handled']} of {FRAMES} frames were judged")
    stop = next((frame for frame in frames if frame["state"] == "STOP"), None)
    return summary["states"], stop, frames[-1]["reason_text"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", help="of pictures")
    parser.add_argument("--lookout", default="target/release/lookout")
    parser.add_argument("--camera", default=str(ROOT / "calibration/cameras/plumb_bob.yaml"))
    parser.add_argument("--stop", default=str(ROOT / "calibration/stops/road-rendered.toml"))
    # argparse does not take a rest behind options
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = parser.parse_args(sys.argv[1:end])
    args.more = sys.argv[end + 1:]
    pictures = sorted(p for p in pathlib.Path(args.folder).iterdir() if p.suffix.lower() in PICTURES)
    if not pictures:
        raise SystemExit(f"{args.folder} has no pictures")
    confirmed = warned = 0
    print("| picture | stop after, s | frames in WARN | why |")
    print("|---|---|---|---|")
    for picture in pictures:
        states, stop, last = judge(picture, args)
        confirmed += stop is not None
        warned += stop is None and states["warn"] > 0
        after = f"{int(stop['frame']) / 15:.2f}" if stop else "never"
        why = stop["reason_text"] if stop else last
        print(f"| {picture.name} | {after} | {states['warn']} | {why} |", flush=True)
    print(f"\nOf {len(pictures)} pictures held still for {FRAMES // 15} s, {confirmed} confirm a stop; "
          f"{warned} more are warned of.")


if __name__ == "__main__":
    main()
