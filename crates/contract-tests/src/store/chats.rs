//! Chats and the reading of their messages.

use lionrocket_domain::{
    access::Actor,
    account::User,
    audit::{Origin, Performer},
    character::{CharacterDraft, PromptDraft},
    chat::{BranchMessage, Chat, MessageStatus, Role},
    ids::{ChatId, MessageId},
    text::{ChatTitle, DisplayName, Greeting, PromptContent, PromptName},
};
use lionrocket_ports::{
    accounts::{ProfileChange, ProfileOutcome},
    characters::UpdateOutcome,
    chats::{
        ChatChange, ChatFilter, ShowOutcome, TurnCharacter, TurnContext, TurnContextOutcome,
        TurnPlace,
    },
    turns::BeginTurn,
};

use super::fixture::{
    NO_CHAT, Stores, actor, at, begin, branch_off, day, draft, exchange, finish, page_size,
    private_draft,
};

fn title(text: &str) -> ChatTitle {
    ChatTitle::parse(text).expect("a title")
}

fn greeting(name: &str) -> CharacterDraft {
    CharacterDraft {
        greeting: Greeting::parse("어서 와.").expect("a greeting"),
        ..draft(name)
    }
}

fn filter(size: u32) -> ChatFilter {
    ChatFilter {
        search: None,
        after: None,
        size: page_size(size),
    }
}

async fn context(
    stores: &Stores,
    owner: &User,
    chat: ChatId,
    place: TurnPlace,
    max_messages: u32,
) -> TurnContextOutcome {
    let context = stores
        .chats
        .turn_context(owner.id, chat, place, max_messages)
        .await;
    context.expect("turn_context")
}

async fn found(stores: &Stores, owner: &User, chat: &Chat, max_messages: u32) -> TurnContext {
    found_at(stores, owner, chat, TurnPlace::Head, max_messages).await
}

async fn found_at(
    stores: &Stores,
    owner: &User,
    chat: &Chat,
    place: TurnPlace,
    max_messages: u32,
) -> TurnContext {
    match context(stores, owner, chat.id, place, max_messages).await {
        TurnContextOutcome::Found(context) => *context,
        other => panic!("not found: {other:?}"),
    }
}

/// The greeting is the first message, complete and without a turn.
pub async fn a_chat_opens_with_the_greeting(stores: Stores) {
    let haru = stores.user("haru").await;
    let character = stores.character(None, greeting("등대지기")).await;
    let made = stores
        .chats
        .create(actor(&haru), character.id, Some(title("밤바다")), at(3))
        .await
        .expect("create")
        .expect("a chat");
    assert_eq!(made.user_id, haru.id);
    assert_eq!(made.title, Some(title("밤바다")));
    assert_eq!((made.created_at, made.last_message_at), (at(3), at(3)));
    assert_eq!(
        (made.version, made.pinned, made.running_turn_id),
        (1, false, None)
    );
    assert_eq!(made.character.id, Some(character.id));
    assert_eq!(made.character.name, "등대지기");
    assert_eq!(made.character.greeting, character.draft.greeting);
    assert!(made.character.is_available);
    assert_eq!(made.preview.as_deref(), Some("어서 와."));
    assert_eq!(stores.chat_now(&made).await, made);

    let branch = stores.branch(&made, 50).await;
    let [only] = branch.as_slice() else {
        panic!("one message: {branch:?}");
    };
    let greeting = &only.message;
    assert_eq!(made.head_message_id, Some(greeting.id));
    assert_eq!(
        (greeting.role, greeting.status),
        (Role::Assistant, MessageStatus::Complete)
    );
    assert_eq!(
        (greeting.parent_id, greeting.depth, greeting.turn_id),
        (None, 0, None)
    );
    assert_eq!(greeting.content, "어서 와.");
    assert_eq!(only.sibling_ids, [greeting.id]);
}

