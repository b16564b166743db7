use std::time::Instant;

use lionrocket_crypto_adapter::PasswordRules;
use lionrocket_domain::text::{EmailAddress, Password, Username};
use lionrocket_ports::crypto::{PasswordContext, PasswordPolicy, PolicyError, Weakness};

fn haru() -> PasswordContext {
    PasswordContext {
        username: Some(Username::parse("Haru_Kim").unwrap()),
        email: Some(EmailAddress::parse("lighthouse@example.com").unwrap()),
    }
}

async fn weakness(text: &str) -> Option<Weakness> {
    let password = Password::choose(text, 8).unwrap();
    match PasswordRules::new(None).check(&password, haru()).await {
        Ok(()) => None,
        Err(PolicyError::Weak(weakness)) => Some(weakness),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_password_that_everybody_knows_is_too_common() {
    for known in [
        "qwertyuiop",
        "Password123",
        "PASSWORD1234",
        "1q2w3e4r5t",
        "dkssudgktpdy",
        "dkssudgktpdy1234",
        "tkfkdgo1234",
        "안녕하세요1234",
        "ｑｗｅｒｔｙｕｉｏｐ",
    ] {
        assert_eq!(weakness(known).await, Some(Weakness::TooCommon), "{known}");
    }
}

#[tokio::test]
async fn a_password_with_a_name_inside_is_refused() {
    for named in [
        "my-haru_kim-secret-91",
        "HARU_KIM and a green boat",
        "xq7-Lighthouse-vv2k",
        "lionrocket goes to the moon",
        "ＬｉｏｎＲｏｃｋｅｔ--7391",
        "라이온로켓으로달나라여행가기",
    ] {
        assert_eq!(
            weakness(named).await,
            Some(Weakness::ContainsName),
            "{named}"
        );
    }
}

#[tokio::test]
async fn a_password_that_is_soon_guessed_is_refused() {
    for guessable in [
        "aaaaaaaaaaaa",
        "abcdefabcdef",
        "qwerty123qwerty",
        "march 1987",
    ] {
        assert_eq!(
            weakness(guessable).await,
            Some(Weakness::TooGuessable),
            "{guessable}"
        );
    }
}

#[tokio::test]
async fn a_password_that_nobody_guesses_is_taken_whatever_it_is_made_of() {
    for good in [
        "violet harbour seven kites",
        "correct horse battery staple",
        "vR7#qLm2!xTz",
        "보라색 항구에 연 일곱 개",
        "83920174659201",
        &"long and longer ".repeat(8),
    ] {
        assert_eq!(weakness(good).await, None, "{good}");
    }
}

#[tokio::test]
async fn the_longest_password_is_estimated_in_a_moment() {
    let start = Instant::now();
    for long in [
        "1a".repeat(64),
        "qwerty123".repeat(14),
        "drowssap".repeat(16),
    ] {
        let _ = weakness(&long).await;
    }
    eprintln!("three long ones: {:?}", start.elapsed());
    assert!(start.elapsed().as_secs() < 20);
}
