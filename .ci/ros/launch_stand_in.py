"""Stand-ins for the modules `launch` and `launch_ros`, which PyPI does not have.

`load(path)` runs a Python launch file against them and gives back what it built: a tree of
`Recorded` objects. Substitutions become the text that an XML or YAML launch file has in their
place, so that the three kinds of file can be compared.
"""
import importlib.util
import sys
import types


class Recorded:
    """An object that the launch file made: the class's name and what it was called with."""

    def __init__(self, kind, args, kwargs):
        self.kind, self.args, self.kwargs = kind, args, kwargs

    def __repr__(self):
        return f'{self.kind}{self.args}{self.kwargs}'


def text(value):
    """The text of a substitution, a string, or a list of both."""
    if isinstance(value, (list, tuple)):
        return ''.join(text(part) for part in value)
    if isinstance(value, Recorded):
        if value.kind == 'LaunchConfiguration':
            return f'$(var {value.args[0]})'
        if value.kind == 'FindPackageShare':
            return f'$(find-pkg-share {value.args[0]})'
        if value.kind == 'FindPackagePrefix':
            return f'$(find-pkg-prefix {value.args[0]})'
        if value.kind == 'ThisLaunchFileDir':
            return '$(dirname)'
        if value.kind == 'PathJoinSubstitution':
            return '/'.join(text(part) for part in value.args[0])
        if value.kind == 'PythonExpression':
            return f'$(eval "{text(value.args[0])}")'
        raise ValueError(f'{value.kind} is no substitution')
    return str(value)


# Per module, the classes that it has, with the keyword arguments that each takes beside its
# positional ones (ROS 2 Jazzy and Kilted). A name or argument that is not here is an error, as it
# would be with the real modules.
PROCESS = {'output', 'respawn', 'respawn_delay', 'on_exit', 'condition', 'cmd', 'name'}
NODE = PROCESS - {'cmd'} | {
    'package', 'executable', 'namespace', 'parameters', 'remappings', 'arguments', 'ros_arguments'}
MODULES = {
    'launch': {'LaunchDescription': set()},
    'launch.actions': {
        'DeclareLaunchArgument': {'default_value', 'description', 'choices'},
        'EmitEvent': {'event'},
        'ExecuteProcess': PROCESS,
        'GroupAction': {'condition', 'scoped', 'forwarding'},
        'IncludeLaunchDescription': {'launch_arguments', 'condition'},
        'LogInfo': {'msg'},
        'RegisterEventHandler': {'condition'},
        'Shutdown': {'reason'},
        'TimerAction': {'period', 'actions', 'condition'},
    },
    'launch.conditions': {'IfCondition': set(), 'UnlessCondition': set()},
    'launch.event_handlers': {'OnProcessStart': {'target_action', 'on_start'}},
    'launch.events': {'matches_action': set()},
    'launch.launch_description_sources': {'PythonLaunchDescriptionSource': set()},
    'launch.substitutions': {
        'LaunchConfiguration': set(), 'PathJoinSubstitution': set(), 'PythonExpression': set(),
        'ThisLaunchFileDir': set()},
    'launch_ros': {},
    'launch_ros.actions': {
        'LifecycleNode': NODE, 'Node': NODE, 'SetParameter': {'name', 'value', 'condition'},
        'SetParametersFromFile': {'condition'}},
    'launch_ros.event_handlers': {
        'OnStateTransition': {
            'target_lifecycle_node', 'transition', 'start_state', 'goal_state', 'entities'}},
    'launch_ros.events': {},
    'launch_ros.events.lifecycle': {'ChangeState': {'lifecycle_node_matcher', 'transition_id'}},
    'launch_ros.substitutions': {'FindPackagePrefix': set(), 'FindPackageShare': set()},
    'lifecycle_msgs': {},
    'lifecycle_msgs.msg': {},
}
# What a launch_ros class cannot do without.
REQUIRED = {
    'Node': {'executable'}, 'LifecycleNode': {'executable', 'name', 'namespace'},
    'ChangeState': {'lifecycle_node_matcher', 'transition_id'}}


def _class(kind, known):
    def make(*args, **kwargs):
        unknown = set(kwargs) - known
        if unknown:
            raise TypeError(f'{kind} takes no {", ".join(sorted(unknown))}')
        missing = REQUIRED.get(kind, set()) - set(kwargs)
        if missing:
            raise TypeError(f'{kind} needs {", ".join(sorted(missing))}')
        return Recorded(kind, args, kwargs)
    return make


def _modules():
    modules = {}
    for name, classes in MODULES.items():
        module = types.ModuleType(name)
        module.__path__ = []
        for kind, known in classes.items():
            setattr(module, kind, _class(kind, known))
        modules[name] = module
    for name, module in modules.items():
        parent, _, child = name.rpartition('.')
        if parent:
            setattr(modules[parent], child, module)
    # Numbers of lifecycle_msgs/msg/Transition.
    modules['lifecycle_msgs.msg'].Transition = types.SimpleNamespace(
        TRANSITION_CREATE=0, TRANSITION_CONFIGURE=1, TRANSITION_CLEANUP=2, TRANSITION_ACTIVATE=3,
        TRANSITION_DEACTIVATE=4)
    return modules


def load(path):
    """The entities of the launch description that the file at `path` builds."""
    modules = _modules()
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        spec = importlib.util.spec_from_file_location('launch_file', path)
        module = importlib.util.module_from_spec(spec)
        keep, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        spec.loader.exec_module(module)
        sys.dont_write_bytecode = keep
        description = module.generate_launch_description()
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    if not isinstance(description, Recorded) or description.kind != 'LaunchDescription':
        raise TypeError('generate_launch_description gives no LaunchDescription')
    return description.args[0]
