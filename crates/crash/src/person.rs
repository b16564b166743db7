//! Somebody who uses the service.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

const PASSWORD: &str = "canary-lantern-harbour-42";

/// Far longer than anything takes, even on a loaded machine.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    http: Client,
    pub(crate) name: String,
    token: String,
}

impl Person {
    /// Makes an account.
    pub(crate) async fn register(base: &str, name: &str) -> Result<Self> {
        let http = Client::builder().no_proxy().build()?;
        let email = format!("{name}@example.com");
        let body = json!({"username": name, "email": email, "password": PASSWORD});
        let body = answer(http.post(format!("{base}/auth/register")).json(&body), 201).await?;
        Ok(Self {
            http,
            name: name.to_owned(),
            token: body["access_token"]
                .as_str()
                .context("no token")?
                .to_owned(),
        })
    }

    /// Signs in once more; the new token is not used.
    pub(crate) async fn login(&self, base: &str) -> Result<()> {
        let body = json!({"username": self.name, "password": PASSWORD});
        let request = self.http.post(format!("{base}/auth/login")).json(&body);
        answer(request, 200).await.map(drop)
    }

    pub(crate) fn request(&self, method: Method, base: &str, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{base}{path}"))
            .bearer_auth(&self.token)
    }

    /// Reads something that must be there.
    pub(crate) async fn get(&self, base: &str, path: &str) -> Result<Value> {
        answer(self.request(Method::GET, base, path), 200).await
    }

    /// Opens a chat with the first character that there is.
    pub(crate) async fn open_chat(&self, base: &str) -> Result<i64> {
        let list = self.get(base, "/api/characters?limit=1").await?;
        let body = json!({"character_id": list["items"][0]["id"]});
        let request = self.request(Method::POST, base, "/api/chats").json(&body);
        answer(request, 201).await?["id"]
            .as_i64()
            .context("no chat")
    }

    /// All messages of the branch of a chat that is shown, oldest first.
    pub(crate) async fn messages(&self, base: &str, chat: i64) -> Result<Vec<Value>> {
        let mut pages = Vec::new();
        let mut path = format!("/api/chats/{chat}/messages?limit=100");
        loop {
            let page = self.get(base, &path).await?;
            pages.push(page["items"].as_array().context("no items")?.clone());
            let Some(cursor) = page["next_cursor"].as_str() else {
                pages.reverse();
                return Ok(pages.concat());
            };
            path = format!("/api/chats/{chat}/messages?limit=100&before={cursor}");
        }
    }
}

/// Sends a request whose answer must have a status.
pub(crate) async fn answer(request: RequestBuilder, status: u16) -> Result<Value> {
    let answer = async {
        let response = request.send().await?;
        let found = response.status().as_u16();
        Ok::<_, reqwest::Error>((found, response.text().await?))
    };
    let (found, text) = tokio::time::timeout(LIMIT, answer)
        .await
        .context("no answer in time")??;
    if found != status {
        bail!("{found} instead of {status}: {text}");
    }
    serde_json::from_str(&text).context("an answer that is no JSON")
}
