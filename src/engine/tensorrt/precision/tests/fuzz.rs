//! No input makes it panic.

use proptest::prelude::*;

use super::super::{convert, graph_precision};
use super::build::{network, shipped};

/// Neither panics, and a file that converts is one that can be read.
fn survives(onnx: &[u8]) {
    let told = graph_precision(onnx);
    if let Ok(converted) = convert(onnx) {
        assert!(told.is_ok());
        assert!(graph_precision(&converted.onnx).is_ok());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }

    #[test]
    fn no_damage_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut onnx = network().bytes();
        for (at, byte) in &changes {
            let at = at.index(onnx.len());
            onnx[at] = *byte;
        }
        if cut {
            onnx.truncate(length.index(onnx.len()));
        }
        survives(&onnx);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_damage_to_a_shipped_graph_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200),
    ) {
        let mut onnx = shipped("observer.onnx");
        for (at, byte) in &changes {
            let at = at.index(onnx.len());
            onnx[at] = *byte;
        }
        survives(&onnx);
    }
}
