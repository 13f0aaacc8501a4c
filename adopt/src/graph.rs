//! A graph as who makes what and who reads it.

use std::collections::{HashMap, HashSet};

use crate::AdoptError;
use crate::proto::{GraphProto, Model, NodeProto, TensorProto, data_type};

/// A node for people: its name and its operator.
pub fn describe(node: &NodeProto) -> String {
    match node.name.as_str() {
        "" => {
            let output = node.output.first().map_or("nothing", String::as_str);
            format!("that makes {output:?} ({})", node.op_type)
        }
        name => format!("{name:?} ({})", node.op_type),
    }
}

/// The operator, where it is one of ONNX's own.
pub(crate) fn operator(node: &NodeProto) -> &str {
    match node.domain.as_str() {
        "" | "ai.onnx" => &node.op_type,
        _ => "",
    }
}

/// A whole number that an attribute has.
pub(crate) fn int(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute.iter().find(|a| a.name == name)?.i
}

/// Whole numbers that an attribute has.
pub(crate) fn ints<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [i64]> {
    let attribute = node.attribute.iter().find(|a| a.name == name)?;
    Some(&attribute.ints)
}

/// A text that an attribute has.
pub(crate) fn text<'a>(node: &'a NodeProto, name: &str) -> Option<&'a str> {
    let attribute = node.attribute.iter().find(|a| a.name == name)?;
    std::str::from_utf8(attribute.s.as_deref()?).ok()
}

/// Version of ONNX's own operators.
pub fn opset(model: &Model) -> i64 {
    let mut sets = model.opset_import.iter();
    let own = sets.find(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
    own.map_or(1, |set| set.version)
}

/// Who makes and who reads the tensors of a graph.
pub(crate) struct View<'a> {
    pub(crate) graph: &'a GraphProto,
    /// Version of ONNX's own operators.
    pub(crate) opset: i64,
    producers: HashMap<&'a str, usize>,
    consumers: HashMap<&'a str, Vec<usize>>,
    constants: HashMap<&'a str, &'a TensorProto>,
}

impl<'a> View<'a> {
    pub(crate) fn new(graph: &'a GraphProto, opset: i64) -> Self {
        let mut view = Self {
            graph,
            opset,
            producers: HashMap::new(),
            consumers: HashMap::new(),
            constants: HashMap::new(),
        };
        for tensor in &graph.initializer {
            view.constants.insert(&tensor.name, tensor);
        }
        for (at, node) in graph.node.iter().enumerate() {
            for name in node.output.iter().filter(|name| !name.is_empty()) {
                view.producers.insert(name, at);
            }
            for name in reads(node) {
                view.consumers.entry(name).or_default().push(at);
            }
            if operator(node) == "Constant"
                && let Some(value) = node.attribute.iter().find_map(|a| a.t.as_ref())
                && let Some(name) = node.output.first()
            {
                view.constants.insert(name, value);
            }
        }
        view
    }

    /// The node that makes a tensor.
    pub(crate) fn producer(&self, tensor: &str) -> Option<&'a NodeProto> {
        self.producers.get(tensor).map(|&at| &self.graph.node[at])
    }

    /// The nodes that read a tensor.
    pub(crate) fn consumers(&self, tensor: &str) -> impl Iterator<Item = &'a NodeProto> {
        let all = self.consumers.get(tensor).into_iter().flatten();
        all.map(|&at| &self.graph.node[at])
    }

    /// A tensor that the graph has as numbers.
    pub(crate) fn constant(&self, tensor: &str) -> Option<&'a TensorProto> {
        self.constants.get(tensor).copied()
    }

    /// Whether the graph says of an output that it has whole numbers, or yes and no.
    pub(crate) fn has_whole_numbers(&self, output: &str) -> bool {
        let mut outputs = self.graph.output.iter();
        let kind = outputs
            .find(|info| info.name == output)
            .map(|info| info.elem_type());
        kind.is_some_and(|kind| kind != 0 && !data_type::is_float(kind))
    }

    /// The inputs that have to be fed.
    pub(crate) fn fed(&self) -> impl Iterator<Item = &'a crate::proto::ValueInfo> {
        let initial: HashSet<&str> = initial(self.graph).collect();
        let inputs = self.graph.input.iter();
        inputs.filter(move |input| !initial.contains(input.name.as_str()))
    }
}

fn initial(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let dense = graph.initializer.iter().map(|t| t.name.as_str());
    let sparse = graph.sparse_initializer.iter();
    let sparse = sparse
        .filter_map(|s| s.values.as_ref())
        .map(|t| t.name.as_str());
    dense.chain(sparse)
}

