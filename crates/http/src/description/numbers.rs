//! Numbers without `format`: a generator that sees `int64` makes types of it that JSON cannot carry
//! everywhere. Every number here is exact in JSON, that is at most 2^53 - 1.

use utoipa::{
    Number,
    openapi::{
        OpenApi, RefOr,
        schema::{ArrayItems, Object, Schema, SchemaType, Type},
    },
};

const LARGEST: usize = 9_007_199_254_740_991;

/// Takes the formats of whole numbers away and bounds them.
pub(super) fn unformat(document: &mut OpenApi) {
    let schemas = document
        .components
        .iter_mut()
        .flat_map(|components| components.schemas.values_mut());
    schemas.for_each(visit);
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        for operation in operations.into_iter().flatten() {
            let parameters = operation.parameters.iter_mut().flatten();
            for parameter in parameters {
                if let RefOr::T(parameter) = parameter {
                    parameter.schema.iter_mut().for_each(visit);
                }
            }
        }
    }
}

fn visit(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            object.properties.values_mut().for_each(visit);
            if is_whole(&object.schema_type) {
                bound(object);
            }
        }
        RefOr::T(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                visit(items);
            }
        }
        RefOr::T(Schema::OneOf(choices)) => choices.items.iter_mut().for_each(visit),
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(visit),
        _ => {}
    }
}

fn is_whole(kind: &SchemaType) -> bool {
    match kind {
        SchemaType::Type(kind) => *kind == Type::Integer,
        SchemaType::Array(kinds) => kinds.contains(&Type::Integer),
        SchemaType::AnyValue => false,
    }
}

fn bound(object: &mut Object) {
    object.format = None;
    object.minimum.get_or_insert(Number::UInt(0));
    object.maximum.get_or_insert(Number::UInt(LARGEST));
}