/// And has an empty page of messages.
pub async fn a_chat_without_a_greeting_opens_empty(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    assert_eq!((chat.head_message_id, chat.preview.as_ref()), (None, None));
    assert!(stores.branch(&chat, 50).await.is_empty());
    let context = found(&stores, &haru, &chat, 50).await;
    assert_eq!((context.parent_id, context.history.len()), (None, 0));
}

/// Not with somebody else's private one, unless an administrator asks.
pub async fn a_chat_opens_only_with_a_character_that_may_be_used(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let private = stores.character(Some(&haru), private_draft("mine")).await;
    let open = async |actor: Actor| {
        let chat = stores.chats.create(actor, private.id, None, at(3)).await;
        chat.expect("create").is_some()
    };
    assert!(open(actor(&haru)).await);
    assert!(!open(actor(&mina)).await);
    assert!(
        open(Actor {
            is_admin: true,
            ..actor(&mina)
        })
        .await
    );
}

/// Another's chat is as if it were not there.
pub async fn a_chat_is_its_owners_alone(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let chat = stores.chat(&haru).await;
    assert_eq!(stores.chats.get(mina.id, chat.id).await.expect("get"), None);
    let update = stores
        .chats
        .update(mina.id, chat.id, ChatChange::default(), None)
        .await;
    assert_eq!(update.expect("update"), UpdateOutcome::NotFound);
    assert!(!stores.chats.delete(mina.id, chat.id).await.expect("delete"));
    let list = stores.chats.list(mina.id, filter(50)).await.expect("list");
    assert!(list.items.is_empty());
    assert_eq!(
        context(&stores, &mina, chat.id, TurnPlace::Head, 10).await,
        TurnContextOutcome::NoChat
    );
    assert_eq!(stores.chat_now(&chat).await, chat);
}

/// Ties in time are no obstacle.
pub async fn chats_are_listed_by_newest_activity_then_id_page_by_page(stores: Stores) {
    let haru = stores.user("haru").await;
    let character = stores.character(None, draft("하루")).await;
    let mut made = Vec::new();
    for second in [5, 9, 5, 5, 1, 9, 5] {
        let chat = stores
            .chats
            .create(actor(&haru), character.id, None, at(second))
            .await;
        made.push(chat.expect("create").expect("a chat"));
    }
    made.sort_by_key(|chat| (chat.last_message_at, chat.id));
    made.reverse();
    for size in [1, 2, 3, 7, 50] {
        let mut paged = Vec::new();
        let mut next = filter(size);
        loop {
            let page = stores
                .chats
                .list(haru.id, next.clone())
                .await
                .expect("list");
            assert!(page.items.len() <= size as usize);
            paged.extend(page.items);
            if page.next.is_none() {
                break;
            }
            next.after = page.next;
        }
        assert_eq!(paged, made, "pages of {size}");
    }
}

/// The title or the character's name has the text; `%` and `_` are characters like others.
pub async fn chats_are_searched_by_title_and_character_taken_literally(stores: Stores) {
    let haru = stores.user("haru").await;
    let mut ids = Vec::new();
    for (name, chat_title) in [
        ("등대지기", Some("Night SEA")),
        ("100% cat", None),
        ("snake_case", Some("a%b")),
    ] {
        let character = stores.character(None, draft(name)).await;
        let chat = stores
            .chats
            .create(actor(&haru), character.id, chat_title.map(title), at(3))
            .await;
        ids.push(chat.expect("create").expect("a chat").id);
    }
    for (search, wanted) in [
        ("등대", vec![0]),
        ("night sea", vec![0]),
        ("ＳＥＡ", vec![0]),
        ("%", vec![2, 1]),
        ("_", vec![2]),
        ("a%", vec![2]),
        ("no such", vec![]),
    ] {
        let filter = ChatFilter {
            search: Some(search.to_owned()),
            ..filter(50)
        };
        let page = stores.chats.list(haru.id, filter).await.expect("list");
        let found: Vec<_> = page.items.iter().map(|chat| chat.id).collect();
        let wanted: Vec<_> = wanted
            .into_iter()
            .filter_map(|index: usize| ids.get(index).copied())
            .collect();
        assert_eq!(found, wanted, "{search}");
    }
}

