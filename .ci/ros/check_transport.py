#!/usr/bin/env python3
"""The node's way in and out beside rclpy's, in short: bench_transport.py with a limit.

    check_transport.py LOOKOUT

Needs examples/ros_echo where cargo puts it, beside LOOKOUT.
"""
import tempfile
from pathlib import Path

from bench_transport import Options, measure
from harness import Failed, main
from peer import Peer

SIZE, FRAMES, RATE = "640x480", 90, 30
# What the bench found is 0.2 (docs/performance.md); the promise is a half.
SHARE = 0.5


def check(binary, report):
    echo = Path(binary).with_name("examples") / "ros_echo"
    if not echo.exists():
        raise Failed(f"{echo}: not there; cargo build --release --example ros_echo")
    options = Options(FRAMES, RATE, 1, ["lookout", "rclpy"], [SIZE])
    with tempfile.TemporaryDirectory() as folder, Peer("camera") as peer:
        (_, told), = measure(echo, options, Path(folder), peer)
    ours, theirs = told["lookout"], told["rclpy"]
    report.check("every image is answered, but for a few that the sockets lost",
                 ours["unanswered"] <= FRAMES // 20, f"{ours['unanswered']} of {FRAMES} are not")
    for figure in ("receive", "send", "added"):
        if figure not in ours or figure not in theirs:
            report.check(f"{figure}: measured", False)
            continue
        share = ours[figure][0] / theirs[figure][0]
        words = (f"{ours[figure][0]:.2f} of {theirs[figure][0]:.2f} ms, {share:.2f}; "
                 f"{ours[figure][2]} and {theirs[figure][2]} frames")
        if figure == "added":
            report.check(f"added to a frame, median: at most {SHARE} of rclpy's", share <= SHARE, words)
        else:
            report.tell(figure, words)
    share = ours["used"] / theirs["used"]
    report.check("processor time a frame: less than rclpy's", share < 1,
                 f"{ours['used']:.2f} of {theirs['used']:.2f} ms, {share:.2f}")


main(check, __doc__)
