use std::{collections::BTreeSet, time::Duration};

use futures_util::StreamExt;
use lionrocket_demo_model::{DemoModel, MODEL_ID};
use lionrocket_domain::{
    chat::Role,
    prompt::{Prompt, PromptTurn, SystemBlock, Wish},
    text::CharacterName,
    turn::StopReason,
    usage::{TokenUsage, estimate_tokens},
};
use lionrocket_ports::model::{LanguageModel, ModelEvent, ModelRequest};
use proptest::prelude::*;

/// A conversation with a character; each text is the other speaker's, the person's first.
fn prompt(name: &str, texts: &[&str]) -> Prompt {
    let role = |number: usize| [Role::User, Role::Assistant][number % 2];
    Prompt {
        system: vec![SystemBlock {
            text: format!("Your name is {name}."),
            cache_breakpoint: true,
        }],
        turns: texts
            .iter()
            .enumerate()
            .map(|(number, text)| PromptTurn {
                role: role(number),
                text: (*text).to_owned(),
            })
            .collect(),
        character_name: CharacterName::parse(name).unwrap(),
        wish: Wish::Reply,
    }
}

/// A reply as it came.
struct Reply {
    pieces: Vec<String>,
    stop_reason: StopReason,
    tokens: TokenUsage,
}

impl Reply {
    fn text(&self) -> String {
        self.pieces.concat()
    }
}

async fn ask(model: DemoModel, prompt: Prompt, max_output_tokens: u32) -> Reply {
    let request = ModelRequest {
        prompt,
        max_output_tokens,
        user_reference: "somebody".to_owned(),
    };
    let events: Vec<ModelEvent> = model
        .stream(request)
        .await
        .map(|event| event.unwrap())
        .collect()
        .await;
    let (first, rest) = events.split_first().unwrap();
    let (last, texts) = rest.split_last().unwrap();
    let ModelEvent::Started { model, tokens, .. } = first else {
        panic!("a reply starts, it does not {first:?}");
    };
    assert_eq!(model, MODEL_ID);
    let input = tokens.input;
    let ModelEvent::Finished {
        stop_reason,
        tokens,
    } = last
    else {
        panic!("a reply finishes, it does not {last:?}");
    };
    assert_eq!(tokens.input, input);
    let pieces: Vec<String> = texts
        .iter()
        .map(|event| match event {
            ModelEvent::Text(text) => text.clone(),
            other => panic!("text was expected, not {other:?}"),
        })
        .collect();
    assert!(pieces.iter().all(|piece| !piece.is_empty()));
    Reply {
        pieces,
        stop_reason: stop_reason.clone(),
        tokens: *tokens,
    }
}

fn block_on<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(what)
}

/// What the model says, to its end.
fn say(name: &str, texts: &[&str]) -> String {
    let model = DemoModel::new(Duration::ZERO);
    let reply = block_on(ask(model, prompt(name, texts), 4_000));
    assert_eq!(reply.stop_reason, StopReason::EndTurn);
    reply.text()
}

fn word_count(text: &str) -> usize {
    text.split_whitespace().count()
}

fn has_hangul(text: &str) -> bool {
    text.chars().any(|c| ('가'..='힣').contains(&c))
}

/// Talks on with one message said again and again, and answers all replies.
fn repeat(name: &str, message: &str, times: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..times {
        texts.push(message.to_owned());
        let so_far: Vec<&str> = texts.iter().map(String::as_str).collect();
        texts.push(say(name, &so_far));
    }
    texts.into_iter().skip(1).step_by(2).collect()
}

#[test]
fn it_answers_in_the_language_of_the_message() {
    for message in ["안녕", "오늘 날씨 어때?", "ㅋㅋㅋ", "Rust 좋아해?"] {
        assert!(has_hangul(&say("Haru", &[message])), "{message}");
    }
    for message in ["Hello", "How are you?", "¿Qué tal?", "Привет"] {
        assert!(!has_hangul(&say("Haru", &[message])), "{message}");
    }
}

#[test]
fn a_message_without_letters_is_answered_in_the_language_of_the_conversation() {
    assert!(has_hangul(&say("하루", &["안녕", "반가워요.", "👍"])));
    assert!(!has_hangul(&say("Haru", &["Hello", "Hi!", "👍"])));
}

#[test]
fn it_greets_as_the_character() {
    assert!(say("하루", &["안녕!"]).contains("하루"));
    assert!(say("Captain Ros", &["Hello!"]).contains("Captain Ros"));
}