/// What is `None` stays.
pub async fn a_chat_is_changed_and_a_stale_change_is_refused(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let update = async |change, expected| {
        let update = stores
            .chats
            .update(haru.id, chat.id, change, expected)
            .await;
        update.expect("update")
    };
    let titled = ChatChange {
        title: Some(Some(title("밤바다"))),
        pinned: None,
    };
    let wanted = Chat {
        title: Some(title("밤바다")),
        version: 2,
        ..chat.clone()
    };
    assert_eq!(
        update(titled.clone(), Some(1)).await,
        UpdateOutcome::Updated(wanted)
    );
    assert_eq!(update(titled, Some(1)).await, UpdateOutcome::Stale);
    let pinned = ChatChange {
        title: None,
        pinned: Some(true),
    };
    let UpdateOutcome::Updated(now) = update(pinned, None).await else {
        panic!("any version will do");
    };
    assert_eq!(
        (now.title, now.pinned, now.version),
        (Some(title("밤바다")), true, 3)
    );
    let untitled = ChatChange {
        title: Some(None),
        pinned: None,
    };
    let UpdateOutcome::Updated(now) = update(untitled, Some(3)).await else {
        panic!("the version is right");
    };
    assert_eq!((now.title, now.pinned, now.version), (None, true, 4));
    let gone = stores
        .chats
        .update(haru.id, NO_CHAT, ChatChange::default(), None)
        .await;
    assert_eq!(gone.expect("update"), UpdateOutcome::NotFound);
}

/// It stays readable and cannot go on.
pub async fn a_chat_keeps_the_name_of_its_deleted_character(stores: Stores) {
    let haru = stores.user("haru").await;
    let character = stores.character(Some(&haru), greeting("등대지기")).await;
    let chat = stores.chat_with(&haru, character.id).await;
    let deleted = stores
        .characters
        .delete(actor(&haru), character.id, Origin::default(), at(9))
        .await;
    assert!(deleted.expect("delete"));
    let now = stores.chat_now(&chat).await;
    assert_eq!(now.character.name, "등대지기");
    assert!(!now.character.is_available);
    assert_eq!(stores.branch(&chat, 50).await.len(), 1);
    assert_eq!(
        found(&stores, &haru, &chat, 50).await.character,
        TurnCharacter::Gone
    );
}

/// Withdrawn from others, not from its maker; and it can come back.
pub async fn a_chat_is_read_only_while_its_character_is_withdrawn(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let character = stores.character(Some(&haru), draft("shared")).await;
    let hers = stores.chat_with(&mina, character.id).await;
    let his = stores.chat_with(&haru, character.id).await;
    let show = async |draft| {
        let update = stores
            .characters
            .update(
                actor(&haru),
                character.id,
                draft,
                None,
                Origin::default(),
                at(9),
            )
            .await;
        assert!(matches!(update, Ok(UpdateOutcome::Updated(_))));
    };
    show(private_draft("shared")).await;
    assert!(!stores.chat_now(&hers).await.character.is_available);
    assert!(stores.chat_now(&his).await.character.is_available);
    assert_eq!(
        found(&stores, &mina, &hers, 5).await.character,
        TurnCharacter::Gone
    );
    show(draft("renamed")).await;
    let now = stores.chat_now(&hers).await;
    assert_eq!(
        (now.character.name.as_str(), now.character.is_available),
        ("renamed", true)
    );
}

/// Its messages and turns too; other chats stay.
pub async fn a_deleted_chat_is_gone_with_all_in_it(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, other) = (stores.chat(&haru).await, stores.chat(&haru).await);
    let turn = stores.exchange(&chat, None, "one").await.turn;
    stores.exchange(&other, None, "two").await;
    assert!(stores.chats.delete(haru.id, chat.id).await.expect("delete"));
    assert!(!stores.chats.delete(haru.id, chat.id).await.expect("delete"));
    assert_eq!(stores.chats.get(haru.id, chat.id).await.expect("get"), None);
    let messages = stores
        .chats
        .messages(haru.id, chat.id, None, page_size(5))
        .await;
    assert_eq!(messages.expect("messages"), None);
    let turn = stores.turns.get(haru.id, chat.id, turn.id).await;
    assert_eq!(turn.expect("get"), None);
    assert_eq!(stores.branch(&other, 50).await.len(), 2);
}

