//! A language model that says what a test wrote for it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use lionrocket_demo_model::DemoModel;
use lionrocket_domain::{
    prompt::{Prompt, Wish},
    turn::StopReason,
    usage::TokenUsage,
};
use lionrocket_ports::model::{LanguageModel, ModelError, ModelEvent, ModelRequest, ReplyStream};
use tokio::sync::Semaphore;

/// Where a scripted reply waits until the test lets it go on.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// Lets one reply through, now or when it comes.
    pub fn open(&self) {
        self.0.add_permits(1);
    }

    async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

/// What a scripted reply does next.
#[derive(Debug)]
pub enum ModelStep {
    /// Tells that the model is busy.
    Busy(Duration),
    /// Says a piece of text.
    Say(&'static str),
    /// Waits for the test.
    Wait(Gate),
    /// Fails.
    Fail(ModelError),
    /// Ends for this reason instead of at the end of the turn.
    End(StopReason),
}

/// A model that plays one script for each request; without one it is the demo model.
#[derive(Debug, Default)]
pub struct ScriptedModel {
    scripts: Mutex<VecDeque<Vec<ModelStep>>>,
    last_prompt: Mutex<Option<Prompt>>,
}

impl ScriptedModel {
    /// Adds a script for the next request that has none.
    pub fn play(&self, script: Vec<ModelStep>) {
        self.scripts().push_back(script);
    }

    /// What it was sent last when it was to answer, and not to sum up.
    pub fn last_prompt(&self) -> Option<Prompt> {
        let last = self.last_prompt.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn scripts(&self) -> std::sync::MutexGuard<'_, VecDeque<Vec<ModelStep>>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LanguageModel for ScriptedModel {
    async fn stream(&self, request: ModelRequest) -> ReplyStream {
        if request.prompt.wish != Wish::Summary {
            let last = self.last_prompt.lock();
            *last.unwrap_or_else(PoisonError::into_inner) = Some(request.prompt.clone());
        }
        let script = self.scripts().pop_front();
        match script {
            Some(script) => perform(script),
            None => DemoModel::new(Duration::ZERO).stream(request).await,
        }
    }

    async fn count_tokens(&self, request: ModelRequest) -> Result<u64, ModelError> {
        DemoModel::new(Duration::ZERO).count_tokens(request).await
    }

    fn model_id(&self) -> String {
        "scripted-model".to_owned()
    }
}

/// Ten tokens in and one out for every piece that is said.
fn perform(script: Vec<ModelStep>) -> ReplyStream {
    Box::pin(async_stream::stream! {
        let mut tokens = TokenUsage { input: 10, ..TokenUsage::default() };
        let mut has_started = false;
        let mut stop_reason = StopReason::EndTurn;
        for step in script {
            match step {
                ModelStep::Busy(wait) => yield Ok(ModelEvent::Retrying(wait)),
                ModelStep::Say(text) => {
                    if !has_started {
                        has_started = true;
                        yield Ok(ModelEvent::Started { model: "scripted-model".to_owned(), tokens, request_id: None });
                    }
                    tokens.output += 1;
                    yield Ok(ModelEvent::Text(text.to_owned()));
                }
                ModelStep::Wait(gate) => gate.pass().await,
                ModelStep::Fail(error) => {
                    yield Err(error);
                    return;
                }
                ModelStep::End(reason) => stop_reason = reason,
            }
        }
        if !has_started {
            yield Ok(ModelEvent::Started { model: "scripted-model".to_owned(), tokens, request_id: None });
        }
        yield Ok(ModelEvent::Finished { stop_reason, tokens });
    })
}
