//! A person with a login.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A signed-in person.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) token: String,
}

/// An HTTP client without surprises.
pub(crate) fn http() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(2048)
        .build()?)
}

impl Client {
    pub(crate) async fn register(base: &str, username: &str) -> Result<Self> {
        let body = json!({
            "username": username, "email": format!("{username}@example.com"), "password": "bench-password-7x"
        });
        Self::enter(base, "/auth/register", body).await
    }

    pub(crate) async fn sign_in(base: &str, username: &str, password: &str) -> Result<Self> {
        Self::enter(
            base,
            "/auth/login",
            json!({ "username": username, "password": password }),
        )
        .await
    }

    async fn enter(base: &str, path: &str, body: Value) -> Result<Self> {
        let http = http()?;
        let answer = http
            .post(format!("{base}{path}"))
            .json(&body)
            .send()
            .await?
            .error_for_status()?;
        let answer: Value = answer.json().await?;
        let token = answer["access_token"]
            .as_str()
            .context("no token")?
            .to_owned();
        Ok(Self {
            http,
            base: base.to_owned(),
            token,
        })
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http
            .get(format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .json(body)
    }

    /// Opens chats with the first character there is.
    pub(crate) async fn open_chats(&self, count: usize) -> Result<Vec<i64>> {
        let list = self.get("/api/characters?limit=1").send().await?;
        let list: Value = list.error_for_status()?.json().await?;
        let character = list["items"][0]["id"].as_i64().context("no character")?;
        let body = json!({ "character_id": character });
        let mut chats = Vec::with_capacity(count);
        for _ in 0..count {
            let chat = self.post("/api/chats", &body).send().await?;
            let chat: Value = chat.error_for_status()?.json().await?;
            chats.push(chat["id"].as_i64().context("no chat")?);
        }
        Ok(chats)
    }

    /// Sends a message and waits for the reply.
    pub(crate) async fn exchange(&self, chat: i64) -> Result<()> {
        let body = json!({ "content": "How was your day by the sea?" });
        let answer = self
            .post(&format!("/api/chats/{chat}/messages"), &body)
            .send()
            .await?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        if status.as_u16() == 201 {
            Ok(())
        } else {
            bail!("{status}: {}", String::from_utf8_lossy(&bytes))
        }
    }
}
