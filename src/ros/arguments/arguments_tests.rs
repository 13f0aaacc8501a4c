use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn parse(line: &str) -> Result<Arguments, ArgumentError> {
    let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
    Arguments::parse(&words)
}

fn one(node: Option<&str>, name: &str, value: Value) -> ParameterArgument {
    ParameterArgument::One {
        node: node.map(str::to_owned),
        name: name.to_owned(),
        value,
    }
}

#[test]
fn what_is_not_for_ros_is_left_over() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("a -r b --", &["a", "-r", "b", "--"]),
        ("a --ros-args -r b:=c -- d", &["a", "d"]),
        ("--ros-args -r b:=c", &[]),
        (
            "--ros-args -r b:=c -- d --ros-args -p e:=1 -- f",
            &["d", "f"],
        ),
        ("--ros-args --ros-args -r b:=c", &[]),
        ("--ros-args -- --", &["--"]),
    ];
    for (line, rest) in cases {
        assert_eq!(parse(line).unwrap().rest, *rest, "{line}");
    }
}

#[test]
fn sections_add_up_in_their_order() {
    let arguments = parse(
        "--ros-args --params-file a.yaml -p x:=1 -r a:=b -- more \
         --ros-args --params-file b.yaml --param n:x:=2 --remap n:c:=d",
    )
    .unwrap();
    let expected = [
        ParameterArgument::File("a.yaml".into()),
        one(None, "x", Value::Integer(1)),
        ParameterArgument::File("b.yaml".into()),
        one(Some("n"), "x", Value::Integer(2)),
    ];
    assert_eq!(arguments.parameters, expected);
    let rules: Vec<_> = arguments
        .remaps
        .iter()
        .map(|rule| (rule.node.as_deref(), rule.from.clone(), rule.to.as_str()))
        .collect();
    let expected = [
        (None, RemapFrom::Name("a".to_owned()), "b"),
        (Some("n"), RemapFrom::Name("c".to_owned()), "d"),
    ];
    assert_eq!(rules, expected);
}

#[test]
fn values_are_read_as_yaml() {
    let text = |text: &str| Value::String(text.to_owned());
    let cases = [
        ("1", Value::Integer(1)),
        ("-7", Value::Integer(-7)),
        ("0x10", Value::Integer(16)),
        ("010", Value::Integer(8)),
        ("1.0", Value::Double(1.0)),
        ("1e3", Value::Double(1000.0)),
        (".inf", Value::Double(f64::INFINITY)),
        ("18446744073709551615", Value::Double(u64::MAX as f64)),
        ("true", Value::Bool(true)),
        ("off", Value::Bool(false)),
        ("Yes", Value::Bool(true)),
        ("raw", text("raw")),
        ("'1'", text("1")),
        ("\"true\"", text("true")),
        ("/a/b.toml", text("/a/b.toml")),
        ("0,2-3", text("0,2-3")),
        ("a:b", text("a:b")),
        ("a:=b", text("a:=b")),
        ("", text("")),
        ("~", text("~")),
        ("null", text("null")),
        ("[true,false]", Value::BoolArray(vec![true, false])),
        ("[1,2]", Value::IntegerArray(vec![1, 2])),
        ("[1.5]", Value::DoubleArray(vec![1.5])),
        ("[a,'1']", Value::StringArray(vec!["a".into(), "1".into()])),
        ("[]", Value::NotSet),
    ];
    for (yaml, value) in cases {
        let line = format!("--ros-args -p name:={yaml}");
        let arguments = parse(&line).unwrap();
        assert_eq!(arguments.parameters, [one(None, "name", value)], "{yaml}");
    }
}

#[test]
fn log_flags_are_read() {
    let arguments = parse("--ros-args --log-level WARN --log-level a.b:=debug --log-level error");
    let log = arguments.unwrap().log;
    assert_eq!(log.level, Some(LogLevel::Error), "the last one");
    assert_eq!(log.loggers, [("a.b".to_owned(), LogLevel::Debug)]);
    assert!(log.rosout && log.stdout);

    let off = "--ros-args --disable-rosout-logs --disable-stdout-logs --disable-external-lib-logs";
    let log = parse(off).unwrap().log;
    assert!(!log.rosout && !log.stdout);
    let on = "--enable-rosout-logs --enable-stdout-logs --enable-external-lib-logs";
    let log = parse(&format!("{off} {on}")).unwrap().log;
    assert!(log.rosout && log.stdout);
}

#[test]
fn the_enclave_is_kept() {
    let arguments = parse("--ros-args -e /front").unwrap();
    assert_eq!(arguments.enclave.as_deref(), Some("/front"));
    let arguments = parse("--ros-args --enclave /rear").unwrap();
    assert_eq!(arguments.enclave.as_deref(), Some("/rear"));
}

#[test]
fn what_cannot_be_used_is_named() {
    let cases = [
        ("-r", "-r needs a value"),
        ("-p --", "-p needs a value"),
        ("--params-file --ros-args", "--params-file needs a value"),
        ("--log-level", "--log-level needs a value"),
        ("--verbose", "unknown ROS argument \"--verbose\""),
        ("-x", "unknown ROS argument \"-x\""),
        ("word", "unknown ROS argument \"word\""),
        ("--log-config-file f", "--log-config-file is not supported"),
        ("a:=b", "write -r a:=b"),
        ("__ns:=/x", "write -r __ns:=/x"),
        ("__params:=f.yaml", "write --params-file f.yaml"),
        ("__log_level:=info", "write --log-level info"),
        ("_threads:=2", "write -p threads:=2"),
        ("-r a=b", "-r \"a=b\": there is no :="),
        ("-r :=b", "a side of := is empty"),
        ("-r a:=", "a side of := is empty"),
        ("-r 1n:a:=b", "node name \"1n\""),
        ("-r __node:=a/b", "node name \"a/b\""),
        ("-r __ns:=x", "namespace \"x\" does not begin with a slash"),
        ("-p a=1", "-p \"a=1\": there is no :="),
        ("-p :=1", "names no parameter"),
        ("-p a:=[1,2.5]", "list of different types"),
        ("-p a:=[[1]]", "something other than plain values"),
        ("-p a:={b:1}", "the value is a map"),
        ("-p a:=[1", "the value is no YAML"),
        ("--log-level loud", "\"loud\" is not a log level"),
        ("--log-level a:=loud", "\"loud\" is not a log level"),
        ("--log-level :=info", "names no logger"),
    ];
    for (line, expected) in cases {
        let error = parse(&format!("--ros-args {line}")).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected), "{line}: {error}");
    }
}

proptest! {
    #[test]
    fn no_arguments_panic(words in vec(".{0,12}|-r|-p|--|--params-file|--log-level|__ns:=/a", 0..8)) {
        let mut line = vec!["--ros-args".to_owned()];
        line.extend(words);
        let _ = Arguments::parse(&line);
    }

    #[test]
    fn no_value_panics(value in "[-\\[\\]{}:,'\"&*!|>#~ a1.\n]{0,20}") {
        let line = ["--ros-args".to_owned(), "-p".to_owned(), format!("a:={value}")];
        let _ = Arguments::parse(&line);
    }
}
