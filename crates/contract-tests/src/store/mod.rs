//! The contract of the repositories and of the store of turns.
//!
//! `store_contract!(make)` in an adapter's tests makes a test of every rule here; `make` is an async
//! function beside the call, without arguments, that answers the ports of an empty store as [`Stores`].

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "these are tests: a panic is how they fail"
)]

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod budgets;
pub mod characters;
pub mod chats;
mod fixture;
pub mod prompts;
pub mod retention;
pub mod sessions;
pub mod stats;
pub mod summaries;
pub mod turns;
pub mod usage;

pub use fixture::Stores;

/// Makes a test of every rule of the contract for the stores that `$make` gives.
#[macro_export]
macro_rules! store_contract {
    ($make:ident) => {
        $crate::store_contract!(@tests $make; accounts:
            an_account_is_found_as_it_was_made,
            a_name_or_address_that_is_taken_is_refused_without_telling_which,
            names_are_unique_however_they_are_written,
            of_accounts_made_at_once_under_one_name_one_is_made,
            an_account_is_found_by_name_or_address_and_a_name_comes_first,
            a_stronger_hash_replaces_the_old_one_and_sessions_stay,
            accounts_are_counted_by_what_stands_before_their_hashes,
            wrong_passwords_are_counted_up_to_a_number_and_forgotten,
            a_changed_password_ends_every_other_session,
            a_profile_is_changed_field_by_field_and_sessions_stay,
            a_stale_change_of_a_profile_and_one_of_nobody_are_refused,
            an_address_of_somebody_else_cannot_be_taken_over,
            an_account_that_the_operator_makes_is_recorded_with_it,
            the_first_account_is_made_once_and_only_while_there_is_no_other,
        );
        $crate::store_contract!(@tests $make; admin:
            an_account_is_told_with_what_was_done_with_it,
            accounts_are_listed_newest_first_page_by_page,
            accounts_are_searched_by_folded_names_taken_literally,
            accounts_are_listed_by_state,
            an_account_is_found_by_its_user_name_alone,
            a_change_of_an_account_is_recorded_with_it,
            a_stale_change_of_an_account_and_one_of_nobody_are_refused,
            a_change_that_changes_nothing_raises_no_version,
            what_takes_rights_away_ends_every_login,
            a_deletion_is_begun_once_and_can_be_taken_back,
            the_last_administrator_stays,
            administrators_who_demote_each_other_at_once_leave_one,
            a_chats_owner_is_told,
            a_person_is_told_who_looked_at_what,
        );
        $crate::store_contract!(@tests $make; audit:
            a_record_is_found_as_it_was_made,
            records_are_chained_in_the_order_of_their_ids,
            the_log_is_listed_newest_first_by_filter_and_page,
        );
        $crate::store_contract!(@tests $make; budgets:
            a_turn_sets_its_cost_aside_until_it_ends,
            without_a_budget_nothing_is_set_aside,
            a_turn_that_does_not_fit_is_refused,
            a_refused_message_is_not_kept,
            a_persons_own_budget_goes_before_the_one_for_everybody,
            of_turns_begun_at_once_only_as_many_start_as_fit,
            deleting_gives_nothing_back,
            a_turn_that_failed_gives_everything_back,
            what_was_set_aside_for_turns_that_are_gone_is_given_back,
            each_day_has_its_own_budget,
            a_repeated_key_is_answered_whatever_is_left,
            a_paused_service_takes_no_message,
            a_turn_is_refused_when_another_character_answers_than_was_expected,
            no_budget_is_ever_overspent,
        );
        $crate::store_contract!(@tests $make; characters:
            a_character_is_found_as_it_was_made,
            a_character_is_shown_to_its_maker_and_administrators_and_when_public_to_all,
            characters_are_seeded_once_even_after_all_were_deleted,
            characters_seeded_at_once_are_made_once,
            lists_show_own_and_public_characters_newest_first_page_by_page,
            characters_are_searched_by_folded_text_taken_literally,
            only_those_who_may_can_change_a_character,
            a_change_raises_the_version_and_a_stale_one_is_refused,
            of_changes_at_once_to_one_version_of_a_character_one_is_made,
            a_deleted_character_is_gone_from_every_answer,
            acts_on_other_peoples_characters_are_recorded_with_them,
        );
        $crate::store_contract!(@tests $make; prompts:
            prompts_are_listed_by_position_then_id,
            a_prompt_is_changed_and_deleted,
            a_stale_change_to_a_prompt_is_refused,
            acts_on_common_prompts_are_recorded_with_them,
        );
        $crate::store_contract!(@tests $make; chats:
            a_chat_opens_with_the_greeting,
            a_chat_without_a_greeting_opens_empty,
            a_chat_opens_only_with_a_character_that_may_be_used,
            a_chat_is_its_owners_alone,
            chats_are_listed_by_newest_activity_then_id_page_by_page,
            chats_are_searched_by_title_and_character_taken_literally,
            a_chat_is_changed_and_a_stale_change_is_refused,
            a_chat_keeps_the_name_of_its_deleted_character,
            a_chat_is_read_only_while_its_character_is_withdrawn,
            a_deleted_chat_is_gone_with_all_in_it,
            a_chats_preview_is_the_beginning_of_its_last_message,
            messages_come_by_pages_oldest_first_in_each,
            a_page_of_a_deep_chat_is_as_good_as_of_a_short_one,
            messages_know_their_siblings,
            a_page_before_a_message_of_another_branch_follows_that_branch,
            messages_of_other_chats_and_owners_are_not_there,
            all_chats_of_an_owner_are_read_by_id_page_by_page,
            all_messages_of_every_branch_are_read_by_id_for_the_owner_alone,
            a_turns_context_has_the_last_messages_up_to_the_parent,
            a_turns_context_is_what_is_stored_whatever_was_asked_before,
            a_turns_context_knows_the_common_prompts_and_the_character,
            a_turn_goes_on_from_a_reply_of_the_same_chat_only,
            a_message_that_is_there_can_be_answered_again_or_replaced,
            what_cannot_be_done_with_a_message_is_told,
            a_branch_is_shown_down_to_its_newest_end,
            a_greeting_has_names_in_place_of_its_placeholders,
        );
        $crate::store_contract!(@tests $make; sessions:
            a_session_lives_until_it_is_ended_or_runs_out_or_is_idle,
            a_session_that_is_used_is_not_idle,
            the_oldest_of_too_many_sessions_are_ended,
            sessions_are_listed_for_their_owner_newest_first,
            only_the_owner_ends_a_session,
            all_sessions_but_one_are_ended,
            a_session_is_ended_by_its_secret,
            a_refresh_secret_is_exchanged_once,
            an_immediate_predecessor_gets_the_same_answer_for_a_moment,
            a_secret_that_is_used_up_ends_its_session,
            of_refreshes_at_once_one_rotates_and_all_get_one_successor,
            a_successor_of_any_known_key_is_found_again,
            a_session_that_has_ended_is_not_refreshed,
            a_password_that_was_asked_for_again_is_noted,
        );
        $crate::store_contract!(@tests $make; retention:
            an_account_is_erased_in_pieces_with_all_that_is_its_own,
            an_erasure_is_recorded_with_its_last_piece,
            an_erasure_changes_no_sum,
            an_account_is_kept_in_its_time_of_grace_and_when_it_is_taken_back,
            others_keep_their_chats_with_the_characters_of_an_erased_account,
            old_sessions_are_forgotten_stretch_by_stretch,
            keys_are_forgotten_up_to_the_first_younger_turn,
            traces_are_cleared_while_nobody_reads,
        );
        $crate::store_contract!(@tests $make; turns:
            a_turn_begins_with_both_messages_and_moves_the_head,
            a_turn_begins_in_the_owners_chat_only,
            of_turns_begun_at_once_in_a_chat_one_is_started,
            a_user_has_as_many_turns_under_way_as_allowed,
            a_repeated_key_gives_the_same_turn,
            of_requests_at_once_with_one_key_all_get_one_turn,
            a_key_that_was_used_for_another_request_is_refused,
            a_key_counts_in_its_chat_only,
            a_turn_is_refused_when_its_parent_is_not_the_head_any_more,
            a_turn_after_an_earlier_reply_makes_a_branch,
            a_chat_whose_character_is_gone_takes_no_turn,
            a_checkpoint_saves_the_text_so_far,
            a_checkpoint_after_the_end_changes_nothing,
            a_finished_turn_has_its_text_tokens_and_charge,
            a_turn_that_never_reached_upstream_costs_nothing,
            a_turn_ends_in_each_way_it_can,
            finishing_twice_charges_once,
            of_ends_at_once_one_counts,
            a_turn_of_a_deleted_chat_is_still_charged_once,
            a_turn_is_its_owners_alone,
            orphans_are_claimed_once_and_oldest_first,
            a_process_that_serves_alone_takes_over_what_all_others_had,
            an_orphan_brings_what_was_saved_of_it,
            another_reply_stands_beside_the_first_and_begins_with_what_it_continues,
            a_turn_is_stopped_by_its_owner_and_the_wish_outlives_the_process,
            a_turn_whose_end_was_asked_for_is_stopped_however_it_ends,
            a_turn_that_is_taken_up_goes_on_from_its_text_and_pays_for_every_attempt,
            a_turn_that_is_claimed_again_before_it_went_on_owes_for_all_that_was_said,
            a_turn_is_not_taken_up_beyond_a_budget_or_while_the_service_is_paused,
            attempts_of_a_deleted_chat_are_charged_once,
        );
        $crate::store_contract!(@tests $make; stats:
            an_empty_store_has_nothing_to_tell,
            accounts_are_counted_on_the_day_on_which_they_are_made,
            a_person_is_active_once_on_a_day,
            turns_are_counted_by_model_day_and_end,
            first_texts_are_counted_by_how_long_they_took,
            the_busiest_characters_and_people_are_named,
            other_days_are_left_out,
        );
        $crate::store_contract!(@tests $make; summaries:
            a_new_chat_has_no_summary_and_would_have_one,
            a_summary_is_kept_and_charged_and_is_no_exchange,
            a_summary_alone_makes_nobody_active,
            a_summary_holds_on_its_own_branch_only,
            the_owner_changes_words_and_switches,
            a_summarys_version_tells_of_changes_of_the_chat_too,
            of_summaries_begun_at_once_in_a_chat_one_is_started,
            a_summary_whose_past_was_changed_meanwhile_is_dropped,
            a_summary_without_words_is_charged_and_can_be_tried_again,
            a_summary_of_a_deleted_chat_is_still_charged_once,
            a_summary_has_to_fit_the_budgets_and_the_switch,
            summaries_that_nobody_works_on_are_found,
        );
        $crate::store_contract!(@tests $make; usage:
            days_are_told_oldest_first_within_the_range,
            a_day_adds_up_tokens_and_cost_by_kind,
            the_ledger_and_the_days_agree_after_many_turns_at_once,
        );
    };
    (@tests $make:ident; $module:ident: $($name:ident),+ $(,)?) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    $crate::store::$module::$name(super::$make().await).await;
                }
            )+
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_rule_is_in_the_list() {
        let list = include_str!("mod.rs");
        let modules = [
            include_str!("accounts.rs"),
            include_str!("admin.rs"),
            include_str!("audit.rs"),
            include_str!("budgets.rs"),
            include_str!("characters.rs"),
            include_str!("chats.rs"),
            include_str!("prompts.rs"),
            include_str!("retention.rs"),
            include_str!("sessions.rs"),
            include_str!("stats.rs"),
            include_str!("summaries.rs"),
            include_str!("turns.rs"),
            include_str!("usage.rs"),
        ];
        for rule in modules
            .iter()
            .flat_map(|module| module.split("pub async fn ").skip(1))
            .filter_map(|rest| rest.split('(').next())
        {
            assert!(list.contains(&format!("            {rule},\n")), "{rule}");
        }
    }
}
