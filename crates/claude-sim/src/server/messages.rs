//! `POST /v1/messages` and `POST /v1/messages/count_tokens`.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use lionrocket_claude_wire::{ErrorType, TokenCount};
use serde_json::{Value, json};

use super::access::{self, Access, Load};
use super::peer::{Cut, Peer, pause};
use super::play::{Beginning, play};
use super::{Shared, request_id};
use crate::answer::Answer;
use crate::bill::{ChargeStart, OpenCharge};
use crate::failure::Failure;
use crate::prompt::Ask;
use crate::scenario::Scenario;
use crate::script::{self, Step, Timing};
use crate::validate;

/// `POST /v1/messages`
pub(super) async fn create(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let id = request_id(&request);
    let body = access::read_body(payload, &request, shared.settings.max_body_bytes).await;
    let note = access::record(&shared, &request, &id, body.as_deref().unwrap_or_default());
    let access = Access::check(&request, &shared.settings);
    let account = access.as_ref().ok().map(|access| access.account);
    let outcome = match (body, access) {
        // The proxy that minds the size stands before whatever checks the key.
        (Err(failure), _) | (Ok(_), Err(failure)) => Err(failure),
        (Ok(body), Ok(access)) => {
            let peer = Peer::of_request(&request);
            answer(&shared, &access, &body, &id, peer).await
        }
    };
    let (response, load) = match outcome {
        Ok(answered) => answered,
        Err(failure) => (failure.into_response(&id), Load::default()),
    };
    if let Some(note) = note {
        note.set(response.status().as_u16());
    }
    access::finish(response, &shared, account, load)
}

/// `POST /v1/messages/count_tokens`
pub(super) async fn count_tokens(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let id = request_id(&request);
    let body = access::read_body(payload, &request, shared.settings.max_body_bytes).await;
    let note = access::record(&shared, &request, &id, body.as_deref().unwrap_or_default());
    let access = Access::check(&request, &shared.settings);
    let account = access.as_ref().ok().map(|access| access.account);
    let outcome = body.and_then(|body| {
        let access = access?;
        let body = access::decode(&body)?;
        let (_, prompt) = validate::count_request(&body, access.version)?;
        access.scenario(&shared, &prompt.last_user_text())?;
        Ok(HttpResponse::Ok().json(TokenCount {
            input_tokens: prompt.tokens(),
        }))
    });
    let response = outcome.unwrap_or_else(|failure| failure.into_response(&id));
    if let Some(note) = note {
        note.set(response.status().as_u16());
    }
    access::finish(response, &shared, account, Load::default())
}

/// Everything that is decided before the first byte of an answer.
struct Prepared {
    answer: Answer,
    scenario: Scenario,
    timing: Timing,
    stream: bool,
    beginning: Beginning,
}

fn prepare(
    shared: &Shared,
    access: &Access,
    ask: &Ask<'_>,
    request_id: &str,
) -> Result<Prepared, Failure> {
    let scenario = access.scenario(shared, &ask.prompt.last_user_text())?;
    let now = shared.settings.clock.now();
    let plan = shared
        .cache
        .plan(access.account, ask.model, ask.settings, &ask.prompt, now);
    let message_id = shared.next_id("msg");
    let seed = shared.settings.seed;
    let answer = Answer::compose(ask, plan.input, seed, message_id.clone(), &scenario);
    let charge = ChargeStart {
        request_id: request_id.to_owned(),
        message_id,
        model: ask.model,
        input: plan.input,
        us_only: ask.us_only,
        billed: answer.is_billed(),
        user_id: ask.user_id.map(str::to_owned),
        run: access.run.clone(),
    };
    Ok(Prepared {
        answer,
        timing: shared.settings.timing.under(&scenario),
        scenario,
        stream: ask.stream,
        beginning: Beginning { charge, plan, now },
    })
}

