#!/usr/bin/env python3
"""Runs lookout's commands on broken and odd inputs: each ends in order, with little memory.

    memory.py LOOKOUT CASES OUT

CASES is a folder of inputs; every file and every bag, bundle and set in it is given to the commands that
such a thing is for, bags also cut in half and with --recover. In order means an exit code of lookout's own
(0 to 4, or the one in ENDS): no panic (101), no signal. OUT gets what the commands write, and their output in OUT/logs.
"""
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

MOST_MB = 1000  # 10^6 bytes, resident, at the most
MOST_SECONDS = 120
IN_ORDER = range(0, 5)
# What it must be, where that is known.
ENDS = {
    "replay-00_good.mcap": 0,
    "replay-01_jpeg_half_then_eoi.mcap": 0,
    "image-03_jpeg_truncated_half.jpg": 1,
    "image-03_jpeg_whole.jpg": 0,
    "score-03_jpeg_truncated_half.jpg": 1,
    "score-03_jpeg_whole.jpg": 0,
    "calibrate-03_jpeg_truncated_half.jpg": 1,
    "calibrate-03_jpeg_whole.jpg": 0,
    "calibrate-00_good.mcap": 0,
    "calibrate-01_jpeg_half_then_eoi.mcap": 1,
    "replay-04_mjpeg_without_dht.mcap": 0,
    "replay-06_one_log_time_above_2pow63.mcap": 0,
    "replay-07_v4_compressed_prefixed_path": 0,
    "replay-08_foreign_topic_json_in_metadata": 0,
    "replay-09_wal_cleanly_closed.db3": 0,
    "replay-10_hot_journal": 0,
    "replay-11_split_no_metadata": 0,
    "replay-12_ros1_in_mcap.mcap": 1,
    "replay-13_encoding_8UC3.mcap": 0,
    "evaluate-smiyc_0_1_255": 0,
    "evaluate-one_bit": 0,
    "evaluate-void255_only": 1,
    "calibrate-void255_only": 1,
    "bundle-15_bundle_resize_cubic": 1,
    "bundle-17_bundle_external_data": 1,
    "check-17_bundle_external_data": 1,
    "adopt-17_bundle_external_data-seg.onnx": 0,
}
BAGS = (".mcap", ".db3", ".zstd")
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
# Of the pictures in the cases.
CAMERA = """\
image_width: 240
image_height: 180
distortion_model: plumb_bob
camera_matrix: {rows: 3, cols: 3, data: [200, 0, 120, 0, 200, 90, 0, 0, 1]}
distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}
mount: {height_m: 1.4, pitch_deg: 2.0}
"""


def runs(cases, out):
    """Names and arguments of all runs."""
    good = cases / "00_good.mcap"
    for path in sorted(cases.iterdir()):
        if path.is_file():
            yield from file_runs(path, out)
        elif (path / "model.toml").is_file():
            # they have neither an observer nor thresholds; the engine that is always there
            judge = ["--engine", "rten", "--score", "energy", "--threshold", "0.5"]
            yield f"bundle-{path.name}", ["replay", good, "--bundle", path, *judge, "--out"]
            yield f"check-{path.name}", ["adopt", "--check", path]
            normalised = ["--mean", "0.4,0.4,0.4", "--std", "0.3,0.3,0.3"]
            for graph in sorted(path.glob("*.onnx")):
                yield f"adopt-{path.name}-{graph.name}", ["adopt", graph, *normalised, "--out"]
        elif any(child.suffix in BAGS for child in path.iterdir()):
            yield f"replay-{path.name}", ["replay", path, "--out"]
            yield from bag_runs(path, out)
            for child in sorted(path.iterdir()):
                yield from file_runs(child, out, path.name)
        else:
            yield from set_runs(path)


def file_runs(path, out, folder=""):
    name = f"{folder}-{path.name}" if folder else path.name
    if path.suffix in BAGS:
        yield f"replay-{name}", ["replay", path, "--out"]
        if not folder:
            yield from bag_runs(path, out)
        half = out / "halves" / folder / path.name
        half.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes()
        half.write_bytes(data[: len(data) // 2])
        yield f"recover-{name}", ["replay", half, "--recover", "--out"]
    elif path.suffix in PICTURES:
        yield f"image-{name}", ["image", path, "--out"]
        alone = out / "alone" / name  # as a set of one picture
        alone.mkdir(parents=True)
        shutil.copyfile(path, alone / path.name)
        yield f"score-{name}", ["score", alone, "--out"]
        yield f"calibrate-{name}", ["calibrate", alone]
    else:  # what people give by mistake
        yield f"replay-{name}", ["replay", path, "--out"]
        yield f"image-{name}", ["image", path, "--out"]


def bag_runs(path, out):
    """What a bag is for besides its replay."""
    yield f"profile-{path.name}", ["profile", path, "--out"]
    yield f"calibrate-{path.name}", ["calibrate", path]
    file = out / "camera.yaml"
    file.write_text(CAMERA)
    camera = ["--camera", file]
    yield f"camera-{path.name}", ["calibrate", "camera", path, "--lane-width", "3.5", *camera]
    yield f"stop-{path.name}", ["calibrate", "stop", path, "--hours", "1", *camera]


def set_runs(folder):
    """Pictures in `im`, and folders with masks beside it."""
    pictures = folder / "im"
    yield f"score-{folder.name}", ["score", pictures, "--out"]
    for masks in sorted(folder.iterdir()):
        if masks != pictures and masks.is_dir() and pictures.is_dir():
            yield f"evaluate-{masks.name}", ["evaluate", pictures, masks]
            yield f"calibrate-{masks.name}", ["calibrate", pictures, masks]


def run(lookout, name, arguments, out):
    """Exit code (negative: a signal) and resident MB at the most."""
    arguments = [str(argument) for argument in arguments]
    if arguments[-1] == "--out":
        arguments.append(str(out / "runs" / name))
    with open(out / "logs" / f"{name}.txt", "wb") as log:
        process = subprocess.Popen(
            [lookout, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        alarm = threading.Timer(MOST_SECONDS, process.kill)
        alarm.start()
        _, status, usage = os.wait4(process.pid, 0)
        alarm.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * 1024 / 1e6


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    lookout, cases, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    shutil.rmtree(out, ignore_errors=True)
    for folder in ("runs", "logs"):
        (out / folder).mkdir(parents=True)
    wrong, count, greatest = 0, 0, 0.0
    for name, arguments in runs(cases, out):
        code, peak = run(lookout, name, arguments, out)
        count += 1
        greatest = max(greatest, peak)
        if code not in IN_ORDER or code != ENDS.get(name, code) or peak > MOST_MB:
            wrong += 1
            print(f"{name}: exit code {code}, {peak:.0f} MB; {out / 'logs' / name}.txt")
    print(f"{count} runs, {wrong} wrong; at the most {greatest:.0f} MB of {MOST_MB} MB")
    sys.exit(1 if wrong or not count else 0)


if __name__ == "__main__":
    main()
