//! A client without a network.

use std::{error::Error, pin::Pin, rc::Rc, sync::Arc};

use actix_http::{Payload, Request};
use actix_web::{
    HttpResponse,
    body::{BoxBody, MessageBody, to_bytes},
    dev::Service,
    http::{Method, StatusCode, header::HeaderMap},
    test::{TestRequest, init_service},
    web::Bytes,
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use jiff::SignedDuration;
use lionrocket_app::{
    admin::Administrator,
    invites::InviteDraft,
    turns::{Ask, TurnRequest},
};
use lionrocket_crypto_adapter::CursorSealer;
use lionrocket_domain::{
    audit::Origin,
    budget::DailyBudgets,
    character::{CharacterDraft, PromptDraft, Visibility},
    ids::{CharacterId, ChatId, PromptId, TurnId},
    text::{
        CharacterName, Description, Greeting, InviteNote, MessageText, PromptContent, PromptName,
        SystemPrompt,
    },
    turn::TurnRecord,
    window::HistoryBudget,
};
use lionrocket_http::{
    ApiState, LanguageModelKind, NetworkRules, NotReady, Readiness, Registration,
    RememberedAnswers, ServiceInfo, app,
};
use lionrocket_test_support::{Person, World, secret};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::answered;

type Call = Box<dyn Fn(Request) -> LocalBoxFuture<'static, HttpResponse>>;

/// The application and its world.
pub(crate) struct Api {
    pub(crate) world: World,
    pub(crate) state: ApiState,
    call: Call,
}

fn character_draft(visibility: Visibility) -> CharacterDraft {
    CharacterDraft {
        name: CharacterName::parse("하루").unwrap(),
        system_prompt: SystemPrompt::parse("You keep a lighthouse.").unwrap(),
        greeting: Greeting::parse("오늘 바다는 어때요?").unwrap(),
        description: Description::parse("등대지기").unwrap(),
        visibility,
    }
}

struct AlwaysReady;

#[async_trait::async_trait]
impl Readiness for AlwaysReady {
    async fn check(&self) -> Result<(), NotReady> {
        Ok(())
    }
}

fn info() -> ServiceInfo {
    ServiceInfo {
        version: "1.2.3".to_owned(),
        public_origins: vec!["http://localhost:8080".to_owned()],
        language_model: LanguageModelKind::Demo,
        model: "scripted-model".to_owned(),
        message_max_chars: 200,
        password_min_length: 10,
        registration: Registration::Open,
        admin_reads_visible: true,
        stats_timezone: "Asia/Seoul".to_owned(),
        strict_transport_security: false,
    }
}

impl Api {
    pub(crate) async fn new() -> Self {
        Self::with(info(), Arc::new(AlwaysReady)).await
    }

    pub(crate) async fn with_info(change: impl FnOnce(&mut ServiceInfo)) -> Self {
        let mut info = info();
        change(&mut info);
        Self::with(info, Arc::new(AlwaysReady)).await
    }

    pub(crate) async fn with_readiness(readiness: Arc<dyn Readiness>) -> Self {
        Self::with(info(), readiness).await
    }

    /// With limits on how often something may be done, and proxies that are believed.
    pub(crate) async fn with_limits(trusted_proxies: &[&str]) -> Self {
        let network = NetworkRules {
            trusted_proxies: trusted_proxies
                .iter()
                .map(|one| one.parse().unwrap())
                .collect(),
            ..NetworkRules::default()
        };
        Self::made_of(World::with_limits(), info(), network, Arc::new(AlwaysReady)).await
    }

    /// With passwords that take as long to check as in the service itself.
    pub(crate) async fn with_real_hashes() -> Self {
        let world = World::with_real_hashes();
        let network = NetworkRules::default();
        Self::made_of(world, info(), network, Arc::new(AlwaysReady)).await
    }

    /// With budgets of the day.
    pub(crate) async fn with_budgets(budgets: DailyBudgets) -> Self {
        let world = World::with_budgets(budgets);
        let network = NetworkRules::default();
        Self::made_of(world, info(), network, Arc::new(AlwaysReady)).await
    }

    /// With a model that is sent only so much of a conversation.
    pub(crate) async fn with_history(history: HistoryBudget) -> Self {
        let world = World::with_history(history);
        let network = NetworkRules::default();
        Self::made_of(world, info(), network, Arc::new(AlwaysReady)).await
    }

    /// With pages of other origins that may call it.
    pub(crate) async fn with_cors_origins(origins: &[&str]) -> Self {
        let network = NetworkRules {
            cors_origins: origins.iter().map(|&one| one.to_owned()).collect(),
            ..NetworkRules::default()
        };
        Self::made_of(World::new(), info(), network, Arc::new(AlwaysReady)).await
    }

    async fn with(info: ServiceInfo, readiness: Arc<dyn Readiness>) -> Self {
        Self::made_of(World::new(), info, NetworkRules::default(), readiness).await
    }

    async fn made_of(
        world: World,
        info: ServiceInfo,
        network: NetworkRules,
        readiness: Arc<dyn Readiness>,
    ) -> Self {
        let state = ApiState {
            accounts: world.accounts.clone(),
            sessions: world.sessions.clone(),
            invites: world.invites.clone(),
            resets: world.resets.clone(),
            admin: world.admin.clone(),
            audit: world.audit.clone(),
            characters: world.characters.clone(),
            prompts: world.prompts.clone(),
            chats: world.chats.clone(),
            summaries: world.summaries.clone(),
            answers: Arc::new(RememberedAnswers::new(
                Arc::new(world.store.clone()),
                world.clock.clone(),
            )),
            export: world.export.clone(),
            turns: world.turns.clone(),
            usage: world.usage.clone(),
            stats: world.stats.clone(),
            control: world.control.clone(),
            events: world.events.clone(),
            cursors: Arc::new(CursorSealer::new(&secret(), &[])),
            limits: world.limits.clone(),
            network: Arc::new(network),
            readiness,
            info: Arc::new(info),
        };
        let service = Rc::new(init_service(app(state.clone())).await);
        let call: Call = Box::new(move |request| {
            let service = service.clone();
            async move {
                match service.call(request).await {
                    Ok(response) => response.into_parts().1,
                    // What the server does with what comes out of the outermost layer.
                    Err(error) => error.error_response(),
                }
            }
            .boxed_local()
        });
        Self { world, state, call }
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        self.finish(request.to_request()).await
    }

    async fn finish(&self, request: Request) -> Answer {
        let (method, path) = (request.method().clone(), request.path().to_owned());
        let response = (self.call)(request).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.unwrap();
        let answer = Answer {
            status,
            headers,
            body,
        };
        answered::assert_described(&method, &path, &answer);
        answer
    }

    /// Sends a request whose body never comes.
    pub(crate) async fn send_without_end(&self, request: TestRequest) -> Answer {
        let endless: Payload = Payload::Stream {
            payload: Box::pin(futures_util::stream::pending()),
        };
        let (request, _) = request.to_request().replace_payload(endless);
        self.finish(request).await
    }

    /// Sends a request and reads the answer's body piece by piece.
    pub(crate) async fn open(&self, request: TestRequest) -> OpenAnswer {
        let response = (self.call)(request.to_request()).await;
        OpenAnswer {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.into_body(),
        }
    }

    pub(crate) async fn character(&self, owner: &Person, visibility: Visibility) -> CharacterId {
        let draft = character_draft(visibility);
        let made = self.world.characters.create(owner.actor, draft).await;
        made.unwrap().id
    }

    pub(crate) async fn chat(&self, owner: &Person) -> ChatId {
        let character = self.character(owner, Visibility::Private).await;
        let opened = self.world.chats.create(owner.actor, character, None).await;
        opened.unwrap().id
    }

    /// Opens a chat with a character that has no greeting.
    pub(crate) async fn bare_chat(&self, owner: &Person) -> ChatId {
        let draft = CharacterDraft {
            greeting: Greeting::parse("").unwrap(),
            ..character_draft(Visibility::Private)
        };
        let characters = &self.world.characters;
        let character = characters.create(owner.actor, draft).await.unwrap();
        let chats = &self.world.chats;
        chats
            .create(owner.actor, character.id, None)
            .await
            .unwrap()
            .id
    }

    pub(crate) async fn prompt(&self, admin: &Person) -> PromptId {
        let draft = PromptDraft {
            name: PromptName::parse("House rules").unwrap(),
            content: PromptContent::parse("Be kind.").unwrap(),
            is_active: true,
            position: 0,
        };
        let made = self
            .world
            .prompts
            .create(admin.actor, draft, Origin::default())
            .await;
        made.unwrap().id
    }

    /// Sends a message and waits for the end of its turn.
    pub(crate) async fn turn(&self, owner: &Person, chat_id: ChatId) -> (TurnId, Arc<TurnRecord>) {
        let message = TurnRequest {
            chat_id,
            ask: Ask::Say {
                text: MessageText::parse("hello", 200).unwrap(),
                after: None,
            },
            idempotency_key: None,
        };
        let sent = self.world.turns.begin(owner.actor, message).await.unwrap();
        let ended = self.world.turns.wait_begun(&sent).await.unwrap();
        (sent.record.turn.id, ended)
    }
}

impl Api {
    /// Makes an invite for one account; answers its id.
    pub(crate) async fn invite(&self) -> String {
        let draft = InviteDraft {
            lifetime: SignedDuration::from_hours(1),
            max_uses: 1,
            daily_token_budget: None,
            note: InviteNote::parse("").unwrap(),
        };
        let invites = &self.world.invites;
        let made = invites.create(Administrator::Operator, draft).await;
        made.unwrap().0.id.to_string()
    }

    /// Makes a link for a new password; answers its secret.
    pub(crate) async fn reset_secret(&self, person: &Person) -> String {
        let resets = &self.world.resets;
        let made = resets.create(Administrator::Operator, person.actor.user_id);
        made.await.unwrap().secret.expose_secret().to_owned()
    }
}

/// Where the API is reached in tests.
pub(crate) const HOST: &str = "localhost:8080";

/// Begins a request.
pub(crate) fn request(method: &str, path: &str) -> TestRequest {
    TestRequest::with_uri(path)
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .insert_header(("Host", HOST))
}

/// What a request is given on its way.
pub(crate) trait RequestExt: Sized {
    fn by(self, person: &Person) -> Self;
    fn with(self, name: &'static str, value: impl Into<String>) -> Self;
    fn json_text(self, text: impl Into<String>) -> Self;
}

impl RequestExt for TestRequest {
    fn by(self, person: &Person) -> Self {
        self.with("Authorization", format!("Bearer {}", person.token))
    }

    fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        self.insert_header((name, value.into()))
    }

    fn json_text(self, text: impl Into<String>) -> Self {
        self.with("Content-Type", "application/json")
            .set_payload(text.into())
    }
}

/// An answer that has been read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The whole cookie of a name that the answer sets.
    pub(crate) fn set_cookie(&self, name: &str) -> &str {
        let mut cookies = self.headers.get_all("set-cookie");
        let cookie = cookies.find_map(|cookie| {
            let cookie = cookie.to_str().ok()?;
            cookie.starts_with(&format!("{name}=")).then_some(cookie)
        });
        cookie.unwrap_or_default()
    }

    /// That cookie as a client sends it.
    pub(crate) fn cookie(&self, name: &str) -> String {
        let cookie = self.set_cookie(name).split(';').next();
        cookie.unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.status, self.text()))
    }

    /// Checks that this is a well-formed problem and answers it.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["type"], format!("urn:lionrocket:problem:{code}"));
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem
    }

    /// The places and codes of the fields that are wrong.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let problem = self.problem(422, "validation_failed");
        let fields = problem["errors"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        fields
            .map(|field| (text(&field["pointer"]), text(&field["code"])))
            .collect()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        events(self.text())
    }
}

/// A server-sent event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

pub(crate) fn events(text: &str) -> Vec<Event> {
    let frames = text.split("\n\n").filter(|frame| !frame.is_empty());
    frames
        .filter(|frame| !frame.starts_with(':'))
        .map(|frame| {
            let field = |name: &str| {
                let mut lines = frame.lines();
                lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
            };
            Event {
                id: field("id: "),
                name: field("event: ").unwrap(),
                data: serde_json::from_str(&field("data: ").unwrap()).unwrap(),
            }
        })
        .collect()
}

/// An answer whose body comes piece by piece.
pub(crate) struct OpenAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: BoxBody,
}

impl OpenAnswer {
    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.try_next().await.map(Result::unwrap)
    }

    /// The next piece, or that the connection ends before the answer is whole.
    pub(crate) async fn try_next(&mut self) -> Option<Result<String, Box<dyn Error>>> {
        let body = &mut self.body;
        let piece = std::future::poll_fn(|context| Pin::new(&mut *body).poll_next(context)).await?;
        Some(piece.map(|piece| String::from_utf8(piece.to_vec()).unwrap()))
    }
}
