use super::*;
use crate::proto::{Attribute, GraphProto, TensorProto};

/// Nodes in a row from `x` to `out`, each with its attributes.
fn row(nodes: &[(&str, Vec<Attribute>)]) -> GraphProto {
    let last = nodes.len() - 1;
    let name = |at: usize| match at {
        0 => "x".to_owned(),
        at if at == last + 1 => "out".to_owned(),
        at => format!("t{at}"),
    };
    let node = |(at, (kind, attribute)): (usize, &(&str, Vec<Attribute>))| NodeProto {
        input: match *kind {
            "Gather" => vec!["palette".to_owned(), name(at)],
            _ => vec![name(at)],
        },
        output: vec![name(at + 1)],
        name: format!("n{at}"),
        op_type: (*kind).to_owned(),
        attribute: attribute.clone(),
        ..NodeProto::default()
    };
    GraphProto {
        node: nodes.iter().enumerate().map(node).collect(),
        initializer: vec![TensorProto::float("palette", &[1], &[0.0])],
        ..GraphProto::default()
    }
}

fn back(nodes: &[(&str, Vec<Attribute>)]) -> Way {
    let graph = row(nodes);
    way(&View::new(&graph, 17), "out")
}

fn axis(value: i64) -> Vec<Attribute> {
    vec![Attribute::int("axis", value)]
}

fn perm(axes: &[i64]) -> Vec<Attribute> {
    vec![Attribute::ints("perm", axes)]
}

#[test]
fn labels_lead_back_through_what_makes_them_larger_and_surer() {
    let way = back(&[
        ("Conv", vec![]),
        ("Resize", vec![Attribute::string("mode", "linear")]),
        ("Softmax", axis(1)),
        ("ArgMax", axis(1)),
        ("Cast", vec![]),
        ("Squeeze", vec![]),
    ]);
    assert!(way.labels);
    let deepest = way.cuts.last().unwrap();
    assert_eq!((deepest.tensor.as_str(), deepest.axis), ("t1", Some(1)));
    assert_eq!(deepest.removed.len(), 5);
    assert_eq!(deepest.removed[0], "\"n5\" (Squeeze)");
    let resized = &deepest.resized[0];
    assert_eq!((resized.mode.as_str(), resized.is_ours()), ("linear", true));
    assert_eq!(way.ends_at.as_deref(), Some("\"n0\" (Conv)"));
    // what is larger stays possible
    assert_eq!(way.cuts[0].tensor, "t3");
}

#[test]
fn the_axis_of_classes_is_followed_through_a_transpose() {
    let way = back(&[
        ("Conv", vec![]),
        ("Transpose", perm(&[0, 2, 3, 1])),
        ("ArgMax", axis(-1)),
    ]);
    let axes: Vec<_> = way.cuts.iter().map(|cut| cut.axis).collect();
    assert_eq!(axes, [Some(-1), Some(1)]);
}

#[test]
fn colours_of_a_palette_lead_back_too() {
    let way = back(&[("Conv", vec![]), ("ArgMax", axis(1)), ("Gather", vec![])]);
    assert!(way.labels);
    assert_eq!(way.cuts[0].tensor, "t1");
}

#[test]
fn rounding_to_steps_is_cut_off_only_with_something_before_it() {
    let kept = back(&[
        ("Conv", vec![]),
        ("QuantizeLinear", vec![]),
        ("DequantizeLinear", vec![]),
        ("ArgMax", axis(1)),
    ]);
    assert_eq!(kept.cuts.len(), 1);
    assert_eq!(kept.cuts[0].tensor, "t3");
    let cut = back(&[
        ("Conv", vec![]),
        ("Resize", vec![]),
        ("QuantizeLinear", vec![]),
        ("DequantizeLinear", vec![]),
        ("ArgMax", axis(1)),
    ]);
    let deepest = cut.cuts.last().unwrap();
    assert_eq!(deepest.tensor, "t1");
    assert!(deepest.resized[0].quantised);
    assert!(!deepest.resized[0].is_ours());
}

#[test]
fn a_nearest_resize_that_floors_leaves_logits_where_lookout_takes_them_to() {
    let resized = |attributes: &[(&str, &str)], opset| {
        let attributes = attributes.iter();
        let attributes = attributes.map(|(name, value)| Attribute::string(name, value));
        let graph = row(&[("Conv", vec![]), ("Resize", attributes.collect())]);
        let way = way(&View::new(&graph, opset), "out");
        way.cuts.last().unwrap().resized[0].clone()
    };
    let asymmetric = ("coordinate_transformation_mode", "asymmetric");
    let floor = ("nearest_mode", "floor");
    for (attributes, opset, moved) in [
        (&[asymmetric, floor][..], 17, false),
        (&[asymmetric], 17, true),
        (&[asymmetric, floor, ("mode", "linear")], 17, true),
        (&[], 10, false),
        (&[("mode", "linear")], 10, true),
        (&[], 17, false),
    ] {
        assert_eq!(
            resized(attributes, opset).is_moved(),
            moved,
            "{attributes:?} {opset}"
        );
    }
}

#[test]
fn what_only_looks_like_labels_is_taken_as_it_is() {
    let way = back(&[("Conv", vec![]), ("Greater", vec![]), ("Cast", vec![])]);
    assert!(!way.labels);
    assert_eq!(way.ends_at.as_deref(), Some("\"n1\" (Greater)"));
    assert_eq!(way.cuts.last().unwrap().axis, None);
}

#[test]
fn an_axis_may_be_counted_from_the_end() {
    assert_eq!(from_start(-1, 4), Some(3));
    assert_eq!(from_start(1, 4), Some(1));
    assert_eq!(from_start(4, 4), None);
    assert_eq!(from_start(-5, 4), None);
}

#[test]
fn a_row_that_goes_on_and_on_is_followed_so_far_only() {
    let row: Vec<_> = (0..1000).map(|_| ("Identity", vec![])).collect();
    let way = back(&row);
    assert!(!way.labels);
    assert_eq!(way.cuts.len(), 1 + LONGEST);
    assert_eq!(way.cuts[LONGEST].removed.len(), LONGEST);
    assert_eq!(way.ends_at.as_deref(), Some("\"n935\" (Identity)"));
}
