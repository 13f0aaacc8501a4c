#!/usr/bin/env python3
"""Runs a command and fails when its peak resident memory passes a limit.

    measured.py LIMIT_MB COMMAND [ARG...]

MB are 10^6 bytes. The command's own failure is passed on.
"""
import resource
import subprocess
import sys
import time

start = time.monotonic()
code = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL).returncode
seconds = time.monotonic() - start
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
print(f"peak memory {peak:.0f} MB of {sys.argv[1]} MB, {seconds:.1f} s", file=sys.stderr)
if code:
    sys.exit(code if code > 0 else 1)
sys.exit(1 if peak > float(sys.argv[1]) else 0)