async fn answer(
    shared: &web::Data<Shared>,
    access: &Access,
    body: &[u8],
    request_id: &str,
    peer: Option<Peer>,
) -> Result<(HttpResponse, Load), Failure> {
    let prepared = {
        let body = access::decode(body)?;
        let ask = validate::messages_request(&body, access.version)?;
        prepare(shared, access, &ask, request_id)?
    };
    let input = prepared.answer.input;
    let load = Load {
        input_tokens: input.total() - input.read,
        output_tokens: prepared.answer.output_tokens(),
    };
    if prepared.stream {
        let steps = script::write(&prepared.answer, &prepared.scenario, prepared.timing);
        let body = play(shared.clone(), steps, prepared.beginning, peer);
        let response = HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/event-stream; charset=utf-8"))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .streaming(body);
        return Ok((response, load));
    }
    plain(shared, prepared, peer.as_ref())
        .await
        .map(|response| (response, load))
}

/// Answers in one piece.
async fn plain(
    shared: &web::Data<Shared>,
    prepared: Prepared,
    peer: Option<&Peer>,
) -> Result<HttpResponse, Failure> {
    let Prepared {
        answer,
        scenario,
        timing,
        beginning,
        ..
    } = prepared;
    if let Scenario::MidstreamError { kind, .. } = scenario {
        let message = script::error_message(kind.as_str());
        return Err(Failure::new(status_of(&kind), kind, message));
    }
    pause(timing.first_token, peer).await.map_err(left)?;
    if let Scenario::Disconnect { .. } | Scenario::Truncate { .. } = scenario {
        return Ok(cut(shared.clone(), &answer, &scenario, beginning));
    }
    let charge = beginning.begin(shared);
    generate(&answer, timing, &charge, peer)
        .await
        .map_err(left)?;
    if let Scenario::Stall { pause: time, .. } = scenario {
        pause(time, peer).await.map_err(left)?;
    }
    charge.complete();
    let mut message = serde_json::to_value(answer.finished()).unwrap_or_default();
    match scenario {
        Scenario::Malformed { .. } => {
            let text = message.to_string();
            let half = text.len() / 2;
            let body = text
                .into_bytes()
                .into_iter()
                .take(half)
                .collect::<Vec<u8>>();
            Ok(HttpResponse::Ok()
                .content_type("application/json")
                .body(body))
        }
        Scenario::UnknownEvent => {
            if let Some(blocks) = message.get_mut("content").and_then(Value::as_array_mut) {
                blocks.push(json!({"type": "sim_smell", "smell": "sea"}));
            }
            Ok(HttpResponse::Ok().json(message))
        }
        _ => Ok(HttpResponse::Ok().json(message)),
    }
}

/// Generates at the configured pace; the charge follows.
async fn generate(
    answer: &Answer,
    timing: Timing,
    charge: &OpenCharge,
    peer: Option<&Peer>,
) -> Result<(), Cut> {
    if !timing.pace.is_zero() {
        for (at, piece) in answer.pieces.iter().enumerate() {
            if at > 0 {
                pause(timing.pace, peer).await?;
            }
            charge.set_output(piece.output_tokens);
        }
    }
    charge.set_output(answer.output_tokens());
    Ok(())
}

/// The answer that nobody reads, because the client has left.
fn left(_: Cut) -> Failure {
    Failure::new(499, ErrorType::Api, "Client Closed Request")
}

/// Sends half of the body, then cuts the connection or pretends that was all.
fn cut(
    shared: web::Data<Shared>,
    answer: &Answer,
    scenario: &Scenario,
    beginning: Beginning,
) -> HttpResponse {
    let text = serde_json::to_string(&answer.finished()).unwrap_or_default();
    let half: String = text.chars().take(text.chars().count() / 2).collect();
    let mut steps = vec![
        Step::Begin,
        Step::Generated(answer.output_tokens()),
        Step::Send(half),
    ];
    if matches!(scenario, Scenario::Disconnect { .. }) {
        steps.push(Step::Abort);
    }
    HttpResponse::Ok()
        .content_type("application/json")
        .streaming(play(shared, steps, beginning, None))
}

/// The status that an error of a kind has outside of a stream.
fn status_of(kind: &ErrorType) -> u16 {
    match kind {
        ErrorType::InvalidRequest => 400,
        ErrorType::Authentication => 401,
        ErrorType::Billing => 402,
        ErrorType::Permission => 403,
        ErrorType::NotFound => 404,
        ErrorType::RequestTooLarge => 413,
        ErrorType::RateLimit => 429,
        ErrorType::Timeout => 504,
        ErrorType::Overloaded => 529,
        _ => 500,
    }
}
