"""What every check needs and no middleware: processes, a table of results, pictures.

A check is a program `check_X.py LOOKOUT`: it prints one row for each thing it looked at, with what was
measured, and ends with 1 when one of them was wrong. What the processes that it starts print goes to
stderr, as do its own notes; each row is there too, with its time.
"""
import ctypes
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np
from PIL import Image as Picture

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT.parent / "shared/data/camvid/val/images"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A check cannot go on."""


def note(text):
    """A line for the log, with the seconds since the check began."""
    print(f"[{time.monotonic() - BEGAN:7.3f}] {text}", file=sys.stderr, flush=True)


BEGAN = time.monotonic()


def wait_for(what, seconds, condition, period=0.01):
    """Waits until `condition()` is true and gives what it returned.

    Raises `Failed` after so many seconds.
    """
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:g} s")
        time.sleep(period)


def holds(seconds, condition, period=0.02):
    """Whether `condition()` becomes true within so many seconds."""
    try:
        return bool(wait_for("", seconds, condition, period))
    except Failed:
        return False


def percentile(values, percent):
    """Nearest rank; NaN of nothing, which no limit accepts."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Report:
    """The rows of a check's table."""

    def __init__(self):
        self.rows = 0
        self.failures = []

    def check(self, what, right, measured=""):
        """A row: what must hold, whether it does, what was measured. Gives `right` back."""
        self.rows += 1
        if not right:
            self.failures.append(what)
        text = " ".join(str(measured).split())
        if len(text) > 400:
            text = text[:400] + " .."
        note(f"{'ok' if right else 'WRONG'}: {what}: {text}")
        print(f"  {'ok   ' if right else 'WRONG'} {what:<58} {text}", flush=True)
        return bool(right)

    def tell(self, what, measured):
        """A row that only tells a measurement."""
        note(f"measured: {what}: {measured}")
        print(f"        {what:<58} {measured}", flush=True)


def die_with_parent():
    """The kernel kills this process when the one that started it is gone (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Child:
    """A process of ours: ended with the check at the latest, always by its id."""

    alive = []

    def __init__(self, command, env=None, **options):
        note("start: " + " ".join(str(part) for part in command))
        options.setdefault("stdout", sys.stderr)
        # pylint: disable-next=subprocess-popen-preexec-fn
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
            env={**os.environ, **(env or {})}, **options)
        self.pid = self.process.pid
        self.started = time.monotonic()
        Child.alive.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        """Sends a signal and gives the monotonic time of it, in ns."""
        at = time.monotonic_ns()
        self.process.send_signal(number)
        return at

    def kill(self):
        """SIGKILL; gives the monotonic time of it, in ns."""
        at = self.signal(signal.SIGKILL)
        self.process.wait(10)
        return at

    def wait(self, seconds):
        """The exit code, or None when it did not end in time; and the seconds that it took."""
        began = time.monotonic()
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        return code, time.monotonic() - began

    def end(self):
        if self.running():
            self.process.kill()
            self.process.wait(10)
        if self in Child.alive:
            Child.alive.remove(self)

    def rss_mb(self, most=False):
        """Resident memory now, or the most that it ever was, in MB of 10^6 bytes."""
        wanted = "VmHWM:" if most else "VmRSS:"
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(wanted):
                return int(line.split()[1]) * 1024 / 1e6
        raise Failed(f"process {self.pid} has no memory any more")

    def cpu_times(self):
        """Processor time so far, outside the kernel and in it, in seconds; to a hundredth."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) / CLOCK_TICKS, int(fields[12]) / CLOCK_TICKS

    def cpu_seconds(self):
        """Processor time so far, in seconds; to a hundredth."""
        return sum(self.cpu_times())

    def thread_seconds(self):
        """Processor time so far of the threads that there are, in seconds; exact."""
        stats = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(stat.read_text().split()[0]) for stat in stats) / 1e9


def parameter_text(value):
    """A value as `-p name:=value` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


class Node(Child):
    """`lookout node` with its ROS arguments; `words` are those before them."""

    def __init__(self, binary, parameters=None, remaps=None, name="lookout", namespace="/",
                 extra=(), words=("node",), env=None, **how):
        arguments = [*words, "--ros-args"]
        for key, value in (parameters or {}).items():
            arguments += ["-p", f"{key}:={parameter_text(value)}"]
        for key, value in (remaps or {}).items():
            arguments += ["-r", f"{key}:={value}"]
        if name != "lookout":
            arguments += ["-r", f"__node:={name}"]
        if namespace != "/":
            arguments += ["-r", f"__ns:={namespace}"]
        self.name, self.namespace = name, namespace
        self.base = namespace.rstrip("/") + "/" + name
        super().__init__([binary, *arguments, *extra], env=env, **how)


def pictures(width, height, count):
    """So many different pictures of a road, RGB: real ones where they are there, else drawn."""
    files = sorted(PICTURES.glob("*.webp")) if PICTURES.is_dir() else []
    found = []
    for number in range(count):
        if files:
            with Picture.open(files[number * 5 % len(files)]) as picture:
                scaled = picture.convert("RGB").resize((width, height), Picture.Resampling.LANCZOS)
            found.append(np.ascontiguousarray(scaled))
        else:
            found.append(drawn(width, height, number))
    return found


def drawn(width, height, number):
    """A picture of sky, road and houses with grain, different for every number."""
    noise = np.random.default_rng(number)
    picture = np.empty((height, width, 3), np.float32)
    horizon = height * 45 // 100
    picture[:horizon] = np.linspace((90, 130, 200), (200, 215, 235), horizon)[:, None]
    picture[horizon:] = np.linspace((95, 95, 98), (70, 70, 74), height - horizon)[:, None]
    for house in range(12):
        left = (house * width // 12 + number * 3) % width
        top = horizon - height * (2 + house * 7 % 5) // 20
        picture[top:horizon, left:left + width // 14] = noise.integers(60, 200, 3)
    middle = width // 2
    for row in range(horizon, height):
        half = (row - horizon) * width // height // 40 + 1
        if (row + number * 4) // (height // 16) % 2:
            picture[row, middle - half:middle + half] = 235
    grain = noise.normal(0, 6, (height, width, 1))
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def receive_limit():
    """The largest socket buffer that a process may ask for, in bytes."""
    return int(Path("/proc/sys/net/core/rmem_max").read_text())


def main(check, usage):
    """Runs `check(binary, report)` and ends the program."""
    if len(sys.argv) != 2:
        sys.exit(usage)
    report = Report()
    try:
        check(sys.argv[1], report)
    except Exception as error:  # whatever it is, the row tells it and the log where
        traceback.print_exc()
        report.check(f"the check ran to its end ({type(error).__name__})", False, error)
    for child in list(Child.alive):
        child.end()
    if not report.rows:
        report.check("something was checked", False)
    # Middleware that hangs at its end must not turn a result into another one.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if report.failures else 0)
