use super::*;
use crate::ros::arguments::Arguments;
use proptest::prelude::*;

fn names(rules: &[&str]) -> Result<Names, NameError> {
    let mut line = vec!["--ros-args".to_owned()];
    for rule in rules {
        line.extend(["-r".to_owned(), (*rule).to_owned()]);
    }
    Names::new("lookout", "/", &Arguments::parse(&line).unwrap().remaps)
}

#[test]
fn names_are_expanded() {
    let cases = [
        ("/", "~", "/lookout"),
        ("/", "~/input/image", "/lookout/input/image"),
        ("/", "image", "/image"),
        ("/", "a/b", "/a/b"),
        ("/", "/a/b", "/a/b"),
        ("/", "{ns}/a", "/a"),
        ("/", "{node}/a", "/lookout/a"),
        ("/", "/x/{node}", "/x/lookout"),
        ("/front", "~", "/front/lookout"),
        ("/front", "~/status", "/front/lookout/status"),
        ("/front", "image", "/front/image"),
        ("/front", "/image", "/image"),
        ("/front", "{ns}/image", "/front/image"),
        ("/a/b", "{namespace}/x/{node}", "/a/b/x/lookout"),
        ("/", "a__b", "/a__b"),
    ];
    for (namespace, name, expected) in cases {
        let node = NodeName::new(namespace, "lookout").unwrap();
        assert_eq!(node.expand(name).unwrap().as_str(), expected, "{name}");
    }
}

#[test]
fn names_that_are_none_are_refused_with_the_reason() {
    let long = "a".repeat(247);
    let cases = [
        ("", "is empty"),
        ("/", "ends with a slash"),
        ("a/", "ends with a slash"),
        ("a//b", "empty part"),
        ("~a", "a ~ that no slash follows"),
        ("a/~/b", "'~'"),
        ("1a", "begins with a digit"),
        ("a/2", "begins with a digit"),
        ("a b", "' '"),
        ("a-b", "'-'"),
        ("ä", "'ä'"),
        ("{x}/a", "braces round something other"),
        ("{node/a", "a { without its }"),
        ("node}", "'}'"),
        (long.as_str(), "is longer than 247"),
    ];
    let node = NodeName::new("/", "lookout").unwrap();
    for (name, reason) in cases {
        let error = node.expand(name).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert!(
        node.expand(&long[1..]).is_ok(),
        "247 bytes, the slash included"
    );
}

#[test]
fn nodes_and_namespaces_are_checked() {
    for name in ["", "a/b", "1a", "a.b", &"n".repeat(256)] {
        assert!(check_node_name(name).is_err(), "{name}");
    }
    for namespace in ["", "a", "/a/", "//a", "/1", "/a b"] {
        assert!(check_namespace(namespace).is_err(), "{namespace}");
    }
    for namespace in ["/", "/a", "/a/b_1"] {
        assert!(check_namespace(namespace).is_ok(), "{namespace}");
    }
}

#[test]
fn the_node_and_its_namespace_are_remapped() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "/lookout"),
        (&["__node:=eye"], "/eye"),
        (&["__name:=eye", "__ns:=/front"], "/front/eye"),
        (&["__node:=first", "__node:=second"], "/first"),
        (&["lookout:__node:=eye", "eye:__ns:=/x"], "/x/eye"),
        (&["other:__node:=eye", "other:__ns:=/x"], "/lookout"),
        // the namespace goes by the name that the node has now
        (&["__node:=eye", "lookout:__ns:=/x"], "/eye"),
    ];
    for (rules, expected) in cases {
        let node = names(rules).unwrap();
        assert_eq!(node.node().to_string(), *expected, "{rules:?}");
    }
}

#[test]
fn topics_and_services_are_remapped_by_the_first_rule_that_fits() {
    let cases: &[(&[&str], &str, &str, &str)] = &[
        (&[], "~/reset", "/lookout/reset", "/lookout/reset"),
        (&["~/reset:=/stop"], "~/reset", "/stop", "/stop"),
        (&["/lookout/reset:=stop"], "~/reset", "/stop", "/stop"),
        (
            &["~/reset:=~/again", "~/reset:=/never"],
            "~/reset",
            "/lookout/again",
            "/lookout/again",
        ),
        // what a rule gives is not remapped again
        (&["a:=b", "b:=c"], "a", "/b", "/b"),
        (&["rostopic://a:=b"], "a", "/b", "/a"),
        (
            &["rosservice:///a:=rosservice:///b", "a:=c"],
            "a",
            "/c",
            "/b",
        ),
        (&["other:a:=b", "lookout:a:=c"], "a", "/c", "/c"),
        (
            &["__ns:=/n", "__node:=eye", "~/a:={ns}/{node}_b"],
            "~/a",
            "/n/eye_b",
            "/n/eye_b",
        ),
        (&["aa:=b"], "a", "/a", "/a"),
    ];
    for (rules, name, topic, service) in cases {
        let names = names(rules).unwrap();
        assert_eq!(names.topic(name).unwrap().as_str(), *topic, "{rules:?}");
        assert_eq!(names.service(name).unwrap().as_str(), *service, "{rules:?}");
    }
}

#[test]
fn a_rule_with_a_name_that_is_none_is_refused_though_nothing_uses_it() {
    for rule in ["a:=b c", "a b:=c", "a:=~x", "~:=a/"] {
        assert!(names(&[rule]).is_err(), "{rule}");
    }
    assert!(
        names(&["other:a b:=c"]).is_ok(),
        "which is another node's business"
    );
}

#[test]
fn a_topic_has_the_prefix_of_ros_in_dds() {
    let name = NodeName::new("/", "lookout")
        .unwrap()
        .expand("~/a")
        .unwrap();
    assert_eq!(crate::ros::qos::dds_topic(name.as_str()), "rt/lookout/a");
}

proptest! {
    #[test]
    fn every_expanded_name_is_a_full_name_that_expands_to_itself(name in "[~{}a-c1_/ns]{0,12}") {
        let node = NodeName::new("/n", "lookout").unwrap();
        if let Ok(full) = node.expand(&name) {
            prop_assert!(full.as_str().starts_with('/'));
            prop_assert_eq!(node.expand(full.as_str()).unwrap(), full);
        }
    }

    #[test]
    fn no_text_panics(name in ".{0,20}") {
        let node = NodeName::new("/", "lookout").unwrap();
        let _ = (node.expand(&name), NodeName::new(&name, &name));
    }
}
