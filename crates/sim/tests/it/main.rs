//! The worlds and the books.

use lionrocket_domain::window::HistoryBudget;
use lionrocket_sim::{Flaw, Plan, play, play_many, reconcile, talk_long};

#[test]
fn five_hundred_seeds_break_no_promise() {
    let played = play_many(0..500).unwrap();
    let bad: Vec<_> = played
        .into_iter()
        .filter(|(_, tally)| !tally.broken.is_empty())
        .map(|(seed, tally)| {
            let again = format!("cargo run -p lionrocket-sim -- --from {seed} --seeds 1");
            (again, tally.broken)
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn a_store_with_a_flaw_is_found() {
    for (flaw, words) in [
        (Flaw::ForgetsCharges, "is not in the ledger"),
        (Flaw::ForgetsWords, "are saved"),
        (Flaw::ForgetsAttempts, "is not in the ledger"),
    ] {
        let found = (0..50).any(|seed| {
            let broken = play(seed, flaw).unwrap().broken;
            broken.iter().any(|broken| broken.contains(words))
        });
        assert!(found, "{flaw:?}");
    }
}

#[test]
fn a_seed_plays_the_same_world_again() {
    let world = |seed| play(seed, Flaw::None).unwrap();
    let differ: Vec<_> = (0..40).filter(|&seed| world(seed) != world(seed)).collect();
    assert_eq!(differ, Vec::<u64>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_charge_on_the_bill_is_in_the_ledger_once() {
    let turns = 2_000;
    let balance = reconcile(Plan {
        seed: 1,
        turns,
        crashes: 8,
    })
    .await
    .unwrap();
    assert_eq!(balance.faults, Vec::<String>::new());
    assert!(balance.turns >= turns, "{balance:?}");
    assert!(
        balance.exact > turns / 2 && balance.estimated > turns / 20,
        "{balance:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_talk_that_is_summed_up_several_times_still_reads_most_of_its_input_from_the_cache() {
    let talk = talk_long(50, HistoryBudget::of_tokens(4_000))
        .await
        .unwrap();
    assert_eq!(talk.replies, 50);
    assert!(talk.summaries >= 3, "{talk:?}");
    assert!(talk.remembering > 20, "{talk:?}");
    let share = talk.cached * 100 / talk.input;
    assert!(share >= 75, "{share} % of {talk:?}");
}
