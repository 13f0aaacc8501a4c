"""One form for the three kinds of launch file, and what a launch of it would start.

A form is `(arguments, groups)`: arguments `{name: (default, description)}`, groups
`[(condition, [action])]`. Substitutions stay text, as in an XML launch file.
"""
import re
import xml.etree.ElementTree

import yaml

import launch_stand_in
from launch_stand_in import text

SHARE = '/share/lookout'


class Wrong(Exception):
    """What is wrong, for people."""


def need(condition, message):
    if not condition:
        raise Wrong(message)


def from_python(path):
    """The form of a Python launch file, run against the stand-ins."""
    arguments, groups = {}, []
    for entity in launch_stand_in.load(path):
        if entity.kind == 'DeclareLaunchArgument':
            arguments[entity.args[0]] = (
                text(entity.kwargs['default_value']), entity.kwargs['description'])
        elif entity.kind == 'GroupAction':
            groups.append((condition_of(entity), [
                action for action in map(python_action, entity.args[0]) if action]))
        else:
            raise Wrong(f'{path.name}: {entity.kind} is not expected here')
    return arguments, groups


def condition_of(entity):
    condition = entity.kwargs.get('condition')
    if condition is None:
        return None
    return {'IfCondition': 'if', 'UnlessCondition': 'unless'}[condition.kind], text(
        condition.args[0])


def python_action(entity):
    keys = entity.kwargs
    if entity.kind == 'SetParametersFromFile':
        return 'file', condition_of(entity), text(entity.args[0])
    if entity.kind == 'SetParameter':
        value = keys['value']
        value = str(value).lower() if isinstance(value, bool) else text(value)
        return 'parameter', condition_of(entity), (text(keys['name']), value)
    if entity.kind in ('Node', 'LifecycleNode'):
        return 'node', condition_of(entity), {
            'package': keys['package'], 'executable': keys['executable'],
            'arguments': [text(part) for part in keys['arguments']],
            'ros_arguments': [text(part) for part in keys['ros_arguments']],
            'name': text(keys['name']), 'namespace': text(keys['namespace']),
            'remappings': [(text(a), text(b)) for a, b in keys['remappings']],
            'output': keys['output'], 'respawn': text(keys['respawn']),
            'respawn_delay': keys['respawn_delay'], 'managed': entity.kind == 'LifecycleNode'}
    if entity.kind == 'RegisterEventHandler':
        return None
    raise Wrong(f'{entity.kind} is not expected here')


def from_data(path):
    """The form of an XML or YAML launch file."""
    if path.suffix == '.xml':
        root = xml.etree.ElementTree.parse(path).getroot()
        need(root.tag == 'launch', f'{path.name}: <{root.tag}> in place of <launch>')
        entities = [from_element(child) for child in root]
    else:
        entities = [only(child) for child in yaml.safe_load(path.read_text())['launch']]
    arguments, groups = {}, []
    for kind, fields in entities:
        if kind == 'arg':
            known(path, kind, fields, {'name', 'default', 'description'})
            strings(path, kind, fields)
            arguments[fields['name']] = (fields['default'], fields['description'])
        elif kind == 'group':
            known(path, kind, fields, {'if', 'unless', 'children'})
            groups.append((conditional(fields), [
                data_action(path, *only(child)) for child in fields['children']]))
        else:
            raise Wrong(f'{path.name}: {kind} is not expected here')
    return arguments, groups


def only(entity):
    """The one key of a dictionary and its value."""
    need(len(entity) == 1, f'an entity with the keys {sorted(entity)}: one is right')
    return next(iter(entity.items()))


def from_element(element):
    """An XML element as the YAML front end would have it."""
    fields = dict(element.attrib)
    if element.tag == 'group':
        fields['children'] = [dict([from_element(child)]) for child in element]
    else:
        for child in element:
            fields.setdefault(child.tag, []).append(from_element(child)[1])
    if 'respawn_delay' in fields:
        fields['respawn_delay'] = float(fields['respawn_delay'])
    return element.tag, fields


def known(path, kind, fields, names):
    extra = set(fields) - names
    need(not extra, f'{path.name}: {kind} has no attribute {", ".join(sorted(extra))}')


def strings(path, kind, fields):
    for name, value in fields.items():
        need(isinstance(value, str), f'{path.name}: {name} of {kind} is {value!r}: quote it')


def conditional(fields):
    for word in ('if', 'unless'):
        if word in fields:
            return word, fields[word]
    return None


