//! Summaries of what models are not sent any more.

use futures_util::future::join_all;
use lionrocket_domain::{
    account::User,
    budget::{Amount, DailyBudgets, DailyLimit},
    calendar::DayRange,
    chat::Chat,
    ids::MessageId,
    summary::Summary,
    text::SummaryText,
    usage::ChargeAccount,
};
use lionrocket_ports::{
    chats::{ChatChange, TurnContextOutcome, TurnPlace},
    summaries::{
        BeginSummary, BeginSummaryOutcome, ChangeSummaryOutcome, FinishSummary,
        FinishSummaryOutcome, SummaryChange, SummaryState,
    },
    turns::TurnBudget,
};

use super::{
    budgets::switch,
    fixture::{NO_CHAT, Stores, TOKENS, at, attempt, begin, charge, day, node, turn_id},
};

const TODAY: &str = "2026-11-22";

fn text(words: &str) -> SummaryText {
    SummaryText::parse(words).expect("a summary")
}

async fn state(stores: &Stores, chat: &Chat) -> SummaryState {
    let found = stores.summaries.get(chat.user_id, chat.id).await;
    found.expect("get").expect("the chat is there")
}

async fn newest(stores: &Stores, chat: &Chat) -> Option<Summary> {
    state(stores, chat).await.branch.newest
}

/// A summary of a chat up to a message, that goes on from what there is now.
async fn making(stores: &Stores, chat: &Chat, covers_up_to: MessageId) -> BeginSummary {
    BeginSummary {
        account: ChargeAccount {
            turn_id: turn_id(),
            user_id: chat.user_id,
            chat_id: chat.id,
            character_id: chat.character.id,
            usage_date: day(TODAY),
            accepted_at: at(20),
        },
        covers_up_to,
        version: state(stores, chat).await.branch.version,
        node_id: node(1),
        lease_until: at(60),
        budget: TurnBudget::default(),
    }
}

async fn begun(stores: &Stores, request: &BeginSummary) -> BeginSummaryOutcome {
    let outcome = stores.summaries.begin(request.clone()).await;
    outcome.expect("begin")
}

fn written(request: &BeginSummary, words: Option<&str>) -> FinishSummary {
    FinishSummary {
        account: request.account,
        text: words.map(text),
        attempts: vec![attempt(TOKENS)],
        ended_at: at(25),
    }
}

async fn finished(
    stores: &Stores,
    request: &BeginSummary,
    words: Option<&str>,
) -> FinishSummaryOutcome {
    let outcome = stores.summaries.finish(written(request, words)).await;
    outcome.expect("finish")
}

/// Sums a chat up to a message.
async fn sum_up(stores: &Stores, chat: &Chat, covers_up_to: MessageId, words: &str) {
    let request = making(stores, chat, covers_up_to).await;
    assert_eq!(begun(stores, &request).await, BeginSummaryOutcome::Started);
    let outcome = finished(stores, &request, Some(words)).await;
    assert_eq!(outcome, FinishSummaryOutcome::Kept);
}

async fn change(
    stores: &Stores,
    chat: &Chat,
    change: SummaryChange,
    expected_version: Option<i64>,
) -> ChangeSummaryOutcome {
    let (owner, now) = (chat.user_id, at(30));
    let changed = stores
        .summaries
        .change(owner, chat.id, change, expected_version, now);
    changed.await.expect("change")
}

fn edit(words: &str) -> SummaryChange {
    SummaryChange {
        text: Some(text(words)),
        is_enabled: None,
    }
}

const fn switch_to(is_enabled: bool) -> SummaryChange {
    SummaryChange {
        text: None,
        is_enabled: Some(is_enabled),
    }
}

/// A chat of so many exchanges and the ids of its replies.
async fn long_chat(stores: &Stores, owner: &User, exchanges: u32) -> (Chat, Vec<MessageId>) {
    let chat = stores.chat(owner).await;
    let mut replies = Vec::new();
    for number in 0..exchanges {
        let parent = replies.last().copied();
        let record = stores.exchange(&chat, parent, &number.to_string()).await;
        replies.push(record.turn.assistant_message_id);
    }
    (chat, replies)
}

/// Nothing was summed up yet, and it would be.
pub async fn a_new_chat_has_no_summary_and_would_have_one(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let chat = stores.chat(&haru).await;
    let state = state(&stores, &chat).await;
    assert!(state.branch.is_enabled);
    assert_eq!((state.branch.newest, state.version), (None, 1));
    for (owner, chat_id) in [(mina.id, chat.id), (haru.id, NO_CHAT)] {
        assert_eq!(
            stores.summaries.get(owner, chat_id).await.expect("get"),
            None
        );
        let changed = stores
            .summaries
            .change(owner, chat_id, switch_to(false), None, at(30));
        let outcome = changed.await.expect("change");
        assert_eq!(outcome, ChangeSummaryOutcome::NoChat);
    }
}

