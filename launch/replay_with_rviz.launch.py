"""Plays a recorded drive into the live node and shows what it sees.

    ros2 launch lookout replay_with_rviz.launch.py bag:=/data/drive camera_topic:=/camera/image_raw
    ros2 launch lookout replay_with_rviz.launch.py bag:=/data/drive player:=lookout rviz:=false

The stamps of a recording are old, so the node lives in the time of the recording: the player
publishes /clock and the node reads it (use_sim_time).
"""
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription
from launch.actions import Shutdown, TimerAction
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch.substitutions import ThisLaunchFileDir
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackagePrefix, FindPackageShare

# Handed on to lookout.launch.py as they are.
HANDED_ON = ['camera_topic', 'image_transport', 'params_file', 'engine', 'bundle', 'log_level']

# Seconds before the first frame is played: the node finds the player, and RViz the node.
HEAD_START = 3.0

# How often the player publishes /clock. The age of a frame is no finer than one period.
CLOCK_HZ = '200'


def arguments():
    """The launch arguments, in the order in which --show-args lists them."""
    return [
        DeclareLaunchArgument('bag', description='The recording: rosbag2, MCAP or sqlite3.'),
        DeclareLaunchArgument(
            'player', default_value='ros2', choices=['ros2', 'lookout'],
            description='ros2: ros2 bag play, every topic of the bag. '
                        'lookout: lookout replay --publish, which needs no rosbag2.'),
        DeclareLaunchArgument('rate', default_value='1.0', description='Speed of the player.'),
        DeclareLaunchArgument(
            'camera_topic', default_value='/camera/image_raw',
            description='Image topic of the bag, without /compressed.'),
        DeclareLaunchArgument(
            'image_transport', default_value='',
            description='raw or compressed: what the bag holds. Empty: as params_file says.'),
        DeclareLaunchArgument(
            'params_file',
            default_value=PathJoinSubstitution(
                [FindPackageShare('lookout'), 'config', 'lookout.param.yaml']),
            description='File with the parameters of the node.'),
        DeclareLaunchArgument(
            'engine', default_value='',
            description='auto, rten, ort or tensorrt. Empty: as params_file says.'),
        DeclareLaunchArgument(
            'bundle', default_value='',
            description='Folder of a model bundle. Empty: as params_file says.'),
        DeclareLaunchArgument(
            'log_level', default_value='info', description='debug, info, warn, error or fatal.'),
        DeclareLaunchArgument('rviz', default_value='true', description='true: open RViz.'),
        DeclareLaunchArgument(
            'rviz_config',
            default_value=PathJoinSubstitution(
                [FindPackageShare('lookout'), 'rviz', 'lookout.rviz']),
            description='What RViz shows.'),
        DeclareLaunchArgument(
            'foxglove', default_value='false',
            description='true: start foxglove_bridge (port 8765); the layout is '
                        'share/lookout/foxglove/lookout.json.'),
    ]


def players():
    """The two ways to play the bag; one of them runs, and all ends when it ends."""
    player, bag, rate = (LaunchConfiguration(name) for name in ('player', 'bag', 'rate'))

    def chosen(name):
        return IfCondition(PythonExpression(["'", player, f"' == '{name}'"]))

    return TimerAction(period=HEAD_START, actions=[
        ExecuteProcess(
            cmd=['ros2', 'bag', 'play', bag, '--clock', CLOCK_HZ, '--rate', rate],
            output='screen', condition=chosen('ros2'),
            on_exit=[Shutdown(reason='the bag has ended')]),
        # Not as a Node: `replay` takes no ROS arguments.
        ExecuteProcess(
            cmd=[
                PathJoinSubstitution([FindPackagePrefix('lookout'), 'lib', 'lookout', 'lookout']),
                'replay', bag, '--publish', '--rate', rate],
            output='screen', condition=chosen('lookout'),
            on_exit=[Shutdown(reason='the bag has ended')]),
    ])


def generate_launch_description():
    """Called by `ros2 launch`."""
    handed_on = {name: LaunchConfiguration(name) for name in HANDED_ON}
    handed_on['use_sim_time'] = 'true'
    return LaunchDescription(arguments() + [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(
                PathJoinSubstitution([ThisLaunchFileDir(), 'lookout.launch.py'])),
            launch_arguments=handed_on.items()),
        Node(
            package='rviz2', executable='rviz2', name='rviz2', output='log',
            arguments=['-d', LaunchConfiguration('rviz_config')],
            parameters=[{'use_sim_time': True}],
            condition=IfCondition(LaunchConfiguration('rviz'))),
        Node(
            package='foxglove_bridge', executable='foxglove_bridge', name='foxglove_bridge',
            output='log', parameters=[{'use_sim_time': True}],
            condition=IfCondition(LaunchConfiguration('foxglove'))),
        players(),
    ])
