"""Checks the launch files and what is installed with them.

    check_launch.py [--self-test] [REPOSITORY]

The three lookout.launch.* files must have the same arguments, and give the same command for the
same values of them. The Python files run against stand-ins (launch_stand_in.py): `launch` is not on
PyPI. XML and YAML are read as data. Needs PyYAML and catkin_pkg.
"""
import json
import pathlib
import re
import shutil
import sys
import tempfile
import tomllib
import warnings
import xml.etree.ElementTree

import yaml
from catkin_pkg.package import InvalidPackage, parse_package

import launch_stand_in
from launch_forms import SHARE, Wrong, command, condition_of, from_data, from_python, holds, need
from launch_stand_in import text

# Topics of the node by their private names; what a display or a layout may ask for.
TOPICS = {
    'output/safe_stop', 'output/status', 'output/anomaly_mask', 'output/anomaly_mask/compressed',
    'output/score_map/compressed', 'output/regions', 'debug/overlay/compressed',
    'debug/processing_time_ms', 'debug/pipeline_latency_ms'}
BEST_EFFORT = {'debug/overlay/compressed'}


# Values of the arguments for which the three files are compared.
CASES = [
    {},
    {'camera_topic': '/front/image', 'image_transport': 'compressed'},
    {'namespace': '/left', 'node_name': 'watch', 'camera_info_topic': '/front/info'},
    {'engine': 'ort', 'bundle': '/data/bundle', 'use_sim_time': 'true', 'log_level': 'debug'},
    {'params_file': '/etc/lookout.yaml', 'respawn': 'true'},
    {'lifecycle': 'true'},
    {'lifecycle': 'true', 'engine': 'rten', 'respawn': 'true', 'namespace': 'left'},
]


def launch_files(folder):
    """The three files agree, and do what their descriptions say."""
    forms = {'py': from_python(folder / 'lookout.launch.py')}
    for kind in ('xml', 'yaml'):
        forms[kind] = from_data(folder / f'lookout.launch.{kind}')
        need(list(forms[kind][0].items()) == list(forms['py'][0].items()),
             f'lookout.launch.{kind} and lookout.launch.py declare other arguments: '
             + ', '.join(sorted(
                 name for name in set(forms[kind][0]) | set(forms['py'][0])
                 if forms[kind][0].get(name) != forms['py'][0].get(name)) or ['their order']))
    for case in CASES:
        expected = command(forms['py'], case, None)
        for kind in ('xml', 'yaml'):
            got = command(forms[kind], case, forms['py'])
            for part, value in expected.items():
                need(got[part] == value, f'with {case}: {part} is {value!r} in Python and '
                                         f'{got[part]!r} in lookout.launch.{kind}')
        as_described(case, expected)


def as_described(case, got):
    need(got['command'][:3] == ['lookout/lookout', 'node', '--ros-args'], f'runs {got["command"]}')
    camera = case.get('camera_topic', '/camera/image_raw')
    need(dict(got['remappings']) == {
        '~/input/image': camera, '~/input/image/compressed': camera + '/compressed',
        '~/input/camera_info': case.get('camera_info_topic', '/camera/camera_info')},
        f'remaps {got["remappings"]}')
    managed = case.get('lifecycle') == 'true'
    options = ['--params-file', case.get('params_file', SHARE + '/config/lookout.param.yaml')]
    for name in ('image_transport', 'engine', 'bundle', 'use_sim_time'):
        if case.get(name):
            options += ['-p', f'{name}:={case[name]}']
    options += ['-p', f'autostart:={"false" if managed else "true"}']
    need(got['options'] == options, f'with {case}: {got["options"]} in place of {options}')
    need(got['managed'] == managed, f'with {case}: managed is {got["managed"]}')
    need(got['respawn'] == case.get('respawn', 'false'), f'with {case}: respawn {got["respawn"]}')


def transitions(folder):
    """The managed node is configured at every start and activated out of `configuring` only."""
    handlers = []
    for group in launch_stand_in.load(folder / 'lookout.launch.py'):
        if group.kind == 'GroupAction' and condition_of(group)[0] == 'if':
            handlers += [a.args[0] for a in group.args[0] if a.kind == 'RegisterEventHandler']
    by_kind = {}
    for handler in handlers:
        goal = handler.kwargs.get('goal_state', 'start')
        by_kind[goal] = handler
        if handler.kind == 'OnStateTransition':
            need(handler.kwargs.get('start_state') == 'configuring',
                 f'{goal} is acted on from any state')
    for goal, key, transition in (('start', 'on_start', 1), ('inactive', 'entities', 3)):
        need(goal in by_kind, f'nothing is done at {goal}')
        events = [a.kwargs['event'] for a in by_kind[goal].kwargs[key] if a.kind == 'EmitEvent']
        need([e.kwargs['transition_id'] for e in events] == [transition],
             f'at {goal}: {events} in place of transition {transition}')