#[test]
fn it_tells_the_characters_name_with_the_right_particle() {
    let replies = repeat("수진", "이름이 뭐야?", 6).join("\n");
    assert!(replies.contains("수진이에요") && replies.contains("수진이라고"));
    let replies = repeat("하루", "이름이 뭐야?", 6).join("\n");
    assert!(replies.contains("하루예요") && replies.contains("하루라고"));
    assert!(say("Ros", &["What is your name?"]).contains("Ros"));
}

#[test]
fn it_remembers_the_name_that_it_was_told() {
    let asked = say(
        "하루",
        &["내 이름은 민수야", "반가워요, 민수 님.", "내 이름이 뭐게?"],
    );
    assert!(asked.contains("민수"), "{asked}");
    let asked = say(
        "Ros",
        &["My name is Tom", "Hello, Tom.", "What is my name?"],
    );
    assert!(asked.contains("Tom"), "{asked}");
}

#[test]
fn a_story_has_sixty_words_at_least_and_the_next_one_is_another() {
    for (name, wish) in [
        ("하루", "이야기 하나 해 줘"),
        ("하루", "재미있는 이야기 들려주세요"),
        ("Ros", "Tell me a story"),
        ("Ros", "I would like a tale about dragons"),
    ] {
        let replies = repeat(name, wish, 5);
        let stories: BTreeSet<&str> = replies
            .iter()
            .map(|reply| reply.split("\n\n").nth(1).unwrap())
            .collect();
        assert_eq!(stories.len(), 5, "{wish}");
        for reply in &replies {
            assert!(
                word_count(reply) >= 60,
                "{} words: {reply}",
                word_count(reply)
            );
        }
    }
}

#[test]
fn more_after_a_story_is_another_story() {
    let first = say("하루", &["이야기 해 줘"]);
    let second = say("하루", &["이야기 해 줘", &first, "하나 더!"]);
    assert!(word_count(&second) >= 60);
    assert_ne!(first, second);
}

#[test]
fn the_same_message_gets_another_answer_later_and_the_same_one_in_the_same_place() {
    for message in [
        "안녕",
        "고마워",
        "잘 가",
        "슬퍼",
        "기뻐",
        "왜?",
        "응",
        "아니",
        "ㅋㅋ",
        "미안",
        "도와줘",
        "나는 바다를 봤어",
        "Hello",
        "Thanks",
        "Bye",
        "I am sad",
        "I am happy",
        "Why?",
        "yes",
        "no",
        "lol",
        "sorry",
        "help",
        "I saw the ocean",
        "Are you a robot?",
    ] {
        let replies = repeat("하루", message, 6);
        for pair in replies.windows(2) {
            assert_ne!(pair[0], pair[1], "{message}");
        }
        assert_eq!(replies, repeat("하루", message, 6));
    }
}

#[test]
fn it_picks_up_a_word_of_the_message_with_the_right_particle() {
    let replies = repeat("하루", "어제 바다를 보고 왔어", 6);
    assert!(
        replies.iter().all(|reply| reply.contains("‘바다’")),
        "{replies:?}"
    );
    assert!(replies.iter().any(|reply| reply.contains("‘바다’를 ")));
    let replies = repeat("하루", "어제 북한산에서 걸었어", 6);
    assert!(
        replies.iter().any(|reply| reply.contains("‘북한산’을 ")),
        "{replies:?}"
    );
    let replies = repeat("Ros", "I planted tomatoes", 3);
    assert!(replies.iter().all(|reply| reply.contains("“tomatoes”")));
}

#[test]
fn every_reply_says_that_it_is_a_demo_and_the_first_says_it_in_full() {
    for (message, full, short) in [
        (
            "안녕",
            "(데모 모델의 답변입니다. 실제 AI가 아닙니다.)",
            "(데모)",
        ),
        (
            "Hello",
            "(This is the demo model, not a real AI.)",
            "(demo)",
        ),
    ] {
        let replies = repeat("하루", message, 9);
        for (number, reply) in replies.iter().enumerate() {
            let expected = if number % 4 == 0 { full } else { short };
            assert_eq!(reply.lines().last(), Some(expected), "reply {number}");
        }
    }
    let after_greeting = say(
        "하루",
        &["(The conversation begins.)", "어서 와요.", "안녕"],
    );
    assert!(after_greeting.contains("데모 모델의 답변"));
}

