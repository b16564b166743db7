//! How much may be used in a day.
//!
//! What a turn may cost at most is set aside before it begins and given back when it has ended, so
//! that turns under way at the same time cannot use more than there is.

/// Tokens and money: what was used, or what may be used at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Tokens of all kinds.
    pub tokens: u64,
    /// Micro-dollars.
    pub cost_micro_usd: u64,
}

/// The limits of one day; `None` for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DailyLimit {
    /// Tokens of all kinds.
    pub tokens: Option<u64>,
    /// Micro-dollars.
    pub cost_micro_usd: Option<u64>,
}

impl DailyLimit {
    /// Whether anything is limited.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.tokens.is_some() || self.cost_micro_usd.is_some()
    }

    /// Whether as much more fits, when as much is used or set aside already.
    ///
    /// ```
    /// use lionrocket_domain::budget::{Amount, DailyLimit};
    ///
    /// let limit = DailyLimit { tokens: Some(100), cost_micro_usd: None };
    /// let tokens = |tokens| Amount { tokens, cost_micro_usd: 7 };
    /// assert!(limit.allows(tokens(60), tokens(40)));
    /// assert!(!limit.allows(tokens(60), tokens(41)));
    /// ```
    #[must_use]
    pub fn allows(&self, used: Amount, more: Amount) -> bool {
        let fits = |limit: Option<u64>, used: u64, more: u64| {
            limit.is_none_or(|limit| used.checked_add(more).is_some_and(|sum| sum <= limit))
        };
        fits(self.tokens, used.tokens, more.tokens)
            && fits(
                self.cost_micro_usd,
                used.cost_micro_usd,
                more.cost_micro_usd,
            )
    }
}

/// What may be used in a day by one person and by all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DailyBudgets {
    /// By each person who has no token budget of their own.
    pub user: DailyLimit,
    /// By all people together.
    pub service: DailyLimit,
}

impl DailyBudgets {
    /// The limit of a person, whose own token budget goes before the one for everybody.
    #[must_use]
    pub fn of_user(&self, own_tokens: Option<u64>) -> DailyLimit {
        DailyLimit {
            tokens: own_tokens.or(self.user.tokens),
            ..self.user
        }
    }
}

/// Whose budget it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetScope {
    /// One person's.
    User,
    /// That of all together.
    Service,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_of_nothing_allows_nothing_and_no_budget_everything() {
        let nothing = DailyLimit {
            tokens: Some(0),
            cost_micro_usd: None,
        };
        let one = Amount {
            tokens: 1,
            cost_micro_usd: 0,
        };
        assert!(!nothing.allows(Amount::default(), one));
        let most = Amount {
            tokens: u64::MAX,
            cost_micro_usd: u64::MAX,
        };
        assert!(DailyLimit::default().allows(most, most));
        assert!(!DailyLimit::default().is_set());
        let large = DailyLimit {
            tokens: Some(u64::MAX),
            cost_micro_usd: None,
        };
        assert!(!large.allows(most, one), "a sum must not wrap");
    }

    #[test]
    fn cost_is_limited_by_itself() {
        let limit = DailyLimit {
            tokens: Some(1_000),
            cost_micro_usd: Some(10),
        };
        let cheap = Amount {
            tokens: 10,
            cost_micro_usd: 10,
        };
        assert!(limit.allows(Amount::default(), cheap));
        assert!(!limit.allows(cheap, cheap));
    }

    #[test]
    fn a_persons_own_token_budget_goes_before_the_one_for_everybody() {
        let budgets = DailyBudgets {
            user: DailyLimit {
                tokens: Some(100),
                cost_micro_usd: Some(7),
            },
            service: DailyLimit::default(),
        };
        assert_eq!(budgets.of_user(None).tokens, Some(100));
        assert_eq!(budgets.of_user(Some(5)).tokens, Some(5));
        assert_eq!(budgets.of_user(Some(500)).tokens, Some(500));
        assert_eq!(budgets.of_user(Some(5)).cost_micro_usd, Some(7));
    }
}
