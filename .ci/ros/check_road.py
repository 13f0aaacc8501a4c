#!/usr/bin/env python3
"""Where the road is and how far it matters: camera_info and odometry as a vehicle publishes them.

    check_road.py LOOKOUT

Everything in the picture is anomalous here, so what counts stands where the picture ends below: at a
distance that the camera's height and lens say. It is worked out here once more. The corridor reaches
as far as the vehicle needs to stop; see G01 to G09 in docs/safety.md.
"""
import threading
import time

from harness import Node, holds, main, pictures
from nav_msgs.msg import Odometry
from peer import LATCHED, Camera, Outputs, Peer, SENSOR, number, stamp_of, values
from rcl_interfaces.msg import Log
from sensor_msgs.msg import CameraInfo

WIDTH, HEIGHT, RATE = 480, 360, 15
FOCAL, CENTRE, CAMERA_M, TOP, BOTTOM = 400.0, 180.0, 1.5, 0.55, 0.75
DECELERATION, REACTION_S, MARGIN_M, TIMEOUT_MS = 4.0, 0.3, 3.0, 500
# A threshold that everything is above, and a deadline that a busy machine keeps too.
PARAMETERS = {
    "threshold": 0.001, "deadline_ms": 450, "diagnostics_period_ms": 100, "use_odometry": True,
    "odometry_timeout_ms": TIMEOUT_MS, "camera.height_m": CAMERA_M,
    "vehicle.deceleration_mps2": DECELERATION, "vehicle.margin_m": MARGIN_M,
    "vehicle.reaction_time_ms": int(REACTION_S * 1000), "corridor.top": TOP, "corridor.bottom": BOTTOM,
    "corridor.top_left": 0.4, "corridor.top_right": 0.6, "corridor.bottom_left": 0.2,
    "corridor.bottom_right": 0.8}


def distance(row):
    """Along flat ground to what is seen in a row, with a level camera."""
    return CAMERA_M * FOCAL / (row - CENTRE)


def stopping(speed):
    return speed * REACTION_S + speed**2 / (2 * DECELERATION) + MARGIN_M


def camera_info(width=WIDTH, height=HEIGHT, focal=FOCAL):
    message = CameraInfo(width=width, height=height)
    message.k = [focal, 0.0, width / 2, 0.0, focal, CENTRE, 0.0, 0.0, 1.0]
    return message


class Vehicle:
    """Publishes odometry fifty times a second while it has a speed."""

    def __init__(self, peer, topic):
        self.publisher = peer.publisher(Odometry, topic, SENSOR)
        self.speed, self.last = None, 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end.wait(0.02):
            speed = self.speed
            if speed is not None:
                message = Odometry()
                message.header.stamp = stamp_of(time.time_ns())
                message.twist.twist.linear.x = speed
                self.publisher.publish(message)
                self.last = time.monotonic_ns()

    def stop(self):
        """No more odometry; gives the time of the last, in ns."""
        self.speed = None
        time.sleep(0.05)
        return self.last

    def close(self):
        self._end.set()
        self._thread.join(2)


class Road:
    """What the node says of the road, after something was changed."""

    def __init__(self, peer, node, report):
        self.report, self.node = report, node
        self.outputs = Outputs(peer, node.base)
        self.rosout = peer.collect(Log, "/rosout", LATCHED)
        self.infos = peer.publisher(CameraInfo, f"{node.base}/input/camera_info", SENSOR)

    def frames(self, since):
        """Pixels in the corridor and distance of the frames judged in time since."""
        said = [(item.at, values(item.message)) for item in self.outputs.status.since(since)]
        return [(at, int(v["corridor_pixels"]), number(v["distance_m"])) for at, v in said
                if v.get("fate") == "in-time"]

    def told(self, key, since):
        part = self.outputs.part("frames", since)
        return None if part is None else values(part).get(key)

    def expect(self, what, right, ground=None, limit=None):
        """Three frames in a row for which it holds, and what /diagnostics says meanwhile."""
        began = time.monotonic_ns()

        def last():
            frames = self.frames(began)[-3:]
            return len(frames) == 3 and all(right(pixels, metres) for _, pixels, metres in frames)

        held = holds(5, last)
        self.report.check(what, held, [frame[1:] for frame in self.frames(began)[-3:]])
        for key, wanted in (("ground", ground), ("far_limit_m", limit)):
            if wanted is not None:
                found = holds(2, lambda k=key, w=wanted: w in (self.told(k, began) or ""))
                self.report.check(f"... /diagnostics, {key}: {wanted}", found, self.told(key, began))

    def warned(self, words, since):
        def found():
            return [i.message.msg for i in self.rosout.since(since)
                    if i.message.level == 30 and all(word in i.message.msg for word in words)]

        holds(2, found)
        self.report.check(f"... /rosout warns once: {', '.join(words)}", len(found()) == 1, found())


