"""A node of the real rclpy beside `lookout node`: collects, publishes, calls."""
import array
import threading
import time
from collections import Counter, namedtuple

import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node as RclpyNode
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Bool, Float64

from harness import Failed, note, wait_for

SENSOR = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.TRANSIENT_LOCAL)
# What the node's status is published with.
ANSWERS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.TRANSIENT_LOCAL)

# A message with the times of its arrival (`at` on the monotonic clock, `wall` on the system's) and
# the time its sender wrote it, on the sender's system clock; all in ns.
Item = namedtuple("Item", "message at wall sent")


class Collector:
    """All messages of a topic, from its making on."""

    def __init__(self, peer, kind, topic, qos=RELIABLE):
        self.topic, self.items, self._peer = topic, [], peer
        self.made, self.made_wall = time.monotonic_ns(), time.time_ns()
        self.subscription = peer.node.create_subscription(kind, topic, self._take, qos)
        peer.woken()

    # rclpy hands the second argument to whoever takes two.
    def _take(self, message, info):
        self.items.append(Item(message, time.monotonic_ns(), time.time_ns(),
                               info["source_timestamp"]))

    def close(self):
        self._peer.node.destroy_subscription(self.subscription)

    def matched(self):
        """Whether somebody publishes the topic, as far as we see."""
        return self._peer.node.count_publishers(self.topic) > 0

    def since(self, at):
        """What came after a monotonic time in ns."""
        return [item for item in self.items if item.at > at]

    def wait(self, what, seconds, wanted=lambda item: True, since=0):
        """The first item after `since` that is wanted; raises `Failed` when none comes."""
        return wait_for(f"{self.topic}: {what}", seconds,
                        lambda: next((i for i in self.items if i.at > since and wanted(i)), None))


class Peer:
    """A node with a thread that spins it."""

    def __init__(self, name="peer", domain=None):
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = RclpyNode(name, context=self.context, enable_rosout=False,
                              start_parameter_services=False)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._clients = {}
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self):
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass

    def woken(self):
        """Has the thread look at what was added."""
        self._executor.wake()

    def close(self):
        self._executor.shutdown(timeout_sec=2)
        self._thread.join(2)
        self.node.destroy_node()
        self.context.try_shutdown()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def collect(self, kind, topic, qos=RELIABLE):
        return Collector(self, kind, topic, qos)

    def publisher(self, kind, topic, qos=SENSOR):
        return self.node.create_publisher(kind, topic, qos)

    def wait_node(self, name, namespace="/", seconds=20):
        """Waits for a node in the graph; gives the seconds that it took."""
        began = time.monotonic()
        wait_for(f"node {name} of {namespace} in the graph", seconds,
                 lambda: (name, namespace) in self.node.get_node_names_and_namespaces())
        return time.monotonic() - began

    def wait_matched(self, publisher, seconds=20):
        """Waits until somebody subscribes to a publisher. The subscriber may learn of the publisher
        a little later than the other way round, so this waits half a second more."""
        wait_for(f"a subscriber of {publisher.topic_name}", seconds,
                 lambda: publisher.get_subscription_count() > 0)
        time.sleep(0.5)

    def start(self, kind, name, request, seconds=10):
        """Sends a request and gives its future."""
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = self.node.create_client(kind, name)
            wait_for(f"service {name}", seconds, client.service_is_ready)
            time.sleep(0.1)  # the service must know the client too, or its answer is lost
        future = client.call_async(request)
        self.woken()
        return future

    def call(self, kind, name, request, seconds=10):
        """Calls a service and gives its answer; raises `Failed` when none comes."""
        future = self.start(kind, name, request, seconds)
        wait_for(f"answer of {name}", seconds, future.done, 0.002)
        return future.result()

    def state(self, base):
        """The lifecycle state of a node, in words."""
        return self.call(GetState, f"{base}/get_state", GetState.Request()).current_state.label

    def change(self, base, transition, seconds=30):
        """Asks for a lifecycle transition by its id; gives whether it succeeded."""
        request = ChangeState.Request()
        request.transition.id = transition
        return self.call(ChangeState, f"{base}/change_state", request, seconds).success

    def wait_active(self, base, seconds=30):
        wait_for(f"{base} active", seconds, lambda: self.state(base) == "active", 0.1)


