#!/usr/bin/env python3
"""Holds `lookout calibrate camera` against roads that OpenCV draws: check_camera.py LOOKOUT DIR

For each camera of calibration/cameras a bag of a straight, flat road with the markings of a lane, as
cv2.projectPoints and cv2.fisheye.projectPoints see them through its lens and on its mount, which is turned a
little besides. What is found must be the mount: its height to 2 %, its pitch and yaw to 0.2 degrees. With a
calibration whose centre is 10 pixels off it must not be, or the check would find nothing.
"""
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import yaml
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "sensor_msgs/msg/Image"
LANE_M, PAINT_M, YAW_DEG, FRAMES, WRONG_PX = 3.5, 0.12, 1.5, 14, 10
MOST = {"height_m": 0.02, "pitch_deg": 0.2, "yaw_deg": 0.2}


def rotation(axis, degrees):
    vector = np.zeros(3)
    vector[axis] = np.radians(degrees)
    return cv2.Rodrigues(vector)[0]


def project(camera, mount, points):
    """Pixels of points (right, down, forward) from the camera, in the axes of a level vehicle."""
    k = np.array(camera["camera_matrix"]["data"], float).reshape(3, 3)
    d = np.array(camera["distortion_coefficients"]["data"], float)
    # x is right, y down, z forward: the nose goes down about -x, to the right about y, the right side down about z
    turned = rotation(1, mount["yaw_deg"]) @ rotation(0, -mount["pitch_deg"]) @ rotation(2, mount["roll_deg"])
    rvec, none = cv2.Rodrigues(turned.T)[0], np.zeros((3, 1))
    points = np.asarray(points, float).reshape(-1, 1, 3)
    if camera["distortion_model"] == "equidistant":
        return cv2.fisheye.projectPoints(points, rvec, none, k, d)[0].reshape(-1, 2)
    return cv2.projectPoints(points, rvec, none, k, d)[0].reshape(-1, 2)


def road(camera, mount, left_m, random):
    """A picture: the lane from `left_m` on, and the one to the right of it."""
    picture = np.full((camera["image_height"], camera["image_width"]), 90, np.uint8)
    ahead = np.geomspace(2.5, 60.0, 400)
    for at in (left_m, left_m + LANE_M, left_m + 2 * LANE_M):
        sides = [[(at + side * PAINT_M / 2, mount["height_m"], z) for z in ahead] for side in (-1, 1)]
        outline = project(camera, mount, sides[0] + sides[1][::-1])
        cv2.fillPoly(picture, [np.round(outline * 16).astype(np.int32)], 210, cv2.LINE_AA, shift=4)
    return (picture + random.normal(0.0, 2.0, picture.shape)).clip(0, 255).astype(np.uint8)


def write_bag(folder, camera, mount):
    types = get_typestore(Stores.ROS2_JAZZY)
    image, header, time = (
        types.types[name] for name in (IMAGE, "std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
    random = np.random.default_rng(1)
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection("/camera/image_raw", IMAGE, typestore=types)
        for number in range(FRAMES):
            picture = road(camera, mount, -1.9 + 0.02 * number, random)
            height, width = picture.shape
            message = image(header(time(number, 0), "camera"), height, width, "mono8", 0, width, picture.ravel())
            writer.write(topic, number * 10**9, types.serialize_cdr(message, IMAGE))


def found(lookout, bag, file, roll_deg):
    """The mount that the command finds, and what it says."""
    command = [lookout, "calibrate", "camera", bag, "--camera", file, "--lane-width", LANE_M, "--roll", roll_deg]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{file}: lookout calibrate camera ended with {done.returncode}:\n{done.stderr}")
    return yaml.safe_load(done.stdout)["mount"]


def off(mount, truth):
    """How far off it is, in parts of what is allowed."""
    errors = {name: abs(mount[name] - truth[name]) for name in MOST}
    errors["height_m"] /= truth["height_m"]
    return errors, max(errors[name] / most for name, most in MOST.items())


def main():
    lookout, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True)
    failed = 0
    for file in sorted((ROOT / "calibration" / "cameras").glob("*.yaml")):
        camera = yaml.safe_load(file.read_text())
        truth = {**camera["mount"], "yaw_deg": YAW_DEG}
        write_bag(out / file.stem, camera, truth)
        errors, worst = off(found(lookout, out / file.stem, file, truth["roll_deg"]), truth)
        k = list(camera["camera_matrix"]["data"])
        k[5] += WRONG_PX
        other = {**camera, "camera_matrix": {"data": k}}
        wrong = out / f"{file.stem}-wrong.yaml"
        wrong.write_text(json.dumps(other))
        _, worst_of_other = off(found(lookout, out / file.stem, wrong, truth["roll_deg"]), truth)
        good = worst <= 1.0 < worst_of_other
        failed += not good
        figures = ", ".join(f"{name} {error:.4f}" for name, error in errors.items())
        print(f"{'ok' if good else 'WRONG'}: {file.stem}: off by {figures}; with the centre {WRONG_PX} px off "
              f"{worst_of_other:.1f} times what is allowed")
    sys.exit(1 if failed else 0)


main()
