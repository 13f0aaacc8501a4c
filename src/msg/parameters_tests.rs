use super::*;
use crate::msg::cdr;
use proptest::collection::vec;
use proptest::prelude::*;

fn value() -> impl Strategy<Value = ParameterValue> {
    let scalars = (0u8..=9, any::<bool>(), any::<i64>(), -1e9..1e9f64, ".{0,9}");
    let arrays = (
        vec(any::<u8>(), 0..5),
        vec(any::<bool>(), 0..5),
        vec(any::<i64>(), 0..3),
        vec(-1e9..1e9f64, 0..3),
        vec(".{0,5}", 0..3),
    );
    (scalars, arrays).prop_map(|(s, a)| ParameterValue {
        parameter_type: s.0,
        bool_value: s.1,
        integer_value: s.2,
        double_value: s.3,
        string_value: s.4,
        byte_array_value: a.0,
        bool_array_value: a.1,
        integer_array_value: a.2,
        double_array_value: a.3,
        string_array_value: a.4,
    })
}

proptest! {
    #[test]
    fn events_round_trip(new in vec((".{0,8}", value()), 0..4), sec: i32) {
        let parameters: Vec<_> = new
            .into_iter()
            .map(|(name, value)| Parameter { name, value })
            .collect();
        let event = ParameterEvent {
            stamp: Time { sec, nanosec: 7 },
            node: "/lookout".to_owned(),
            changed_parameters: parameters.clone(),
            new_parameters: parameters,
            deleted_parameters: vec![],
        };
        let bytes = cdr::to_vec(&event).unwrap();
        prop_assert_eq!(cdr::from_slice::<ParameterEvent>(&bytes).unwrap(), event);
    }

    #[test]
    fn no_bytes_make_a_request_panic(bytes in vec(any::<u8>(), 0..200)) {
        let mut message = vec![0, 1, 0, 0];
        message.extend(bytes);
        let _ = cdr::from_slice::<SetParametersRequest>(&message);
        let _ = cdr::from_slice::<ListParametersRequest>(&message);
        let _ = cdr::from_slice::<ParameterNames>(&message);
    }
}

#[test]
fn a_descriptor_has_the_layout_of_its_definition() {
    let descriptor = ParameterDescriptor {
        name: "a".to_owned(),
        parameter_type: ParameterType::DOUBLE,
        read_only: true,
        floating_point_range: vec![FloatingPointRange {
            from_value: 0.0,
            to_value: 1.0,
            step: 0.5,
        }],
        ..ParameterDescriptor::default()
    };
    let mut expected = vec![0, 1, 0, 0]; // header
    expected.extend([2, 0, 0, 0, b'a', 0]); // name
    expected.extend([3, 0]); // type, padding
    expected.extend([1, 0, 0, 0, 0, 0, 0, 0]); // description, padding
    expected.extend([1, 0, 0, 0, 0]); // additional constraints
    expected.extend([1, 0]); // read only, dynamic typing
    expected.push(0); // padding
    expected.extend([1, 0, 0, 0]); // one range
    expected.extend([0; 4]); // padding
    for value in [0.0f64, 1.0, 0.5] {
        expected.extend(value.to_le_bytes());
    }
    expected.extend([0, 0, 0, 0]); // no range of integers
    assert_eq!(cdr::to_vec(&descriptor).unwrap(), expected);
    assert_eq!(
        cdr::from_slice::<ParameterDescriptor>(&expected).unwrap(),
        descriptor
    );
}

#[test]
fn services_round_trip() {
    let names = ParameterNames {
        names: vec!["a.b".to_owned(), String::new()],
    };
    let bytes = cdr::to_vec(&names).unwrap();
    assert_eq!(cdr::from_slice::<ParameterNames>(&bytes).unwrap(), names);

    let types = GetParameterTypesResponse {
        types: vec![1, 9, 0],
    };
    let bytes = cdr::to_vec(&types).unwrap();
    assert_eq!(bytes[4..], [3, 0, 0, 0, 1, 9, 0]);
    let read: GetParameterTypesResponse = cdr::from_slice(&bytes).unwrap();
    assert_eq!(read, types);

    let results = SetParametersResponse {
        results: vec![SetParametersResult {
            successful: false,
            reason: "no".to_owned(),
        }],
    };
    let bytes = cdr::to_vec(&results).unwrap();
    let read: SetParametersResponse = cdr::from_slice(&bytes).unwrap();
    assert_eq!(read, results);

    let request = ListParametersRequest {
        prefixes: vec!["camera".to_owned()],
        depth: 1 << 40,
    };
    let bytes = cdr::to_vec(&request).unwrap();
    let read: ListParametersRequest = cdr::from_slice(&bytes).unwrap();
    assert_eq!(read, request);
}