/// Counted in characters, not bytes.
pub async fn a_chats_preview_is_the_beginning_of_its_last_message(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    stores.start(&request).await;
    stores.end(&finish(&request, &"가".repeat(200))).await;
    let now = stores.chat_now(&chat).await;
    assert_eq!(now.preview, Some("가".repeat(Chat::PREVIEW_CHARS)));
    let page = stores.chats.list(haru.id, filter(50)).await.expect("list");
    assert_eq!(page.items, [now]);
}

/// Whatever the size of the pages, the branch is the same.
pub async fn messages_come_by_pages_oldest_first_in_each(stores: Stores) {
    let haru = stores.user("haru").await;
    let character = stores.character(None, greeting("하루")).await;
    let chat = stores.chat_with(&haru, character.id).await;
    let mut head = chat.head_message_id;
    for number in 0..6 {
        let record = stores
            .exchange(&chat, head, &format!("message {number}"))
            .await;
        head = Some(record.assistant_message.id);
    }
    let whole = stores.branch(&chat, 100).await;
    assert_eq!(whole.len(), 13);
    let depths: Vec<i64> = whole.iter().map(|item| item.message.depth).collect();
    assert_eq!(depths, (0..13).collect::<Vec<_>>());
    for pair in whole.windows(2) {
        if let [parent, child] = pair {
            assert_eq!(child.message.parent_id, Some(parent.message.id));
        }
    }
    for size in [1, 2, 5, 13] {
        assert_eq!(stores.branch(&chat, size).await, whole, "pages of {size}");
    }
    let newest = stores
        .chats
        .messages(haru.id, chat.id, None, page_size(4))
        .await;
    let newest = newest.expect("messages").expect("the chat is there");
    assert_eq!(
        newest.items,
        whole.iter().skip(9).cloned().collect::<Vec<_>>()
    );
    assert_eq!(
        newest.next,
        newest.items.first().map(|item| item.message.id)
    );
    let first = whole.first().map(|item| item.message.id);
    let before_all = stores
        .chats
        .messages(haru.id, chat.id, first, page_size(4))
        .await;
    let before_all = before_all.expect("messages").expect("the message is there");
    assert!(before_all.items.is_empty() && before_all.next.is_none());
}

/// Two thousand messages.
pub async fn a_page_of_a_deep_chat_is_as_good_as_of_a_short_one(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let mut head = None;
    for _ in 0..1000 {
        let record = stores.exchange(&chat, head, "another").await;
        head = Some(record.assistant_message.id);
    }
    let page = stores
        .chats
        .messages(haru.id, chat.id, None, page_size(50))
        .await;
    let page = page.expect("messages").expect("the chat is there");
    let depths: Vec<i64> = page.items.iter().map(|item| item.message.depth).collect();
    assert_eq!(depths, (1950..2000).collect::<Vec<_>>());
    let context = found(&stores, &haru, &chat, 40).await;
    let depths: Vec<i64> = context
        .history
        .iter()
        .map(|message| message.depth)
        .collect();
    assert_eq!(depths, (1960..2000).collect::<Vec<_>>());
    assert_eq!(stores.branch(&chat, 100).await.len(), 2000);
    assert!(stores.chats.delete(haru.id, chat.id).await.expect("delete"));
}

fn texts(branch: &[BranchMessage]) -> Vec<&str> {
    branch
        .iter()
        .map(|item| item.message.content.as_str())
        .collect()
}

