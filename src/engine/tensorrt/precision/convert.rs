use std::collections::HashMap;

use super::attribute::half_attributes;
use super::element::{FLOAT, FLOAT16};
use super::error::PrecisionError;
use super::field::{self, graph, node, type_proto, value_info};
use super::names::Names;
use super::node::Node;
use super::plan::{Plan, Reads, Step};
use super::tensor::{self, Rounding, within};
use super::wire::{Field, Message};

/// Before this, Resize and others have their operands in other places.
const OLDEST_OPSET: i64 = 11;

/// A graph in f16.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The ONNX file.
    pub onnx: Vec<u8>,
    /// What rounding did to its constants.
    pub rounding: Rounding,
    /// Cast nodes that were put in.
    pub casts: usize,
}

/// An f32 graph as f16: [`convert`] without the figures.
///
/// # Errors
/// As [`convert`].
pub fn to_fp16(onnx: &[u8]) -> Result<Vec<u8>, PrecisionError> {
    convert(onnx).map(|converted| converted.onnx)
}

/// An f32 graph as f16, with inputs and outputs of the same names and still in f32: a Cast behind
/// every input and before every output. Inside stay f32: operands that ONNX wants so (the scales of
/// Resize), shape arithmetic (f16 holds whole numbers up to 2048 only) and sums over whole planes.
/// Values are rounded to the nearest f16, ties to even.
///
/// # Errors
/// A file that is no valid ONNX model of operator set 11 or newer; values beyond f16; a quantised
/// graph; control flow, functions, values in other files and operators that are not known to work
/// in f16.
pub fn convert(onnx: &[u8]) -> Result<Converted, PrecisionError> {
    let wire = within("the model");
    let mut model = Message::read(onnx).map_err(wire)?;
    check_opset(&model)?;
    for (number, what) in [
        (field::model::FUNCTIONS, "a model with functions of its own"),
        (field::model::TRAINING_INFO, "a model with a training graph"),
    ] {
        if model.has(number) {
            let what = what.to_owned();
            return Err(PrecisionError::Unsupported { what });
        }
    }
    let graph = model.child(field::model::GRAPH).map_err(wire)?;
    let graph = graph.ok_or(PrecisionError::NoGraph)?;
    if graph.has(graph::SPARSE_INITIALIZER) {
        let what = "a graph with sparse initializers".to_owned();
        return Err(PrecisionError::Unsupported { what });
    }
    let plan = Plan::of(&graph)?;
    let mut converter = Converter::new(&plan);
    let converted = converter.graph(&graph)?;
    model.set(Field::message(field::model::GRAPH, &converted));
    Ok(Converted {
        onnx: model.write(),
        rounding: converter.rounding,
        casts: converter.casts,
    })
}

fn check_opset(model: &Message<'_>) -> Result<(), PrecisionError> {
    let wire = within("the operator sets");
    let mut found = 0;
    for field in model.all(field::model::OPSET_IMPORT) {
        let opset = Message::read(field.payload().map_err(wire)?).map_err(wire)?;
        let domain = opset.text(field::opset::DOMAIN).map_err(wire)?;
        if matches!(domain, "" | "ai.onnx") {
            found = opset.int(field::opset::VERSION).map_err(wire)?;
        }
    }
    let min = OLDEST_OPSET;
    if found < min {
        return Err(PrecisionError::Opset { found, min });
    }
    Ok(())
}

struct Converter<'p, 'a> {
    plan: &'p Plan<'a>,
    names: Names,
    /// Under which names a tensor can be read in f16 and in f32, by its name in the f32 graph.
    in_f16: HashMap<&'a str, String>,
    in_f32: HashMap<&'a str, String>,
    rounding: Rounding,
    casts: usize,
}

impl<'p, 'a> Converter<'p, 'a> {
    fn new(plan: &'p Plan<'a>) -> Self {
        let mut names = Names::default();
        let (mut in_f16, mut in_f32) = (HashMap::new(), HashMap::new());
        for step in &plan.steps {
            names.take(step.node.label);
        }
        for (&name, tensor) in &plan.tensors {
            names.take(name);
            let found = if tensor.changes() {
                &mut in_f16
            } else {
                &mut in_f32
            };
            found.insert(name, name.to_owned());
        }
        Self {
            plan,
            names,
            in_f16,
            in_f32,
            rounding: Rounding::default(),
            casts: 0,
        }
    }

