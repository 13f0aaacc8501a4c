//! A node of a graph, read as far as the conversion needs it.

use super::element::{FLOAT, INT64};
use super::error::PrecisionError;
use super::field::{attribute, node as field, tensor};
use super::tensor::within;
use super::wire::{Field, Message};

/// A node with what it reads and makes.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) message: Message<'a>,
    /// Operator; `domain.operator` outside the standard domain.
    pub(super) operator: String,
    /// Its name, or its first output's where it has none.
    pub(super) label: &'a str,
    /// Tensors that it reads; empty where an operand is left out.
    pub(super) inputs: Vec<&'a str>,
    /// Tensors that it makes; empty where one is not wanted.
    pub(super) outputs: Vec<&'a str>,
}

impl<'a> Node<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, PrecisionError> {
        let wire = within("a node");
        let message = Message::read(bytes).map_err(wire)?;
        let texts = |number| -> Result<Vec<&'a str>, PrecisionError> {
            message
                .all(number)
                .map(|f| f.as_text().map_err(wire))
                .collect()
        };
        let (inputs, outputs) = (texts(field::INPUT)?, texts(field::OUTPUT)?);
        let name = message.text(field::NAME).map_err(wire)?;
        let label = if name.is_empty() {
            outputs.first().copied().unwrap_or("without a name")
        } else {
            name
        };
        let mut operator = message.text(field::OP_TYPE).map_err(wire)?.to_owned();
        let domain = message.text(field::DOMAIN).map_err(wire)?;
        if !matches!(domain, "" | "ai.onnx") {
            operator = format!("{domain}.{operator}");
        }
        Ok(Self {
            message,
            operator,
            label,
            inputs,
            outputs,
        })
    }

    /// Its attributes, each with its name.
    pub(super) fn attributes(&self) -> Result<Vec<(&'a str, Message<'a>)>, PrecisionError> {
        let wire = within(self.label);
        let read = |field: &Field<'a>| {
            let attribute = Message::read(field.payload()?)?;
            Ok((attribute.text(attribute::NAME)?, attribute))
        };
        self.message
            .all(field::ATTRIBUTE)
            .map(|f| read(f).map_err(wire))
            .collect()
    }

    /// The element type that an attribute chooses for the output of Cast, Constant or
    /// ConstantOfShape.
    pub(super) fn chosen_type(&self) -> Result<i64, PrecisionError> {
        let wire = within(self.label);
        for (name, attribute) in self.attributes()? {
            let chosen = match (name, self.operator.as_str()) {
                ("to", "Cast") => attribute.int(attribute::INT).map_err(wire)?,
                ("value", "Constant" | "ConstantOfShape") => {
                    let value = attribute.child(attribute::TENSOR).map_err(wire)?;
                    value
                        .unwrap_or_default()
                        .int(tensor::DATA_TYPE)
                        .map_err(wire)?
                }
                ("value_float" | "value_floats", "Constant") => FLOAT,
                ("value_int" | "value_ints", "Constant") => INT64,
                _ => continue,
            };
            return Ok(chosen);
        }
        if self.operator == "ConstantOfShape" {
            return Ok(FLOAT); // zeros
        }
        let what = format!("node {}, a {} of no known kind,", self.label, self.operator);
        Err(PrecisionError::Unsupported { what })
    }

    /// The message of a Cast.
    pub(super) fn cast(name: &str, from: &str, to: &str, element: i64) -> Message<'static> {
        let attribute: Message<'_> = [
            Field::text(attribute::NAME, "to"),
            Field::int(attribute::INT, element as u64),
            Field::int(attribute::TYPE, attribute::IS_INT),
        ]
        .into_iter()
        .collect();
        [
            Field::text(field::INPUT, from),
            Field::text(field::OUTPUT, to),
            Field::text(field::NAME, name),
            Field::text(field::OP_TYPE, "Cast"),
            Field::message(field::ATTRIBUTE, &attribute),
        ]
        .into_iter()
        .collect()
    }
}
