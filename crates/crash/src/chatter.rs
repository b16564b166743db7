//! A client that talks in one chat, whatever becomes of the server.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{Rng as _, rngs::StdRng};
use reqwest::{Method, RequestBuilder, Response, header};
use serde_json::{Value, json};

use crate::{
    book::{Acceptance, Ask, Book, Exchange, Fact, Form, Reader, Step, Stop, Told},
    events::{Event, Events, Next},
    person::{LIMIT, Person},
    plan::pick,
    process::Doom,
    verdict::Talk,
};

/// How often a stream that ends without a word is asked for again.
const MOST_RESUMES: u32 = 200;
/// How long somebody waits who was refused.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);
/// One event in so many makes a client lose its connection.
const LOSES_CONNECTION: u32 = 80;

/// How likely it is that somebody just says something.
const SAYS: f64 = 0.5;

/// One life of the server, as its clients see it.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) base: String,
    pub(crate) doom: Arc<Doom>,
    pub(crate) book: Arc<Book>,
    /// Whether new messages are sent.
    pub(crate) load: Arc<AtomicBool>,
}

/// The server is gone.
pub(crate) struct Gone;

impl Life {
    /// Waits for something from the server. Whatever goes wrong means that it is gone, which is a
    /// trouble only while it should be there.
    async fn call<T>(
        &self,
        what: &str,
        call: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, Gone> {
        let problem = match tokio::time::timeout(LIMIT, call).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => format!("{error:?}"),
            Err(_) => "nothing came in time".to_owned(),
        };
        Err(self.gone(what, &problem))
    }

    fn gone(&self, what: &str, problem: &str) -> Gone {
        if !self.doom.may_be_gone() {
            self.book
                .trouble(format!("the server does not serve {what}: {problem}"));
        }
        Gone
    }
}

/// What is left to do with a stream of events.
enum Left {
    /// Nothing: the end was told.
    Nothing,
    /// The rest is to be asked for.
    Rest,
}

/// What somebody wants to do.
#[derive(Clone, Debug)]
enum Wish {
    /// To get a reply to these words.
    Ask(Ask, String),
    /// To see the branch through a message.
    Choose(i64),
}

/// What can be done with the messages that are shown, by its kind.
fn wishes(page: &[Value]) -> [Vec<Wish>; 4] {
    let [mut edits, mut answers, mut rests, mut choices] = [const { Vec::new() }; 4];
    let mut asked = None;
    for message in page {
        let id = message["id"].as_i64().unwrap_or_default();
        let content = message["content"].as_str().unwrap_or_default();
        let siblings = message["sibling_ids"].as_array().into_iter().flatten();
        let others = siblings.filter_map(Value::as_i64);
        choices.extend(others.filter(|other| *other != id).map(Wish::Choose));
        if message["role"] == "user" {
            asked = Some(content);
            edits.push(Wish::Ask(Ask::Edit(id), String::new()));
        }
        // A greeting answers nothing.
        let Some(asked) = asked else { continue };
        answers.push(Wish::Ask(Ask::Regenerate(id), asked.to_owned()));
        let is_cut = ["stopped", "failed", "interrupted"].contains(&status_of(message));
        if is_cut && !content.trim().is_empty() {
            rests.push(Wish::Ask(Ask::Continue(id), asked.to_owned()));
        }
    }
    [edits, answers, rests, choices]
}

fn status_of(message: &Value) -> &str {
    message["status"].as_str().unwrap_or_default()
}

/// What the API tells in the end.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The turns of this cycle.
    pub(crate) turns: Vec<Value>,
    /// All messages of the chat, oldest first.
    pub(crate) messages: Vec<Value>,
}

/// One chat of one person.
pub(crate) struct Chatter {
    person: Person,
    pub(crate) chat: i64,
    /// The last message that it showed before this cycle, if that is known.
    shown: Option<i64>,
    dice: StdRng,
    /// Makes keys and texts different from those of all other cycles.
    cycle: u32,
    /// The wishes of this cycle for replies.
    pub(crate) exchanges: Vec<Exchange>,
    steps: Vec<Step>,
    pub(crate) seen: Seen,
}