/// First messages have siblings as well.
pub async fn messages_know_their_siblings(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let first = stores.exchange(&chat, None, "first").await;
    let reply = Some(first.assistant_message.id);
    let left = stores.exchange(&chat, reply, "left").await;
    let right = stores.exchange(&chat, reply, "right").await;
    let other_first = stores.exchange(&chat, None, "other").await;

    let branch = stores.branch(&chat, 50).await;
    assert_eq!(texts(&branch), ["other", "other?"]);
    let roots = [first.user_message.id, other_first.user_message.id];
    assert_eq!(
        branch.first().map(|item| item.sibling_ids.as_slice()),
        Some(&roots[..])
    );

    let page = stores
        .chats
        .messages(
            haru.id,
            chat.id,
            Some(right.assistant_message.id),
            page_size(50),
        )
        .await
        .expect("messages")
        .expect("the message is there");
    assert_eq!(texts(&page.items), ["first", "first?", "right"]);
    let siblings: Vec<&[MessageId]> = page
        .items
        .iter()
        .map(|item| item.sibling_ids.as_slice())
        .collect();
    let answers = [left.user_message.id, right.user_message.id];
    let expected: [&[MessageId]; 3] = [&roots, &[first.assistant_message.id], &answers];
    assert_eq!(siblings, expected);
}

/// Towards the beginning there is one way only.
pub async fn a_page_before_a_message_of_another_branch_follows_that_branch(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let old = stores.exchange(&chat, None, "old").await;
    stores.exchange(&chat, None, "new").await;
    let page = stores
        .chats
        .messages(
            haru.id,
            chat.id,
            Some(old.assistant_message.id),
            page_size(50),
        )
        .await
        .expect("messages")
        .expect("the message is there");
    assert_eq!(texts(&page.items), ["old"]);
}

/// A right message in a wrong chat is no message.
pub async fn messages_of_other_chats_and_owners_are_not_there(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let (chat, other) = (stores.chat(&haru).await, stores.chat(&haru).await);
    let there = stores
        .exchange(&other, None, "there")
        .await
        .assistant_message
        .id;
    stores.exchange(&chat, None, "here").await;
    for (owner, id, before) in [
        (haru.id, chat.id, Some(there)),
        (haru.id, chat.id, Some(MessageId::from_stored(999_999))),
        (mina.id, chat.id, None),
        (mina.id, other.id, Some(there)),
        (haru.id, NO_CHAT, None),
    ] {
        let page = stores.chats.messages(owner, id, before, page_size(5)).await;
        assert_eq!(page.expect("messages"), None, "{owner:?} {id:?} {before:?}");
    }
}

/// Whatever is said meanwhile, and never those of other people.
pub async fn all_chats_of_an_owner_are_read_by_id_page_by_page(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(stores.chat(&haru).await);
        stores.chat(&mina).await;
    }
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = stores.chats.list_by_id(haru.id, after, page_size(1)).await;
        let page = page.expect("list");
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
        // What is newest now is still read at its place.
        if let Some(last) = made.last().filter(|_| found.len() == 1) {
            stores.exchange(last, None, "new").await;
        }
    }
    let ids = |chats: &[Chat]| chats.iter().map(|chat| chat.id).collect::<Vec<_>>();
    assert_eq!(ids(&found), ids(&made));
    let last = made.last().expect("a chat");
    assert_eq!(found.last(), Some(&stores.chat_now(last).await));
}

/// A parent comes before what follows it.
pub async fn all_messages_of_every_branch_are_read_by_id_for_the_owner_alone(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let (chat, other) = (stores.chat(&haru).await, stores.chat(&haru).await);
    let foreign = stores.chat(&mina).await;
    let mut expected = Vec::new();
    let mut parent = None;
    for text in ["first", "left", "right"] {
        stores.exchange(&other, None, "elsewhere").await;
        stores.exchange(&foreign, None, "private").await;
        let record = stores.exchange(&chat, parent, text).await;
        parent = parent.or(Some(record.assistant_message.id));
        expected.extend([record.user_message, record.assistant_message]);
    }
    for size in [1, 4, 6, 100] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = stores
                .chats
                .messages_by_id(haru.id, chat.id, after, page_size(size))
                .await
                .expect("messages");
            assert!(page.items.len() <= size as usize);
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "pages of {size}");
    }
    for (owner, id) in [
        (mina.id, chat.id),
        (haru.id, foreign.id),
        (haru.id, NO_CHAT),
    ] {
        let page = stores.chats.messages_by_id(owner, id, None, page_size(100));
        let page = page.await.expect("messages");
        assert!(
            page.items.is_empty() && page.next.is_none(),
            "{owner:?} {id:?}"
        );
    }
}

