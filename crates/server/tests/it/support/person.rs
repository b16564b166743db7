//! Somebody who uses the service.

use std::collections::HashMap;

use lionrocket_test_support::FaultyLink;
use reqwest::{Client, Method, RequestBuilder, header};
use serde_json::{Value, json};

use super::{Events, Server};

/// A password that the service takes.
pub(crate) const PASSWORD: &str = "canary-lantern-harbour-42";

/// A client that goes nowhere but straight to the server.
pub(crate) fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Sends a request; the body is null when there is none.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = super::in_time("an answer", request.send()).await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = super::in_time("a body", response.text()).await.unwrap();
        Self {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        }
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn with_status(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The stable code of a problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Person {
    http: Client,
    base: String,
    token: String,
}

impl Person {
    /// Makes an account.
    pub(crate) async fn register(server: &Server, name: &str) -> Self {
        let http = client();
        let email = format!("{name}@canary.example");
        let request = http
            .post(format!("{}/auth/register", server.base))
            .json(&json!({"username": name, "email": email, "password": PASSWORD}));
        let body = Answer::of(request).await.with_status(201);
        Self::signed_in(http, server, &body)
    }

    /// Signs in to an account.
    pub(crate) async fn login(server: &Server, name: &str) -> Self {
        let http = client();
        let request = http
            .post(format!("{}/auth/login", server.base))
            .json(&json!({"username": name, "password": PASSWORD}));
        let body = Answer::of(request).await.with_status(200);
        Self::signed_in(http, server, &body)
    }

    fn signed_in(http: Client, server: &Server, body: &Value) -> Self {
        Self {
            http,
            base: server.base.clone(),
            token: body["access_token"].as_str().unwrap().to_owned(),
        }
    }

    /// The same person with the same token, at another server.
    pub(crate) fn at(&self, server: &Server) -> Self {
        Self {
            base: server.base.clone(),
            ..self.clone()
        }
    }

    /// The same person over a link to the same server, with a new connection for each request.
    pub(crate) fn over(&self, link: &FaultyLink) -> Self {
        let (_, host) = self.base.split_once("://").unwrap();
        let host = header::HeaderValue::from_str(host).unwrap();
        let http = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .default_headers([(header::HOST, host)].into_iter().collect());
        Self {
            http: http.build().unwrap(),
            base: link.url(),
            ..self.clone()
        }
    }

    /// Somebody who is over a link already, over another one.
    pub(crate) fn moved_to(&self, link: &FaultyLink) -> Self {
        Self {
            base: link.url(),
            ..self.clone()
        }
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body)).await
    }

    /// Makes a character without a greeting and opens a chat with it.
    pub(crate) async fn open_chat(&self) -> i64 {
        let character =
            json!({"name": "등대지기", "system_prompt": "You keep a lighthouse. canary-prompt"});
        let character = self
            .post("/api/characters", character)
            .await
            .with_status(201);
        let chat = json!({"character_id": character["id"]});
        let chat = self.post("/api/chats", chat).await.with_status(201);
        chat["id"].as_i64().unwrap()
    }

    fn message(&self, chat: i64, words: &str) -> RequestBuilder {
        self.request(Method::POST, &format!("/api/chats/{chat}/messages"))
            .json(&json!({ "content": words }))
    }

    /// Says something and waits for the whole reply.
    pub(crate) async fn say(&self, chat: i64, words: &str) -> Answer {
        Answer::of(self.message(chat, words)).await
    }

    /// Says something and reads the reply as it comes.
    pub(crate) async fn say_live(&self, chat: i64, words: &str) -> Events {
        let request = self
            .message(chat, words)
            .header(header::ACCEPT, "text/event-stream");
        Events::of(request).await
    }

    /// Says something and goes away.
    pub(crate) async fn say_and_go(&self, chat: i64, words: &str) -> Answer {
        Answer::of(self.message(chat, words).header("prefer", "respond-async")).await
    }

    /// Follows a turn from an event on, or from its beginning.
    pub(crate) async fn follow(&self, chat: i64, turn: &str, after: Option<&str>) -> Events {
        let path = format!("/api/chats/{chat}/turns/{turn}/events");
        let mut request = self.request(Method::GET, &path);
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        Events::of(request).await
    }

    /// A turn as it is now.
    pub(crate) async fn turn(&self, chat: i64, turn: &str) -> Value {
        let path = format!("/api/chats/{chat}/turns/{turn}");
        self.get(&path).await.with_status(200)
    }

    /// The messages of a chat, oldest first.
    pub(crate) async fn messages(&self, chat: i64) -> Vec<Value> {
        let page = self.get(&format!("/api/chats/{chat}/messages")).await;
        page.with_status(200)["items"].as_array().unwrap().clone()
    }

    /// The texts of all messages of a chat by their ids, however many pages they fill.
    pub(crate) async fn messages_by_id(&self, chat: i64) -> HashMap<i64, Value> {
        let mut found = HashMap::new();
        let mut next = String::new();
        loop {
            let page = self.get(&format!("/api/chats/{chat}/messages{next}")).await;
            let page = page.with_status(200);
            for message in page["items"].as_array().unwrap() {
                found.insert(message["id"].as_i64().unwrap(), message["content"].clone());
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("?before={cursor}"),
                None => return found,
            }
        }
    }

    /// The sums over all days of usage.
    pub(crate) async fn usage(&self) -> Value {
        let page = self.get("/auth/me/usage").await.with_status(200);
        let days = page["items"].as_array().unwrap();
        let sum = |name: &str| -> i64 { days.iter().filter_map(|day| day[name].as_i64()).sum() };
        json!({
            "chat_count": sum("chat_count"),
            "total_tokens": sum("total_tokens"),
            "input_tokens": sum("input_tokens"),
            "output_tokens": sum("output_tokens"),
            "cache_read_tokens": sum("cache_read_tokens"),
            "cache_write_tokens": sum("cache_write_tokens"),
            "cost_micro_usd": sum("cost_micro_usd"),
        })
    }
}
