#!/usr/bin/env python3
"""Writes down when UDP datagrams go over the loopback, by the kernel's own stamps.

    wire.py FILE

A line of FILE is `data NS BYTES` for a large datagram, a part of an image, or `answer NS STAMP` for one
with an answer to the image of that capture stamp. NS is the system's time. Ends by SIGTERM. Needs the
right to open packet sockets, which whoever makes a network namespace has in it.
"""
import re
import signal
import socket
import struct
import sys

ETH_P_IP = 0x0800
# Of linux/asm/socket.h; Python has no name for it.
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
LARGE, SNAP = 4096, 1500
# A key, the length of the value, the value: CDR, little-endian.
ANSWER = re.compile(rb"capture_stamp\0.{4,7}?(\d{19})\0", re.DOTALL)


def main(file):
    # Of one protocol only: such a socket sees what arrives, not what is sent besides.
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    packets.bind(("lo", ETH_P_IP))
    packets.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    try:
        packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
    except PermissionError:
        packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 26)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(file, "w", encoding="ascii") as lines:
        while True:
            head, ancillary, _, _ = packets.recvmsg(SNAP, 64)
            if len(head) < 28 or head[9] != socket.IPPROTO_UDP:
                continue
            stamp = next((data for level, kind, data in ancillary
                          if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS), None)
            if stamp is None:
                continue
            seconds, nanoseconds = struct.unpack("qq", stamp)
            at, size = seconds * 10**9 + nanoseconds, int.from_bytes(head[2:4], "big") - 28
            if size > LARGE:
                lines.write(f"data {at} {size}\n")
            elif found := ANSWER.search(head):
                lines.write(f"answer {at} {found[1].decode()}\n")
            else:
                continue
            lines.flush()


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(sys.argv[1])
