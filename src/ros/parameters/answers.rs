//! What the parameter services answer, as rclcpp does it: a request for several parameters of which
//! one does not exist gets an empty response, and several that are not set together are set one
//! after another, each with a result of its own.

use super::store::Store;
use super::{Declared, Host, Value};
use crate::msg::parameters::{
    DescribeParametersResponse, GetParameterTypesResponse, GetParametersResponse,
    ListParametersResponse, ListParametersResult, Parameter, ParameterValue,
    SetParametersAtomicallyResponse, SetParametersResponse, SetParametersResult,
};

/// Parameters that a request may be about. The node has far fewer, and an answer should not be
/// much larger than what was asked.
const MOST: usize = 1024;

/// What is known of every parameter asked for; nothing where one of them does not exist.
fn of_all<T>(names: &[String], known: impl Fn(&str) -> Option<T>) -> Vec<T> {
    if names.len() > MOST {
        log::warn!("a request for {} parameters is not answered", names.len());
        return Vec::new();
    }
    let found = names.iter().map(|name| {
        let known = known(name);
        if known.is_none() {
            log::debug!("a request for the parameter {name:?}, which does not exist");
        }
        known
    });
    found.collect::<Option<_>>().unwrap_or_default()
}

pub(super) fn get(store: &Store, names: &[String]) -> GetParametersResponse {
    let value = |name: &str| store.get(name).map(ParameterValue::from);
    GetParametersResponse {
        values: of_all(names, value),
    }
}

pub(super) fn types(names: &[String]) -> GetParameterTypesResponse {
    let number = |entry: &Declared| entry.value_type().number();
    GetParameterTypesResponse {
        types: of_all(names, |name| Store::describe(name).map(number)),
    }
}

pub(super) fn describe(names: &[String]) -> DescribeParametersResponse {
    DescribeParametersResponse {
        descriptors: of_all(names, |name| Store::describe(name).map(Into::into)),
    }
}

pub(super) fn list(prefixes: &[String], depth: u64) -> ListParametersResponse {
    let listing = Store::list(&prefixes[..prefixes.len().min(MOST)], depth);
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    ListParametersResponse {
        result: ListParametersResult {
            names: owned(listing.names),
            prefixes: owned(listing.prefixes),
        },
    }
}

/// Sets all or none, as far as the host agrees; the names of those that have another value now.
fn set(
    store: &mut Store,
    parameters: Vec<Parameter>,
    host: &impl Host,
) -> (SetParametersResult, Vec<&'static str>) {
    let values = || {
        if parameters.len() > MOST {
            return Err(format!("{} parameters are too many", parameters.len()));
        }
        let pairs = parameters.into_iter().map(|parameter| {
            let value = Value::try_from(parameter.value);
            let value = value.map_err(|e| format!("{}: {e}", parameter.name))?;
            Ok((parameter.name, value))
        });
        pairs.collect::<Result<Vec<_>, String>>()
    };
    let mut set = |pairs: &[_]| {
        let mut candidate = store.clone();
        let changed = candidate.set(pairs, host.phase());
        let changed = changed.map_err(|e| e.to_string())?;
        host.agrees(&candidate)?;
        *store = candidate;
        Ok(changed)
    };
    match values().and_then(|pairs| set(&pairs)) {
        Ok(changed) => {
            let result = SetParametersResult {
                successful: true,
                reason: String::new(),
            };
            (result, changed)
        }
        Err(reason) => {
            log::warn!("a parameter was not set: {reason}");
            let result = SetParametersResult {
                successful: false,
                reason,
            };
            (result, Vec::new())
        }
    }
}

/// The response, and for each parameter that was set to another value its name.
pub(super) fn set_each(
    store: &mut Store,
    parameters: Vec<Parameter>,
    host: &impl Host,
) -> (SetParametersResponse, Vec<Vec<&'static str>>) {
    let (mut response, mut changes) = (SetParametersResponse::default(), Vec::new());
    for parameter in parameters.into_iter().take(MOST) {
        let (result, changed) = set(store, vec![parameter], host);
        response.results.push(result);
        if !changed.is_empty() {
            changes.push(changed);
        }
    }
    (response, changes)
}

/// The response, and the names of those that have another value now.
pub(super) fn set_together(
    store: &mut Store,
    parameters: Vec<Parameter>,
    host: &impl Host,
) -> (SetParametersAtomicallyResponse, Vec<&'static str>) {
    let (result, changed) = set(store, parameters, host);
    (SetParametersAtomicallyResponse { result }, changed)
}

/// A parameter as it is now.
pub(super) fn parameter(store: &Store, name: &str) -> Option<Parameter> {
    store.get(name).map(|value| Parameter {
        name: name.to_owned(),
        value: value.into(),
    })
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