class Outputs:
    """What a node says of itself: flag, status, diagnostics."""

    def __init__(self, peer, base):
        self.peer, self.base = peer, base
        self.flag = peer.collect(Bool, f"{base}/output/safe_stop", LATCHED)
        self.status = peer.collect(DiagnosticStatus, f"{base}/output/status", LATCHED)
        self.diagnostics = peer.collect(DiagnosticArray, "/diagnostics")

    def close(self):
        for collector in (self.flag, self.status, self.diagnostics):
            collector.close()

    def raised(self):
        """The flag as it was said last; None before anything came."""
        return self.flag.items[-1].message.data if self.flag.items else None

    def wait_flag(self, raised, seconds, since=0):
        """The first message after `since` with the flag up or down."""
        try:
            return self.flag.wait(f"flag {'up' if raised else 'down'}", seconds,
                                  lambda item: item.message.data == raised, since)
        except Failed as error:
            said = Counter(i.message.message for i in self.status.since(since))
            told = "; ".join(f"{n} x {text}" for text, n in said.most_common(4)) or "no status"
            raise Failed(f"{error}; statuses meanwhile: {told}") from None

    def wait_state(self, state, seconds, since=0, reason=None):
        """The first status after `since` with a state, and a reason where one is given."""
        def wanted(item):
            said = values(item.message)
            return said.get("state") == state and reason in (None, said.get("reason"))
        return self.status.wait(f"state {state} {reason or ''}", seconds, wanted, since)

    def part(self, name, since=0):
        """The newest diagnostic status of this node with that name, else None."""
        full = f"{self.base.lstrip('/')}: {name}"
        for item in reversed(self.diagnostics.since(since)):
            for status in item.message.status:
                if status.name == full:
                    return status
        return None

    def wait_part(self, name, what, seconds, wanted=lambda status: True, since=0):
        def found():
            part = self.part(name, since)
            return part if part is not None and wanted(part) else None
        return wait_for(f"/diagnostics {name}: {what}", seconds, found)


def values(status):
    """The key-value pairs of a DiagnosticStatus."""
    return {pair.key: pair.value for pair in status.values}


def count(status, key):
    """A counter of a DiagnosticStatus; raises `Failed` where it is absent or no number."""
    for name, value in values(status).items():
        if name == key or name.startswith(key + " "):
            try:
                return int(value)
            except ValueError:
                break
    raise Failed(f"{status.name}: no number {key!r} in {values(status)}")


def number(text):
    """The number that a value begins with (`12.5`, `12.5 ms`); None for `unknown`."""
    try:
        return float(text.split()[0])
    except (ValueError, IndexError, AttributeError):
        return None


def nanoseconds(stamp):
    return stamp.sec * 10**9 + stamp.nanosec


def stamp_of(nanos):
    return Time(sec=nanos // 10**9, nanosec=nanos % 10**9)


def stamp_text(text):
    """`sec.nnnnnnnnn` of a status in ns; None for `unknown`."""
    sec, _, nanosec = (text or "").partition(".")
    if not nanosec.isdigit() or len(nanosec) != 9:
        return None
    return int(sec) * 10**9 + int(nanosec)


def image(picture, stamp, encoding="rgb8", frame_id="camera"):
    """An Image of an array of bytes: (height, width) or (height, width, channels)."""
    message = Image(height=picture.shape[0], width=picture.shape[1], encoding=encoding,
                    step=picture.nbytes // picture.shape[0], is_bigendian=0)
    message.header.stamp = stamp_of(stamp)
    message.header.frame_id = frame_id
    message.data = array.array("B", picture.tobytes())
    return message


def compressed(data, kind, stamp, frame_id="camera"):
    message = CompressedImage(format=kind)
    message.header.stamp = stamp_of(stamp)
    message.header.frame_id = frame_id
    message.data = array.array("B", data)
    return message


class Camera:
    """Publishes pictures at a rate from a thread of this process: for small pictures. For large
    ones, and for one that dies, there is camera.py."""

    def __init__(self, peer, topic, frames, rate, clock=time.time_ns):
        self.peer, self.rate, self.clock = peer, rate, clock
        self.publisher = peer.publisher(Image, topic)
        self.frames, self.number = frames, 0
        self._go, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        period, due = 1 / self.rate, time.monotonic()
        while not self._end.is_set():
            if not self._go.wait(0.1):
                due = time.monotonic()
                continue
            self.once()
            due = max(due + period, time.monotonic() - period)
            time.sleep(max(0.0, due - time.monotonic()))

    def once(self):
        """One frame, taken now; gives its stamp in ns."""
        stamp = self.clock()
        self.publisher.publish(image(self.frames[self.number % len(self.frames)], stamp))
        self.number += 1
        return stamp

    def on(self):
        self._go.set()
        return self

    def off(self):
        self._go.clear()
        time.sleep(1.5 / self.rate)

    def close(self):
        self._end.set()
        self._go.set()
        self._thread.join(2)


__all__ = ["ANSWERS", "Camera", "Collector", "Float64", "Item", "LATCHED", "Outputs", "Peer", "RELIABLE",
           "SENSOR", "compressed", "count", "deserialize_message", "image", "nanoseconds", "note",
           "number", "stamp_of", "stamp_text", "values"]