def replay_file(folder):
    """The composed example hands on arguments that there are, and plays with either player."""
    entities = launch_stand_in.load(folder / 'replay_with_rviz.launch.py')
    ours = from_python(folder / 'lookout.launch.py')[0]
    declared = {e.args[0]: e for e in entities if e.kind == 'DeclareLaunchArgument'}
    include = next(e for e in entities if e.kind == 'IncludeLaunchDescription')
    need(text(include.args[0].args[0]) == '$(dirname)/lookout.launch.py', 'includes another file')
    handed = dict(include.kwargs['launch_arguments'])
    need(set(handed) <= set(ours), f'hands on {sorted(set(handed) - set(ours))}: no such argument')
    need(handed.get('use_sim_time') == 'true', 'plays old stamps into a node with the time of today')
    for name, value in handed.items():
        if name == 'use_sim_time':
            continue
        need(name in declared, f'{name} is handed on and not declared')
        need(text(value) == f'$(var {name})', f'{name} is handed on as {text(value)}')
        need(text(declared[name].kwargs['default_value']) == ours[name][0],
             f'{name} has another default than in lookout.launch.py')
    timer = next(e for e in entities if e.kind == 'TimerAction')
    for player in declared['player'].kwargs['choices']:
        values = {name: 'x' for name in declared} | {'player': player}
        running = [a for a in timer.kwargs['actions'] if holds(condition_of(a), values)]
        need(len(running) == 1, f'{len(running)} players run with player:={player}')
        words = [text(word) for word in running[0].kwargs['cmd']]
        need('$(var bag)' in words and '$(var rate)' in words, f'{player} plays no bag: {words}')
        need(words[0] in ('ros2', '$(find-pkg-prefix lookout)/lib/lookout/lookout'),
             f'{player} runs {words[0]}')


# ---- what is shown, what is installed ----

def topic_of(path):
    """/lookout/output/x.data or /lookout/output/x.values[:] is the topic /lookout/output/x."""
    return path.split('.')[0].removeprefix('/lookout/')


def displays(folder):
    """RViz and Foxglove ask for topics that there are, with a QoS that they can get."""
    config = yaml.safe_load((folder / 'rviz/lookout.rviz').read_text())
    shown = config['Visualization Manager']['Displays']
    need(shown, 'RViz shows nothing')
    for display in shown:
        topic = display['Topic']
        name = topic_of(topic['Value'])
        need(name in TOPICS, f'RViz asks for {topic["Value"]}')
        asked, got = topic['Reliability Policy'], name in BEST_EFFORT
        need(asked == 'Best Effort' or not got, f'RViz asks for {topic["Value"]} reliably')
        need(topic['Durability Policy'] == 'Volatile', f'{topic["Value"]} is not kept for late readers')
    layout = json.loads((folder / 'foxglove/lookout.json').read_text())
    panels, placed = layout['configById'], []

    def place(node):
        if isinstance(node, str):
            placed.append(node)
        else:
            place(node['first'])
            place(node['second'])
    place(layout['layout'])
    need(sorted(placed) == sorted(panels), f'panels {sorted(panels)} are placed as {sorted(placed)}')
    for name, panel in panels.items():
        paths = [path['value'] for path in panel.get('paths', [])]
        paths += [panel['path']] if 'path' in panel else []
        paths += [panel['imageMode']['imageTopic']] if 'imageMode' in panel else []
        paths += [panel['topicToRender']] if 'topicToRender' in panel else []
        need(paths, f'{name} asks for nothing')
        for path in paths:
            need(topic_of(path) in TOPICS | {'/diagnostics', '/rosout'}, f'{name} asks for {path}')


def package(root):
    """package.xml is valid, agrees with Cargo.toml, and everything to install is there."""
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        try:
            found = parse_package(root / 'package.xml')
        except InvalidPackage as error:
            raise Wrong(f'package.xml: {error}') from error
    manifest = tomllib.loads((root / 'Cargo.toml').read_text())
    cargo, shared = manifest['package'], manifest['workspace']['package']
    need(found.package_format == 3, f'package.xml has format {found.package_format}')
    need(found.name == cargo['name'], f'package.xml is of {found.name}')
    need(found.version == shared['version'],
         f'version {found.version} in package.xml, {shared["version"]} in Cargo.toml')
    need(sorted(found.licenses) == sorted(shared['license'].split(' OR ')),
         f'licences {found.licenses} in package.xml, {shared["license"]} in Cargo.toml')
    need(found.get_build_type() == 'ament_cargo', f'build type {found.get_build_type()}')
    installed = cargo['metadata']['ros']['install_to_share']
    for folder in installed:
        if folder == 'launch/config' and not (root / folder).is_dir():
            print(f'     {folder} is not there yet')
            continue
        need((root / folder).is_dir(), f'Cargo.toml installs {folder}: there is none')
    # Path.glob(".") is an error, and colcon-cargo globs the members; the root is one anyway.
    members = manifest['workspace']['members']
    need('.' not in members, 'colcon-cargo 0.2 stumbles over the member "."')
    for member in members:
        need((root / member / 'COLCON_IGNORE').is_file(),
             f'colcon would build {member}: it needs a COLCON_IGNORE')


