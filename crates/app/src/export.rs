//! Everything that the service keeps of a person, for that person.

use std::{collections::VecDeque, pin::Pin, sync::Arc};

use futures_util::{Stream, stream};
use jiff::Timestamp;
use lionrocket_domain::{
    account::User,
    calendar::{Day, DayRange, StatsZone},
    character::Character,
    chat::{Chat, Message},
    ids::{AuditId, CharacterId, ChatId, MessageId},
    page::PageSize,
    summary::Summary,
    usage::UsageDay,
};
use lionrocket_ports::{
    StoreResult,
    admin::{AdminRepository, AdminView},
    characters::{CharacterFilter, CharacterRepository},
    chats::ChatRepository,
    runtime::Clock,
    sessions::SessionRecord,
    summaries::SummaryStore,
    usage::UsageRepository,
};

use crate::sessions::{Authenticated, SessionError, SessionService};

/// How many days of usage are read at once, less one.
const MORE_DAYS: u32 = 365;

/// The ports that an export reads.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct ExportPorts {
    pub accounts: Arc<dyn AdminRepository>,
    pub characters: Arc<dyn CharacterRepository>,
    pub chats: Arc<dyn ChatRepository>,
    pub summaries: Arc<dyn SummaryStore>,
    pub usage: Arc<dyn UsageRepository>,
    pub clock: Arc<dyn Clock>,
}

/// What an export begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportHead {
    /// When it was made.
    pub exported_at: Timestamp,
    /// The account.
    pub user: User,
    /// Where the person is signed in.
    pub sessions: Vec<SessionRecord>,
}

/// A piece of an export. The pieces come in the order of the variants; of a chat first the chat,
/// then its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportPiece {
    /// Characters that the person made, newest first.
    Characters(Vec<Character>),
    /// A chat, oldest first, with its summaries, of all branches.
    Chat(Box<Chat>, Vec<Summary>),
    /// Messages of the chat before, of all branches, oldest first.
    Messages(Vec<Message>),
    /// Usage by day, oldest first.
    Usage(Vec<UsageDay>),
    /// When administrators looked at the person's data, newest first.
    AdminViews(Vec<AdminView>),
}

/// The pieces of an export. Each is read when it is asked for, and no page before that; after an
/// error there is nothing more.
pub type ExportPieces = Pin<Box<dyn Stream<Item = StoreResult<ExportPiece>> + Send>>;

/// A whole export.
pub struct Export {
    /// What it begins with.
    pub head: ExportHead,
    /// The rest.
    pub pieces: ExportPieces,
}

/// Exports of what is kept of people.
pub struct ExportService {
    ports: ExportPorts,
    sessions: Arc<SessionService>,
    zone: StatsZone,
}

impl ExportService {
    /// Puts the service together.
    #[must_use]
    pub const fn new(ports: ExportPorts, sessions: Arc<SessionService>, zone: StatsZone) -> Self {
        Self {
            ports,
            sessions,
            zone,
        }
    }

    /// Begins an export of all that is kept of a person. With `admin_views` it ends with when
    /// administrators looked at the person's data.
    ///
    /// # Errors
    /// [`SessionError::ReauthenticationRequired`], or the store failed.
    pub async fn begin(
        &self,
        who: &Authenticated,
        admin_views: bool,
    ) -> Result<Export, SessionError> {
        self.sessions.check_fresh(who)?;
        let exported_at = self.ports.clock.now();
        let head = ExportHead {
            exported_at,
            user: who.user.clone(),
            sessions: self.sessions.list(who.actor).await?,
        };
        let walk = Walk {
            ports: self.ports.clone(),
            who: who.clone(),
            admin_views,
            first_day: self.zone.day_of(who.user.created_at).days_before(1),
            today: self.zone.day_of(exported_at),
            step: Step::Characters(None),
            chats: VecDeque::new(),
        };
        let pieces = Box::pin(stream::try_unfold(walk, Walk::advance));
        Ok(Export { head, pieces })
    }
}

/// What is read next.
#[derive(Clone, Copy)]
enum Step {
    /// Characters after this one.
    Characters(Option<CharacterId>),
    /// The next chat of the page that was read. Afterwards, if there is one, the page after this chat.
    NextChat(Option<ChatId>),
    /// Chats after this one.
    Chats(Option<ChatId>),
    /// Messages of a chat after this one, and where the page after its own begins.
    Messages(ChatId, Option<MessageId>, Option<ChatId>),
    /// Usage from this day on.
    Usage(Day),
    /// Looks before this one.
    AdminViews(Option<AuditId>),
    /// Nothing.
    Done,
}

