//! A person's data as a file that is written while it is read.

use std::error::Error;

use actix_web::{HttpResponse, http::header};
use async_stream::stream;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use lionrocket_app::export::{Export, ExportHead, ExportPiece, ExportPieces};
use lionrocket_domain::access::Actor;
use lionrocket_ports::error::Chain;
use serde::Serialize;

use crate::views::{
    admin::AdminReadView,
    characters::CharacterView,
    export::{ExportHeadView, ExportedChatView},
    messages::MessageRecordView,
    sessions::SessionView,
    usage::UsageDayView,
};

/// Answers with an export as it is read. When the store fails in the middle the connection ends
/// without the end of the document, so that nobody takes it for whole.
pub(crate) fn export_file(export: Export, actor: Actor, admin_views: bool) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"lionrocket-export.json\"",
        ))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(document(export, actor, admin_views))
}

fn document(
    export: Export,
    actor: Actor,
    admin_views: bool,
) -> impl Stream<Item = Result<Bytes, Box<dyn Error>>> {
    let Export { head, mut pieces } = export;
    stream! {
        let mut writer = match Writer::begin(head, actor) {
            Ok(writer) => writer,
            Err(error) => {
                yield Err(error.into());
                return;
            }
        };
        yield Ok(writer.take());
        while let Some(written) = write_next(&mut writer, &mut pieces).await {
            if let Err(error) = written {
                tracing::error!(error = %Chain(&*error), "an export broke off");
                yield Err(error);
                return;
            }
            yield Ok(writer.take());
        }
        yield Ok(writer.end(admin_views));
    }
}

/// Reads the next piece and writes it. `None` at the end.
async fn write_next(
    writer: &mut Writer,
    pieces: &mut ExportPieces,
) -> Option<Result<(), Box<dyn Error>>> {
    Some(match pieces.next().await? {
        Ok(piece) => writer.write(piece).map_err(Into::into),
        Err(error) => Err(error.into()),
    })
}

/// The lists of the document that have pieces of their own, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Characters,
    Chats,
    Usage,
    AdminViews,
}

impl Section {
    const ALL: [Self; 4] = [Self::Characters, Self::Chats, Self::Usage, Self::AdminViews];

    const fn name(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Chats => "chats",
            Self::Usage => "usage",
            Self::AdminViews => "admin_views",
        }
    }
}

/// Writes the document from beginning to end, with commas and brackets where they belong.
struct Writer {
    actor: Actor,
    out: Vec<u8>,
    section: Section,
    /// Whether a chat's messages are being written.
    in_chat: bool,
    /// Whether the list that is being written is empty so far.
    is_empty: bool,
}

impl Writer {
    fn begin(head: ExportHead, actor: Actor) -> serde_json::Result<Self> {
        let sessions = head.sessions.into_iter();
        let view = ExportHeadView {
            exported_at: head.exported_at,
            account: head.user.into(),
            sessions: sessions
                .map(|session| SessionView::new(session, actor.session_id))
                .collect(),
            characters: [],
        };
        Ok(Self {
            actor,
            out: opened(&view)?,
            section: Section::Characters,
            in_chat: false,
            is_empty: true,
        })
    }

    /// What was written since this was last asked.
    fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.out).into()
    }

    fn write(&mut self, piece: ExportPiece) -> serde_json::Result<()> {
        match piece {
            ExportPiece::Characters(characters) => {
                let actor = self.actor;
                let views = characters.into_iter();
                self.items(views.map(|character| CharacterView::new(&actor, character)))
            }
            ExportPiece::Chat(chat, summaries) => {
                self.go_to(Section::Chats);
                self.close_chat();
                self.comma();
                self.out
                    .extend(opened(&ExportedChatView::new(*chat, summaries))?);
                self.in_chat = true;
                self.is_empty = true;
                Ok(())
            }
            ExportPiece::Messages(messages) => {
                self.items(messages.into_iter().map(MessageRecordView::from))
            }
            ExportPiece::Usage(days) => {
                self.go_to(Section::Usage);
                self.items(days.into_iter().map(UsageDayView::from))
            }
            ExportPiece::AdminViews(views) => {
                self.go_to(Section::AdminViews);
                self.items(views.into_iter().map(AdminReadView::from))
            }
        }
    }

    fn end(mut self, admin_views: bool) -> Bytes {
        self.go_to(if admin_views {
            Section::AdminViews
        } else {
            Section::Usage
        });
        self.out.extend(b"]}\n");
        self.out.into()
    }

    /// Ends lists and begins the next ones up to this one.
    fn go_to(&mut self, wanted: Section) {
        for section in Section::ALL {
            if self.section < section && section <= wanted {
                self.close_chat();
                self.out.extend(b"],\"");
                self.out.extend(section.name().as_bytes());
                self.out.extend(b"\":[");
                self.section = section;
                self.is_empty = true;
            }
        }
    }

    fn close_chat(&mut self) {
        if std::mem::take(&mut self.in_chat) {
            self.out.extend(b"]}");
            self.is_empty = false;
        }
    }

    fn comma(&mut self) {
        if !std::mem::take(&mut self.is_empty) {
            self.out.push(b',');
        }
    }

    fn items(&mut self, views: impl Iterator<Item = impl Serialize>) -> serde_json::Result<()> {
        for view in views {
            self.comma();
            serde_json::to_writer(&mut self.out, &view)?;
        }
        Ok(())
    }
}

/// An object whose last field is an empty list, with that list still open.
fn opened(view: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut written = serde_json::to_vec(view)?;
    debug_assert!(written.ends_with(b"[]}"));
    written.truncate(written.len().saturating_sub(2));
    Ok(written)
}