def anywhere(pixels, metres):
    """The whole corridor, no distance."""
    return pixels > 0 and metres is None


def nothing(pixels, metres):
    return pixels == 0 and metres is None


def calibrations(road, at_its_place):
    road.expect("no camera_info: the whole corridor, no distance", anywhere, "no camera_info yet")
    for words, info in ((("fy", "0"), camera_info(focal=0.0)),
                        (("K[0]", "NaN"), camera_info(focal=float("nan"))),
                        (("640x480", "480x360"), camera_info(640, 480))):
        began = time.monotonic_ns()
        for _ in range(3):  # as a driver does, with every frame
            road.infos.publish(info)
            time.sleep(0.1)
        road.expect(f"camera_info with {words[0]} {words[1]}: no distance", anywhere, words[0])
        road.warned(words, began)
    road.infos.publish(camera_info())
    road.expect("camera_info: the distance is where the picture ends", at_its_place, "known",
                "no speed yet")


def speeds(road, vehicle, nearest, at_its_place):
    near, far = 0.5, 5.0
    assert stopping(near) < nearest[0] and nearest[1] < stopping(far)
    for speed in (far, near, far, 0.0):
        vehicle.speed = speed
        limit = stopping(speed)
        time.sleep(0.1)
        road.expect(f"{speed:g} m/s: {'it' if limit > nearest[1] else 'nothing'} counts within "
                    f"{limit:.2f} m", at_its_place if limit > nearest[1] else nothing,
                    limit=f"{limit:.1f}")
    for speed, words in ((-1.0, "backwards"), (float("nan"), "NaN"), (float("inf"), "inf")):
        vehicle.speed = 0.0
        road.expect("0 m/s: nothing counts", nothing)
        vehicle.speed = speed
        time.sleep(0.1)
        road.expect(f"{speed:g} m/s is not believed: all of it counts", at_its_place, limit=words)


def silence(road, vehicle):
    """The last speed holds for so long and no longer."""
    vehicle.speed = 0.0
    road.expect("0 m/s: nothing counts", nothing)
    last = vehicle.stop()
    holds(3, lambda: any(pixels > 0 for _, pixels, _ in road.frames(last)))
    counted = [(at - last) / 1e6 for at, pixels, _ in road.frames(last) if pixels > 0]
    first = counted[0] if counted else float("nan")
    road.report.check("odometry ends: all of it counts once the last is over the time allowed",
                      TIMEOUT_MS <= first < TIMEOUT_MS + 300, f"{first:.0f} ms after the last")
    road.expect("... and from then on", lambda pixels, _: pixels > 0, limit="ms old, limit")


def check(binary, report):
    with Peer() as peer:
        node = Node(binary, PARAMETERS)
        road = Road(peer, node, report)
        vehicle = Vehicle(peer, f"{node.base}/input/odometry")
        camera = Camera(peer, f"{node.base}/input/image", pictures(WIDTH, HEIGHT, 8), RATE)
        peer.wait_node(node.name)
        peer.wait_active(node.base)
        for publisher in (camera.publisher, road.infos, vehicle.publisher):
            peer.wait_matched(publisher)
        camera.on()
        # A row of the scores is four of the picture's, or a few more; the status says tenths of a metre.
        nearest = distance(HEIGHT + 1) - 0.05, distance(HEIGHT - 6) + 0.05
        report.tell("where the picture ends", f"{nearest[0]:.1f} to {nearest[1]:.1f} m away")

        def at_its_place(pixels, metres):
            return pixels > 0 and metres is not None and nearest[0] <= metres <= nearest[1]

        calibrations(road, at_its_place)
        speeds(road, vehicle, nearest, at_its_place)
        silence(road, vehicle)
        report.check("the node is alive", node.running())
        camera.close()
        vehicle.close()


main(check, __doc__)
