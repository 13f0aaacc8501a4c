#!/usr/bin/env python3
"""Every encoding from rclpy to the mask, which must be the one that the other ways of `lookout` give.

    check_encodings.py LOOKOUT

What each encoding says is decoded here once more, in numpy, and saved as PNG. The node's mask has the
networks' resolution, and so has that of `lookout replay`, which gets those PNGs (and the JPEG as it is)
in a bag: the two must be equal in every pixel. `lookout image` writes its mask at the picture's size,
from interpolated scores; it is looked at where the pixels of the node's mask have their centres, and may
differ where a score is next to the threshold.
"""
import io
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import CompressedImage, Image

from frames import cases
from harness import Failed, Node, main, pictures
from peer import Outputs, Peer, SENSOR, compressed, nanoseconds, stamp_of, stamp_text, values

WIDTH, HEIGHT = 480, 360
# The engine that is always there, on both sides; and time enough for the best mode on any machine.
ENGINE = "rten"
PARAMETERS = {"engine": ENGINE, "deadline_ms": 5000, "stale_after_ms": 10000}
AGREE = 0.97


def lookout(binary, *arguments):
    command = [binary, *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=120,
                          check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}")
    return done.stdout.decode()


def write_bag(folder, files):
    """The files as a CompressedImage topic at 10 Hz."""
    kind, store = "sensor_msgs/msg/CompressedImage", get_typestore(Stores.ROS2_JAZZY)
    message, header, stamp = (store.types[name] for name in (
        kind, "std_msgs/msg/Header", "builtin_interfaces/msg/Time"))
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        camera = writer.add_connection("/camera/compressed", kind, typestore=store)
        for index, file in enumerate(files):
            at = 10**12 + index * 10**8
            data = np.frombuffer(file.read_bytes(), np.uint8)
            made = message(header(stamp(at // 10**9, at % 10**9), "camera"), file.suffix[1:], data)
            writer.write(camera, at, store.serialize_cdr(made, kind))


def read_bag(folder, topic):
    """Pictures of a topic as arrays, in order."""
    with AnyReader([folder]) as reader:
        connections = [c for c in reader.connections if c.topic == topic]
        found = [reader.deserialize(data, connection.msgtype)
                 for connection, _, data in reader.messages(connections)]
    return [as_array(message) for message in found]


def as_array(message):
    kind = {"mono8": np.uint8, "32FC1": np.dtype("<f4"), "mono16": np.dtype("<u2")}[message.encoding]
    data = np.frombuffer(bytes(message.data), np.uint8).reshape(message.height, message.step)
    size = np.dtype(kind).itemsize
    return np.ascontiguousarray(data[:, :message.width * size]).view(kind)


def replayed(binary, bag, out, threshold):
    lookout(binary, "replay", bag, "--engine", ENGINE, "--threshold", threshold, "--out", out)
    annotated = out / "annotated"
    return (read_bag(annotated, "/lookout/output/anomaly_mask"),
            read_bag(annotated, "/lookout/output/score_map"))


def centres(mask, shape):
    """A mask at a picture's size where the pixels of a smaller one have their centres."""
    rows, columns = ((np.arange(n) + 0.5) * m / n - 0.5 for n, m in zip(shape, mask.shape))
    return mask[np.rint(rows).astype(int)][:, np.rint(columns).astype(int)]


def expectations(binary, folder, files, report):
    """The threshold, and the masks of `replay` and `image` for the files."""
    bag = folder / "bag"
    write_bag(bag, files)
    # First only for the scores: a threshold that leaves neither empty masks nor full ones.
    _, scores = replayed(binary, bag, folder / "scores", 0.5)
    scores = [s.astype(np.float64) / (np.iinfo(s.dtype).max if s.dtype.kind == "u" else 1)
              for s in scores]
    # A fraction of 4096, which is the same in f32 and f64.
    threshold = round(float(np.quantile(np.concatenate([s.ravel() for s in scores]), 0.8)) * 4096) / 4096
    masks, _ = replayed(binary, bag, folder / "masks", threshold)
    if len(masks) != len(files):
        raise Failed(f"{len(masks)} masks of replay for {len(files)} pictures")
    shares = [float((mask > 0).mean()) for mask in masks]
    report.check("the masks looked for are neither empty nor full",
                 0.02 < min(shares) and max(shares) < 0.6,
                 f"{min(shares):.1%} to {max(shares):.1%} over {threshold}")
    lookout(binary, "image", *files, "--engine", ENGINE, "--threshold", threshold, "--out",
            folder / "image")
    images = [np.asarray(Picture.open(folder / "image" / f"{file.stem}_mask.png")) for file in files]
    same = [float((centres(i > 0, m.shape) == (m > 0)).mean()) for i, m in zip(images, masks)]
    report.check("`lookout replay` and `lookout image` agree on them", min(same) > AGREE,
                 f"{min(same):.2%} of the pixels at least")
    return threshold, masks, images


class Asker:
    """Publishes a picture until its mask comes: BEST_EFFORT promises nothing for a single message."""

    def __init__(self, peer, node, kind, topic):
        self.outputs = Outputs(peer, node.base)
        self.masks = peer.collect(Image, f"{node.base}/output/anomaly_mask")
        self.publisher = peer.publisher(kind, f"{node.base}/{topic}", SENSOR)
        peer.wait_node(node.name, node.namespace)
        peer.wait_active(node.base)
        peer.wait_matched(self.publisher)

    def mask(self, message):
        """The mask as array, the stamp, and the mode that it was made in."""
        modes = "no status"
        for _ in range(8):
            stamp = time.time_ns()
            message.header.stamp = stamp_of(stamp)
            self.publisher.publish(message)
            end = time.monotonic() + 2
            while time.monotonic() < end:
                said = next((values(i.message) for i in reversed(self.outputs.status.items)
                             if stamp_text(values(i.message)["capture_stamp"]) == stamp), None)
                made = next((i.message for i in reversed(self.masks.items)
                             if nanoseconds(i.message.header.stamp) == stamp), None)
                if said and said["fate"] != "in-time":
                    modes = f"{said['fate']}: {self.outputs.status.items[-1].message.message}"
                    break
                if said and made:
                    modes = said["mode"]
                    if modes == "full+observer":
                        return as_array(made), stamp, modes
                    break
                time.sleep(0.005)
            time.sleep(0.1)
        return None, None, modes


def compare(asker, name, message, expected, picture, report):
    mask, stamp, mode = asker.mask(message)
    if mask is None:
        return report.check(name, False, f"no mask: {mode}")
    if mask.shape != expected.shape:
        return report.check(name, False, f"mask of {mask.shape}, not {expected.shape}")
    apart = int((mask != expected).sum())
    agree = float((centres(picture > 0, mask.shape) == (mask > 0)).mean())
    report.check(name, apart == 0 and set(np.unique(mask)) <= {0, 255} and agree > AGREE,
                 f"{(mask > 0).mean():.1%} anomalous, {apart} of {mask.size} pixels differ from "
                 f"replay, {agree:.2%} as image")
    return stamp


def other_pictures(peer, node, asker, message, threshold, report):
    """The outputs beside the mask, of one frame."""
    base = node.base
    names = {"mask": "output/anomaly_mask/compressed", "scores": "output/score_map/compressed",
             "overlay": "debug/overlay/compressed"}
    topics = {key: peer.collect(CompressedImage, f"{base}/{name}", SENSOR if key == "overlay" else 10)
              for key, name in names.items()}
    time.sleep(1)
    mask, stamp, mode = asker.mask(message)
    if mask is None:
        raise Failed(f"no mask: {mode}")
    got = {}
    for key, collector in topics.items():
        got[key] = collector.wait("picture", 3, lambda i: nanoseconds(
            i.message.header.stamp) == stamp).message
    arrays = {key: np.asarray(Picture.open(io.BytesIO(bytes(m.data)))) for key, m in got.items()}
    formats = {key: m.format for key, m in got.items()}
    wanted = {"mask": "mono8; png compressed ", "scores": "mono8; png compressed ",
              "overlay": "rgb8; jpeg compressed bgr8"}
    report.check("compressed outputs: formats, stamp, frame_id", formats == wanted and all(
        m.header.frame_id == "camera" for m in got.values()), json.dumps(formats))
    report.check("anomaly_mask/compressed is the mask", np.array_equal(arrays["mask"], mask),
                 arrays["mask"].shape)
    scores = arrays["scores"]
    step = scores.astype(float) / 255
    clear = abs(step - threshold) > 1 / 255
    report.check("score_map/compressed over the threshold is the mask", scores.shape == mask.shape
                 and np.array_equal((step > threshold)[clear], (mask > 0)[clear]),
                 f"{scores.shape}, {clear.mean():.1%} of the pixels can tell")
    shape = arrays["overlay"].shape
    report.check("debug/overlay is a picture in colour", len(shape) == 3 and shape[2] == 3
                 and shape[0] * WIDTH == shape[1] * HEIGHT, shape)


def check(binary, report):
    picture = pictures(WIDTH, HEIGHT, 1)[0]
    raw = cases(picture)
    with tempfile.TemporaryDirectory() as folder, Peer() as peer:
        folder = Path(folder)
        files, by_picture = [], {}
        for case in raw:
            key = case.picture.tobytes()
            if key not in by_picture:
                by_picture[key] = len(files)
                files.append(folder / f"{len(files):02}-{case.encoding}.png")
                Picture.fromarray(case.picture).save(files[-1])
        png, jpeg, swapped = files[0], folder / "jpeg.jpeg", folder / "swapped.png"
        Picture.fromarray(picture).save(jpeg, quality=90)
        Picture.fromarray(picture[:, :, ::-1]).save(swapped)
        files += [jpeg, swapped]
        threshold, masks, images = expectations(binary, folder, files, report)
        apart = int((masks[files.index(swapped)] != masks[files.index(png)]).sum())
        report.check("a picture with red and blue swapped has another mask", apart > 20,
                     f"{apart} pixels: such a mistake would be seen")

        parameters = {**PARAMETERS, "threshold": threshold}
        nodes = [Node(binary, {**parameters, "image_transport": way}, namespace=f"/{way}")
                 for way in ("raw", "compressed")]
        asker = Asker(peer, nodes[0], Image, "input/image")
        for case in raw:
            message = Image(width=case.width, height=case.height, step=case.step,
                            encoding=case.encoding, is_bigendian=case.big_endian)
            message.data.frombytes(case.data)
            message.header.frame_id = "camera"
            index = by_picture[case.picture.tobytes()]
            compare(asker, case.name, message, masks[index], images[index], report)
        other_pictures(peer, nodes[0], asker, message, threshold, report)
        asker = Asker(peer, nodes[1], CompressedImage, "input/image/compressed")
        for file, kind in ((jpeg, "rgb8; jpeg compressed bgr8"), (png, "rgb8; png compressed bgr8")):
            index = files.index(file)
            compare(asker, f"compressed: {kind}", compressed(file.read_bytes(), kind, 0),
                    masks[index], images[index], report)


main(check, __doc__)