def fastdds(root):
    """The profile for peers is the default one and sets both buffers of its UDP transport."""
    space = {'d': 'http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles'}
    profiles = xml.etree.ElementTree.parse(root / 'launch/fastdds_profile.xml').getroot()[0]
    sizes = {}
    for transport in profiles.findall('.//d:transport_descriptor', space):
        sizes[transport.find('d:transport_id', space).text.strip()] = {
            child.tag.split('}')[1]: child.text.strip() for child in transport}
    participant = profiles.find('d:participant', space)
    need(participant.get('is_default_profile') == 'true', 'the profile is not the default one')
    used = [t.text.strip() for t in participant.findall('.//d:userTransports/d:transport_id', space)]
    need(sorted(used) == sorted(sizes), f'transports {sorted(sizes)} are used as {sorted(used)}')
    udp = next(t for t in sizes.values() if t['type'] == 'UDPv4')
    limits = dict(re.findall(r'^(net\.core\.[rw]mem_max) = (\d+)$',
                             (root / 'launch/sysctl/60-lookout.conf').read_text(), re.M))
    for size, limit in (('receiveBufferSize', 'net.core.rmem_max'),
                        ('sendBufferSize', 'net.core.wmem_max')):
        need(int(udp[size]) <= int(limits[limit]), f'{size} is over {limit} of the sysctl file')


# ---- parameters ----

ROW = re.compile(r'^\| `([a-z0-9_.]+)` \| (\w+) \| `([^`]*)` \|', re.M)
SHIPPED = 'launch/config/lookout.param.yaml'
KINDS = {'bool': bool, 'int': int, 'double': float, 'string': str}


def flat(tree, prefix=''):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{name}.')
        else:
            yield prefix + name, value


def rows_of(root):
    return ROW.findall((root / 'docs/ros.md').read_text())


def parameters(root):
    """The table of docs/ros.md and the shipped file have the same names and values."""
    rows = rows_of(root)
    need(len(rows) > 30, f'docs/ros.md: a table of {len(rows)} parameters')
    table = {}
    for name, kind, default in rows:
        need(name not in table, f'docs/ros.md has {name} twice')
        need(kind in KINDS, f'docs/ros.md: {name} is of type {kind}')
        table[name] = yaml.safe_load(default)
        need(type(table[name]) is KINDS[kind], f'docs/ros.md: {name} is {default}, no {kind}')
    shipped = root / SHIPPED
    if not shipped.is_file():
        print(f'     {shipped.relative_to(root)} is not there yet: the table is not compared')
        return
    content = yaml.safe_load(shipped.read_text())
    values = {}
    for node in content.values():
        values.update(flat(node['ros__parameters']))
    for name in sorted(set(table) | set(values)):
        need(name in table, f'docs/ros.md lacks {name}')
        need(name in values, f'{shipped.name} lacks {name}')
        need(type(values[name]) is type(table[name]) and values[name] == table[name],
             f'{name} is {values[name]!r} in {shipped.name} and {table[name]!r} in docs/ros.md')


CHECKS = [
    ('launch files', lambda root: launch_files(root / 'launch')),
    ('lifecycle', lambda root: transitions(root / 'launch')),
    ('replay example', lambda root: replay_file(root / 'launch')),
    ('RViz, Foxglove', lambda root: displays(root / 'launch')),
    ('package.xml', package),
    ('Fast DDS profile', fastdds),
    ('parameters', parameters),
]