#[test]
fn asked_about_itself_it_does_not_pretend() {
    for reply in repeat("하루", "너 진짜 사람이야?", 3) {
        assert!(reply.contains("데모") && !reply.contains("저는 사람이에요"));
    }
}

#[test]
fn it_stops_at_the_largest_output() {
    for (message, max) in [
        ("이야기 해 줘", 40),
        ("Tell me a story", 40),
        ("안녕", 1),
        ("Hi", 0),
    ] {
        let model = DemoModel::new(Duration::ZERO);
        let whole = say("하루", &[message]);
        let reply = block_on(ask(model, prompt("하루", &[message]), max));
        assert_eq!(reply.stop_reason, StopReason::MaxTokens);
        assert!(whole.starts_with(&reply.text()) && !reply.text().is_empty());
        assert!(reply.tokens.output <= u64::from(max.max(1)));
    }
}

#[test]
fn tokens_are_estimated_from_all_that_was_sent_and_said() {
    let prompt = prompt("하루", &["안녕하세요", "반가워요", "이름이 뭐예요?"]);
    let sent: u64 = [
        "Your name is 하루.",
        "안녕하세요",
        "반가워요",
        "이름이 뭐예요?",
    ]
    .map(estimate_tokens)
    .iter()
    .sum();
    let reply = block_on(ask(DemoModel::new(Duration::ZERO), prompt, 4_000));
    assert_eq!(reply.tokens.input, sent);
    assert_eq!(reply.tokens.output, estimate_tokens(&reply.text()));
    assert_eq!(reply.tokens.total(), sent + reply.tokens.output);
}

#[tokio::test(start_paused = true)]
async fn it_speaks_word_by_word_with_a_pause_between() {
    let pause = Duration::from_millis(35);
    let begun = tokio::time::Instant::now();
    let reply = ask(DemoModel::new(pause), prompt("하루", &["안녕"]), 4_000).await;
    let words = reply.pieces.len();
    assert_eq!(words, word_count(&reply.text()));
    assert_eq!(begun.elapsed(), pause * u32::try_from(words - 1).unwrap());
}

#[test]
fn it_names_itself() {
    assert_eq!(DemoModel::new(Duration::ZERO).model_id(), "lionrocket-demo");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn whatever_is_said_there_is_a_marked_answer(
        name in "[a-zA-Z가-힣🦁]{1,12}",
        texts in proptest::collection::vec("(\\PC|[가-힣 a-z?!.]){1,60}", 1..8),
        max in 0_u32..400,
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let asked = prompt(&name, &texts);
        let whole = block_on(ask(DemoModel::new(Duration::ZERO), asked.clone(), u32::MAX)).text();
        prop_assert!(whole.ends_with(')') && whole.lines().count() >= 3);
        prop_assert!(!whole.contains("  ") && whole.trim() == whole);
        let cut = block_on(ask(DemoModel::new(Duration::ZERO), asked, max));
        prop_assert!(!cut.text().is_empty() && whole.starts_with(&cut.text()));
        prop_assert_eq!(cut.tokens.output, estimate_tokens(&cut.text()));
    }

    #[test]
    fn a_wish_for_a_story_is_always_a_story(name in "[a-z가-힣]{1,12}", before in "[a-z .]{0,40}") {
        for wish in ["이야기 하나 해 줘", "tell me a story"] {
            let message = format!("{before} {wish}");
            prop_assert!(word_count(&say(&name, &[&message])) >= 60);
        }
    }
}

#[tokio::test]
async fn a_summary_quotes_what_the_person_said_last_and_keeps_what_was_remembered() {
    let text = "<memory>\n미나는 차를 좋아한다.\n</memory>\n\n<conversation>\n미나: 바다를 보러 왔어\n\
                하루: 어서 와!\n</conversation>\n\nWrite the new memory.";
    let asked = Prompt {
        wish: Wish::Summary,
        ..prompt("하루", &[text])
    };
    let summary = ask(DemoModel::new(Duration::ZERO), asked, 700).await;
    assert_eq!(
        summary.text(),
        "미나는 차를 좋아한다.\n미나는 하루에게 이런 말을 했다: “바다를 보러 왔어”."
    );
    let text = "<conversation>\nMina: I came to see the sea\nHaru: Welcome!\n</conversation>";
    let asked = Prompt {
        wish: Wish::Summary,
        ..prompt("Haru", &[text])
    };
    let summary = ask(DemoModel::new(Duration::ZERO), asked, 700).await;
    assert_eq!(summary.text(), "Mina told Haru: “I came to see the sea”.");
}
