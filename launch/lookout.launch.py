"""Starts the lookout node on a camera.

    ros2 launch lookout lookout.launch.py camera_topic:=/camera/image_raw
    ros2 launch lookout lookout.launch.py --show-args

The XML and YAML launch files beside this one take the same arguments and start the same node.
"""
import launch
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, GroupAction, LogInfo
from launch.actions import RegisterEventHandler
from launch.conditions import IfCondition, UnlessCondition
from launch.event_handlers import OnProcessStart
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import LifecycleNode, Node, SetParameter, SetParametersFromFile
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.substitutions import FindPackageShare
from lifecycle_msgs.msg import Transition

# Launch arguments that stand in for a parameter of the same name. Empty: the parameter is what
# params_file says.
PARAMETERS = ['image_transport', 'engine', 'bundle', 'use_sim_time']


def arguments():
    """The launch arguments, in the order in which --show-args lists them."""
    return [
        DeclareLaunchArgument(
            'camera_topic', default_value='/camera/image_raw',
            description='Image topic of the camera. CompressedImage is read from <this>/compressed.'),
        DeclareLaunchArgument(
            'image_transport', default_value='',
            description='raw or compressed: which of the two is subscribed. '
                        'Empty: as params_file says.'),
        DeclareLaunchArgument(
            'camera_info_topic', default_value='/camera/camera_info',
            description='CameraInfo topic of the camera; needed for distances only.'),
        DeclareLaunchArgument(
            'namespace', default_value='', description='Namespace of the node.'),
        DeclareLaunchArgument(
            'node_name', default_value='lookout',
            description='Name of the node; its topics are below <namespace>/<node_name>.'),
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
        DeclareLaunchArgument(
            'respawn', default_value='false',
            description='true: start the node again a second after it ended.'),
        DeclareLaunchArgument(
            'use_sim_time', default_value='',
            description='true: time comes from /clock. Empty: as params_file says.'),
        DeclareLaunchArgument(
            'lifecycle', default_value='false',
            description='true: the node waits unconfigured, and this launch file configures and '
                        'activates it. false: the node does that by itself.'),
    ]


def parameters():
    """The params file, and over it those arguments that were given."""
    actions = [SetParametersFromFile(LaunchConfiguration('params_file'))]
    for name in PARAMETERS:
        given = IfCondition(PythonExpression(["'", LaunchConfiguration(name), "' != ''"]))
        actions.append(
            SetParameter(name=name, value=LaunchConfiguration(name), condition=given))
    return actions


def common():
    """What the plain and the managed node share."""
    camera = LaunchConfiguration('camera_topic')
    return {
        'package': 'lookout',
        'executable': 'lookout',
        'arguments': ['node'],
        'name': LaunchConfiguration('node_name'),
        'namespace': LaunchConfiguration('namespace'),
        'ros_arguments': ['--log-level', LaunchConfiguration('log_level')],
        'remappings': [
            ('~/input/image', camera),
            ('~/input/image/compressed', [camera, '/compressed']),
            ('~/input/camera_info', LaunchConfiguration('camera_info_topic')),
        ],
        'output': 'screen',
        'respawn': LaunchConfiguration('respawn'),
        'respawn_delay': 1.0,
    }


def managed():
    """The node as a LifecycleNode, and the two transitions that bring it to work."""
    node = LifecycleNode(**common())

    def change(transition):
        return EmitEvent(event=ChangeState(
            lifecycle_node_matcher=launch.events.matches_action(node), transition_id=transition))

    # At every start of the process, so that a respawned node comes back to work too.
    configure = RegisterEventHandler(OnProcessStart(
        target_action=node, on_start=[change(Transition.TRANSITION_CONFIGURE)]))
    # Only out of `configuring`: a node that somebody deactivated stays inactive.
    activate = RegisterEventHandler(OnStateTransition(
        target_lifecycle_node=node, start_state='configuring', goal_state='inactive',
        entities=[change(Transition.TRANSITION_ACTIVATE)]))
    failed = RegisterEventHandler(OnStateTransition(
        target_lifecycle_node=node, start_state='configuring', goal_state='unconfigured',
        entities=[LogInfo(msg='lookout could not be configured; the reason is in its log. '
                              'Its flag stays raised.')]))
    return [configure, activate, failed, node]


def generate_launch_description():
    """Called by `ros2 launch`."""
    lifecycle = LaunchConfiguration('lifecycle')
    return LaunchDescription(arguments() + [
        GroupAction(
            parameters() + [SetParameter(name='autostart', value=True), Node(**common())],
            condition=UnlessCondition(lifecycle)),
        GroupAction(
            parameters() + [SetParameter(name='autostart', value=False)] + managed(),
            condition=IfCondition(lifecycle)),
    ])
