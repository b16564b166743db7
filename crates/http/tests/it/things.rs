//! What a person may have, for tests that try to get at it.

use std::collections::BTreeMap;

use lionrocket_http::openapi;
use lionrocket_test_support::Person;
use serde_json::{Value, json};

use crate::api::{Answer, Api, RequestExt, request};

/// One of each thing that a person may have. Every text of theirs has their name in it.
pub(crate) struct Things {
    pub(crate) person: Person,
    pub(crate) name: String,
    pub(crate) chat: String,
    pub(crate) message: i64,
    pub(crate) reply: i64,
    turn: String,
    session: String,
    private: String,
    public: String,
    prompt: String,
    invite: String,
    reset: String,
}

impl Things {
    /// Makes a person with one of each.
    pub(crate) async fn of_person(api: &Api, name: &str) -> Self {
        let person = api.world.person(name).await;
        Self::of(api, person, name, "1".to_owned()).await
    }

    /// Makes an administrator with one of each.
    pub(crate) async fn of_admin(api: &Api, name: &str) -> Self {
        let person = api.world.admin(name).await;
        let prompt = api.prompt(&person).await.to_string();
        Self::of(api, person, name, prompt).await
    }

    async fn of(api: &Api, person: Person, name: &str, prompt: String) -> Self {
        let private = character(api, &person, name, "private").await;
        let public = character(api, &person, name, "public").await;
        let title = format!("title of {name}");
        let body = json!({"character_id": private, "title": title});
        let chat = make(api, &person, "/api/chats", &body).await["id"].to_string();
        let path = format!("/api/chats/{chat}/messages");
        let said = make(
            api,
            &person,
            &path,
            &json!({"content": format!("words of {name}")}),
        )
        .await;
        let sessions = api.send(request("GET", "/auth/sessions").by(&person)).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            name: name.to_owned(),
            message: said["user_message"]["id"].as_i64().unwrap(),
            reply: said["assistant_message"]["id"].as_i64().unwrap(),
            turn: text(&said["user_message"]["turn_id"]),
            session: text(&sessions.json()["items"][0]["id"]),
            private: private.to_string(),
            public: public.to_string(),
            invite: api.invite().await,
            reset: api.reset_secret(&person).await,
            person,
            chat,
            prompt,
        }
    }

    /// The id that stands for a parameter of an address.
    pub(crate) fn id(&self, parameter: &str) -> String {
        match parameter {
            "chat_id" => self.chat.clone(),
            "message_id" => self.message.to_string(),
            "turn_id" => self.turn.clone(),
            "session_id" => self.session.clone(),
            "character_id" => self.private.clone(),
            "prompt_id" => self.prompt.clone(),
            "user_id" => self.person.actor.user_id.to_string(),
            "invite_id" => self.invite.clone(),
            other => panic!("what is {other}? Tell the tests of ownership"),
        }
    }

    /// The id of the character that everybody may choose.
    pub(crate) fn public(&self) -> &str {
        &self.public
    }

    /// Writes these things into a request or a body of rbac.toml.
    pub(crate) fn fill(&self, text: &str, victim: &Self) -> String {
        let victim_id = victim.id("user_id");
        let new = format!("new-{}", self.name);
        let (asked, reply) = (self.message.to_string(), self.reply.to_string());
        let names = [
            ("CHAT", self.chat.as_str()),
            ("TURN", &self.turn),
            ("ASKED", &asked),
            ("REPLY", &reply),
            ("PRIVATE", &self.private),
            ("PUBLIC", &self.public),
            ("PROMPT", &self.prompt),
            ("INVITE", &self.invite),
            ("VICTIM", &victim_id),
            ("RESET", &victim.reset),
            ("OWNER", &self.name),
            ("NEW", &new),
        ];
        let mut text = text.to_owned();
        for (name, value) in names {
            text = text.replace(name, value);
        }
        text
    }

    /// All that the person can read of their own.
    pub(crate) async fn all(&self, api: &Api) -> Vec<String> {
        let Self {
            chat,
            turn,
            private,
            public,
            ..
        } = self;
        let mut all = Vec::new();
        for path in [
            "/auth/me",
            "/auth/me/usage",
            "/auth/sessions",
            "/api/chats",
            "/api/characters",
            "/api/prompts",
            &format!("/api/chats/{chat}"),
            &format!("/api/chats/{chat}/messages"),
            &format!("/api/chats/{chat}/turns/{turn}"),
            &format!("/api/characters/{private}"),
            &format!("/api/characters/{public}"),
        ] {
            let answer = api.send(request("GET", path).by(&self.person)).await;
            assert_eq!(answer.status, 200, "{path}");
            all.push(answer.text().to_owned());
        }
        all
    }
}

async fn make(api: &Api, person: &Person, path: &str, body: &Value) -> Value {
    let call = request("POST", path).by(person);
    let made = api.send(call.json_text(body.to_string())).await;
    assert_eq!(made.status, 201, "{path}: {}", made.text());
    made.json()
}

async fn character(api: &Api, person: &Person, name: &str, visibility: &str) -> i64 {
    let body = json!({
        "name": format!("{visibility} of {name}"),
        "system_prompt": format!("secret of {name}"),
        "greeting": "hello",
        "visibility": visibility,
    });
    let made = make(api, person, "/api/characters", &body).await;
    made["id"].as_i64().unwrap()
}

/// An operation of the document.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The names in the address, in their order.
    pub(crate) ids: Vec<String>,
    pub(crate) query: Vec<String>,
    /// The fields of the body.
    pub(crate) fields: Vec<String>,
}

impl Operation {
    /// The address with these ids.
    pub(crate) fn address(&self, ids: &[String]) -> String {
        let pairs = self.ids.iter().zip(ids);
        pairs.fold(self.path.clone(), |path, (name, id)| {
            path.replace(&format!("{{{name}}}"), id)
        })
    }
}

/// Every operation, by its id.
pub(crate) fn operations() -> BTreeMap<String, Operation> {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            let found = Operation {
                id: id.clone(),
                method: method.to_uppercase(),
                path: path.clone(),
                ids: path
                    .split('/')
                    .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                    .map(str::to_owned)
                    .collect(),
                query: parameters(operation),
                fields: fields(&document, operation),
            };
            operations.insert(id, found);
        }
    }
    operations
}

fn parameters(operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array();
    let parameters = parameters.into_iter().flatten();
    parameters
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
        .collect()
}

fn fields(document: &Value, operation: &Value) -> Vec<String> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let Some(name) = schema.as_str().and_then(|name| name.rsplit('/').next()) else {
        return Vec::new();
    };
    let properties = &document["components"]["schemas"][name]["properties"];
    properties.as_object().unwrap().keys().cloned().collect()
}

/// An answer that says nothing went wrong.
pub(crate) fn succeeded(answer: &Answer) -> bool {
    answer.status.is_success() || answer.status.is_redirection()
}