fn history(context: &TurnContext) -> Vec<&str> {
    let messages = context.history.iter();
    messages.map(|message| message.content.as_str()).collect()
}

/// And not one more than asked for.
pub async fn a_turns_context_has_the_last_messages_up_to_the_parent(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let mut replies = Vec::new();
    for text in ["one", "two", "three"] {
        let parent = replies.last().copied();
        let record = stores.exchange(&chat, parent, text).await;
        replies.push(record.assistant_message.id);
    }
    let whole = found(&stores, &haru, &chat, 50).await;
    assert_eq!(whole.parent_id, replies.last().copied());
    assert_eq!(
        history(&whole),
        ["one", "one?", "two", "two?", "three", "three?"]
    );
    let bounded = found(&stores, &haru, &chat, 3).await;
    assert_eq!(history(&bounded), ["two?", "three", "three?"]);
    let first = replies.first().copied().expect("a reply");
    let after = found_at(&stores, &haru, &chat, TurnPlace::After(first), 50).await;
    assert_eq!(after.parent_id, Some(first));
    assert_eq!(history(&after), ["one", "one?"]);

    // Messages of another branch stand between those of this one, and are never among them.
    stores.exchange(&chat, Some(first), "instead").await;
    let whole = found(&stores, &haru, &chat, 50).await;
    let instead = ["one", "one?", "instead", "instead?"];
    assert_eq!(history(&whole), instead);
    let bounded = found(&stores, &haru, &chat, 3).await;
    assert_eq!(history(&bounded), instead[1..]);
    let three = replies.last().copied();
    stores.exchange(&chat, three, "four").await;
    let bounded = found(&stores, &haru, &chat, 4).await;
    assert_eq!(history(&bounded), ["three", "three?", "four", "four?"]);
    let whole = found(&stores, &haru, &chat, 50).await;
    assert_eq!(whole.history.len(), 8);
}

/// A store may remember what it has read; it must not be seen.
pub async fn a_turns_context_is_what_is_stored_whatever_was_asked_before(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let (mut said, mut parent) = (Vec::new(), None);
    for number in 0..12 {
        let request = BeginTurn {
            messages: branch_off(parent, &number.to_string()),
            ..begin(&chat, parent)
        };
        let started = stores.start(&request).await;
        said.push(number.to_string());
        // Asked while the reply is being written, of which there are no words yet.
        said.push(String::new());
        let running = found(&stores, &haru, &chat, 50).await;
        assert_eq!(history(&running), said);
        stores.end(&finish(&request, &format!("{number}?"))).await;
        said.pop();
        said.push(format!("{number}?"));
        parent = Some(started.assistant_message.id);
        for most in [3, 50, 1, 7] {
            let context = found(&stores, &haru, &chat, most).await;
            let most = usize::try_from(most).expect("a number");
            let from = said.len().saturating_sub(most);
            let expected = said.get(from..).unwrap_or_default();
            assert_eq!(history(&context), expected, "{number}, {most}");
        }
        // Another branch, which is left again.
        if number % 3 == 0 {
            let away = stores.exchange(&chat, None, "away").await;
            let after = |reply: Option<MessageId>| TurnPlace::After(reply.expect("a reply"));
            let away_texts = ["away", "away?"].map(str::to_owned);
            for (place, expected) in [
                (TurnPlace::Head, &away_texts[..]),
                (after(parent), &said),
                (after(Some(away.assistant_message.id)), &away_texts),
            ] {
                let context = found_at(&stores, &haru, &chat, place, 50).await;
                assert_eq!(history(&context), expected, "{number}, {place:?}");
            }
        }
    }
}