/// What it cost is in every sum, and nobody's exchange is counted.
pub async fn a_summary_is_kept_and_charged_and_is_no_exchange(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 2).await;
    sum_up(&stores, &chat, replies[0], "They met.").await;
    let summary = newest(&stores, &chat).await.expect("a summary");
    assert_eq!(summary.text.as_str(), "They met.");
    assert_eq!((summary.covers_up_to, summary.depth), (replies[0], 1));
    assert_eq!((summary.is_edited, summary.updated_at), (false, at(25)));
    assert_eq!(state(&stores, &chat).await.version, 2);

    let range = DayRange {
        from: day(TODAY),
        to: day(TODAY),
    };
    let days = stores.usage.days(haru.id, range).await.expect("days");
    let [today] = &days[..] else {
        panic!("one day: {days:?}");
    };
    assert_eq!(today.chat_count, 2);
    assert_eq!(today.tokens.total(), 3 * TOKENS.total());
    assert_eq!(today.cost_micro_usd, 3 * charge(TOKENS).cost_micro_usd);
    let figures = stores.stats.overview(range, 10).await.expect("overview");
    let [model] = &figures.model_days[..] else {
        panic!("one model: {figures:?}");
    };
    assert_eq!(model.activity.exchanges, 2);
    assert_eq!(model.activity.turns.completed, 2);
    assert_eq!(model.activity.tokens.total(), 3 * TOKENS.total());
    let [character] = &figures.characters[..] else {
        panic!("one character: {figures:?}");
    };
    assert_eq!(
        (character.exchanges, character.total_tokens),
        (2, 3 * TOKENS.total())
    );
    assert_eq!(figures.account_days[0].active_accounts, 1);
}

/// Also where a first one is charged: whoever only had something summed up on a day was not active.
pub async fn a_summary_alone_makes_nobody_active(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 1).await;
    let mut request = making(&stores, &chat, replies[0]).await;
    request.account.usage_date = day("2026-11-23");
    begun(&stores, &request).await;
    finished(&stores, &request, Some("They met.")).await;
    let range = DayRange {
        from: day("2026-11-23"),
        to: day("2026-11-23"),
    };
    let figures = stores.stats.overview(range, 10).await.expect("overview");
    assert!(
        figures
            .account_days
            .iter()
            .all(|day| day.active_accounts == 0)
    );
}

/// After a message was edited or another branch chosen, nothing is remembered that was not said there.
pub async fn a_summary_holds_on_its_own_branch_only(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 4).await;
    sum_up(&stores, &chat, replies[0], "first").await;
    sum_up(&stores, &chat, replies[2], "third").await;
    let words = async || newest(&stores, &chat).await.map(|found| found.text);
    assert_eq!(
        words().await,
        Some(text("third")),
        "the one that tells of most"
    );

    // Another way from the second reply on, and one from the very beginning.
    let other = stores.exchange(&chat, Some(replies[1]), "other").await;
    assert_eq!(words().await, Some(text("first")));
    sum_up(&stores, &chat, other.turn.assistant_message_id, "other").await;
    assert_eq!(words().await, Some(text("other")));
    stores.exchange(&chat, None, "anew").await;
    assert_eq!(words().await, None);

    let back = stores.chats.show(haru.id, chat.id, replies[3], None).await;
    back.expect("show");
    assert_eq!(words().await, Some(text("third")));
    let context = async |place| {
        let found = stores.chats.turn_context(haru.id, chat.id, place, 2).await;
        match found.expect("context") {
            TurnContextOutcome::Found(context) => context.past,
            other => panic!("no context: {other:?}"),
        }
    };
    let told = context(TurnPlace::Head).await;
    assert!(told.is_enabled);
    assert_eq!(told.newest.map(|found| found.text), Some(text("third")));
    let before = context(TurnPlace::After(replies[1])).await;
    assert_eq!(before.newest.map(|found| found.text), Some(text("first")));

    let all = stores.summaries.list(haru.id, chat.id).await.expect("list");
    let all: Vec<_> = all.iter().map(|found| found.text.as_str()).collect();
    assert_eq!(all, ["first", "third", "other"]);
    let mina = stores.user("mina").await;
    let none = stores.summaries.list(mina.id, chat.id).await.expect("list");
    assert_eq!(none, []);
}

