//! What may be used in a day.

use lionrocket_domain::budget::{DailyBudgets, DailyLimit};

use super::{Checked, RawSettings, SettingsError, text};

/// Numbers that JSON can carry everywhere.
const MOST: u64 = (1 << 53) - 1;
/// The decimals of a dollar that count.
const DECIMALS: usize = 6;

impl RawSettings {
    /// What may be used in a day.
    pub(super) fn budgets(&self) -> Checked<DailyBudgets> {
        Ok(DailyBudgets {
            user: DailyLimit {
                tokens: tokens("USER_DAILY_TOKENS", self.user_daily_tokens.as_deref())?,
                cost_micro_usd: micro_usd(
                    "USER_DAILY_COST_USD",
                    self.user_daily_cost_usd.as_deref(),
                )?,
            },
            service: DailyLimit {
                tokens: tokens("SERVICE_DAILY_TOKENS", self.service_daily_tokens.as_deref())?,
                cost_micro_usd: micro_usd(
                    "SERVICE_DAILY_COST_USD",
                    self.service_daily_cost_usd.as_deref(),
                )?,
            },
        })
    }
}

/// A number of tokens; none for no limit.
fn tokens(variable: &'static str, raw: Option<&str>) -> Checked<Option<u64>> {
    let Some(digits) = text(raw) else {
        return Ok(None);
    };
    let number = digits.parse().ok().filter(|number| *number <= MOST);
    number.map(Some).ok_or_else(|| {
        SettingsError::value(
            variable,
            digits,
            "give a whole number of tokens, or leave it empty for no limit",
        )
    })
}

/// Dollars with at most six decimals, in micro-dollars; none for no limit.
fn micro_usd(variable: &'static str, raw: Option<&str>) -> Checked<Option<u64>> {
    let Some(amount) = text(raw) else {
        return Ok(None);
    };
    parse_micro_usd(amount).map(Some).ok_or_else(|| {
        SettingsError::value(
            variable,
            amount,
            "give dollars such as 2.50, or leave it empty for no limit",
        )
    })
}

fn parse_micro_usd(amount: &str) -> Option<u64> {
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > DECIMALS {
        return None;
    }
    let micro: u64 = format!("{whole}{decimals:0<DECIMALS$}").parse().ok()?;
    (micro <= MOST).then_some(micro)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_to_the_millionth() {
        for (amount, micro) in [
            ("0", Some(0)),
            ("2", Some(2_000_000)),
            ("2.5", Some(2_500_000)),
            ("0.000001", Some(1)),
            ("0.0000001", None),
            (".5", None),
            ("5.", None),
            ("-1", None),
            ("1e3", None),
            ("1,5", None),
            ("9007199254.740991", Some(MOST)),
            ("9007199254.740992", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_micro_usd(amount), micro, "{amount}");
        }
    }
}