/// As they are at this moment.
pub async fn a_turns_context_knows_the_common_prompts_and_the_character(stores: Stores) {
    let haru = stores.user("haru").await;
    let character = stores
        .character(Some(&haru), private_draft("등대지기"))
        .await;
    let chat = stores.chat_with(&haru, character.id).await;
    for (position, is_active) in [(2, true), (1, false)] {
        let draft = PromptDraft {
            name: PromptName::parse("rule").expect("a name"),
            content: PromptContent::parse("Be kind.").expect("a text"),
            is_active,
            position,
        };
        stores
            .prompts
            .create(draft, Performer::operator(), at(1))
            .await
            .expect("create");
    }
    let context = found(&stores, &haru, &chat, 50).await;
    assert_eq!(
        context.common_prompts,
        stores.prompts.list().await.expect("list")
    );
    assert_eq!(context.common_prompts.len(), 2);
    assert_eq!(
        context.character,
        TurnCharacter::Available {
            id: character.id,
            name: character.draft.name,
            system_prompt: character.draft.system_prompt,
        }
    );
}

/// Not from a person's message, and not from another chat's reply.
pub async fn a_turn_goes_on_from_a_reply_of_the_same_chat_only(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, other) = (stores.chat(&haru).await, stores.chat(&haru).await);
    let mut request = begin(&chat, None);
    request.usage_date = day("2026-11-22");
    request.messages = exchange(None, "here");
    let here = stores.start(&request).await;
    stores.end(&finish(&request, "yes")).await;
    let there = stores.exchange(&other, None, "there").await;
    for (wrong, expected) in [
        (here.user_message.id, TurnContextOutcome::Unsuitable),
        (there.assistant_message.id, TurnContextOutcome::NoMessage),
        (
            MessageId::from_stored(999_999),
            TurnContextOutcome::NoMessage,
        ),
    ] {
        let outcome = context(&stores, &haru, chat.id, TurnPlace::After(wrong), 5).await;
        assert_eq!(outcome, expected);
    }
    assert_eq!(
        context(&stores, &haru, NO_CHAT, TurnPlace::Head, 5).await,
        TurnContextOutcome::NoChat
    );
}

/// For another reply, the message is given that the one at hand answers, and what came before it.
pub async fn a_message_that_is_there_can_be_answered_again_or_replaced(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let one = stores.exchange(&chat, None, "one").await;
    let two = stores
        .exchange(&chat, Some(one.assistant_message.id), "two")
        .await;
    let (question, reply) = (two.user_message.id, two.assistant_message.id);
    for (place, cut_reply) in [
        (TurnPlace::Again(reply), None),
        (TurnPlace::Again(question), None),
        (TurnPlace::Onward(reply), Some(reply)),
    ] {
        let TurnContextOutcome::Found(found) = context(&stores, &haru, chat.id, place, 50).await
        else {
            panic!("{place:?}");
        };
        assert_eq!(found.parent_id, Some(one.assistant_message.id));
        assert_eq!(found.history.len(), 2);
        assert_eq!(found.asked.map(|asked| asked.id), Some(question));
        assert_eq!(found.cut_reply.map(|cut| cut.id), cut_reply);
    }
    let first = one.user_message.id;
    let instead = context(&stores, &haru, chat.id, TurnPlace::InsteadOf(first), 50).await;
    let TurnContextOutcome::Found(instead) = instead else {
        panic!("not found: {instead:?}");
    };
    assert_eq!((instead.parent_id, instead.asked), (None, None));
    assert!(instead.history.is_empty());
}

