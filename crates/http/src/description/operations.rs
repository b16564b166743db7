//! What holds for whole groups of operations: path parameters, conditional requests, problems.

use std::collections::BTreeMap;

use utoipa::{
    Number,
    openapi::{
        Content, Header, HeaderBuilder, HttpMethod, ObjectBuilder, OpenApi, Ref, RefOr, Required,
        Response, ResponseBuilder, SchemaFormat, Type,
        example::{Example, ExampleBuilder},
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
    },
};

use crate::problem::{Code, PROBLEM_JSON, Problem};

/// The reads that have an entity tag.
const TAGGED_READS: [&str; 10] = [
    "get_me",
    "get_character",
    "get_chat",
    "get_prompt",
    "get_summary",
    "get_user",
    "list_characters",
    "list_chats",
    "list_messages",
    "list_prompts",
];

/// Adds to every operation what follows from its method, address and id.
pub(super) fn complete(document: &mut OpenApi) {
    let examples = &mut document.components.get_or_insert_default().examples;
    examples.extend(Code::ALL.iter().map(|code| example(*code)));
    add_turn_forms(document);
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Delete, &mut item.delete),
            (HttpMethod::Patch, &mut item.patch),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                add_path_parameters(operation, path);
                add_conditions(operation, &method);
                add_problems(operation);
            }
        }
    }
}

/// The operations that begin a turn like `send_message`.
const TURN_BEGINNERS: [&str; 3] = ["edit_message", "regenerate_reply", "continue_reply"];

/// Adds what all operations that begin a turn share with `send_message`: how the client chooses the
/// form of the answer, and the forms.
fn add_turn_forms(document: &mut OpenApi) {
    let paths = &mut document.paths.paths;
    let is = |operation: &&mut Operation, names: &[&str]| {
        let id = operation.operation_id.as_deref().unwrap_or_default();
        names.contains(&id)
    };
    let mut posts = paths.values_mut().filter_map(|item| item.post.as_mut());
    let Some(model) = posts.find(|post| is(post, &["send_message"])).cloned() else {
        return;
    };
    let posts = paths.values_mut().filter_map(|item| item.post.as_mut());
    for post in posts.filter(|post| is(post, &TURN_BEGINNERS)) {
        post.parameters.clone_from(&model.parameters);
        post.responses.clone_from(&model.responses);
    }
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn add_path_parameters(operation: &mut Operation, path: &str) {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters: Vec<_> = names.map(|name| RefOr::T(path_parameter(name))).collect();
    if !parameters.is_empty() {
        let known = operation.parameters.get_or_insert_default();
        known.splice(..0, parameters);
    }
}

fn path_parameter(name: &str) -> Parameter {
    let id = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(Number::UInt(1)));
    let uuid = string().format(Some(SchemaFormat::Custom("uuid".to_owned())));
    let (description, schema) = match name {
        "chat_id" => ("The chat's id", id),
        "message_id" => ("The message's id", id),
        "character_id" => ("The character's id", id),
        "user_id" => ("The account's id", id),
        "invite_id" => ("The invite's id", id),
        "prompt_id" => ("The common prompt's id", id),
        "session_id" => ("The session's id", uuid),
        _ => ("The turn's id", uuid),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema.build()))
        .build()
}

/// What `If-Match` may be: any version, a whole tag of ours, or a version alone.
const MATCH_PATTERN: &str = r#"^(\*|"[1-9][0-9]{0,14}(-[0-9a-f]{16})?")$"#;

fn header_parameter(name: &str, description: &str, pattern: Option<&str>) -> RefOr<Parameter> {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(string().pattern(pattern).build()));
    RefOr::T(parameter.build())
}

/// Entity tags: told by reads and changes, asked by `If-None-Match` and `If-Match`.
fn add_conditions(operation: &mut Operation, method: &HttpMethod) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let is_tagged_read = TAGGED_READS.contains(&id.as_str());
    // The service and passwords have no versions.
    let is_change = matches!(method, HttpMethod::Put | HttpMethod::Patch)
        && !matches!(id.as_str(), "update_service_state" | "change_password");
    if !is_tagged_read && !is_change {
        return;
    }
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
        response
            .headers
            .insert("ETag".to_owned(), header("The entity tag, strong").into());
    }
    let parameters = operation.parameters.get_or_insert_default();
    if is_change {
        parameters.push(header_parameter(
            "If-Match",
            "The entity tag of the version that is to be changed (`\"<version>\"` will do); any version when it is left out",
            Some(MATCH_PATTERN),
        ));
    } else {
        parameters.push(header_parameter(
            "If-None-Match",
            "The entity tags of what the client has already",
            None,
        ));
        let unchanged = ResponseBuilder::new()
            .description("The client has this already")
            .header("ETag", header("The entity tag, strong"))
            .build();
        operation
            .responses
            .responses
            .insert("304".to_owned(), RefOr::T(unchanged));
    }
}

fn header(description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(string().build()))
        .description(Some(description))
        .build()
}

