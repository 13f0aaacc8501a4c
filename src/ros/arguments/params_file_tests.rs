use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Result<ParamsFile, ParamsFileError> {
    ParamsFile::parse(text, Path::new("p.yaml"))
}

fn node(full: &str) -> NodeName {
    let (namespace, name) = full.rsplit_once('/').unwrap();
    let namespace = if namespace.is_empty() { "/" } else { namespace };
    NodeName::new(namespace, name).unwrap()
}

#[test]
fn sections_match_full_names() {
    let cases: &[(&str, &str, bool)] = &[
        ("lookout", "/lookout", true),
        ("lookout", "/ns/lookout", false),
        ("/lookout", "/lookout", true),
        ("/ns/lookout", "/ns/lookout", true),
        ("ns/lookout", "/ns/lookout", true),
        ("/ns/lookout", "/lookout", false),
        ("/**", "/lookout", true),
        ("/**", "/a/b/lookout", true),
        ("/*", "/lookout", true),
        ("/*", "/ns/lookout", false),
        ("/ns/*", "/ns/lookout", true),
        ("/ns/*", "/ns/a/lookout", false),
        ("/ns/**", "/ns/a/lookout", true),
        ("**/lookout", "/lookout", true),
        ("**/lookout", "/a/b/lookout", true),
        ("**/lookout", "/lookout/b", false),
        ("/*/lookout", "/a/lookout", true),
        ("/*/lookout", "/lookout", false),
        ("/**/b/**/lookout", "/a/b/lookout", true),
        ("/**/b/**/lookout", "/a/c/lookout", false),
        ("look", "/lookout", false),
        ("lookout2", "/lookout", false),
    ];
    for (section, full, expected) in cases {
        let file = parse(&format!("\"{section}\":\n  ros__parameters:\n    a: 1\n")).unwrap();
        assert_eq!(
            file.of(&node(full)).count() == 1,
            *expected,
            "{section} {full}"
        );
    }
}

#[test]
fn namespaces_nest_and_names_of_nested_maps_are_joined() {
    let text = "
front:
  lookout:
    ros__parameters:
      deadline_ms: 80
      camera:
        height_m: 1.5
      camera.pitch_deg: 2.0
      realtime: {cpus: '0', lock_memory: true}
  other:
    ros__parameters:
      deadline_ms: 10
      lists: [[1, 2], ok]
";
    let error = parse(text).unwrap_err().to_string();
    assert_eq!(
        error,
        "p.yaml: /front/other: lists is a list of something other than plain values"
    );
    let file = parse(&text.replace("[[1, 2], ok]", "[]")).unwrap();
    let found: Vec<_> = file.of(&node("/front/lookout")).collect();
    let expected = [
        ("deadline_ms", &Value::Integer(80)),
        ("camera.height_m", &Value::Double(1.5)),
        ("camera.pitch_deg", &Value::Double(2.0)),
        ("realtime.cpus", &Value::String("0".to_owned())),
        ("realtime.lock_memory", &Value::Bool(true)),
    ];
    assert_eq!(found, expected);
    let sections: Vec<_> = file.nodes().collect();
    assert_eq!(sections, ["/front/lookout", "/front/other"]);
}

#[test]
fn errors_name_file_node_and_parameter() {
    let cases = [
        (
            "lookout:\n  ros__parameters:\n    a: {b: [1, x]}\n",
            "p.yaml: /lookout: a.b is a list of different types: a string in an array of integers",
        ),
        (
            "/**:\n  ros__parameters:\n    a:\n",
            "p.yaml: /**: a has no value",
        ),
        (
            "ros__parameters:\n  a: 1\n",
            "p.yaml: ros__parameters: is under no node's name",
        ),
        (
            "lookout:\n  ros__parameters: 3\n",
            "p.yaml: /lookout: ros__parameters is not a map",
        ),
        (
            "lookout: 3\n",
            "p.yaml: /lookout: a value where nodes and ros__parameters are",
        ),
        (
            "- a\n",
            "p.yaml: top level: a value where nodes and ros__parameters are",
        ),
        ("a: [1\n", "p.yaml: "),
        ("a:\n  ros__parameters:\n    b: 1\n    b: 2\n", "p.yaml: "),
    ];
    for (text, expected) in cases {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    for text in [
        "",
        "# nothing\n",
        "lookout:\n",
        "lookout:\n  ros__parameters:\n",
    ] {
        let file = parse(text).unwrap();
        assert_eq!(file.of(&node("/lookout")).count(), 0, "{text}");
    }
}

#[test]
fn what_is_said_last_counts() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let first = write(
        "first.yaml",
        "lookout: {ros__parameters: {a: 1, b: 1, c: 1}}\n/**: {ros__parameters: {b: 2}}\n",
    );
    let second = write("second.yaml", "/**: {ros__parameters: {c: 3}}\n");
    let other = write("other.yaml", "other: {ros__parameters: {a: 9}}\n");
    let line = format!(
        "--ros-args --params-file {first} -p a:=4 -p other:a:=5 -p lookout:d:=6 \
         --params-file {second} --params-file {other}"
    );
    let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
    let overrides = Arguments::parse(&words)
        .unwrap()
        .overrides(&node("/lookout"))
        .unwrap();
    let found: Vec<_> = overrides
        .parameters
        .iter()
        .map(|p| (p.name.as_str(), p.value.clone(), p.source.to_string()))
        .collect();
    let expected = [
        ("a", Value::Integer(4), "-p".to_owned()),
        ("b", Value::Integer(2), first),
        ("c", Value::Integer(3), second),
        ("d", Value::Integer(6), "-p".to_owned()),
    ];
    assert_eq!(found, expected);
    assert_eq!(
        overrides.for_others,
        [(PathBuf::from(other), vec!["/other".to_owned()])]
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let missing = ParamsFile::read(Path::new("/no/such.yaml")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read /no/such.yaml");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.yaml");
    std::fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
    let large = ParamsFile::read(&path).unwrap_err();
    assert!(matches!(large, ParamsFileError::TooLarge(_)), "{large}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-\\[\\]{}:,'\"&*!|>#~%?@` ab1.\n/]{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_text_under_a_node_panics(text in "[-\\[\\]{}:,'\"&*!|>#~ ab1.\n]{0,40}") {
        let _ = parse(&format!("/**:\n  ros__parameters:\n    a: {text}\n"));
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let block: String = (0..500).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    for text in ["[".repeat(10_000), "{a: ".repeat(10_000), block] {
        assert!(parse(&text).is_err());
    }
}

#[test]
fn names_without_measure_are_an_error() {
    let long = "n".repeat(300);
    for (text, words) in [
        (
            format!("/**:\n  ros__parameters:\n    {long}: {{a: 1, b: 2}}\n"),
            "300 bytes",
        ),
        (
            format!(
                "/**:\n  ros__parameters:\n    {}1{}\n",
                "{nnnnnnnnnn: ".repeat(40),
                "}".repeat(40)
            ),
            "is a name of",
        ),
        (
            format!("{long}:\n  ros__parameters:\n    a: 1\n"),
            "too long",
        ),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(words) && error.len() < 1000, "{error}");
    }
}