def data_action(path, kind, fields):
    condition = conditional(fields)
    if kind == 'set_parameters_from_file':
        known(path, kind, fields, {'filename', 'if', 'unless'})
        return 'file', condition, fields['filename']
    if kind == 'set_parameter':
        known(path, kind, fields, {'name', 'value', 'if', 'unless'})
        strings(path, kind, fields)
        return 'parameter', condition, (fields['name'], fields['value'])
    if kind == 'include':
        known(path, kind, fields, {'file', 'arg', 'if', 'unless'})
        return 'include', condition, (
            fields['file'], {arg['name']: arg['value'] for arg in fields['arg']})
    need(kind == 'node', f'{path.name}: {kind} is not expected here')
    known(path, kind, fields, {
        'pkg', 'exec', 'args', 'ros_args', 'name', 'namespace', 'output', 'respawn',
        'respawn_delay', 'remap', 'if', 'unless'})
    return 'node', condition, {
        'package': fields['pkg'], 'executable': fields['exec'],
        'arguments': split(fields['args']), 'ros_arguments': split(fields['ros_args']),
        'name': fields['name'], 'namespace': fields['namespace'],
        'remappings': [(remap['from'], remap['to']) for remap in fields['remap']],
        'output': fields['output'], 'respawn': fields['respawn'],
        'respawn_delay': fields['respawn_delay'], 'managed': False}


def split(line):
    """Arguments of a command line; a substitution is one of them, or a part of one."""
    return re.findall(r'(?:\$\([^)]*\)|\S)+', line)


# ---- what a launch would do ----

def expand(value, given):
    """The text with its substitutions done."""
    def one(match):
        word, _, rest = match.group(1).partition(' ')
        if word == 'var':
            need(rest in given, f'$(var {rest}): there is no such argument')
            return given[rest]
        if word == 'find-pkg-share':
            need(rest == 'lookout', f'package {rest} is not ours')
            return SHARE
        if word == 'dirname':
            return SHARE + '/launch'
        if word == 'eval':
            need(rest[:1] == rest[-1:] == '"', f'$(eval {rest}): quote it')
            return str(eval(rest[1:-1], {'__builtins__': {}}))
        raise Wrong(f'$({match.group(1)}): no such substitution')
    before = None
    while before != value: # from the inside out
        before, value = value, re.sub(r'\$\(([^$()]*)\)', one, value)
    need('$(' not in value, f'{value}: a substitution that does not close')
    return value


def holds(condition, given):
    if condition is None:
        return True
    word, expression = condition
    answer = expand(expression, given).lower()
    need(answer in ('true', 'false', '1', '0'), f'{expression} is {answer!r}: neither true nor false')
    return (answer in ('true', '1')) == (word == 'if')


def command(form, given, include):
    """The one command that a launch with these arguments starts, and how."""
    arguments, groups = form
    unknown = set(given) - set(arguments)
    need(not unknown, f'no argument {", ".join(sorted(unknown))}')
    values = {}
    for name, (default, _) in arguments.items():
        values[name] = given[name] if name in given else expand(default, values)
    nodes = []
    for condition, actions in groups:
        if not holds(condition, values):
            continue
        options = []
        for kind, inner, what in actions:
            if not holds(inner, values):
                continue
            if kind == 'file':
                options += ['--params-file', expand(what, values)]
            elif kind == 'parameter':
                options += ['-p', f'{what[0]}:={expand(what[1], values)}']
            elif kind == 'include':
                need(expand(what[0], values) == f'{SHARE}/launch/lookout.launch.py',
                     f'{what[0]} is not our Python launch file')
                handed = {name: expand(value, values) for name, value in what[1].items()}
                need(set(handed) == set(arguments), 'the include does not hand on every argument')
                nodes.append(command(include, handed, None))
            else:
                nodes.append({
                    'command': [f'{what["package"]}/{what["executable"]}', *(
                        expand(part, values)
                        for part in what['arguments'] + ['--ros-args'] + what['ros_arguments'])],
                    'name': expand(what['name'], values),
                    'namespace': expand(what['namespace'], values), 'options': options,
                    'remappings': [
                        (expand(a, values), expand(b, values)) for a, b in what['remappings']],
                    'output': what['output'], 'respawn': expand(what['respawn'], values).lower(),
                    'respawn_delay': what['respawn_delay'], 'managed': what['managed']})
    need(len(nodes) == 1, f'{len(nodes)} nodes are started in place of one')
    return nodes[0]