/// A greeting answers nothing, and only one's own words can be replaced.
pub async fn what_cannot_be_done_with_a_message_is_told(stores: Stores) {
    let haru = stores.user("haru").await;
    let greeting = CharacterDraft {
        greeting: lionrocket_domain::text::Greeting::parse("Welcome!").expect("a greeting"),
        ..draft("keeper")
    };
    let character = stores.character(Some(&haru), greeting).await;
    let chat = stores.chat_with(&haru, character.id).await;
    let welcome = chat.head_message_id.expect("a greeting");
    let one = stores.exchange(&chat, Some(welcome), "one").await;
    for place in [
        TurnPlace::Again(welcome),
        TurnPlace::Onward(welcome),
        TurnPlace::InsteadOf(welcome),
        TurnPlace::InsteadOf(one.assistant_message.id),
        TurnPlace::Onward(one.user_message.id),
    ] {
        let outcome = context(&stores, &haru, chat.id, place, 50).await;
        assert_eq!(outcome, TurnContextOutcome::Unsuitable, "{place:?}");
    }
}

/// Down to the newest message of each further step.
pub async fn a_branch_is_shown_down_to_its_newest_end(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let chat = stores.chat(&haru).await;
    let one = stores.exchange(&chat, None, "one").await;
    let left = stores
        .exchange(&chat, Some(one.assistant_message.id), "left")
        .await;
    let further = stores
        .exchange(&chat, Some(left.assistant_message.id), "further")
        .await;
    let right = stores
        .exchange(&chat, Some(one.assistant_message.id), "right")
        .await;
    let version = stores.chat_now(&chat).await.version;
    let show = async |owner: &User, message_id, expected| {
        let shown = stores
            .chats
            .show(owner.id, chat.id, message_id, expected)
            .await;
        shown.expect("show")
    };
    for (message_id, head) in [
        (left.user_message.id, further.assistant_message.id),
        (one.user_message.id, right.assistant_message.id),
        (left.assistant_message.id, further.assistant_message.id),
    ] {
        let ShowOutcome::Shown(now) = show(&haru, message_id, None).await else {
            panic!("not shown");
        };
        assert_eq!(now.head_message_id, Some(head));
    }
    let texts: Vec<String> = stores
        .branch(&chat, 50)
        .await
        .into_iter()
        .map(|item| item.message.content)
        .collect();
    assert_eq!(
        texts,
        ["one", "one?", "left", "left?", "further", "further?"]
    );
    let now = stores.chat_now(&chat).await;
    assert_eq!(now.version, version + 3);
    let right = right.user_message.id;
    assert_eq!(show(&haru, right, Some(version)).await, ShowOutcome::Stale);
    assert_eq!(show(&mina, right, None).await, ShowOutcome::NoChat);
    let nowhere = MessageId::from_stored(999_999);
    assert_eq!(show(&haru, nowhere, None).await, ShowOutcome::NoMessage);
    assert_eq!(stores.chat_now(&chat).await, now, "nothing was changed");
}

/// A person without a display name is nobody in particular: a user name is part of a login.
pub async fn a_greeting_has_names_in_place_of_its_placeholders(stores: Stores) {
    let haru = stores.user("haru").await;
    let greeting = CharacterDraft {
        greeting: Greeting::parse("{{char}}: 안녕, {{user}}!").expect("a greeting"),
        ..draft("keeper")
    };
    let character = stores.character(Some(&haru), greeting).await;
    let chat = stores.chat_with(&haru, character.id).await;
    assert_eq!(chat.preview.as_deref(), Some("keeper: 안녕, User!"));
    let context = found(&stores, &haru, &chat, 10).await;
    assert_eq!(context.person, None);
    let change = ProfileChange {
        user_id: haru.id,
        display_name: Some(DisplayName::parse("미나").ok()),
        locale: None,
        email: None,
        expected_version: None,
    };
    let changed = stores.users.change_profile(change).await;
    assert!(matches!(
        changed.expect("change"),
        ProfileOutcome::Changed(_)
    ));
    let chat = stores.chat_with(&haru, character.id).await;
    assert_eq!(chat.preview.as_deref(), Some("keeper: 안녕, 미나!"));
    let context = found(&stores, &haru, &chat, 10).await;
    assert_eq!(context.person, DisplayName::parse("미나").ok());
}
