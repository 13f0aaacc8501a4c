use rten_onnx::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

use super::*;

/// A field with a length.
fn field(number: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = number_of(number << 3 | 2);
    bytes.extend(number_of(payload.len() as u64));
    bytes.extend(payload);
    bytes
}

fn number_of(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A model whose graph has one initializer with these bytes as its fields.
fn with_tensor(fields: &[u8]) -> Vec<u8> {
    field(7, &field(5, fields))
}

#[track_caller]
fn is_refused(bytes: &[u8], words: &str) {
    let fault = check(bytes).unwrap_err();
    assert!(fault.reason.contains(words), "{fault:?}");
    assert!(fault.at <= bytes.len(), "{fault:?}");
}

#[test]
fn a_length_beyond_the_end_is_refused_at_any_depth() {
    for length in [5, 1 << 31, 1 << 40, u64::MAX - 8, u64::MAX] {
        // raw data of a tensor: what a reader would reserve at once
        let mut raw = number_of(9 << 3 | 2);
        raw.extend(number_of(length));
        raw.extend([0; 4]);
        is_refused(&with_tensor(&raw), "beyond the end");
        // the graph itself
        let mut graph = number_of(7 << 3 | 2);
        graph.extend(number_of(length));
        is_refused(&graph, "beyond the end");
    }
    // within the file, and beyond its own message
    let tensor = [number_of(9 << 3 | 2), number_of(6), vec![0; 2]].concat();
    let bytes = [with_tensor(&tensor), field(2, b"somebody")].concat();
    is_refused(&bytes, "beyond the end");
}

#[test]
fn a_number_without_an_end_is_refused() {
    let endless = vec![0x80; 20];
    is_refused(&endless, "more than 64 bits");
    is_refused(&with_tensor(&endless), "more than 64 bits");
    is_refused(&[0x08, 0x80], "cut off");
    is_refused(&[0x0b], "kind");
    let most = [vec![0x08], vec![0xff; 9], vec![0x01]].concat();
    assert_eq!(check(&most), Ok(()));
}

#[test]
fn packed_numbers_end_with_their_field() {
    for (number, payload) in [
        (tensor::FLOATS, &[0; 6][..]),
        (tensor::DOUBLES, &[0; 12]),
        (tensor::LONGS, &[1, 2, 0x80]),
        (tensor::INTS, &[0x80]),
    ] {
        is_refused(&with_tensor(&field(number, payload)), "cut off");
    }
    for (number, payload) in [
        (tensor::FLOATS, &[0; 8][..]),
        (tensor::DOUBLES, &[0; 16]),
        (tensor::LONGS, &[1, 2, 0x80, 1]),
        (tensor::INTS, &[]),
    ] {
        let bytes = with_tensor(&field(number, payload));
        assert_eq!(check(&bytes), Ok(()), "{number}");
    }
}

#[test]
fn graphs_in_graphs_have_an_end() {
    let nested = |times: usize| {
        let mut graph = vec![];
        for _ in 0..times {
            graph = field(1, &field(5, &field(6, &graph)));
        }
        field(7, &graph)
    };
    assert_eq!(check(&nested(10)), Ok(()));
    is_refused(&nested(30), "deep");
    is_refused(&nested(1_000), "deep");
    let mut types = vec![];
    for _ in 0..1_000 {
        types = field(4, &field(1, &types));
    }
    is_refused(&field(7, &field(11, &field(2, &types))), "deep");
}

#[test]
fn empty_parts_without_number_are_refused() {
    let node = field(1, &[]);
    let graph = node.repeat(MOST_MESSAGES + 1);
    is_refused(&field(7, &graph), "parts");
}

#[test]
fn what_an_exporter_writes_passes() {
    let tensor = TensorProto {
        name: Some("/head/bias".to_owned()),
        dims: vec![2],
        float_data: vec![0.5, 1.0],
        int64_data: vec![-1, 3],
        ..TensorProto::default()
    };
    let of = |tensor: TensorProto| GraphProto {
        initializer: vec![tensor],
        ..GraphProto::default()
    };
    let inner = AttributeProto {
        g: Some(of(tensor.clone())),
        ..AttributeProto::default()
    };
    let node = NodeProto {
        attribute: vec![inner],
        ..NodeProto::default()
    };
    let graph = GraphProto {
        node: vec![node],
        ..of(tensor)
    };
    let model = ModelProto {
        graph: Some(graph),
        ..ModelProto::default()
    };
    assert_eq!(check(&model.write_buf().unwrap()), Ok(()));
}

#[test]
fn bytes_of_something_else_are_refused_or_hold_nothing() {
    assert_eq!(check(b""), Ok(()));
    assert!(check(b"no graph at all").is_err());
}
