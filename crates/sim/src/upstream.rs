//! A model that answers slowly, fails in every way that the port allows, and keeps a bill.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use lionrocket_domain::{
    catalog::{ModelCatalog, ModelFacts, Thinking},
    prompt::Wish,
    turn::StopReason,
    usage::{Prices, TokenUsage},
};
use lionrocket_ports::model::{LanguageModel, ModelError, ModelEvent, ModelRequest, ReplyStream};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

use crate::{
    books::Billed,
    store::{Chance, draw},
};

pub(crate) const MODEL: &str = "played-model";

/// What is known of the model.
pub(crate) fn catalog() -> ModelCatalog {
    let facts = ModelFacts {
        prices: Prices {
            input: 1_000_000,
            output: 2_000_000,
            cache_read: 100_000,
            cache_write_5m: 1_250_000,
            cache_write_1h: 2_000_000,
        },
        long_prompt: None,
        thinking: Thinking::Unset,
        context_tokens: 200_000,
        max_output_tokens: 8192,
    };
    ModelCatalog {
        price_version: "played".to_owned(),
        models: [(MODEL.to_owned(), facts)].into(),
    }
}

/// The service behind the model.
pub(crate) struct Upstream {
    chance: Chance,
    books: Arc<Mutex<Books>>,
}

/// What upstream knows.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) bill: Vec<Billed>,
    /// Replies that are being written, and the most there ever were.
    pub(crate) writing: usize,
    pub(crate) most_writing: usize,
    /// Tokens of requests that had begun, said nothing and were repeated. What is set aside for a turn
    /// does not reckon with them.
    pub(crate) repeated: u64,
}