/// By the owner; a branch without one has no words to change.
pub async fn the_owner_changes_words_and_switches(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 2).await;
    let outcome = change(&stores, &chat, edit("mine"), None).await;
    assert_eq!(outcome, ChangeSummaryOutcome::NoSummary);
    sum_up(&stores, &chat, replies[0], "They met.").await;
    let before = state(&stores, &chat).await;
    let stale = change(&stores, &chat, edit("mine"), Some(before.version - 1)).await;
    assert_eq!(stale, ChangeSummaryOutcome::Stale);
    let ChangeSummaryOutcome::Changed(edited) =
        change(&stores, &chat, edit("mine"), Some(before.version)).await
    else {
        panic!("it is not changed");
    };
    assert_eq!(edited.version, before.version + 1);
    let summary = edited.branch.newest.clone().expect("a summary");
    assert_eq!((summary.text.as_str(), summary.is_edited), ("mine", true));
    assert_eq!(
        (summary.covers_up_to, summary.updated_at),
        (replies[0], at(30))
    );

    let nothing = change(&stores, &chat, SummaryChange::default(), None).await;
    assert_eq!(nothing, ChangeSummaryOutcome::Changed(edited));
    let ChangeSummaryOutcome::Changed(off) = change(&stores, &chat, switch_to(false), None).await
    else {
        panic!("it is not changed");
    };
    assert!(!off.branch.is_enabled);
    assert_eq!(off.branch.newest, Some(summary), "the words stay");
    let found = stores
        .chats
        .turn_context(haru.id, chat.id, TurnPlace::Head, 2);
    match found.await.expect("context") {
        TurnContextOutcome::Found(context) => {
            assert!(!context.past.is_enabled);
            assert_eq!(context.past.newest, None);
        }
        other => panic!("no context: {other:?}"),
    }
}

/// A change of the chat itself, such as another branch, makes what was read of it stale.
pub async fn a_summarys_version_tells_of_changes_of_the_chat_too(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 2).await;
    sum_up(&stores, &chat, replies[0], "They met.").await;
    let before = state(&stores, &chat).await;
    let pinned = ChatChange {
        pinned: Some(true),
        title: None,
    };
    let updated = stores.chats.update(haru.id, chat.id, pinned, None).await;
    updated.expect("update");
    let stale = change(&stores, &chat, edit("mine"), Some(before.version)).await;
    assert_eq!(stale, ChangeSummaryOutcome::Stale);
}

/// However many ask at the same time.
pub async fn of_summaries_begun_at_once_in_a_chat_one_is_started(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 2).await;
    let mut requests = Vec::new();
    for _ in 0..8 {
        requests.push(making(&stores, &chat, replies[0]).await);
    }
    let outcomes = join_all(requests.iter().map(|request| begun(&stores, request))).await;
    let count = |wanted| {
        outcomes
            .iter()
            .filter(|outcome| **outcome == wanted)
            .count()
    };
    assert_eq!(count(BeginSummaryOutcome::Started), 1);
    assert_eq!(count(BeginSummaryOutcome::Busy), 7);
    // A reply is written meanwhile.
    stores.start(&begin(&chat, Some(replies[1]))).await;
}

/// It is charged; what the person wrote stays.
pub async fn a_summary_whose_past_was_changed_meanwhile_is_dropped(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 3).await;
    sum_up(&stores, &chat, replies[0], "They met.").await;
    for (number, changed) in [edit("mine"), switch_to(false)].into_iter().enumerate() {
        let request = making(&stores, &chat, replies[1]).await;
        assert_eq!(begun(&stores, &request).await, BeginSummaryOutcome::Started);
        change(&stores, &chat, changed, None).await;
        let outcome = finished(&stores, &request, Some("theirs")).await;
        assert_eq!(outcome, FinishSummaryOutcome::Dropped);
        let summary = newest(&stores, &chat).await.expect("a summary");
        assert_eq!(summary.text.as_str(), "mine");
        let used = stores.usage.used(haru.id, day(TODAY)).await.expect("used");
        let charged = 5 + u64::try_from(number).unwrap_or(0);
        assert_eq!(used.tokens, charged * TOKENS.total());
    }
    let outdated = making(&stores, &chat, replies[1]).await;
    assert_eq!(
        begun(&stores, &outdated).await,
        BeginSummaryOutcome::Outdated
    );
    change(&stores, &chat, switch_to(true), None).await;
    assert_eq!(
        begun(&stores, &outdated).await,
        BeginSummaryOutcome::Outdated
    );
    sum_up(&stores, &chat, replies[1], "both").await;
}