impl Chatter {
    pub(crate) fn new(
        person: Person,
        chat: i64,
        shown: Option<i64>,
        cycle: u32,
        dice: StdRng,
    ) -> Self {
        Self {
            person,
            chat,
            shown,
            dice,
            cycle,
            exchanges: Vec::new(),
            steps: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// What was asked in this chat.
    pub(crate) fn talk(&self) -> Talk<'_> {
        Talk {
            chat: self.chat,
            shown: self.shown,
            exchanges: &self.exchanges,
            steps: &self.steps,
        }
    }

    /// Lives through one life of the server: finishes what the last one left, then talks on.
    pub(crate) async fn live(&mut self, life: &Life) {
        // It fails when the server is gone, and then there is nothing to do.
        drop(self.talk_on(life).await);
    }

    async fn talk_on(&mut self, life: &Life) -> Result<(), Gone> {
        for at in 0..self.exchanges.len() {
            if !self.exchanges[at].is_settled {
                self.settle(life, at).await?;
            }
        }
        self.choose_again(life).await?;
        while life.load.load(Ordering::SeqCst) && !life.doom.is_struck() {
            match self.next_wish(life).await? {
                Wish::Ask(ask, content) => self.ask(life, ask, content).await?,
                Wish::Choose(message) => self.choose(life, message).await?,
            }
        }
        Ok(())
    }

    /// Asks for a reply.
    async fn ask(&mut self, life: &Life, ask: Ask, content: String) -> Result<(), Gone> {
        let at = self.exchanges.len();
        let exchange = self.new_exchange(ask, content);
        self.exchanges.push(exchange);
        self.steps.push(Step::Asked(at));
        let form = pick(&mut self.dice, &[Form::Json, Form::Events, Form::Accepted]);
        let Exchange { key, content, .. } = &self.exchanges[at];
        life.book.note(key, &Fact::Asked(form, ask, content));
        self.send(life, at, form).await?;
        self.exchanges[at].is_settled = true;
        if !self.exchanges[at].is_accepted() {
            tokio::time::sleep(AFTER_REFUSAL).await;
        }
        Ok(())
    }

    /// Decides what to do next. Mostly it is to say something; else it is something that can be done
    /// with what the chat shows.
    async fn next_wish(&mut self, life: &Life) -> Result<Wish, Gone> {
        let say = Wish::Ask(Ask::Say, self.new_words());
        if self.dice.random_bool(SAYS) {
            return Ok(say);
        }
        let page = self.page(life).await?;
        let wishes = wishes(&page);
        let kinds: Vec<_> = wishes.iter().filter(|wishes| !wishes.is_empty()).collect();
        if kinds.is_empty() {
            return Ok(say);
        }
        // Each kind is as likely as the others, however many messages there are for it.
        let kind = kinds[self.dice.random_range(0..kinds.len())];
        let wish = kind[self.dice.random_range(0..kind.len())].clone();
        Ok(match wish {
            Wish::Ask(ask @ Ask::Edit(_), _) => Wish::Ask(ask, self.new_words()),
            wish => wish,
        })
    }

    /// The last messages that the chat shows.
    async fn page(&mut self, life: &Life) -> Result<Vec<Value>, Gone> {
        let path = format!("/api/chats/{}/messages?limit=20", self.chat);
        let request = self.person.request(Method::GET, &life.base, &path);
        let response = life.call("messages", request.send()).await?;
        let status = response.status().as_u16();
        let body = life.call("messages", response.text()).await?;
        let mut body: Value = serde_json::from_str(&body).unwrap_or_default();
        match body["items"].as_array_mut() {
            Some(items) if status == 200 => Ok(std::mem::take(items)),
            _ => Err(life.gone("messages", &format!("{status}"))),
        }
    }

    /// Chooses a branch once more when nobody has said that it is shown.
    async fn choose_again(&mut self, life: &Life) -> Result<(), Gone> {
        match self.steps.last() {
            Some(&Step::Chosen {
                message,
                is_told: false,
            }) if self.dice.random_bool(0.7) => self.choose(life, message).await,
            _ => Ok(()),
        }
    }

    /// Shows the branch through a message.
    async fn choose(&mut self, life: &Life, message: i64) -> Result<(), Gone> {
        self.steps.push(Step::Chosen {
            message,
            is_told: false,
        });
        let name = format!("{}-{}", self.person.name, self.chat);
        life.book.note(&name, &Fact::Choosing(message));
        let path = format!("/api/chats/{}/head", self.chat);
        let request = self.person.request(Method::PUT, &life.base, &path);
        let request = request.json(&json!({ "message_id": message }));
        let response = life.call("a choice", request.send()).await?;
        match response.status().as_u16() {
            200 => {
                if let Some(Step::Chosen { is_told, .. }) = self.steps.last_mut() {
                    *is_told = true;
                }
                life.book.note(&name, &Fact::Chosen);
            }
            // Nobody knows what became of it.
            503 | 507 => {}
            status => life
                .book
                .trouble(format!("{name}: {status} for the choice of {message}")),
        }
        Ok(())
    }

    /// Shows another branch while a reply is written, when the time has come.
    async fn leave_in_time(&mut self, life: &Life, at: usize, reader: usize) -> Result<(), Gone> {
        let exchange = &mut self.exchanges[at];
        let pieces = exchange.readers[reader].places.len();
        match exchange.leave_after {
            Some((after, message)) if pieces >= after => {
                exchange.leave_after = None;
                self.choose(life, message).await
            }
            _ => Ok(()),
        }
    }

    /// Says which messages are to be looked after once more when the server is back.
    pub(crate) fn survive(&mut self) {
        for exchange in &mut self.exchanges {
            exchange.crashes += u32::from(!exchange.is_told());
            if exchange.is_accepted() && self.dice.random_bool(0.3) {
                exchange.is_settled = false;
            }
        }
    }

    /// A name that no other exchange has.
    fn new_name(&self) -> String {
        let number = self.exchanges.len();
        format!("{}-{}-{}-{number}", self.cycle, self.person.name, self.chat)
    }

    fn new_words(&mut self) -> String {
        let (name, pace) = (self.new_name(), self.dice.random_range(1..10));
        // The demo model takes the request for a pace as mere words.
        format!("{name} 바다 이야기를 해 주세요 🌊 [[sim:slow;itl-ms={pace}]]")
    }

    fn new_exchange(&mut self, ask: Ask, content: String) -> Exchange {
        let mut exchange = Exchange::new(self.chat, self.new_name(), ask, content);
        if self.dice.random_bool(0.2) {
            exchange.stop_after = Some(self.dice.random_range(0..20));
        }
        if let Ask::Edit(id) | Ask::Regenerate(id) | Ask::Continue(id) = ask
            && self.dice.random_bool(0.2)
        {
            exchange.leave_after = Some((self.dice.random_range(0..20), id));
        }
        exchange
    }

    /// Reads the rest of a reply and sends its message again with its key.
    async fn settle(&mut self, life: &Life, at: usize) -> Result<(), Gone> {
        let exchange = &mut self.exchanges[at];
        if exchange.turn().is_some() && !exchange.is_told() {
            if exchange.readers.is_empty() {
                exchange.readers.push(Reader::default());
            }
            self.follow(life, at, 0).await?;
        }
        let form = pick(&mut self.dice, &[Form::Json, Form::Events, Form::Accepted]);
        life.book
            .note(&self.exchanges[at].key, &Fact::Repeated(form));
        self.send(life, at, form).await?;
        self.finish_readers(life, at).await?;
        self.exchanges[at].is_settled = true;
        Ok(())
    }

    /// Lets every reader read to the end.
    async fn finish_readers(&mut self, life: &Life, at: usize) -> Result<(), Gone> {
        for reader in 0..self.exchanges[at].readers.len() {
            if self.exchanges[at].readers[reader].told.is_none() {
                self.follow(life, at, reader).await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self, life: &Life, at: usize, form: Form) -> Result<(), Gone> {
        let response = life
            .call("a message", self.message(life, at, form).send())
            .await?;
        let status = response.status().as_u16();
        let is_replay = response.headers().contains_key("idempotent-replayed");
        match status {
            200 => {
                let exchange = &mut self.exchanges[at];
                exchange.readers.push(Reader::default());
                let reader = exchange.readers.len() - 1;
                match self
                    .read(life, at, reader, response, Some(is_replay))
                    .await?
                {
                    Left::Nothing => Ok(()),
                    Left::Rest => self.follow(life, at, reader).await,
                }
            }
            202 => {
                let place = response.headers().get(header::LOCATION);
                let place = place
                    .and_then(|place| place.to_str().ok())
                    .unwrap_or_default();
                let turn = place.rsplit('/').next().map(str::to_owned);
                self.accept(life, at, turn, is_replay);
                let exchange = &mut self.exchanges[at];
                exchange.readers.push(Reader::default());
                self.follow(life, at, self.exchanges[at].readers.len() - 1)
                    .await
            }
            _ => {
                let body = life.call("an answer", response.text()).await?;
                self.answered(life, at, status, &body, is_replay);
                Ok(())
            }
        }
    }

    fn message(&self, life: &Life, at: usize, form: Form) -> RequestBuilder {
        let exchange = &self.exchanges[at];
        let (place, has_words) = match exchange.ask {
            Ask::Say => (String::new(), true),
            Ask::Edit(id) => (format!("/{id}/edit"), true),
            Ask::Regenerate(id) => (format!("/{id}/regenerate"), false),
            Ask::Continue(id) => (format!("/{id}/continue"), false),
        };
        let path = format!("/api/chats/{}/messages{place}", self.chat);
        let request = self
            .person
            .request(Method::POST, &life.base, &path)
            .header("idempotency-key", &exchange.key);
        let request = if has_words {
            request.json(&json!({ "content": exchange.content }))
        } else {
            request
        };
        match form {
            Form::Json => request,
            Form::Events => request.header(header::ACCEPT, "text/event-stream"),
            Form::Accepted => request.header("prefer", "respond-async"),
        }
    }

    fn accept(&mut self, life: &Life, at: usize, turn: Option<String>, is_replay: bool) {
        let acceptance = Acceptance { turn, is_replay };
        life.book
            .note(&self.exchanges[at].key, &Fact::Accepted(&acceptance));
        self.exchanges[at].acceptances.push(acceptance);
    }

    /// Takes a whole answer: the reply, a failure that names its turn, or a refusal. One that names the
    /// turn of another message, which nobody knew to be there, is a refusal.
    fn answered(&mut self, life: &Life, at: usize, status: u16, body: &str, is_replay: bool) {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        if status == 201 {
            let reply = &body["assistant_message"];
            let turn = reply["turn_id"].as_str().map(str::to_owned);
            self.accept(life, at, turn, is_replay);
            let content = reply["content"].as_str().unwrap_or_default().to_owned();
            self.exchanges[at].wholes.push(content);
        } else if let Some(turn) = body["turn_id"].as_str()
            && body["code"] != "turn_running"
        {
            let is_replay = is_replay || self.exchanges[at].is_accepted();
            self.accept(life, at, Some(turn.to_owned()), is_replay);
            if self.exchanges[at].readers.is_empty() {
                self.exchanges[at].readers.push(Reader::default());
            }
        } else {
            let code = body["code"].as_str().unwrap_or("no code").to_owned();
            // Everything is asked so that it can be done, unless the server is in trouble.
            if !matches!(status, 503 | 507) && code != "turn_running" {
                let (key, ask) = (&self.exchanges[at].key, self.exchanges[at].ask);
                life.book
                    .trouble(format!("{key}: {status} {code} for {ask:?}"));
            }
            life.book
                .note(&self.exchanges[at].key, &Fact::Refused(&code));
            self.exchanges[at].refusals.push(format!("{status} {code}"));
        }
    }

    /// Reads on from where a reader is until the end is told.
    async fn follow(&mut self, life: &Life, at: usize, reader: usize) -> Result<(), Gone> {
        for _ in 0..MOST_RESUMES {
            let exchange = &self.exchanges[at];
            let Some(turn) = exchange.turn() else {
                return Ok(());
            };
            let path = format!("/api/chats/{}/turns/{turn}/events", self.chat);
            let mut request = self.person.request(Method::GET, &life.base, &path);
            let after = exchange.readers[reader].last_id.as_deref();
            if let Some(id) = after {
                request = request.header("last-event-id", id);
            }
            life.book.note(&exchange.key, &Fact::Resumed { after });
            let response = life.call("the events of a turn", request.send()).await?;
            if response.status() != 200 {
                let status = response.status();
                if life.doom.may_be_gone() {
                    // A server without a disk may say so before it is gone.
                    return Err(Gone);
                }
                life.book.trouble(format!(
                    "{}: {status} for the events of {turn}",
                    exchange.key
                ));
                return Ok(());
            }
            if let Left::Nothing = self.read(life, at, reader, response, None).await? {
                return Ok(());
            }
        }
        let key = &self.exchanges[at].key;
        life.book
            .trouble(format!("{key}: no end was told in {MOST_RESUMES} streams"));
        Ok(())
    }

    /// Reads a stream. `acceptance` says whether it answers a message, and one that was sent before.
    async fn read(
        &mut self,
        life: &Life,
        at: usize,
        reader: usize,
        response: Response,
        mut acceptance: Option<bool>,
    ) -> Result<Left, Gone> {
        let mut events = Events::of(response);
        loop {
            let next = life
                .call("an event", async { Ok(events.next().await) })
                .await?;
            let event = match next {
                Next::Event(event) => event,
                Next::End => return Ok(Left::Rest),
                Next::Broken => return Err(life.gone("an event", "the connection broke")),
                Next::Unreadable(frame) => {
                    life.book
                        .trouble(format!("an event that cannot be read: {frame:?}"));
                    continue;
                }
            };
            if let (Some(is_replay), "turn") = (acceptance, event.name.as_str()) {
                let turn = event.data["turn_id"].as_str().map(str::to_owned);
                self.accept(life, at, turn, is_replay);
                acceptance = None;
            }
            if self.take(life, at, reader, event) {
                return Ok(Left::Nothing);
            }
            self.stop_in_time(life, at, reader).await?;
            self.leave_in_time(life, at, reader).await?;
            if self.dice.random_ratio(1, LOSES_CONNECTION) {
                return Ok(Left::Rest);
            }
        }
    }

    /// Adds an event to what a reader has. Answers whether it was the last one.
    fn take(&mut self, life: &Life, at: usize, reader: usize, event: Event) -> bool {
        let Exchange { key, readers, .. } = &mut self.exchanges[at];
        let seen = &mut readers[reader];
        match event.name.as_str() {
            "turn" => {
                if seen.has_begun {
                    seen.resets += 1;
                    seen.text.clear();
                    seen.places.clear();
                    life.book.note(key, &Fact::Reset);
                }
                seen.has_begun = true;
            }
            "delta" => {
                seen.has_begun = true;
                let text = event.data["text"].as_str().unwrap_or_default();
                seen.text.push_str(text);
                seen.places.push((event.id.clone(), seen.text.len()));
                life.book.note(
                    key,
                    &Fact::Shown {
                        id: &event.id,
                        text,
                    },
                );
            }
            "busy" | "usage" => {}
            "done" | "stopped" | "error" => {
                let content = event.data["assistant_message"]["content"].as_str();
                seen.told = Some(Told {
                    event: event.name.clone(),
                    content: content.map(str::to_owned),
                });
                life.book.note(key, &Fact::Told(&event.name));
            }
            other => life.book.trouble(format!("{key}: the event {other}")),
        }
        seen.last_id = Some(event.id);
        seen.told.is_some()
    }

    /// Asks to stop the reply when its time has come.
    async fn stop_in_time(&mut self, life: &Life, at: usize, reader: usize) -> Result<(), Gone> {
        let exchange = &mut self.exchanges[at];
        let pieces = exchange.readers[reader].places.len();
        let is_time = exchange.stop_after.is_some_and(|after| pieces >= after);
        if !is_time || exchange.stop.is_some() {
            return Ok(());
        }
        let Some(turn) = exchange.turn() else {
            return Ok(());
        };
        let path = format!("/api/chats/{}/turns/{turn}/stop", self.chat);
        exchange.stop = Some(Stop::Unanswered);
        life.book.note(&exchange.key, &Fact::Stopping);
        let request = self.person.request(Method::POST, &life.base, &path);
        let response = life.call("a stop", request.send()).await?;
        let stop = match response.status().as_u16() {
            202 => Stop::Promised,
            200 => Stop::TooLate,
            503 | 507 => Stop::Unanswered,
            status => {
                life.book
                    .trouble(format!("{}: {status} for a stop", exchange.key));
                Stop::Unanswered
            }
        };
        exchange.stop = Some(stop);
        life.book.note(&exchange.key, &Fact::StopAnswered(stop));
        Ok(())
    }

    /// Reads everything once more when all is over: each reply from some place in its middle, the
    /// turns, and the whole chat.
    pub(crate) async fn look_back(&mut self, life: &Life) -> anyhow::Result<()> {
        for at in 0..self.exchanges.len() {
            let Some(turn) = self.exchanges[at].turn().map(str::to_owned) else {
                continue;
            };
            if let Some(reader) = self.somewhere(at) {
                self.exchanges[at].readers.push(reader);
            }
            if self.finish_readers(life, at).await.is_err() {
                return Ok(());
            }
            let path = format!("/api/chats/{}/turns/{turn}", self.chat);
            self.seen
                .turns
                .push(self.person.get(&life.base, &path).await?);
        }
        self.seen.messages = self.person.messages(&life.base, self.chat).await?;
        Ok(())
    }

    /// A reader that has a reply up to some place.
    fn somewhere(&mut self, at: usize) -> Option<Reader> {
        let readers = &self.exchanges[at].readers;
        let read: Vec<&Reader> = readers
            .iter()
            .filter(|reader| !reader.places.is_empty())
            .collect();
        if read.is_empty() {
            return None;
        }
        let whole = read[self.dice.random_range(0..read.len())];
        let (id, length) = &whole.places[self.dice.random_range(0..whole.places.len())];
        Some(Reader {
            text: whole.text[..*length].to_owned(),
            last_id: Some(id.clone()),
            has_begun: true,
            ..Reader::default()
        })
    }
}