    fn graph(&mut self, graph: &Message<'a>) -> Result<Message<'a>, PrecisionError> {
        let wire = within("graph");
        let mut fields = Vec::with_capacity(graph.fields.len());
        let plan = self.plan;
        let mut steps = plan.steps.iter();
        for old in &graph.fields {
            match (old.number(), steps.as_slice().first()) {
                (graph::NODE, Some(step)) => {
                    steps.next();
                    self.step(step, old, &mut fields)?;
                }
                (graph::INITIALIZER, _) => {
                    let message = Message::read(old.payload().map_err(wire)?).map_err(wire)?;
                    let converted = self.initializer(&message)?;
                    let new = converted.map(|m| Field::message(graph::INITIALIZER, &m));
                    fields.push(new.unwrap_or_else(|| old.clone()));
                }
                (graph::VALUE_INFO, _) => {
                    let message = Message::read(old.payload().map_err(wire)?).map_err(wire)?;
                    let converted = self.value_info(message)?;
                    let new = converted.map(|m| Field::message(graph::VALUE_INFO, &m));
                    fields.push(new.unwrap_or_else(|| old.clone()));
                }
                _ => fields.push(old.clone()),
            }
        }
        Ok(fields.into_iter().collect())
    }

    /// A node, with the casts that it needs before and after it.
    fn step(
        &mut self,
        step: &'p Step<'a>,
        old: &Field<'a>,
        fields: &mut Vec<Field<'a>>,
    ) -> Result<(), PrecisionError> {
        let mut inputs = vec![];
        for (place, &name) in step.node.inputs.iter().enumerate() {
            let is_f32 = self
                .plan
                .tensors
                .get(name)
                .is_some_and(|t| t.element == FLOAT);
            inputs.push(match step.reads(place) {
                Reads::F16 if is_f32 => self.read(name, FLOAT16, fields),
                Reads::F32 if is_f32 => self.read(name, FLOAT, fields),
                _ => name.to_owned(),
            });
        }
        let mut after = vec![];
        let mut outputs = vec![];
        for &name in &step.node.outputs {
            let changes = self.plan.tensors.get(name).is_some_and(|t| t.changes());
            if changes && self.plan.outputs.contains(name) {
                // the graph's output keeps its name, so what is inside gets another
                let inside = self.names.fresh(format!("{name}.f16"));
                after.push(self.cast(&inside, name, FLOAT));
                self.in_f32.insert(name, name.to_owned());
                self.in_f16.insert(name, inside.clone());
                outputs.push(inside);
            } else {
                outputs.push(name.to_owned());
            }
        }
        let attributes = self.attributes(step)?;
        let node = &step.node;
        let renamed = inputs != node.inputs || outputs != node.outputs;
        fields.push(if renamed || attributes.is_some() {
            let texts = |number, texts: Vec<String>| {
                texts
                    .into_iter()
                    .map(move |text| Field::text(number, &text))
            };
            let kept = |number| match number {
                node::INPUT | node::OUTPUT => false,
                node::ATTRIBUTE => attributes.is_none(),
                _ => true,
            };
            let rest = node.message.fields.iter().filter(|f| kept(f.number()));
            let message: Message<'_> = texts(node::INPUT, inputs)
                .chain(texts(node::OUTPUT, outputs))
                .chain(rest.cloned())
                .chain(attributes.iter().flatten().cloned())
                .collect();
            Field::message(graph::NODE, &message)
        } else {
            old.clone()
        });
        fields.extend(after);
        Ok(())
    }

    /// The name under which a tensor is read in a format, casting it first where it must be.
    fn read(&mut self, name: &'a str, element: i64, fields: &mut Vec<Field<'a>>) -> String {
        let (wanted, other, suffix) = if element == FLOAT16 {
            (&self.in_f16, &self.in_f32, "f16")
        } else {
            (&self.in_f32, &self.in_f16, "f32")
        };
        if let Some(there) = wanted.get(name) {
            return there.clone();
        }
        let from = other.get(name).cloned().unwrap_or_else(|| name.to_owned());
        let to = self.names.fresh(format!("{name}.{suffix}"));
        fields.push(self.cast(&from, &to, element));
        let wanted = if element == FLOAT16 {
            &mut self.in_f16
        } else {
            &mut self.in_f32
        };
        wanted.insert(name, to.clone());
        to
    }

    fn cast(&mut self, from: &str, to: &str, element: i64) -> Field<'a> {
        self.casts += 1;
        let name = self.names.fresh(format!("{to}.cast"));
        Field::message(graph::NODE, &Node::cast(&name, from, to, element))
    }

    /// The attributes of a node that makes f32 because an attribute says so, now saying f16; `None`
    /// where nothing changes.
    fn attributes(&mut self, step: &Step<'a>) -> Result<Option<Vec<Field<'a>>>, PrecisionError> {
        let output = step.node.outputs.first().copied().unwrap_or_default();
        let made = self.plan.tensors.get(output).filter(|t| t.element == FLOAT);
        let Some(made) = made.filter(|_| step.chooses()) else {
            return Ok(None);
        };
        if made.stays && !self.plan.read_in_f16.contains(output) {
            return Ok(None);
        }
        let (attributes, rounding) = half_attributes(&step.node)?;
        if made.stays {
            // a Cast makes it f16 where it is read so; now its values are known to fit
            return Ok(None);
        }
        self.rounding.add(rounding);
        Ok(Some(attributes))
    }

    fn initializer(
        &mut self,
        message: &Message<'a>,
    ) -> Result<Option<Message<'a>>, PrecisionError> {
        let name = message
            .text(field::tensor::NAME)
            .map_err(within("an initializer"))?;
        let known = self.plan.tensors.get(name).filter(|t| t.element == FLOAT);
        let Some(known) = known.filter(|_| !self.plan.inputs.contains(name)) else {
            return Ok(None);
        };
        if known.stays && !self.plan.read_in_f16.contains(name) {
            return Ok(None);
        }
        let (half, rounding) = tensor::to_half(message, name)?;
        if known.stays {
            return Ok(None);
        }
        self.rounding.add(rounding);
        Ok(Some(half))
    }

    fn value_info(&self, mut info: Message<'a>) -> Result<Option<Message<'a>>, PrecisionError> {
        let wire = within("a value_info");
        let name = info.text(value_info::NAME).map_err(wire)?;
        let changes = self.plan.tensors.get(name).is_some_and(|t| t.changes());
        if !changes || self.plan.outputs.contains(name) {
            return Ok(None);
        }
        let wire = within(name);
        let Some(mut kind) = info.child(value_info::TYPE).map_err(wire)? else {
            return Ok(None);
        };
        let Some(mut of) = kind.child(type_proto::TENSOR).map_err(wire)? else {
            return Ok(None);
        };
        of.set(Field::int(type_proto::ELEMENT, FLOAT16 as u64));
        kind.set(Field::message(type_proto::TENSOR, &of));
        info.set(Field::message(value_info::TYPE, &kind));
        Ok(Some(info))
    }
}
