//! Which tensors of a graph become f16.
//!
//! All f32 become f16, but for
//! - graph inputs and outputs: whoever feeds the graph need not know its precision;
//! - operands that the specification wants in f32, and constants that only they read;
//! - shape arithmetic, that is, whatever comes from `Shape` and constants alone: f16 holds whole
//!   numbers up to 2048 only, so the width of a picture would be rounded;
//! - operators that stay f32 as a whole ([`Stays::All`]).

use std::collections::{HashMap, HashSet};

use super::element::{BOOL, FLOAT, INT64};
use super::error::PrecisionError;
use super::field::{graph as field, tensor, type_proto, value_info};
use super::node::Node;
use super::operators::{self, Makes, Operator, Stays};
use super::tensor::within;
use super::wire::{Message, WireError};

/// Where a tensor's values come from. A node's results are of its operands' highest source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ValueOrigin {
    Constants,
    Shapes,
    Data,
}

/// What is known of a tensor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tensor {
    source: ValueOrigin,
    /// Element type in the f32 graph.
    pub(super) element: i64,
    /// An f32 tensor that stays so.
    pub(super) stays: bool,
}

impl Tensor {
    /// Whether it is f32 before and f16 after.
    pub(super) fn changes(&self) -> bool {
        self.element == FLOAT && !self.stays
    }
}

/// A node and what is to become of it.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) node: Node<'a>,
    operator: Operator,
    /// It computes in f32.
    pub(super) stays: bool,
}

/// In which format an f32 operand is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    F32,
    F16,
    /// Only its shape is read.
    Shape,
}

impl Step<'_> {
    /// Whether an attribute says what it makes.
    pub(super) fn chooses(&self) -> bool {
        self.operator.makes == Makes::Chosen
    }

    /// How the operand at that place is read, if it was f32 before.
    pub(super) fn reads(&self, place: usize) -> Reads {
        match self.operator.stays {
            Stays::Unread => Reads::Shape,
            Stays::Operands(places) if places.contains(&place) => Reads::F32,
            _ if self.stays => Reads::F32,
            _ => Reads::F16,
        }
    }
}