/// What a node reads, in the graphs within it too; names there may be the inner graph's own.
fn reads(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).collect();
    for attribute in &node.attribute {
        for graph in attribute.g.iter().chain(&attribute.graphs) {
            names.extend(graph.node.iter().flat_map(reads));
            names.extend(graph.output.iter().map(|output| output.name.as_str()));
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Refuses a graph with a cycle, with a tensor that two nodes make, or one that none makes.
pub(crate) fn check(model: &Model) -> Result<(), AdoptError> {
    match &model.graph {
        Some(graph) => order(graph).map(|_| ()),
        None => Err(AdoptError::Broken("it has no graph".to_owned())),
    }
}

/// The nodes in an order in which each has what it reads.
pub(crate) fn order(graph: &GraphProto) -> Result<Vec<usize>, AdoptError> {
    let mut made: HashMap<&str, usize> = HashMap::new();
    for (at, node) in graph.node.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if made.insert(name, at).is_some() {
                return Err(AdoptError::Broken(format!(
                    "two nodes make the tensor {name:?}, one of them is {}",
                    describe(node)
                )));
            }
        }
    }
    let given: HashSet<&str> = initial(graph)
        .chain(graph.input.iter().map(|input| input.name.as_str()))
        .collect();
    for node in &graph.node {
        let missing = |name: &&String| {
            let name = name.as_str();
            !name.is_empty() && !made.contains_key(name) && !given.contains(name)
        };
        if let Some(name) = node.input.iter().find(missing) {
            return Err(AdoptError::Broken(format!(
                "the node {} reads {name:?}, which nothing makes",
                describe(node)
            )));
        }
    }
    for output in &graph.output {
        let name = output.name.as_str();
        if !made.contains_key(name) && !given.contains(name) {
            return Err(AdoptError::Broken(format!(
                "nothing makes the output {name:?}"
            )));
        }
    }
    // from each node to those it needs; 1: on the way, 2: done
    let mut state = vec![0_u8; graph.node.len()];
    let mut order = Vec::with_capacity(graph.node.len());
    for first in 0..graph.node.len() {
        if state[first] != 0 {
            continue;
        }
        let mut stack = vec![(first, false)];
        while let Some((at, needed_done)) = stack.pop() {
            if needed_done {
                state[at] = 2;
                order.push(at);
                continue;
            }
            if state[at] != 0 {
                continue;
            }
            state[at] = 1;
            stack.push((at, true));
            for name in reads(&graph.node[at]) {
                match made.get(name) {
                    Some(&next) if state[next] == 1 => {
                        return Err(AdoptError::Cycle {
                            node: describe(&graph.node[next]),
                            tensor: name.to_owned(),
                        });
                    }
                    Some(&next) if state[next] == 0 => stack.push((next, false)),
                    _ => {}
                }
            }
        }
    }
    Ok(order)
}

/// Leaves the nodes and numbers that the outputs need, in an order in which they can be computed.
pub(crate) fn prune(graph: &mut GraphProto) -> Result<(), AdoptError> {
    let order = order(graph)?;
    let mut needed: HashSet<String> = graph.output.iter().map(|o| o.name.clone()).collect();
    let mut keep = vec![];
    for &at in order.iter().rev() {
        let node = &graph.node[at];
        if node.output.iter().any(|name| needed.contains(name)) {
            needed.extend(reads(node).into_iter().map(str::to_owned));
            keep.push(at);
        }
    }
    keep.reverse();
    let mut nodes: Vec<Option<NodeProto>> = std::mem::take(&mut graph.node)
        .into_iter()
        .map(Some)
        .collect();
    let kept = keep.into_iter().filter_map(|at| nodes[at].take());
    graph.node = kept.collect();
    graph.initializer.retain(|t| needed.contains(&t.name));
    let named = |t: &crate::proto::SparseTensor| {
        let values = t.values.as_ref();
        values.is_some_and(|values| needed.contains(&values.name))
    };
    graph.sparse_initializer.retain(named);
    graph
        .quantization_annotation
        .retain(|a| needed.contains(&a.tensor_name));
    Ok(())
}

/// A tensor gets another name wherever it is named.
pub(crate) fn rename(graph: &mut GraphProto, from: &str, to: &str) {
    let change = |name: &mut String| {
        if name == from {
            to.clone_into(name);
        }
    };
    for node in &mut graph.node {
        node.input.iter_mut().for_each(change);
        node.output.iter_mut().for_each(change);
        for attribute in &mut node.attribute {
            for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                rename(inner, from, to);
            }
        }
    }
    graph
        .initializer
        .iter_mut()
        .for_each(|t| change(&mut t.name));
    let values = graph.input.iter_mut().chain(&mut graph.output);
    values
        .chain(&mut graph.value_info)
        .for_each(|v| change(&mut v.name));
    for sparse in &mut graph.sparse_initializer {
        sparse.values.iter_mut().for_each(|t| change(&mut t.name));
    }
    for annotation in &mut graph.quantization_annotation {
        change(&mut annotation.tensor_name);
        let names = annotation.quant_parameter_tensor_names.iter_mut();
        names.for_each(|pair| change(&mut pair.value));
    }
}

/// All names of tensors, in the graphs of nodes too.
fn names(graph: &GraphProto) -> HashSet<&str> {
    let mut all: HashSet<&str> = initial(graph).collect();
    let values = graph.input.iter().chain(&graph.output);
    all.extend(values.map(|value| value.name.as_str()));
    for node in &graph.node {
        all.extend(node.input.iter().chain(&node.output).map(String::as_str));
        for attribute in &node.attribute {
            let inner = attribute.g.iter().chain(&attribute.graphs);
            inner.for_each(|graph| all.extend(names(graph)));
        }
    }
    all
}

/// The name, or the name with a number behind it that no tensor has yet.
pub(crate) fn free_name(graph: &GraphProto, name: &str) -> String {
    let taken = names(graph);
    let numbered = (1_usize..).map(|n| format!("{name}_{n}"));
    let mut all = std::iter::once(name.to_owned()).chain(numbered);
    all.find(|name| !taken.contains(name.as_str()))
        .unwrap_or_default()
}

/// Gives a name to every node that has none or shares one, for messages.
pub(crate) fn name_nodes(graph: &mut GraphProto) {
    let mut taken = HashSet::new();
    for at in 0..graph.node.len() {
        let node = &mut graph.node[at];
        if node.name.is_empty() || taken.contains(&node.name) {
            let mut name = format!("{}_{at}", node.op_type);
            while taken.contains(&name) {
                name.push('_');
            }
            node.name = name;
        }
        taken.insert(node.name.clone());
    }
}
