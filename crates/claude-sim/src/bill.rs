//! What the simulator would have charged.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::cache::InputTokens;
use crate::catalogue::Model;

/// Charges kept one by one; older ones stay in the total only.
const KEPT_CHARGES: usize = 100_000;

/// What one request cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The `request-id` of the response.
    pub request_id: String,
    /// The id of the message.
    pub message_id: String,
    /// Id of the model, aliases resolved.
    pub model: String,
    /// Input at the full price.
    pub input_tokens: u64,
    /// Input written to the cache for five minutes.
    pub cache_write_5m_tokens: u64,
    /// Input written to the cache for one hour.
    pub cache_write_1h_tokens: u64,
    /// Input read from the cache.
    pub cache_read_tokens: u64,
    /// Output generated so far, thinking included; final once `open` is false.
    pub output_tokens: u64,
    /// Exact cost in billionths of a dollar.
    pub cost_nano_usd: u64,
    /// Cost in millionths of a dollar, halves rounded up.
    pub cost_micro_usd: u64,
    /// The reply was generated to its end. False for what failed, was cut or was left by the client.
    pub complete: bool,
    /// The reply is still being generated.
    pub open: bool,
    /// False for a refusal before any output: its tokens are shown in the usage but cost nothing.
    pub billed: bool,
    /// `metadata.user_id` of the request.
    pub user_id: Option<String>,
    /// The header `x-sim-run` of the request.
    pub run: Option<String>,
}

/// Sums over charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BillTotal {
    /// Charges, unbilled ones included.
    pub charges: u64,
    /// Billed input at the full price.
    pub input_tokens: u64,
    /// Billed cache writes for five minutes.
    pub cache_write_5m_tokens: u64,
    /// Billed cache writes for one hour.
    pub cache_write_1h_tokens: u64,
    /// Billed cache reads.
    pub cache_read_tokens: u64,
    /// Billed output.
    pub output_tokens: u64,
    /// Exact cost in billionths of a dollar.
    pub cost_nano_usd: u64,
}

impl BillTotal {
    fn add(&mut self, charge: &Charge) {
        self.charges += 1;
        if charge.billed {
            self.input_tokens += charge.input_tokens;
            self.cache_write_5m_tokens += charge.cache_write_5m_tokens;
            self.cache_write_1h_tokens += charge.cache_write_1h_tokens;
            self.cache_read_tokens += charge.cache_read_tokens;
            self.output_tokens += charge.output_tokens;
            self.cost_nano_usd += charge.cost_nano_usd;
        }
    }
}

/// All charges since the start or the last reset.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bill {
    /// Sums over everything.
    pub total: BillTotal,
    /// The latest 100,000 charges, oldest first.
    pub charges: Vec<Charge>,
}

/// What is known of a charge when its reply begins.
#[derive(Debug)]
pub(crate) struct ChargeStart {
    pub(crate) request_id: String,
    pub(crate) message_id: String,
    pub(crate) model: &'static Model,
    pub(crate) input: InputTokens,
    /// Served in the United States, at a tenth more.
    pub(crate) us_only: bool,
    pub(crate) billed: bool,
    pub(crate) user_id: Option<String>,
    pub(crate) run: Option<String>,
}

/// A charge that its reply updates while others read it.
#[derive(Debug)]
struct Cell {
    start: ChargeStart,
    output_tokens: AtomicU64,
    complete: AtomicBool,
    open: AtomicBool,
}

impl Cell {
    fn read(&self) -> Charge {
        let start = &self.start;
        let input = start.input;
        let output_tokens = self.output_tokens.load(Ordering::Acquire);
        let price = start.model.price_for(input.total());
        let mut cost_nano_usd = input.uncached * price.input
            + input.write_5m * price.write_5m
            + input.write_1h * price.write_1h
            + input.read * price.read
            + output_tokens * price.output;
        if start.us_only {
            cost_nano_usd = (cost_nano_usd * 11).div_ceil(10);
        }
        if !start.billed {
            cost_nano_usd = 0;
        }
        Charge {
            request_id: start.request_id.clone(),
            message_id: start.message_id.clone(),
            model: start.model.id.to_owned(),
            input_tokens: input.uncached,
            cache_write_5m_tokens: input.write_5m,
            cache_write_1h_tokens: input.write_1h,
            cache_read_tokens: input.read,
            output_tokens,
            cost_nano_usd,
            cost_micro_usd: (cost_nano_usd + 500) / 1_000,
            complete: self.complete.load(Ordering::Acquire),
            open: self.open.load(Ordering::Acquire),
            billed: start.billed,
            user_id: start.user_id.clone(),
            run: start.run.clone(),
        }
    }
}

/// The account book.
#[derive(Debug, Default)]
pub(crate) struct Book {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    dropped: BillTotal,
    cells: VecDeque<Arc<Cell>>,
}

impl Book {
    /// Opens a charge for a reply that begins now.
    pub(crate) fn open(&self, start: ChargeStart) -> OpenCharge {
        let cell = Arc::new(Cell {
            start,
            output_tokens: AtomicU64::new(0),
            complete: AtomicBool::new(false),
            open: AtomicBool::new(true),
        });
        let mut entries = crate::lock(&self.entries);
        if entries.cells.len() >= KEPT_CHARGES
            && let Some(oldest) = entries.cells.pop_front()
        {
            entries.dropped.add(&oldest.read());
        }
        entries.cells.push_back(Arc::clone(&cell));
        OpenCharge(cell)
    }

    /// Reads everything.
    pub(crate) fn bill(&self) -> Bill {
        let (mut total, cells) = {
            let entries = crate::lock(&self.entries);
            (entries.dropped, entries.cells.clone())
        };
        let charges: Vec<Charge> = cells.iter().map(|cell| cell.read()).collect();
        for charge in &charges {
            total.add(charge);
        }
        Bill { total, charges }
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        *crate::lock(&self.entries) = Entries::default();
    }
}

/// A charge whose reply is being generated. Dropping it closes the charge as it stands.
#[derive(Debug)]
pub(crate) struct OpenCharge(Arc<Cell>);

impl OpenCharge {
    /// Notes the output generated so far.
    pub(crate) fn set_output(&self, tokens: u64) {
        self.0.output_tokens.store(tokens, Ordering::Release);
    }

    /// Notes that the reply was generated to its end.
    pub(crate) fn complete(&self) {
        self.0.complete.store(true, Ordering::Release);
    }
}

impl Drop for OpenCharge {
    fn drop(&mut self) {
        self.0.open.store(false, Ordering::Release);
    }
}
