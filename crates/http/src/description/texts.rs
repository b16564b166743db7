//! What a text may consist of, as patterns: the rules of the domain's texts in the language of JSON
//! Schema, so that a client can check before it sends.

use lionrocket_domain::audit::AuditAction;
use utoipa::openapi::{
    KnownFormat, OpenApi, RefOr, SchemaFormat,
    path::ParameterIn,
    schema::{Object, Schema, SchemaType, Type},
};

/// White space that is taken away at both ends, as `String.prototype.trim` does.
const EDGE: &str =
    r"[\t\n\u000b\u000c\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]*";
/// A character of a single line.
const IN_LINE: &str = r"[^\u0000-\u001f\u007f-\u009f]*";
/// A character of a text of several lines.
const IN_TEXT: &str = r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*";
/// A character that can be seen.
const VISIBLE: &str = r"[^\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8]";
/// Fields that may have several lines.
const TEXTS: [&str; 5] = [
    "content",
    "description",
    "greeting",
    "system_prompt",
    "text",
];
/// Fields that take anything: what is wrong with them is not told apart.
const ANYTHING: [&str; 2] = ["LoginBody", "ReauthenticateBody"];

/// Says of every text that is sent what it may consist of.
pub(super) fn describe(document: &mut OpenApi) {
    let schemas = document
        .components
        .iter_mut()
        .flat_map(|components| components.schemas.iter_mut());
    for (name, schema) in schemas {
        if !name.ends_with("Body") || ANYTHING.contains(&name.as_str()) {
            continue;
        }
        let RefOr::T(Schema::Object(body)) = schema else {
            continue;
        };
        for (field, schema) in &mut body.properties {
            if let RefOr::T(Schema::Object(object)) = schema {
                describe_field(field, object);
            }
        }
    }
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        let parameters = operations
            .into_iter()
            .flatten()
            .filter_map(|operation| operation.parameters.as_mut())
            .flatten();
        for parameter in parameters {
            let RefOr::T(parameter) = parameter else {
                continue;
            };
            if let (ParameterIn::Query, Some(RefOr::T(Schema::Object(object)))) =
                (&parameter.parameter_in, &mut parameter.schema)
            {
                describe_field(&parameter.name, object);
            }
        }
    }
}

fn describe_field(name: &str, object: &mut Object) {
    let is_password = matches!(
        object.format,
        Some(SchemaFormat::KnownFormat(KnownFormat::Password))
    );
    let is_described = object.pattern.is_some()
        || object.enum_values.is_some()
        || (object.format.is_some() && !is_password);
    // Letters of every script cannot be told in the language of patterns.
    if !is_text(&object.schema_type) || is_described || name == "username" {
        return;
    }
    if name == "email" {
        object.format = Some(SchemaFormat::KnownFormat(KnownFormat::Email));
        return;
    }
    if name == "action" {
        let names = AuditAction::ALL.iter().map(|action| action.as_str().into());
        object.enum_values = Some(names.collect());
        return;
    }
    object.pattern = Some(match name {
        // Searched for as it is; nothing is no search.
        "q" => format!("^{EDGE}{IN_LINE}{EDGE}$"),
        _ if is_password => format!("^{IN_LINE}$"),
        _ => {
            let inside = if TEXTS.contains(&name) {
                IN_TEXT
            } else {
                IN_LINE
            };
            let something = format!("{inside}{VISIBLE}{inside}");
            if object.min_length.is_some_and(|least| least > 1) {
                // White space at the ends does not count, so that none may stand there.
                format!("^{VISIBLE}{inside}{VISIBLE}$")
            } else if object.min_length.is_some() {
                format!("^{EDGE}{something}{EDGE}$")
            } else {
                format!("^{EDGE}({something})?{EDGE}$")
            }
        }
    });
}

fn is_text(kind: &SchemaType) -> bool {
    match kind {
        SchemaType::Type(kind) => *kind == Type::String,
        SchemaType::Array(kinds) => kinds.contains(&Type::String),
        SchemaType::AnyValue => false,
    }
}
