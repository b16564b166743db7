//! Checks of single JSON values. Wording follows the service's where it is known.

use serde_json::{Map, Value};

use crate::failure::Failure;

pub(super) type Checked<T> = Result<T, Failure>;
pub(super) type Object = Map<String, Value>;

/// Joins a path and a key.
pub(super) fn join(path: &str, key: impl std::fmt::Display) -> String {
    if path.is_empty() {
        key.to_string()
    } else {
        format!("{path}.{key}")
    }
}

pub(super) fn object<'a>(value: &'a Value, path: &str) -> Checked<&'a Object> {
    value
        .as_object()
        .ok_or_else(|| Failure::field(path, "Input should be an object"))
}

pub(super) fn array<'a>(value: &'a Value, path: &str) -> Checked<&'a [Value]> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| Failure::field(path, "Input should be a valid array"))
}

pub(super) fn string<'a>(value: &'a Value, path: &str) -> Checked<&'a str> {
    value
        .as_str()
        .ok_or_else(|| Failure::field(path, "Input should be a valid string"))
}

pub(super) fn boolean(value: &Value, path: &str) -> Checked<bool> {
    value
        .as_bool()
        .ok_or_else(|| Failure::field(path, "Input should be a valid boolean"))
}

/// A whole number that is not below `least`.
pub(super) fn integer(value: &Value, path: &str, least: u64) -> Checked<u64> {
    if !(value.is_u64() || value.is_i64()) {
        return Err(Failure::field(path, "Input should be a valid integer"));
    }
    value
        .as_u64()
        .filter(|number| *number >= least)
        .ok_or_else(|| {
            let message = format!("Input should be greater than or equal to {least}");
            Failure::field(path, &message)
        })
}

/// A number between zero and one.
pub(super) fn fraction(value: &Value, path: &str) -> Checked<f64> {
    value
        .as_f64()
        .filter(|number| (0.0..=1.0).contains(number))
        .ok_or_else(|| Failure::field(path, "Input should be a number from 0 to 1"))
}

/// One of several texts.
pub(super) fn one_of<'a>(value: &'a Value, path: &str, known: &[&str]) -> Checked<&'a str> {
    if let Some(text) = value.as_str().filter(|text| known.contains(text)) {
        return Ok(text);
    }
    let quoted: Vec<String> = known.iter().map(|text| format!("'{text}'")).collect();
    let list = match quoted.as_slice() {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        _ => quoted.concat(),
    };
    Err(Failure::field(path, &format!("Input should be {list}")))
}

/// Refuses keys that are not known.
pub(super) fn only(fields: &Object, path: &str, known: &[&str]) -> Checked<()> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Failure::field(
            &join(path, key),
            "Extra inputs are not permitted",
        )),
        None => Ok(()),
    }
}

/// A field that must be there.
pub(super) fn required<'a>(fields: &'a Object, path: &str, key: &str) -> Checked<&'a Value> {
    fields
        .get(key)
        .ok_or_else(|| Failure::field(&join(path, key), "Field required"))
}

/// A field that may be missing or null.
pub(super) fn optional<'a>(fields: &'a Object, key: &str) -> Option<&'a Value> {
    fields.get(key).filter(|value| !value.is_null())
}