# Faults that must be found: check, file, what is there, what is put in its place.
FAULTS = [
    ('launch files', 'launch/lookout.launch.xml', 'default="info"', 'default="warn"'),
    ('launch files', 'launch/lookout.launch.xml', 'respawn="$(var respawn)"', 'respawn="true"'),
    ('launch files', 'launch/lookout.launch.xml', '<arg name="bundle" value', '<arg name="x" value'),
    ('launch files', 'launch/lookout.launch.xml', '$(var camera_topic)/comp', '$(var topic)/comp'),
    ('launch files', 'launch/lookout.launch.xml', 'output="screen"', 'outputs="screen"'),
    ('launch files', 'launch/lookout.launch.yaml', "'$(var engine)' != ''", "'$(var engine)' == ''"),
    ('launch files', 'launch/lookout.launch.yaml', 'name: bundle\n        value', 'name: model\n        value'),
    ('launch files', 'launch/lookout.launch.yaml', "default: 'false'", 'default: false'),
    ('launch files', 'launch/lookout.launch.yaml', 'to: $(var camera_info_topic)', 'to: /info'),
    ('launch files', 'launch/lookout.launch.py', "'arguments': ['node']", "'arguments': []"),
    ('launch files', 'launch/lookout.launch.py', 'value=False)', 'value=True)'),
    ('launch files', 'launch/lookout.launch.py', "'output': 'screen'", "'outputs': 'screen'"),
    ('lifecycle', 'launch/lookout.launch.py', "start_state='configuring', goal_state='inactive'",
     "goal_state='inactive'"),
    ('lifecycle', 'launch/lookout.launch.py', 'TRANSITION_CONFIGURE', 'TRANSITION_CLEANUP'),
    ('replay example', 'launch/replay_with_rviz.launch.py', "'log_level']", "'log_lvl']"),
    ('replay example', 'launch/replay_with_rviz.launch.py', "= 'true'", "= 'false'"),
    ('replay example', 'launch/replay_with_rviz.launch.py', "chosen('lookout')", "chosen('ros2')"),
    ('RViz, Foxglove', 'launch/rviz/lookout.rviz', 'Best Effort', 'Reliable'),
    ('RViz, Foxglove', 'launch/rviz/lookout.rviz', 'output/anomaly_mask', 'output/mask'),
    ('RViz, Foxglove', 'launch/foxglove/lookout.json', 'latency_ms.data', 'latency.data'),
    ('RViz, Foxglove', 'launch/foxglove/lookout.json', '"first": "Image!mask"', '"first": "Image!x"'),
    ('package.xml', 'package.xml', '<version>0.', '<version>9.'),
    ('package.xml', 'package.xml', '<license>MIT</license>', ''),
    ('package.xml', 'package.xml', '</maintainer>', '</maintainers>'),
    ('package.xml', 'package.xml', 'ament_cargo', 'cargo'),
    ('package.xml', 'Cargo.toml', '"launch/rviz"]', '"launch/rvis"]'),
    ('package.xml', 'Cargo.toml', 'members = [', 'members = [".", '),
    ('Fast DDS profile', 'launch/fastdds_profile.xml', '<transport_id>lookout_udp</transport_id>\n        </user',
     '</user'),
    ('Fast DDS profile', 'launch/sysctl/60-lookout.conf', 'wmem_max = 8', 'wmem_max = 1'),
    ('parameters', 'docs/ros.md', '| `deadline_ms` | int | `100` |', '| `deadline_ms` | int | `100.0` |'),
    ('parameters', SHIPPED, 'overlay_quality: 80', 'overlay_quality: 81'),
    ('parameters', SHIPPED, 'overlay_max_width:', 'overlay_maximal_width:'),
]


def self_test(root):
    """Every planted fault is found, by the check that is there for it."""
    checks = dict(CHECKS)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)

        def fresh():
            for name in ('launch', 'docs'):
                shutil.rmtree(copy / name, ignore_errors=True)
                shutil.copytree(root / name, copy / name)
            for name in ('package.xml', 'Cargo.toml'):
                shutil.copy(root / name, copy / name)
            shipped = copy / SHIPPED
            if not shipped.is_file():
                lines = [f'    {name}: {default}\n' for name, _, default in rows_of(copy)]
                shipped.parent.mkdir(exist_ok=True)
                shipped.write_text('/**:\n  ros__parameters:\n' + ''.join(lines))
            for ignored in root.glob('*/COLCON_IGNORE'):
                (copy / ignored.parent.name).mkdir(exist_ok=True)
                shutil.copy(ignored, copy / ignored.parent.name)
        for name, file, there, instead in FAULTS:
            fresh()
            checks[name](copy)
            content = (copy / file).read_text()
            need(there in content, f'self-test: {file} has no {there!r} any more')
            (copy / file).write_text(content.replace(there, instead, 1))
            try:
                checks[name](copy)
            except (Wrong, TypeError, KeyError) as error:
                found = str(error)
                need(found, f'self-test: {instead!r} in {file} is found without a word')
            else:
                raise Wrong(f'self-test: {instead!r} in {file} is not found')
    print(f'     {len(FAULTS)} planted faults, all found')


def main(arguments):
    testing = '--self-test' in arguments
    rest = [argument for argument in arguments if argument != '--self-test']
    root = pathlib.Path(rest[0] if rest else pathlib.Path(__file__).parents[2]).resolve()
    try:
        for name, check in CHECKS:
            check(root)
            print(f'     {name}: as they should be')
        if testing:
            self_test(root)
    except Wrong as error:
        print(f'check_launch.py: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