/// A failed one costs what it cost and leaves the way free for another.
pub async fn a_summary_without_words_is_charged_and_can_be_tried_again(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 2).await;
    let request = making(&stores, &chat, replies[0]).await;
    begun(&stores, &request).await;
    let outcome = finished(&stores, &request, None).await;
    assert_eq!(outcome, FinishSummaryOutcome::Dropped);
    assert_eq!(newest(&stores, &chat).await, None);
    let again = finished(&stores, &request, Some("late")).await;
    assert_eq!(again, FinishSummaryOutcome::AlreadyFinished);
    let used = stores.usage.used(haru.id, day(TODAY)).await.expect("used");
    assert_eq!(used.tokens, 3 * TOKENS.total(), "once");

    // One that upstream never took costs nothing.
    let request = making(&stores, &chat, replies[0]).await;
    begun(&stores, &request).await;
    let nothing = FinishSummary {
        attempts: Vec::new(),
        ..written(&request, None)
    };
    stores.summaries.finish(nothing).await.expect("finish");
    let used = stores.usage.used(haru.id, day(TODAY)).await.expect("used");
    assert_eq!(used.tokens, 3 * TOKENS.total());
    sum_up(&stores, &chat, replies[0], "They met.").await;
}

/// What was asked of a model has its price, whatever became of the chat.
pub async fn a_summary_of_a_deleted_chat_is_still_charged_once(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 2).await;
    sum_up(&stores, &chat, replies[0], "They met.").await;
    let request = making(&stores, &chat, replies[1]).await;
    begun(&stores, &request).await;
    assert!(stores.chats.delete(haru.id, chat.id).await.expect("delete"));
    for outcome in [
        FinishSummaryOutcome::Dropped,
        FinishSummaryOutcome::AlreadyFinished,
    ] {
        assert_eq!(finished(&stores, &request, Some("late")).await, outcome);
    }
    let used = stores.usage.used(haru.id, day(TODAY)).await.expect("used");
    assert_eq!(used.tokens, 4 * TOKENS.total());
    let left = stores.summaries.list(haru.id, chat.id).await.expect("list");
    assert_eq!(left, []);
}

/// Set aside before, given back after; nothing while the service is paused.
pub async fn a_summary_has_to_fit_the_budgets_and_the_switch(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 1).await;
    let spent = TOKENS.total();
    let budgeted = |most: u64| TurnBudget {
        limits: DailyBudgets {
            user: DailyLimit {
                tokens: Some(spent + 100),
                cost_micro_usd: None,
            },
            service: DailyLimit::default(),
        },
        most: Amount {
            tokens: most,
            cost_micro_usd: 0,
        },
        least: Amount::default(),
    };
    let mut request = making(&stores, &chat, replies[0]).await;
    request.budget = budgeted(101);
    let refused = begun(&stores, &request).await;
    assert_eq!(refused, BeginSummaryOutcome::BudgetExhausted);
    switch(&stores, &haru, false).await;
    request.budget = budgeted(100);
    assert_eq!(begun(&stores, &request).await, BeginSummaryOutcome::Paused);
    switch(&stores, &haru, true).await;
    assert_eq!(begun(&stores, &request).await, BeginSummaryOutcome::Started);
    let used = async || {
        let used = stores.usage.used(haru.id, day(TODAY)).await;
        used.expect("used").tokens
    };
    assert_eq!(used().await, spent + 100);
    let given_back = stores.turns.give_back_leftovers().await;
    assert_eq!(given_back.expect("give back"), 0, "it is being made");
    finished(&stores, &request, None).await;
    assert_eq!(used().await, 2 * spent);
}

/// Those of other processes, or whose lease is over; none that the caller works on.
pub async fn summaries_that_nobody_works_on_are_found(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, replies) = long_chat(&stores, &haru, 1).await;
    let request = making(&stores, &chat, replies[0]).await;
    begun(&stores, &request).await;
    let found = async |process, lease_before, at_work| {
        let left = stores
            .summaries
            .left_over(node(process), lease_before, 10, at_work);
        left.await.expect("left over")
    };
    assert_eq!(found(1, None, vec![]).await, []);
    assert_eq!(found(2, None, vec![]).await, [request.account]);
    assert_eq!(found(2, Some(at(60)), vec![]).await, []);
    assert_eq!(found(1, Some(at(61)), vec![]).await, [request.account]);
    let own = vec![request.account.turn_id];
    assert_eq!(found(1, Some(at(61)), own).await, []);
    finished(&stores, &request, None).await;
    assert_eq!(found(2, None, vec![]).await, []);
    let used = stores.usage.used(haru.id, day(TODAY)).await.expect("used");
    assert_eq!(used.tokens, 2 * TOKENS.total());
}