/// What is to become of a graph.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) steps: Vec<Step<'a>>,
    pub(super) tensors: HashMap<&'a str, Tensor>,
    /// Names of the graph's inputs.
    pub(super) inputs: HashSet<&'a str>,
    /// Names of the graph's outputs.
    pub(super) outputs: HashSet<&'a str>,
    /// Tensors that something reads in f16.
    pub(super) read_in_f16: HashSet<&'a str>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(graph: &Message<'a>) -> Result<Self, PrecisionError> {
        let mut plan = Self {
            steps: vec![],
            tensors: HashMap::new(),
            inputs: HashSet::new(),
            outputs: HashSet::new(),
            read_in_f16: HashSet::new(),
        };
        plan.take_inputs(graph)?;
        plan.take_initializers(graph)?;
        for field in graph.all(field::NODE) {
            let bytes = field.payload().map_err(within("graph"))?;
            plan.take_node(Node::read(bytes)?)?;
        }
        plan.take_outputs(graph)?;
        plan.decide();
        Ok(plan)
    }

    fn take_inputs(&mut self, graph: &Message<'a>) -> Result<(), PrecisionError> {
        for field in graph.all(field::INPUT) {
            let (name, element) = element_of(field.payload()).map_err(within("a graph input"))?;
            let input = Tensor {
                source: ValueOrigin::Data,
                element,
                stays: true,
            };
            self.insert(name, input)?;
            self.inputs.insert(name);
        }
        Ok(())
    }

    fn take_initializers(&mut self, graph: &Message<'a>) -> Result<(), PrecisionError> {
        let wire = within("an initializer");
        for field in graph.all(field::INITIALIZER) {
            let bytes = field.payload().map_err(wire)?;
            let message = Message::read(bytes).map_err(wire)?;
            let name = message.text(tensor::NAME).map_err(wire)?;
            let constant = Tensor {
                source: ValueOrigin::Constants,
                element: message.int(tensor::DATA_TYPE).map_err(wire)?,
                stays: false,
            };
            // one that is an input too is that input's default
            if !self.inputs.contains(name) {
                self.insert(name, constant)?;
            }
        }
        Ok(())
    }

    fn take_node(&mut self, node: Node<'a>) -> Result<(), PrecisionError> {
        let (label, name) = (node.label.to_owned(), node.operator.clone());
        if operators::is_quantised(&name) {
            return Err(PrecisionError::Quantised {
                node: label,
                operator: name,
            });
        }
        let known =
            operators::find(&name).filter(|o| o.further.is_some() || node.outputs.len() < 2);
        let Some(operator) = known else {
            return Err(PrecisionError::Operator {
                node: label,
                operator: name,
            });
        };
        let mut source = ValueOrigin::Constants;
        let mut elements = Vec::with_capacity(node.inputs.len());
        for &input in &node.inputs {
            let read = self.tensors.get(input);
            if read.is_none() && !input.is_empty() {
                return Err(PrecisionError::UnknownTensor {
                    node: label,
                    tensor: input.to_owned(),
                });
            }
            source = source.max(read.map_or(ValueOrigin::Constants, |t| t.source));
            elements.push(read.map_or(0, |t| t.element));
        }
        if operator.stays == Stays::Unread {
            source = ValueOrigin::Shapes;
        }
        for (place, &output) in node.outputs.iter().enumerate() {
            let makes = match operator.further {
                Some(further) if place > 0 => further,
                _ => operator.makes,
            };
            let element = match makes {
                Makes::Like(place) => elements.get(place).copied().unwrap_or(0),
                Makes::Int64 => INT64,
                Makes::Bool => BOOL,
                Makes::Chosen => node.chosen_type()?,
            };
            let made = Tensor {
                source,
                element,
                stays: false,
            };
            if !output.is_empty() {
                self.insert(output, made)?;
            }
        }
        let stays = source == ValueOrigin::Shapes || operator.stays == Stays::All;
        self.steps.push(Step {
            node,
            operator,
            stays,
        });
        Ok(())
    }

    fn take_outputs(&mut self, graph: &Message<'a>) -> Result<(), PrecisionError> {
        for field in graph.all(field::OUTPUT) {
            let (name, _) = element_of(field.payload()).map_err(within("a graph output"))?;
            if !self.tensors.contains_key(name) {
                return Err(PrecisionError::UnknownTensor {
                    node: "graph output".to_owned(),
                    tensor: name.to_owned(),
                });
            }
            if !self.outputs.insert(name) {
                return Err(duplicate(name));
            }
        }
        Ok(())
    }

    fn insert(&mut self, name: &'a str, tensor: Tensor) -> Result<(), PrecisionError> {
        match self.tensors.insert(name, tensor) {
            None => Ok(()),
            Some(_) => Err(duplicate(name)),
        }
    }

    /// Backwards, so that all readers of a tensor are known when its maker is looked at.
    fn decide(&mut self) {
        let mut read_in_f32: HashSet<&str> = HashSet::new();
        for step in self.steps.iter_mut().rev() {
            let outputs = &step.node.outputs;
            let constant = |name: &&str| {
                let made = self.tensors.get(name);
                made.is_some_and(|t| t.source == ValueOrigin::Constants)
                    && read_in_f32.contains(name)
            };
            step.stays |= outputs.iter().any(constant);
            for name in outputs {
                if let Some(tensor) = self.tensors.get_mut(name) {
                    tensor.stays = step.stays;
                }
            }
            for (place, &name) in step.node.inputs.iter().enumerate() {
                match step.reads(place) {
                    Reads::F32 => read_in_f32.insert(name),
                    Reads::F16 => self.read_in_f16.insert(name),
                    Reads::Shape => continue,
                };
            }
        }
        let made: HashSet<&str> = self
            .steps
            .iter()
            .flat_map(|s| s.node.outputs.iter().copied())
            .collect();
        for (name, tensor) in &mut self.tensors {
            // initializers: the constants that no node makes
            if tensor.source == ValueOrigin::Constants && !made.contains(name) {
                tensor.stays = read_in_f32.contains(name) || self.outputs.contains(name);
            }
        }
    }
}

fn duplicate(name: &str) -> PrecisionError {
    PrecisionError::Duplicate {
        tensor: name.to_owned(),
    }
}

/// Name and element type of a ValueInfo; type 0 for what is no tensor.
fn element_of(payload: Result<&[u8], WireError>) -> Result<(&str, i64), WireError> {
    let info = Message::read(payload?)?;
    let kind = info.child(value_info::TYPE)?.unwrap_or_default();
    let tensor = kind.child(type_proto::TENSOR)?.unwrap_or_default();
    Ok((
        info.text(value_info::NAME)?,
        tensor.int(type_proto::ELEMENT)?,
    ))
}
