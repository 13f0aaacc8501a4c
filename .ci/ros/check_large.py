#!/usr/bin/env python3
"""Raw pictures of 3840x2160 at 10 Hz into a socket that holds no whole one: bounded memory, and why.

    check_large.py LOOKOUT
"""
import sys
import tempfile
import time
from pathlib import Path

from harness import Child, Node, holds, main
from peer import Outputs, Peer, count

CAMERA = Path(__file__).with_name("camera.py")
WIDTH, HEIGHT, RATE = 3840, 2160, 10
FRAME_MB = WIDTH * HEIGHT * 3 / 1e6
# Less than two datagrams of 64 KB.
PARAMETERS = {"threshold": 1.0, "socket_receive_buffer_bytes": 65536, "diagnostics_period_ms": 200}
# Two incomplete pictures and the one that arrives; the allocator's share.
HELD = 8
# Where whole ones slip through: as a message, waiting for its turn, decoded, and the pictures made of it.
IN_WORK = 6
# vendor/rustdds: after 10 s without a fragment, looked at every 4 s. The allocator gives memory back when it likes, so
# the transport's own word counts.
GONE_WITHIN = 16
DROPS = "AssemblyBuffer dropping"
SAYS_DROPS = {"RUST_LOG": "info,rustdds=warn,rustdds::rtps::fragment_assembler=info"}


def check(binary, report):
    with tempfile.TemporaryDirectory() as folder, Peer() as peer, open(Path(folder) / "log.txt", "w+b") as log:
        node = Node(binary, PARAMETERS, namespace="/large", env=SAYS_DROPS, stderr=log)
        outputs = Outputs(peer, node.base)
        peer.wait_node(node.name, node.namespace)
        peer.wait_active(node.base)
        before = node.rss_mb()
        camera = Child([sys.executable, CAMERA, f"{node.base}/input/image", "--size", f"{WIDTH}x{HEIGHT}",
                        "--rate", RATE, "--pictures", 2, "--stamps", Path(folder) / "stamps.txt"])
        told = [""]

        def explained():
            part = outputs.part("frames")
            told[0] = part.message if part else ""
            return "no whole frame comes: since the last look" in told[0] and "rmem_max=" in told[0]

        # a slow sender gets whole frames through: then there is nothing to explain, and they are worked on
        said = holds(25, explained)
        time.sleep(2)
        whole = count(outputs.part("frames"), "received")
        report.check("/diagnostics: datagrams arrive, no whole frame, what to type", said or whole > 0,
                     told[0] if said else f"{whole} whole frames came: {told[0]}")
        camera.kill()
        most, began = node.rss_mb(most=True), time.monotonic()
        held = HELD + (IN_WORK if whole else 0)
        report.check(f"memory: at most {held} frames more than before", most < before + held * FRAME_MB,
                     f"{before:.0f} MB, {most:.0f} at most, {whole} whole frames")

        def dropped():
            return (Path(folder) / "log.txt").read_text(errors="replace").count(DROPS)

        before_silence = dropped()
        report.check("... and what is incomplete goes without another fragment",
                     holds(GONE_WITHIN, lambda: dropped() > before_silence, 0.2),
                     f"{dropped() - before_silence} pictures after {time.monotonic() - began:.1f} s")
        report.check("the node goes on", node.running())
        print((Path(folder) / "log.txt").read_text(errors="replace"), file=sys.stderr)


main(check, __doc__)
