use super::*;
use crate::msg::Time;
use crate::msg::parameters::ParameterType;
use crate::ros::parameters::Phase;

/// A node that is active, and whether it agrees to values.
struct Active(Result<(), String>);

impl Host for Active {
    fn phase(&self) -> Phase {
        Phase::Active
    }

    fn stamp(&self) -> Time {
        Time::default()
    }

    fn agrees(&self, _: &Store) -> Result<(), String> {
        self.0.clone()
    }

    fn changed(&mut self, _: &[&'static str], _: &Store) {}
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn to(name: &str, value: Value) -> Parameter {
    Parameter {
        name: name.to_owned(),
        value: (&value).into(),
    }
}

#[test]
fn values_types_and_descriptions_come_in_the_order_of_the_names() {
    let store = Store::default();
    let asked = names(&["threshold", "deadline_ms", "threshold"]);
    let values: Vec<_> = get(&store, &asked)
        .values
        .into_iter()
        .map(|value| Value::try_from(value).unwrap())
        .collect();
    let expected = [Value::Double(0.0), Value::Integer(100), Value::Double(0.0)];
    assert_eq!(values, expected);
    let numbers = types(&asked).types;
    assert_eq!(
        numbers,
        [
            ParameterType::DOUBLE,
            ParameterType::INTEGER,
            ParameterType::DOUBLE
        ]
    );
    let described = describe(&names(&["engine", "deadline_ms", "autostart", "threshold"]));
    let [engine, deadline, autostart, threshold] = described.descriptors.try_into().unwrap();
    assert_eq!(
        engine.additional_constraints,
        "one of auto, rten, ort, tensorrt; changed only while the node is unconfigured"
    );
    assert_eq!(deadline.parameter_type, ParameterType::INTEGER);
    let range = deadline.integer_range[0];
    assert_eq!((range.from_value, range.to_value), (10, 10_000));
    assert!(!deadline.read_only && autostart.read_only && !autostart.dynamic_typing);
    let range = threshold.floating_point_range[0];
    assert_eq!(
        (range.from_value, range.to_value, range.step),
        (0.0, 1.0, 0.0)
    );
    assert!(threshold.integer_range.is_empty() && threshold.additional_constraints.is_empty());
}

#[test]
fn a_name_that_there_is_not_leaves_the_response_empty() {
    let store = Store::default();
    let asked = names(&["threshold", "no_such"]);
    assert!(get(&store, &asked).values.is_empty());
    assert!(types(&asked).types.is_empty());
    assert!(describe(&asked).descriptors.is_empty());
}

#[test]
fn more_than_there_can_be_is_not_answered() {
    let store = Store::default();
    let many = vec!["threshold".to_owned(); MOST + 1];
    assert!(get(&store, &many).values.is_empty());
    assert_eq!(get(&store, &many[1..]).values.len(), MOST);
    let mut store = Store::default();
    let many = vec![to("threshold", Value::Double(0.5)); MOST + 1];
    let (response, changed) = set_together(&mut store, many.clone(), &Active(Ok(())));
    assert!(!response.result.successful && changed.is_empty());
    let (response, _) = set_each(&mut store, many, &Active(Ok(())));
    assert_eq!(response.results.len(), MOST);
}

#[test]
fn each_is_set_with_a_result_of_its_own() {
    let mut store = Store::default();
    let (response, changes) = set_each(
        &mut store,
        vec![
            to("threshold", Value::Double(0.5)),
            to("deadline_ms", Value::Integer(50)),
            to("overlay_quality", Value::Integer(80)),
            to("overlay_max_width", Value::Integer(320)),
        ],
        &Active(Ok(())),
    );
    let successful: Vec<_> = response.results.iter().map(|r| r.successful).collect();
    assert_eq!(successful, [true, false, true, true]);
    assert_eq!(
        response.results[1].reason,
        "deadline_ms can be changed only while the node is unconfigured (it is active)"
    );
    assert_eq!(changes, [vec!["threshold"], vec!["overlay_max_width"]]);
}

#[test]
fn together_all_or_none_are_set() {
    let mut store = Store::default();
    let both = |quality| {
        vec![
            to("threshold", Value::Double(0.5)),
            to("overlay_quality", Value::Integer(quality)),
        ]
    };
    let (response, changed) = set_together(&mut store, both(0), &Active(Ok(())));
    assert!(!response.result.successful && changed.is_empty());
    assert_eq!(store, Store::default());
    let (response, changed) = set_together(&mut store, both(50), &Active(Ok(())));
    assert!(response.result.successful, "{}", response.result.reason);
    assert_eq!(changed, ["threshold", "overlay_quality"]);
    let value = parameter(&store, "threshold").unwrap();
    assert_eq!(value, to("threshold", Value::Double(0.5)));
}

#[test]
fn what_the_node_cannot_go_on_with_is_refused_with_its_reason_and_the_values_stay() {
    let mut store = Store::default();
    let host = Active(Err("the stop levels hold for another".to_owned()));
    let both = vec![
        to("threshold", Value::Double(0.5)),
        to("overlay_quality", Value::Integer(50)),
    ];
    let (together, changed) = set_together(&mut store, both.clone(), &host);
    let (each, changes) = set_each(&mut store, both, &host);
    for result in each.results.iter().chain([&together.result]) {
        assert!(!result.successful);
        assert_eq!(result.reason, "the stop levels hold for another");
    }
    assert!(changed.is_empty() && changes.is_empty());
    assert_eq!(store, Store::default());
}

#[test]
fn a_type_that_there_is_not_is_refused() {
    let mut store = Store::default();
    let mut odd = to("threshold", Value::Double(0.5));
    odd.value.parameter_type = 10;
    let (response, _) = set_together(&mut store, vec![odd], &Active(Ok(())));
    assert_eq!(
        response.result.reason,
        "threshold: there is no parameter type 10"
    );
}

#[test]
fn every_type_of_value_round_trips() {
    let values = [
        Value::NotSet,
        Value::Bool(true),
        Value::Integer(-3),
        Value::Double(0.5),
        Value::String("a".to_owned()),
        Value::ByteArray(vec![1, 2]),
        Value::BoolArray(vec![true]),
        Value::IntegerArray(vec![1]),
        Value::DoubleArray(vec![2.0]),
        Value::StringArray(names(&["b"])),
    ];
    for (number, value) in values.into_iter().enumerate() {
        let message = ParameterValue::from(&value);
        assert_eq!(usize::from(message.parameter_type), number);
        assert_eq!(Value::try_from(message).unwrap(), value);
    }
}
