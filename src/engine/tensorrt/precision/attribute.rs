use super::element::FLOAT16;
use super::error::PrecisionError;
use super::field::{attribute, node as field};
use super::node::Node;
use super::tensor::{self, Rounding, within};
use super::wire::{Field, Message};

/// All attributes of a Cast, Constant or ConstantOfShape that makes f32, so that it makes f16.
pub(super) fn half_attributes<'a>(
    node: &Node<'a>,
) -> Result<(Vec<Field<'a>>, Rounding), PrecisionError> {
    let mut rounding = Rounding::default();
    let mut chose = false;
    let mut attributes = vec![];
    for (name, old) in node.attributes()? {
        let new = match name {
            "to" => Some(target(&old)),
            "value" => Some(value(&old, node.label, &mut rounding)?),
            "value_float" => Some(scalar(&old, node.label, &mut rounding)?),
            "value_floats" => Some(list(&old, node.label, &mut rounding)?),
            _ => None,
        };
        chose |= new.is_some();
        attributes.push(Field::message(field::ATTRIBUTE, &new.unwrap_or(old)));
    }
    if !chose {
        // a ConstantOfShape without a value makes zeros
        let zero = constant(&[1], &[0.0], node.label, &mut rounding)?;
        attributes.push(Field::message(field::ATTRIBUTE, &zero));
    }
    Ok((attributes, rounding))
}

fn target<'a>(old: &Message<'a>) -> Message<'a> {
    let mut new = old.clone();
    new.set(Field::int(attribute::INT, FLOAT16 as u64));
    new
}

fn value<'a>(
    old: &Message<'a>,
    label: &str,
    rounding: &mut Rounding,
) -> Result<Message<'a>, PrecisionError> {
    let tensor = old.child(attribute::TENSOR).map_err(within(label))?;
    let (half, rounded) = tensor::to_half(&tensor.unwrap_or_default(), label)?;
    rounding.add(rounded);
    let mut new = old.clone();
    new.set(Field::message(attribute::TENSOR, &half));
    Ok(new)
}

fn scalar<'a>(
    old: &Message<'a>,
    label: &str,
    rounding: &mut Rounding,
) -> Result<Message<'a>, PrecisionError> {
    let values = old.floats(attribute::FLOAT).map_err(within(label))?;
    // 0 need not be written
    constant(
        &[],
        &[values.last().copied().unwrap_or(0.0)],
        label,
        rounding,
    )
}

fn list<'a>(
    old: &Message<'a>,
    label: &str,
    rounding: &mut Rounding,
) -> Result<Message<'a>, PrecisionError> {
    let values = old.floats(attribute::FLOATS).map_err(within(label))?;
    constant(&[values.len() as i64], &values, label, rounding)
}

/// The attribute `value`.
fn constant<'a>(
    dims: &[i64],
    values: &[f32],
    label: &str,
    rounding: &mut Rounding,
) -> Result<Message<'a>, PrecisionError> {
    let (half, rounded) = tensor::half(dims, values, label)?;
    rounding.add(rounded);
    let fields = [
        Field::text(attribute::NAME, "value"),
        Field::message(attribute::TENSOR, &half),
        Field::int(attribute::TYPE, attribute::IS_TENSOR),
    ];
    Ok(fields.into_iter().collect())
}