impl Upstream {
    pub(crate) fn new(chance: Chance) -> Self {
        Self {
            chance,
            books: Arc::default(),
        }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a reply as long as somebody reads it.
struct Writing(Arc<Mutex<Books>>);

impl Writing {
    fn begin(books: &Arc<Mutex<Books>>) -> Self {
        let writing = Self(Arc::clone(books));
        let mut books = writing.books();
        books.writing += 1;
        books.most_writing = books.most_writing.max(books.writing);
        drop(books);
        writing
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a charge and tells what the port tells at the beginning.
    fn charge(&self, tokens: TokenUsage) -> ModelEvent {
        let mut books = self.books();
        let request_id = format!("req_{}", books.bill.len());
        books.bill.push(Billed {
            request_id: request_id.clone(),
            tokens,
            cost_micro_usd: 0,
            is_billed: true,
            was_heard: true,
        });
        ModelEvent::Started {
            model: MODEL.to_owned(),
            tokens,
            request_id: Some(request_id),
        }
    }

    /// Changes the charge that a `Started` told of.
    fn settle(&self, started: &ModelEvent, settle: impl FnOnce(&mut Billed, &mut u64)) {
        let ModelEvent::Started {
            request_id: Some(request_id),
            ..
        } = started
        else {
            return;
        };
        let mut books = self.books();
        let Books { bill, repeated, .. } = &mut *books;
        let charge = bill
            .iter_mut()
            .find(|charge| charge.request_id == *request_id);
        if let Some(charge) = charge {
            settle(charge, repeated);
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.books().writing -= 1;
    }
}

/// How a reply goes.
struct Course {
    /// Waits before further attempts, and whether the attempt before had begun.
    repeated: Vec<(Duration, bool)>,
    fails_at_once: bool,
    pieces: VecDeque<(Duration, String)>,
    end: End,
    tokens: TokenUsage,
}

enum End {
    Reason(StopReason),
    Error(ModelError),
    Nothing,
}

impl Course {
    fn of(request: &ModelRequest, rng: &mut StdRng) -> Self {
        let (least, most) = (request.prompt.token_floor(), request.prompt.token_bound());
        let input = rng.random_range(least.min(most)..=most);
        let cache_read = rng.random_range(0..=input / 2);
        let briefly = rng.random_range(0..=(input - cache_read) / 2);
        let for_long = rng.random_range(0..=(input - cache_read - briefly) / 2);
        let tokens = TokenUsage {
            input: input - cache_read - briefly - for_long,
            output: 1,
            cache_read,
            cache_write_5m: briefly,
            cache_write_1h: for_long,
        };
        let repeated = match rng.random_range(0..10) {
            0 => 2,
            1 | 2 => 1,
            _ => 0,
        };
        let wait = |rng: &mut StdRng| Duration::from_millis(rng.random_range(400..3_000));
        let end = match rng.random_range(0..20) {
            0 => End::Error(ModelError::Interrupted),
            1 => End::Error(ModelError::Overloaded { retry_after: None }),
            2 => End::Error(ModelError::Timeout),
            3 => End::Error(ModelError::Failed("it broke".into())),
            4 => End::Nothing,
            5 | 6 => End::Reason(StopReason::Refusal),
            7..=9 => End::Reason(StopReason::MaxTokens),
            _ => End::Reason(StopReason::EndTurn),
        };
        Self {
            repeated: (0..repeated)
                .map(|_| (wait(rng), rng.random_bool(0.5)))
                .collect(),
            fails_at_once: rng.random_bool(0.05),
            pieces: pieces(request, rng),
            end,
            tokens,
        }
    }
}

/// Words, with the waits before them. One that goes on may begin with what was said last.
fn pieces(request: &ModelRequest, rng: &mut StdRng) -> VecDeque<(Duration, String)> {
    let mut pieces = VecDeque::new();
    if request.prompt.wish == Wish::GoOn
        && rng.random_bool(0.5)
        && let [.., cut, _] = request.prompt.turns.as_slice()
    {
        let chars: Vec<char> = cut.text.chars().collect();
        let from = chars.len().saturating_sub(rng.random_range(8..40));
        pieces.push_back((Duration::ZERO, chars[from..].iter().collect()));
    }
    for _ in 0..rng.random_range(0..25) {
        let wait = match rng.random_range(0..30) {
            0 => rng.random_range(1_000..40_000),
            _ => rng.random_range(0..900),
        };
        let number: u16 = rng.random();
        let word = match number % 3 {
            0 => format!("등대{number} "),
            1 => format!("light{number} "),
            _ => "é\u{1f9ed}".repeat(1 + usize::from(number % 300)),
        };
        pieces.push_back((Duration::from_millis(wait), word));
    }
    pieces
}

#[async_trait]
impl LanguageModel for Upstream {
    async fn stream(&self, request: ModelRequest) -> ReplyStream {
        let mut rng = draw(&self.chance, |rng| StdRng::seed_from_u64(rng.random()));
        let course = Course::of(&request, &mut rng);
        let most_output = u64::from(request.max_output_tokens);
        let writing = Writing::begin(&self.books);
        Box::pin(async_stream::stream! {
            let tokens = course.tokens;
            for (wait, had_begun) in course.repeated {
                if had_begun {
                    let started = writing.charge(tokens);
                    writing.settle(&started, |_, repeated| *repeated += tokens.total());
                    yield Ok(started);
                    sleep(Duration::from_millis(3)).await;
                }
                yield Ok(ModelEvent::Retrying(wait));
                sleep(wait).await;
            }
            if course.fails_at_once {
                yield Err(ModelError::Overloaded { retry_after: None });
                return;
            }
            let started = writing.charge(tokens);
            yield Ok(started.clone());
            let mut tokens = tokens;
            let mut has_output = false;
            for (wait, words) in course.pieces {
                sleep(wait).await;
                has_output = true;
                tokens.output = (tokens.output + 3).min(most_output);
                writing.settle(&started, |charge, _| charge.tokens = tokens);
                yield Ok(ModelEvent::Text(words));
            }
            match course.end {
                End::Reason(stop_reason) => {
                    let is_free = stop_reason == StopReason::Refusal && !has_output;
                    writing.settle(&started, |charge, _| {
                        charge.is_billed = !is_free;
                        charge.cost_micro_usd = catalog().charge(MODEL, tokens, false).cost_micro_usd;
                    });
                    let tokens = if is_free { TokenUsage::default() } else { tokens };
                    yield Ok(ModelEvent::Finished { stop_reason, tokens });
                }
                End::Error(error) => yield Err(error),
                End::Nothing => {}
            }
        })
    }

    async fn count_tokens(&self, request: ModelRequest) -> Result<u64, ModelError> {
        Ok(request.prompt.token_bound())
    }

    fn model_id(&self) -> String {
        MODEL.to_owned()
    }
}
