//! `Softplus`, which `Mish` is exported as, in parts: rten makes large values of it infinite.

use crate::graph::{free_name, operator};
use crate::proto::{GraphProto, NodeProto};

/// Makes max(x, 0) - log(sigmoid(|x|)) of every `Softplus`, which is the same number; how many there were.
pub(crate) fn in_parts(graph: &mut GraphProto) -> usize {
    let is = |node: &NodeProto| operator(node) == "Softplus" && !node.input.is_empty();
    let at: Vec<usize> = (0..graph.node.len())
        .filter(|&at| is(&graph.node[at]))
        .collect();
    for &at in &at {
        let whole = graph.node[at].clone();
        let name = |part: &str| free_name(graph, &format!("lookout_softplus_{at}_{part}"));
        let [size, odds, log, above] = ["size", "odds", "log", "above"].map(name);
        let from = &whole.input[0];
        let mut part = |op_type: &str, input: &[&String], output: &String| {
            graph.node.push(NodeProto {
                input: input.iter().map(|&input| input.clone()).collect(),
                output: vec![output.clone()],
                name: output.clone(),
                op_type: op_type.to_owned(),
                ..NodeProto::default()
            });
        };
        part("Abs", &[from], &size);
        part("Sigmoid", &[&size], &odds);
        part("Log", &[&odds], &log);
        part("Relu", &[from], &above);
        graph.node[at].op_type = "Sub".to_owned();
        graph.node[at].input = vec![above, log];
    }
    at.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::ValueInfo;

    #[test]
    fn the_parts_lead_from_the_same_tensor_to_the_same() {
        let node = |op_type: &str, input: &str, output: &str| NodeProto {
            input: vec![input.to_owned()],
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: op_type.to_owned(),
            ..NodeProto::default()
        };
        let mut graph = GraphProto {
            node: vec![node("Softplus", "x", "s"), node("Tanh", "s", "y")],
            input: vec![ValueInfo::planes("x", 3, 1)],
            output: vec![ValueInfo::planes("y", 3, 1)],
            ..GraphProto::default()
        };
        assert_eq!(in_parts(&mut graph), 1);
        crate::graph::prune(&mut graph).unwrap();
        let made = |tensor: &str| {
            let mut nodes = graph.node.iter();
            let node = nodes.find(|node| node.output[0] == tensor).unwrap();
            (node.op_type.as_str(), node.input.clone())
        };
        let (kind, parts) = made("s");
        assert_eq!((kind, parts.len()), ("Sub", 2));
        assert_eq!(made(&parts[0]), ("Relu", vec!["x".to_owned()]));
        let (log, odds) = made(&parts[1]);
        let (sigmoid, size) = made(&odds[0]);
        assert_eq!((log, sigmoid), ("Log", "Sigmoid"));
        assert_eq!(made(&size[0]), ("Abs", vec!["x".to_owned()]));
        assert_eq!(graph.node.len(), 6);
        assert_eq!(in_parts(&mut graph), 0);
        // the same number, at every size of it
        for x in [-80.0_f64, -3.0, 0.0, 0.5, 30.0, 800.0] {
            let parts = x.max(0.0) - (1.0 / (1.0 + (-x.abs()).exp())).ln();
            let whole = if x > 30.0 { x } else { x.exp().ln_1p() };
            assert!((parts - whole).abs() < 1e-9, "{x}: {parts} {whole}");
        }
    }
}
