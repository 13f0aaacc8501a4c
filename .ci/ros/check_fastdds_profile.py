"""With launch/fastdds_profile.xml images of 640x480 get from one rclpy process to another.

    check_fastdds_profile.py PYTHON...

PYTHON: interpreters that have rclpy and sensor_msgs, of any release. Each pair runs in a network
namespace of its own (`unshare`). Once with the profile as it is, once with its UDP transport alone,
and once over UDP without it, where images are lost: what is said when they are not.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

FRAMES, RATE_HZ, WIDTH, HEIGHT = 90, 30, 640, 480
ENOUGH = 0.95
PROFILE = pathlib.Path(__file__).parents[2] / 'launch/fastdds_profile.xml'


def node(name):
    import rclpy
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    rclpy.init()
    return rclpy.create_node(name), QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def publish():
    import array
    from sensor_msgs.msg import Image
    camera, qos = node('camera')
    publisher = camera.create_publisher(Image, 'image', qos)
    image = Image(width=WIDTH, height=HEIGHT, step=WIDTH * 3, encoding='rgb8')
    image.data = array.array('B', bytes(WIDTH * HEIGHT * 3))
    give_up = time.monotonic() + 20
    while publisher.get_subscription_count() == 0:
        if time.monotonic() > give_up:
            sys.exit('no subscriber within 20 s')
        time.sleep(0.05)
    time.sleep(0.5)
    for _ in range(FRAMES):
        publisher.publish(image)
        time.sleep(1 / RATE_HZ)
    time.sleep(1)


def receive():
    import rclpy
    from sensor_msgs.msg import Image
    viewer, qos = node('viewer')
    received = []
    viewer.create_subscription(Image, 'image', lambda _: received.append(time.monotonic()), qos)
    end = time.monotonic() + 30
    while time.monotonic() < end and len(received) < FRAMES:
        rclpy.spin_once(viewer, timeout_sec=0.1)
        if received and time.monotonic() - received[-1] > 4:
            break
    print(len(received))


def run(python, profile):
    """How many of the frames arrive."""
    environment = dict(os.environ, ROS_DOMAIN_ID='0')
    for name in ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE'):
        environment.pop(name, None)
        if profile:
            environment[name] = str(profile)
    if not profile:
        environment['FASTDDS_BUILTIN_TRANSPORTS'] = 'UDPv4'
    unshare = ['unshare', '-n'] if os.geteuid() == 0 else ['unshare', '-rn']
    both = f'''ip link set lo up
"{python}" "{__file__}" --publish & publisher=$!
"{python}" "{__file__}" --receive
wait $publisher'''
    done = subprocess.run([*unshare, 'bash', '-euc', both], env=environment, text=True,
                          capture_output=True, timeout=90)
    if done.returncode != 0:
        sys.exit(f'{python}: exit code {done.returncode}\n{done.stderr}')
    return int(done.stdout.split()[-1])


def main(pythons):
    if not pythons:
        sys.exit(__doc__)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        content = PROFILE.read_text()
        alone = content.replace('<transport_id>lookout_shm</transport_id>\n          ', '')
        assert alone != content, 'the profile lists its transports in another way'
        udp = pathlib.Path(folder) / 'udp.xml'
        udp.write_text(alone)
        for python in pythons:
            counts = {'as it comes, UDP': run(python, None), 'profile': run(python, PROFILE),
                      'profile, UDP': run(python, udp)}
            for name, count in counts.items():
                print(f'     {python}: {name}: {count} of {FRAMES}')
            least = ENOUGH * FRAMES
            failed |= counts['profile'] < least or counts['profile, UDP'] < least
            if counts['as it comes, UDP'] >= least:
                print('     nothing is lost without the profile either: rmem_default was raised?')
    if failed:
        sys.exit(f'check_fastdds_profile.py: fewer than {least:.0f} of {FRAMES} arrived')


if __name__ == '__main__':
    {'--publish': publish, '--receive': receive}.get(
        ' '.join(sys.argv[1:]), lambda: main(sys.argv[1:]))()