/// A walk through all that is kept of a person. It holds one page of chats and makes one page of
/// anything else at a time.
struct Walk {
    ports: ExportPorts,
    who: Authenticated,
    admin_views: bool,
    first_day: Day,
    today: Day,
    step: Step,
    chats: VecDeque<Chat>,
}

impl Walk {
    /// Goes on to the next piece.
    async fn advance(mut self) -> StoreResult<Option<(ExportPiece, Self)>> {
        let piece = loop {
            match self.step {
                Step::Characters(after) => break self.characters(after).await?,
                Step::Chats(after) => self.read_chats(after).await?,
                Step::NextChat(next_page) => {
                    if let Some(chat) = self.next_chat(next_page).await? {
                        break chat;
                    }
                }
                Step::Messages(chat_id, after, next_page) => {
                    break self.messages(chat_id, after, next_page).await?;
                }
                Step::Usage(from) => break self.usage(from).await?,
                Step::AdminViews(before) => break self.views(before).await?,
                Step::Done => return Ok(None),
            }
        };
        Ok(Some((piece, self)))
    }

    async fn characters(&mut self, after: Option<CharacterId>) -> StoreResult<ExportPiece> {
        let filter = CharacterFilter {
            mine: true,
            public: false,
            search: None,
            after,
            size: PageSize::default(),
        };
        let page = self.ports.characters.list(self.who.actor, filter).await?;
        self.step = match page.next {
            Some(last) => Step::Characters(Some(last)),
            None => Step::Chats(None),
        };
        Ok(ExportPiece::Characters(page.items))
    }

    async fn read_chats(&mut self, after: Option<ChatId>) -> StoreResult<()> {
        let (owner, size) = (self.who.actor.user_id, PageSize::default());
        let page = self.ports.chats.list_by_id(owner, after, size).await?;
        self.chats = page.items.into();
        self.step = Step::NextChat(page.next);
        Ok(())
    }

    /// The next chat, or `None` when the page is over.
    async fn next_chat(&mut self, next_page: Option<ChatId>) -> StoreResult<Option<ExportPiece>> {
        let chat = self.chats.pop_front();
        self.step = match (&chat, next_page) {
            (Some(chat), _) => Step::Messages(chat.id, None, next_page),
            (None, Some(last)) => Step::Chats(Some(last)),
            (None, None) => Step::Usage(self.first_day),
        };
        let Some(chat) = chat else {
            return Ok(None);
        };
        let owner = self.who.actor.user_id;
        let summaries = self.ports.summaries.list(owner, chat.id).await?;
        Ok(Some(ExportPiece::Chat(Box::new(chat), summaries)))
    }

    async fn messages(
        &mut self,
        chat_id: ChatId,
        after: Option<MessageId>,
        next_page: Option<ChatId>,
    ) -> StoreResult<ExportPiece> {
        let (owner, size) = (self.who.actor.user_id, PageSize::default());
        let chats = &self.ports.chats;
        let page = chats.messages_by_id(owner, chat_id, after, size).await?;
        self.step = match page.next {
            Some(last) => Step::Messages(chat_id, Some(last), next_page),
            None => Step::NextChat(next_page),
        };
        Ok(ExportPiece::Messages(page.items))
    }

    async fn usage(&mut self, from: Day) -> StoreResult<ExportPiece> {
        let more = u32::try_from(self.today.days_since(from)).unwrap_or(0);
        let to = self.today.days_before(more.saturating_sub(MORE_DAYS));
        let owner = self.who.actor.user_id;
        let days = self.ports.usage.days(owner, DayRange { from, to }).await?;
        self.step = if to < self.today {
            Step::Usage(to.tomorrow())
        } else if self.admin_views {
            Step::AdminViews(None)
        } else {
            Step::Done
        };
        Ok(ExportPiece::Usage(days))
    }

    async fn views(&mut self, before: Option<AuditId>) -> StoreResult<ExportPiece> {
        let (owner, size) = (self.who.actor.user_id, PageSize::default());
        let page = self.ports.accounts.views_of(owner, before, size).await?;
        self.step = match page.next {
            Some(last) => Step::AdminViews(Some(last)),
            None => Step::Done,
        };
        Ok(ExportPiece::AdminViews(page.items))
    }
}
