//! The tables. A test of each adapter compares them with what its migrations make.

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// People's accounts.
    users (id) {
        /// The account's id.
        id -> BigInt,
        /// The name to sign in with.
        username -> Text,
        /// The e-mail address.
        email -> Text,
        /// A PHC string.
        password_hash -> Nullable<Text>,
        /// Whether the person administers the service.
        is_admin -> Bool,
        /// When the account was made.
        created_at -> UtcTimestamp,
        /// The folded name.
        username_key -> Text,
        /// The folded address.
        email_key -> Text,
        /// Whether the person may use the service.
        is_active -> Bool,
        /// The name that others see.
        display_name -> Nullable<Text>,
        /// The language of the person's choice.
        locale -> Nullable<Text>,
        /// Counts the changes that end every token.
        token_version -> BigInt,
        /// Tokens that may be used per day.
        daily_token_budget -> Nullable<BigInt>,
        /// Counts the changes.
        version -> BigInt,
        /// When its deletion was asked for.
        deleted_at -> Nullable<UtcTimestamp>,
        /// Wrong passwords since the last right one.
        failed_logins -> BigInt,
        /// The version of the privacy notice that was shown at sign-up.
        consent_version -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// One row per login.
    sessions (id) {
        /// The session's id.
        id -> Text,
        /// Whose login it is.
        user_id -> BigInt,
        /// When it began.
        created_at -> UtcTimestamp,
        /// When it ends at the latest.
        expires_at -> UtcTimestamp,
        /// When it was used last.
        last_seen_at -> UtcTimestamp,
        /// When it was ended.
        ended_at -> Nullable<UtcTimestamp>,
        /// SHA-256 of the refresh secret.
        refresh_hash -> Nullable<Binary>,
        /// SHA-256 of the refresh secret before it.
        previous_refresh_hash -> Nullable<Binary>,
        /// When the secret changed last.
        refreshed_at -> Nullable<UtcTimestamp>,
        /// What the browser calls itself.
        user_agent -> Nullable<Text>,
        /// From where it was used last.
        client_address -> Nullable<Text>,
        /// When the password was last asked for again.
        reauthenticated_at -> Nullable<UtcTimestamp>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// Links with which people may make an account.
    invites (id) {
        /// The invite's id.
        id -> BigInt,
        /// SHA-256 of the secret in the link.
        token_hash -> Binary,
        /// Who made it.
        created_by -> Nullable<BigInt>,
        /// When it was made.
        created_at -> UtcTimestamp,
        /// When it ends.
        expires_at -> UtcTimestamp,
        /// How many accounts may be made with it.
        max_uses -> BigInt,
        /// How many were.
        uses -> BigInt,
        /// The daily budget of those accounts.
        daily_token_budget -> Nullable<BigInt>,
        /// What it is for.
        note -> Text,
        /// When it was withdrawn.
        revoked_at -> Nullable<UtcTimestamp>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary};
    use crate::time::UtcTimestamp;

    /// Links with which a person may set a new password.
    password_resets (token_hash) {
        /// SHA-256 of the secret in the link.
        token_hash -> Binary,
        /// Whose password it is.
        user_id -> BigInt,
        /// When it was made.
        created_at -> UtcTimestamp,
        /// When it ends.
        expires_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// Characters that people chat with.
    characters (id) {
        /// The character's id.
        id -> BigInt,
        /// The name.
        name -> Text,
        /// What the character is told to be.
        system_prompt -> Text,
        /// The maker.
        created_by -> Nullable<BigInt>,
        /// When it was made.
        created_at -> UtcTimestamp,
        /// When it was changed last.
        updated_at -> UtcTimestamp,
        /// The folded name.
        name_folded -> Text,
        /// `private` or `public`.
        visibility -> Text,
        /// The first thing it says.
        greeting -> Text,
        /// What it is.
        description -> Text,
        /// The folded description.
        description_folded -> Text,
        /// The picture's file.
        avatar_file -> Nullable<Text>,
        /// Counts the changes.
        version -> BigInt,
        /// When it was deleted.
        deleted_at -> Nullable<UtcTimestamp>,
        /// Whether the service brought it along.
        is_builtin -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Text};
    use crate::time::UtcTimestamp;

    /// Prompts that apply to every character.
    common_prompts (id) {
        /// The prompt's id.
        id -> BigInt,
        /// The name.
        name -> Text,
        /// The text.
        content -> Text,
        /// When it was made.
        created_at -> UtcTimestamp,
        /// When it was changed last.
        updated_at -> UtcTimestamp,
        /// Whether it applies.
        is_active -> Bool,
        /// Its place among the others.
        position -> BigInt,
        /// Counts the changes.
        version -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// Chats of one person with one character.
    chats (id) {
        /// The chat's id.
        id -> BigInt,
        /// Whose it is.
        user_id -> BigInt,
        /// With whom.
        character_id -> Nullable<BigInt>,
        /// When it was opened.
        created_at -> UtcTimestamp,
        /// When something was said last.
        last_message_at -> UtcTimestamp,
        /// The character's name when the chat was opened.
        character_name -> Text,
        /// The same, folded.
        character_name_folded -> Text,
        /// The owner's title.
        title -> Nullable<Text>,
        /// The same, folded.
        title_folded -> Nullable<Text>,
        /// The last message of the branch that is shown.
        head_message_id -> Nullable<BigInt>,
        /// Whether the owner keeps it at hand.
        pinned -> Bool,
        /// Counts the owner's changes.
        version -> BigInt,
        /// Whether what leaves the window is summed up.
        summary_enabled -> Bool,
        /// Counts the changes of the chat's summaries and of that switch.
        summary_version -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Text};
    use crate::time::UtcTimestamp;

    /// What chats said before what models are sent: one for each place in the tree of messages.
    chat_summaries (chat_id, covers_up_to) {
        /// The chat.
        chat_id -> BigInt,
        /// The last message that it tells of.
        covers_up_to -> BigInt,
        /// How many messages come before that one.
        depth -> BigInt,
        /// The words.
        text -> Text,
        /// Whether the owner wrote or changed it.
        is_edited -> Bool,
        /// When it was written last.
        updated_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// Summaries that are being made.
    summary_runs (id) {
        /// Its name in the ledger.
        id -> Text,
        /// Who pays.
        user_id -> BigInt,
        /// The chat.
        chat_id -> BigInt,
        /// The character.
        character_id -> Nullable<BigInt>,
        /// The last message that it will tell of.
        covers_up_to -> BigInt,
        /// What the chat's `summary_version` was.
        summary_version -> BigInt,
        /// The day to which it is counted.
        usage_date -> Text,
        /// The process that works on it.
        node_id -> Text,
        /// Until when that process is taken to be alive.
        lease_until -> UtcTimestamp,
        /// When it was begun.
        started_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// The messages of chats: a tree in each.
    messages (id) {
        /// The message's id.
        id -> BigInt,
        /// The chat.
        chat_id -> BigInt,
        /// `user` or `assistant`.
        role -> Text,
        /// The words.
        content -> Text,
        /// What this message itself cost.
        token_count -> BigInt,
        /// When it was written down first.
        created_at -> UtcTimestamp,
        /// The message before it.
        parent_id -> Nullable<BigInt>,
        /// How many messages come before it.
        depth -> BigInt,
        /// The exchange it belongs to.
        turn_id -> Nullable<Text>,
        /// How far it came.
        status -> Text,
        /// The model that wrote it.
        model -> Nullable<Text>,
        /// Why the model stopped.
        stop_reason -> Nullable<Text>,
        /// Uncached input of the exchange.
        input_tokens -> BigInt,
        /// Output of the exchange.
        output_tokens -> BigInt,
        /// Input read from the cache.
        cache_read_tokens -> BigInt,
        /// Input written to the cache, however long it is kept.
        cache_write_tokens -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// Exchanges.
    turns (id) {
        /// The turn's id.
        id -> Text,
        /// Whose it is.
        user_id -> BigInt,
        /// The chat.
        chat_id -> BigInt,
        /// The character, when the turn began.
        character_id -> Nullable<BigInt>,
        /// The person's message.
        user_message_id -> BigInt,
        /// The reply.
        assistant_message_id -> BigInt,
        /// Where it stands.
        state -> Text,
        /// Why it did not end well.
        error_code -> Nullable<Text>,
        /// The process that works on it.
        node_id -> Text,
        /// Until when that process is taken to be alive.
        lease_until -> UtcTimestamp,
        /// The client's key.
        idempotency_key -> Nullable<Text>,
        /// SHA-256 of what was asked with that key.
        request_hash -> Nullable<Binary>,
        /// How many processes have worked on it.
        attempts -> BigInt,
        /// The day to which it is counted.
        usage_date -> Text,
        /// Input written to the cache for an hour.
        cache_write_1h_tokens -> BigInt,
        /// When the message was accepted.
        accepted_at -> UtcTimestamp,
        /// When the first word of the reply came.
        first_text_at -> Nullable<UtcTimestamp>,
        /// When it ended; it runs while there is none.
        ended_at -> Nullable<UtcTimestamp>,
        /// When its person asked for its end.
        stop_requested_at -> Nullable<UtcTimestamp>,
        /// How many bytes of the reply the processes before the last one have left.
        resumed_from -> BigInt,
        /// Upstream's name for the request that runs.
        upstream_request_id -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// The operator's account: every request that upstream took, never changed.
    usage_attempts (turn_id, attempt) {
        /// The exchange.
        turn_id -> Text,
        /// Its number among the requests of the exchange, from 1.
        attempt -> BigInt,
        /// Upstream's name for it.
        upstream_request_id -> Nullable<Text>,
        /// The model that answered.
        model -> Text,
        /// Uncached input.
        input_tokens -> BigInt,
        /// Output.
        output_tokens -> BigInt,
        /// Input read from the cache.
        cache_read_tokens -> BigInt,
        /// Input written to the cache for five minutes.
        cache_write_5m_tokens -> BigInt,
        /// Input written to the cache for an hour.
        cache_write_1h_tokens -> BigInt,
        /// The cost in micro-dollars.
        cost_micro_usd -> BigInt,
        /// The price table that gave the cost.
        price_version -> Text,
        /// Whether the tokens are an estimate.
        estimated -> Bool,
        /// When it was written down.
        created_at -> UtcTimestamp,
    }
}
diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// The ledger: one row per charged turn, never changed.
    usage_events (turn_id) {
        /// The exchange.
        turn_id -> Text,
        /// Who pays, until the account is deleted.
        user_id -> Nullable<BigInt>,
        /// The chat.
        chat_id -> BigInt,
        /// The character.
        character_id -> Nullable<BigInt>,
        /// The day to which it is counted.
        usage_date -> Text,
        /// The model that answered.
        model -> Text,
        /// Uncached input.
        input_tokens -> BigInt,
        /// Output.
        output_tokens -> BigInt,
        /// Input read from the cache.
        cache_read_tokens -> BigInt,
        /// Input written to the cache for five minutes.
        cache_write_5m_tokens -> BigInt,
        /// Input written to the cache for an hour.
        cache_write_1h_tokens -> BigInt,
        /// The cost in micro-dollars.
        cost_micro_usd -> BigInt,
        /// The price table that gave the cost.
        price_version -> Text,
        /// Whether the tokens are an estimate.
        estimated -> Bool,
        /// When the row was written.
        created_at -> UtcTimestamp,
        /// What it is for: a person's exchange or a summary.
        kind -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Nullable, Text};

    /// Usage by user and day.
    usage_stats (id) {
        /// The row's id.
        id -> BigInt,
        /// Whose day it is, until the account is deleted.
        user_id -> Nullable<BigInt>,
        /// The day.
        usage_date -> Text,
        /// Exchanges that were charged.
        chat_count -> BigInt,
        /// Tokens of all kinds.
        total_tokens -> BigInt,
        /// Uncached input.
        input_tokens -> BigInt,
        /// Output.
        output_tokens -> BigInt,
        /// Input read from the cache.
        cache_read_tokens -> BigInt,
        /// Input written to the cache.
        cache_write_tokens -> BigInt,
        /// The cost in micro-dollars.
        cost_micro_usd -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};

    /// What running turns may cost at most.
    budget_reservations (turn_id) {
        /// The turn.
        turn_id -> Text,
        /// Who pays.
        user_id -> BigInt,
        /// The day to which it is counted.
        usage_date -> Text,
        /// Tokens of all kinds.
        tokens -> BigInt,
        /// The cost in micro-dollars.
        cost_micro_usd -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};

    /// Turns by day and model.
    model_days (usage_date, model) {
        /// The day.
        usage_date -> Text,
        /// The model; empty when none answered.
        model -> Text,
        /// Exchanges that were charged.
        exchanges -> BigInt,
        /// Uncached input.
        input_tokens -> BigInt,
        /// Output.
        output_tokens -> BigInt,
        /// Input read from the cache.
        cache_read_tokens -> BigInt,
        /// Input written to the cache.
        cache_write_tokens -> BigInt,
        /// The cost in micro-dollars.
        cost_micro_usd -> BigInt,
        /// Turns that ended well.
        completed -> BigInt,
        /// Turns that were stopped.
        stopped -> BigInt,
        /// Turns that failed.
        failed -> BigInt,
        /// Turns that were cut.
        interrupted -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};

    /// Exchanges by day and character.
    character_days (usage_date, character_id) {
        /// The day.
        usage_date -> Text,
        /// The character.
        character_id -> BigInt,
        /// Exchanges that were charged.
        exchanges -> BigInt,
        /// Tokens of all kinds.
        total_tokens -> BigInt,
        /// The cost in micro-dollars.
        cost_micro_usd -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};

    /// How long first texts took, by day.
    latency_days (usage_date, bucket) {
        /// The day.
        usage_date -> Text,
        /// The bucket of the logarithmic scale.
        bucket -> BigInt,
        /// Turns in it.
        turns -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};

    /// Turns that did not end well, by day and reason.
    failure_days (usage_date, error_code) {
        /// The day.
        usage_date -> Text,
        /// The reason.
        error_code -> Text,
        /// Turns.
        turns -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};

    /// Accounts by day.
    account_days (usage_date) {
        /// The day.
        usage_date -> Text,
        /// Accounts that were made.
        new_accounts -> BigInt,
        /// Accounts that were erased.
        erased_accounts -> BigInt,
        /// Accounts with at least one charged exchange.
        active_accounts -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool};
    use crate::time::UtcTimestamp;

    /// What an administrator switches while the service runs: one row.
    service_state (id) {
        /// Always 1.
        id -> BigInt,
        /// Whether new messages are taken.
        accepts_messages -> Bool,
        /// When it was switched last.
        changed_at -> UtcTimestamp,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::time::UtcTimestamp;

    /// Administrators' acts, chained, never changed.
    audit_log (id) {
        /// The row's id.
        id -> BigInt,
        /// When it was done.
        created_at -> UtcTimestamp,
        /// Who did it.
        actor_user_id -> Nullable<BigInt>,
        /// What was done.
        action -> Text,
        /// To what kind of thing.
        target_type -> Text,
        /// To which one.
        target_id -> Text,
        /// Whose data it was about.
        subject_user_id -> Nullable<BigInt>,
        /// Why.
        reason -> Nullable<Text>,
        /// The request.
        request_id -> Nullable<Text>,
        /// From where.
        client_address -> Nullable<Text>,
        /// More, as JSON.
        details -> Nullable<Text>,
        /// The key of the chain.
        key_id -> Text,
        /// The hash of the row before.
        previous_hash -> Binary,
        /// The hash of this row and the one before.
        hash -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::{Binary, Text};

    /// What the migrations were that this database has.
    migration_checksums (version) {
        /// The migration.
        version -> Text,
        /// The SHA-256 of its text.
        sha256 -> Binary,
    }
}

diesel::joinable!(password_resets -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(password_resets, sessions, users);
