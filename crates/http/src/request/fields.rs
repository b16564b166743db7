//! Reading the fields of a body or a query, so that all that is wrong is told at once.

use lionrocket_domain::text::TextError;

use super::json::{Json, Members};
use crate::problem::{FieldError, Problem, Wrong};

/// The longest field name that an answer repeats, in characters.
const MAX_NAME_CHARS: usize = 64;

/// Where fields come from, which decides how a place is written.
#[derive(Clone, Copy)]
enum Place {
    Body,
    Query,
}

impl Place {
    fn pointer(self, name: &str) -> String {
        let name: String = name.chars().take(MAX_NAME_CHARS).collect();
        match self {
            Self::Body => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            Self::Query => format!("?{name}"),
        }
    }
}

/// The fields of a request that nobody has asked for yet, and what was wrong so far.
pub(crate) struct Fields {
    place: Place,
    left: Vec<(String, Json)>,
    errors: Vec<FieldError>,
}

impl Fields {
    pub(super) fn of_body(members: Members) -> Self {
        Self::new(Place::Body, members.0)
    }

    pub(super) fn of_query(pairs: Vec<(String, String)>) -> Self {
        let fields = pairs
            .into_iter()
            .map(|(name, value)| (name, Json::Text(value)));
        Self::new(Place::Query, fields.collect())
    }

    fn new(place: Place, left: Vec<(String, Json)>) -> Self {
        Self {
            place,
            left,
            errors: Vec::new(),
        }
    }

    /// Lets `read` take what it knows and refuses the rest.
    pub(super) fn read<T>(
        mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Problem> {
        let value = read(&mut self);
        for (name, _) in std::mem::take(&mut self.left) {
            self.refuse(
                &name,
                Wrong::new("unknown_field", "there is no such field here"),
            );
        }
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(Problem::invalid(self.errors)),
        }
    }

    /// A field that must be there. `None` when it is not right; that is noted.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Json) -> Result<T, Wrong>,
    ) -> Option<T> {
        match self.take(name)? {
            Some(value) => self.check(name, read(value)),
            None => self.check(name, Err(Wrong::new("required", "must be given"))),
        }
    }

    #[expect(
        clippy::option_option,
        reason = "outside: whether it is right; inside: whether it is there"
    )]
    /// A field that may be left out. `Some(None)` when it is; `None` when it is not right.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Json) -> Result<T, Wrong>,
    ) -> Option<Option<T>> {
        match self.take(name)? {
            Some(value) => self.check(name, read(value)).map(Some),
            None => Some(None),
        }
    }

    #[expect(
        clippy::option_option,
        reason = "outside: whether it is right; then: whether it is there; then: whether it is null"
    )]
    /// A field that may be left out or be `null`. `Some(Some(None))` when it is `null`.
    pub(crate) fn nullable<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Json) -> Result<T, Wrong>,
    ) -> Option<Option<Option<T>>> {
        self.optional(name, |value| match value {
            Json::Null => Ok(None),
            value => read(value).map(Some),
        })
    }

    /// Takes a field out. `None` when it is there more than once; that is noted.
    #[expect(
        clippy::option_option,
        reason = "outside: whether it can be read at all; inside: whether it is there"
    )]
    fn take(&mut self, name: &str) -> Option<Option<Json>> {
        let mut found = self.left.extract_if(.., |(field, _)| field == name);
        let value = found.next().map(|(_, value)| value);
        let is_repeated = found.next().is_some();
        found.for_each(drop);
        if is_repeated {
            self.refuse(name, Wrong::new("duplicate", "must not be given twice"));
            return None;
        }
        Some(value)
    }

    fn check<T>(&mut self, name: &str, value: Result<T, Wrong>) -> Option<T> {
        value.map_err(|wrong| self.refuse(name, wrong)).ok()
    }

    fn refuse(&mut self, name: &str, wrong: Wrong) {
        let pointer = self.place.pointer(name);
        self.errors.push(wrong.at(pointer));
    }
}

/// Reads a checked text.
pub(crate) fn text<T>(
    parse: impl FnOnce(&str) -> Result<T, TextError>,
) -> impl FnOnce(Json) -> Result<T, Wrong> {
    |value| Ok(parse(&value.into_text()?)?)
}

/// Reads a number's id.
pub(crate) fn numeric_id<T>(parse: fn(i64) -> Option<T>) -> impl FnOnce(Json) -> Result<T, Wrong> {
    move |value| {
        let out_of_range = Wrong::new("out_of_range", "must be a number from 1 to 2^53 - 1");
        match value {
            Json::Integer(number) => parse(number).ok_or(out_of_range),
            Json::Number => Err(out_of_range),
            _ => Err(Wrong::new("wrong_type", "must be a whole number")),
        }
    }
}

/// Reads a number that is not negative.
#[expect(clippy::needless_pass_by_value, reason = "readers take what they read")]
pub(crate) fn whole_number(value: Json) -> Result<i32, Wrong> {
    let out_of_range = Wrong::new(
        "out_of_range",
        "must be a whole number from 0 to 2147483647",
    );
    match value {
        Json::Integer(number) => i32::try_from(number)
            .ok()
            .filter(|number| *number >= 0)
            .ok_or(out_of_range),
        Json::Number => Err(out_of_range),
        _ => Err(Wrong::new("wrong_type", "must be a whole number")),
    }
}

/// Reads `true` or `false`.
#[expect(clippy::needless_pass_by_value, reason = "readers take what they read")]
pub(crate) fn boolean(value: Json) -> Result<bool, Wrong> {
    match value {
        Json::Bool(value) => Ok(value),
        _ => Err(Wrong::new("wrong_type", "must be true or false")),
    }
}

/// Reads one of several names.
pub(crate) fn choice<T>(
    parse: fn(&str) -> Option<T>,
    names: &'static str,
) -> impl FnOnce(Json) -> Result<T, Wrong> {
    move |value| parse(&value.into_text()?).ok_or(Wrong::new("not_a_choice", names))
}
