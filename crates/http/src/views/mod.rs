//! What goes over the wire: views of what is stored, and the bodies of requests.
//!
//! A field of a body has the domain's checked type; its schema says what may be sent.

pub(crate) mod accounts;
pub(crate) mod admin;
pub(crate) mod characters;
pub(crate) mod chats;
pub(crate) mod export;
pub(crate) mod invites;
pub(crate) mod messages;
pub(crate) mod prompts;
pub(crate) mod service;
pub(crate) mod service_state;
pub(crate) mod sessions;
pub(crate) mod stats;
pub(crate) mod summaries;
pub(crate) mod turns;
pub(crate) mod usage;

/// Makes the view of a page of a list.
macro_rules! list_view {
    ($(#[$doc:meta])* $name:ident, $item:ty) => {
        $(#[$doc])*
        #[derive(serde::Serialize, utoipa::ToSchema)]
        pub(crate) struct $name {
            /// The items in the list's order.
            pub(crate) items: Vec<$item>,
            /// Where the next page starts; `null` at the end.
            #[schema(required)]
            pub(crate) next_cursor: Option<String>,
        }
    };
}
pub(crate) use list_view;
