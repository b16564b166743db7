//! The handlers. Each operation's description stands at its handler, so that the document cannot
//! drift from what answers.

mod admin;
mod auth;
mod characters;
mod chats;
mod export;
mod invites;
mod messages;
mod prompts;
mod service;
mod sessions;
mod stats;
mod summaries;
mod turns;

use actix_web::HttpResponse;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::problem::Problem;

/// The answer of a handler.
type Answer = Result<HttpResponse, Problem>;

/// Registers every operation of the API.
pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(auth::register)
        .service(auth::login)
        .service(sessions::refresh)
        .service(sessions::logout)
        .service(sessions::list_sessions)
        .service(sessions::end_other_sessions)
        .service(sessions::end_session)
        .service(sessions::reauthenticate)
        .service(sessions::change_password)
        .service(sessions::update_me)
        .service(sessions::delete_me)
        .service(invites::reset_password)
        .service(invites::list_invites)
        .service(invites::create_invite)
        .service(invites::revoke_invite)
        .service(invites::create_password_reset)
        .service(auth::get_me)
        .service(auth::get_my_usage)
        .service(export::export_my_data)
        .service(admin::list_my_admin_views)
        .service(admin::list_users)
        .service(admin::get_user)
        .service(admin::update_user)
        .service(admin::delete_user)
        .service(admin::list_chats_of_user)
        .service(admin::get_usage_of_user)
        .service(admin::list_messages_of_chat)
        .service(admin::list_audit_log)
        .service(service::get_config)
        .service(characters::list_characters)
        .service(characters::create_character)
        .service(characters::get_character)
        .service(characters::update_character)
        .service(characters::delete_character)
        .service(prompts::list_prompts)
        .service(prompts::create_prompt)
        .service(prompts::get_prompt)
        .service(prompts::update_prompt)
        .service(prompts::delete_prompt)
        .service(chats::list_chats)
        .service(chats::create_chat)
        .service(chats::get_chat)
        .service(chats::update_chat)
        .service(chats::delete_chat)
        .service(chats::choose_branch)
        .service(summaries::get_summary)
        .service(summaries::update_summary)
        .service(messages::list_messages)
        .service(messages::send_message)
        .service(messages::edit_message)
        .service(messages::regenerate_reply)
        .service(messages::continue_reply)
        .service(turns::get_turn)
        .service(turns::follow_turn)
        .service(turns::stop_turn)
        .service(stats::get_stats_overview)
        .service(stats::get_service_state)
        .service(stats::update_service_state)
        .service(service::livez)
        .service(service::readyz);
}