/// Every problem that an operation may answer with.
fn codes(operation: &Operation) -> Vec<Code> {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let has_parameter = |found_in: &ParameterIn| {
        let mut parameters = operation.parameters.iter().flatten();
        parameters.any(|parameter| match parameter {
            RefOr::T(parameter) => parameter.parameter_in == *found_in,
            RefOr::Ref(_) => false,
        })
    };
    let needs_token = operation.security.is_some() && !matches!(id, "logout" | "refresh");
    let is_change = matches!(
        id,
        "update_character" | "update_chat" | "update_prompt" | "update_user"
    );
    let is_static = matches!(id, "livez" | "get_config" | "readyz");
    let mut codes = extra_codes(id).to_vec();
    let mut add = |condition: bool, more: &[Code]| {
        if condition {
            codes.extend_from_slice(more);
        }
    };
    add(true, &[Code::MisdirectedRequest]);
    add(
        !matches!(id, "livez" | "readyz"),
        &[Code::BadRequest, Code::RateLimited],
    );
    add(needs_token, &[Code::Unauthorized]);
    add(has_parameter(&ParameterIn::Path), &[Code::NotFound]);
    add(
        has_parameter(&ParameterIn::Query),
        &[Code::BadRequest, Code::ValidationFailed],
    );
    add(id == "follow_turn", &[Code::ValidationFailed]);
    add(is_change, &[Code::PreconditionFailed]);
    add(
        operation.request_body.is_some(),
        &[
            Code::BadRequest,
            Code::MalformedJson,
            Code::RequestTimeout,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
        ],
    );
    add(id != "livez", &[Code::Internal]);
    add(!is_static, &[Code::ServiceUnavailable, Code::StorageFull]);
    codes
}

/// The problems of single operations.
fn extra_codes(operation_id: &str) -> &'static [Code] {
    match operation_id {
        "register" => &[
            Code::RegistrationClosed,
            Code::InviteRequired,
            Code::AccountTaken,
        ],
        "login" => &[
            Code::InvalidCredentials,
            Code::AccountDisabled,
            Code::AccountDeleted,
            Code::LoginClosed,
        ],
        "reauthenticate" | "change_password" => &[Code::InvalidCredentials],
        "update_me" => &[
            Code::ReauthenticationRequired,
            Code::AccountTaken,
            Code::PreconditionFailed,
        ],
        "delete_me" => &[Code::ReauthenticationRequired, Code::LastAdministrator],
        "export_my_data" => &[Code::ReauthenticationRequired],
        "refresh" => &[Code::SessionEnded, Code::CrossOrigin],
        "logout" => &[Code::CrossOrigin],
        "update_character"
        | "delete_character"
        | "create_prompt"
        | "get_prompt"
        | "update_prompt"
        | "delete_prompt"
        | "list_users"
        | "list_invites"
        | "create_invite"
        | "revoke_invite"
        | "create_password_reset"
        | "get_user"
        | "list_chats_of_user"
        | "list_messages_of_chat"
        | "list_audit_log"
        | "list_my_admin_views"
        | "get_service_state"
        | "update_service_state" => &[Code::Forbidden],
        "update_user" | "delete_user" => &[Code::Forbidden, Code::LastAdministrator],
        "get_usage_of_user" | "get_stats_overview" => &[Code::Forbidden, Code::NotAcceptable],
        "create_chat" => &[Code::NotFound],
        "readyz" => &[Code::NotReady],
        "follow_turn" => &[Code::NotAcceptable],
        "choose_branch" => &[Code::PreconditionFailed],
        "update_summary" => &[Code::PreconditionFailed, Code::NoSummary],
        "send_message" | "edit_message" | "regenerate_reply" | "continue_reply" => &[
            Code::NotAcceptable,
            Code::ChatReadOnly,
            Code::ChatChanged,
            Code::CannotEdit,
            Code::CannotRegenerate,
            Code::CannotContinue,
            Code::TurnRunning,
            Code::IdempotencyKeyReused,
            Code::ReplyRefused,
            Code::TooManyTurns,
            Code::BudgetExhausted,
            Code::ServiceBudgetExhausted,
            Code::ServicePaused,
            Code::Overloaded,
            Code::UpstreamRateLimited,
            Code::UpstreamFailed,
            Code::UpstreamInvalid,
            Code::UpstreamRejected,
            Code::ReplyInterrupted,
            Code::UpstreamOverloaded,
            Code::UpstreamTimeout,
        ],
        _ => &[],
    }
}

fn add_problems(operation: &mut Operation) {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes(operation) {
        let same = by_status.entry(code.status().as_u16()).or_default();
        if !same.contains(&code) {
            same.push(code);
        }
    }
    for (status, codes) in by_status {
        let response = problem_response(status, &codes);
        operation
            .responses
            .responses
            .insert(status.to_string(), RefOr::T(response));
    }
}

fn problem_response(status: u16, codes: &[Code]) -> Response {
    let titles: Vec<_> = codes
        .iter()
        .map(|code| format!("{} (`{}`)", code.facts().title, code.name()))
        .collect();
    let mut content = Content::new(Some(Ref::from_schema_name("Problem")));
    for code in codes {
        let example = Ref::new(format!("#/components/examples/{}", code.name()));
        content
            .examples
            .insert(code.name().to_owned(), RefOr::Ref(example));
    }
    let mut response = ResponseBuilder::new()
        .description(titles.join("; "))
        .content(PROBLEM_JSON, content);
    if matches!(status, 429 | 503) {
        let seconds = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(Number::UInt(0)));
        let header = HeaderBuilder::new()
            .schema(Some(seconds.build()))
            .description(Some("Seconds to wait, if known"));
        response = response.header("Retry-After", header.build());
    }
    if status == 401 && codes.contains(&Code::Unauthorized) {
        response = response.header("WWW-Authenticate", header("How to sign in"));
    }
    response.build()
}

/// A problem as an example, under its code.
fn example(code: Code) -> (String, RefOr<Example>) {
    let view = serde_json::to_value(Problem::new(code).request_id(EXAMPLE_ID).view());
    let example = ExampleBuilder::new().value(view.ok()).build();
    (code.name().to_owned(), RefOr::T(example))
}

const EXAMPLE_ID: &str = "019ab1c2-7f00-7000-8000-000000000000";
