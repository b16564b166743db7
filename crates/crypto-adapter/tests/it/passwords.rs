use std::{sync::Arc, time::Duration};

use lionrocket_crypto_adapter::{Argon2Hasher, HashCost, HashLimits, SigningSecret};
use lionrocket_domain::text::Password;
use lionrocket_ports::crypto::{HashError, PasswordCheck, PasswordHasher};
use secrecy::{ExposeSecret, SecretString};
use tokio::{task::JoinSet, time::MissedTickBehavior};

const CHEAP: HashCost = HashCost {
    memory_kib: 64,
    passes: 1,
    lanes: 1,
};

/// Long enough to be under way still when the next line of a test is reached.
const SLOW: HashCost = HashCost {
    memory_kib: 64 * 1_024,
    passes: 6,
    lanes: 1,
};

fn hasher(cost: HashCost) -> Argon2Hasher {
    Argon2Hasher::new(cost, HashLimits::default()).unwrap()
}

fn password(text: &str) -> Password {
    Password::choose(text, 1).unwrap()
}

#[tokio::test]
async fn the_right_password_passes_and_another_does_not() {
    let hasher = hasher(CHEAP);
    let hash = hasher.hash(password("correct horse")).await.unwrap();
    let check = |text| hasher.verify(password(text), Some(hash.clone()));
    assert_eq!(check("correct horse").await.unwrap(), PasswordCheck::Match);
    for wrong in ["correct hors", "Correct horse", "correct horse "] {
        assert_eq!(check(wrong).await.unwrap(), PasswordCheck::Mismatch);
    }
}

#[tokio::test]
async fn a_password_passes_on_every_keyboard() {
    let hasher = hasher(CHEAP);
    let composed = hasher.hash(password("비밀번호는각자")).await.unwrap();
    let decomposed = password("\u{1107}\u{1175}밀번호는각자");
    assert_eq!(
        hasher.verify(decomposed, Some(composed)).await.unwrap(),
        PasswordCheck::Match
    );
}

#[tokio::test]
async fn new_hashes_are_argon2id_at_the_current_cost_with_a_salt_of_their_own() {
    let hasher = hasher(HashCost::default());
    let first = hasher.hash(password("correct horse")).await.unwrap();
    let second = hasher.hash(password("correct horse")).await.unwrap();
    let start = "$argon2id$v=19$m=19456,t=2,p=1$";
    assert!(first.expose_secret().starts_with(start));
    assert_ne!(first.expose_secret(), second.expose_secret());
    let salt = first.expose_secret()[start.len()..]
        .split('$')
        .next()
        .unwrap();
    assert_eq!(salt.len(), 22, "16 bytes in base64");
}

#[tokio::test]
async fn a_weaker_hash_asks_to_be_made_anew_and_a_stronger_one_does_not() {
    let current = hasher(HashCost {
        memory_kib: 128,
        passes: 2,
        lanes: 1,
    });
    for (memory_kib, passes, expected) in [
        (128, 2, PasswordCheck::Match),
        (256, 3, PasswordCheck::Match),
        (64, 2, PasswordCheck::MatchNeedsRehash),
        (128, 1, PasswordCheck::MatchNeedsRehash),
        (256, 1, PasswordCheck::MatchNeedsRehash),
    ] {
        let old = hasher(HashCost {
            memory_kib,
            passes,
            lanes: 1,
        });
        let hash = old.hash(password("correct horse")).await.unwrap();
        let check = |text| current.verify(password(text), Some(hash.clone()));
        assert_eq!(check("correct horse").await.unwrap(), expected);
        assert_eq!(check("wrong").await.unwrap(), PasswordCheck::Mismatch);
    }
}

#[tokio::test]
async fn a_stored_text_that_is_no_hash_is_a_fault_and_not_a_mismatch() {
    let hasher = hasher(CHEAP);
    for broken in [
        "",
        "plain text",
        "$argon2id$v=19$m=64,t=1,p=1",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA",
        "$md5$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub",
    ] {
        let check = hasher
            .verify(password("correct horse"), Some(SecretString::from(broken)))
            .await;
        assert!(matches!(check, Err(HashError::Internal(_))), "{broken}");
    }
}

fn secret(number: u8) -> SigningSecret {
    SigningSecret::parse(&format!("kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0e{number}")).unwrap()
}

async fn check(hasher: &Argon2Hasher, text: &str, hash: &SecretString) -> PasswordCheck {
    let check = hasher.verify(password(text), Some(hash.clone())).await;
    check.unwrap()
}

#[tokio::test]
async fn a_pepper_is_part_of_the_hash_and_its_name_stands_before_it() {
    let peppered = hasher(CHEAP).peppered(&secret(1), &[]);
    let hash = peppered.hash(password("correct horse")).await.unwrap();
    let stored = hash.expose_secret();
    assert!(stored.starts_with("pepper=") && stored.contains("$argon2id$"));
    assert_eq!(
        check(&peppered, "correct horse", &hash).await,
        PasswordCheck::Match
    );
    assert_eq!(
        check(&peppered, "wrong", &hash).await,
        PasswordCheck::Mismatch
    );
    // Without the pepper the hash is another one.
    let phc = stored.split_once('$').unwrap().1;
    let bare = SecretString::from(format!("${phc}"));
    assert_eq!(
        check(&peppered, "correct horse", &bare).await,
        PasswordCheck::Mismatch
    );
}

#[tokio::test]
async fn hashes_without_a_pepper_or_with_a_former_one_are_made_anew() {
    let (plain, old) = (hasher(CHEAP), hasher(CHEAP).peppered(&secret(1), &[]));
    let new = hasher(CHEAP).peppered(&secret(2), &[secret(1)]);
    for former in [&plain, &old] {
        let hash = former.hash(password("correct horse")).await.unwrap();
        let right = check(&new, "correct horse", &hash).await;
        assert_eq!(right, PasswordCheck::MatchNeedsRehash);
        assert_eq!(check(&new, "wrong", &hash).await, PasswordCheck::Mismatch);
    }
}

#[tokio::test]
async fn a_pepper_that_is_not_known_any_more_is_a_fault_that_says_what_to_set() {
    let former = hasher(CHEAP).peppered(&secret(1), &[]);
    let hash = former.hash(password("correct horse")).await.unwrap();
    let (scheme, _) = hash.expose_secret().split_once('$').unwrap();
    for without in [hasher(CHEAP), hasher(CHEAP).peppered(&secret(2), &[])] {
        let answer = without
            .verify(password("correct horse"), Some(hash.clone()))
            .await;
        let Err(HashError::Internal(cause)) = answer else {
            panic!("{answer:?}");
        };
        assert!(cause.to_string().contains("PASSWORD_PEPPER"), "{cause}");
        assert!(!without.knows(scheme) && without.knows(""));
    }
    assert!(former.knows(scheme) && former.knows(""));
    assert!(!former.knows("scrypt"));
}

#[tokio::test]
async fn a_hash_of_bcrypt_matches_once_and_is_made_anew() {
    let hasher = hasher(CHEAP);
    let made = bcrypt::hash("correct horse", 4).unwrap();
    for form in ["$2a$", "$2b$", "$2y$"] {
        let hash = SecretString::from(made.replacen("$2b$", form, 1));
        let right = check(&hasher, "correct horse", &hash).await;
        assert_eq!(right, PasswordCheck::MatchNeedsRehash, "{form}");
        assert_eq!(
            check(&hasher, "wrong", &hash).await,
            PasswordCheck::Mismatch
        );
    }
    for broken in ["$2b$", "$2b$04$short", &made.replacen("$04$", "$31$", 1)] {
        let answer = hasher
            .verify(password("x"), Some(SecretString::from(broken)))
            .await;
        assert!(matches!(answer, Err(HashError::Internal(_))), "{broken}");
    }
}

#[test]
fn a_cost_that_argon2_does_not_know_is_refused() {
    let cost = HashCost {
        memory_kib: 1,
        ..CHEAP
    };
    assert!(Argon2Hasher::new(cost, HashLimits::default()).is_err());
}

#[tokio::test]
async fn a_flood_is_turned_away_while_the_runtime_goes_on() {
    let limits = HashLimits {
        at_a_time: 2,
        ..HashLimits::default()
    };
    let hasher = Arc::new(Argon2Hasher::new(HashCost::default(), limits).unwrap());
    let mut flood = JoinSet::new();
    for _ in 0..200 {
        let hasher = Arc::clone(&hasher);
        flood.spawn(async move { hasher.hash(password("correct horse")).await });
    }
    let (mut done, mut busy, mut ticks) = (0, 0, 0);
    let mut clock = tokio::time::interval(Duration::from_millis(1));
    // A tick that was missed stays missed.
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = clock.tick() => ticks += 1,
            outcome = flood.join_next() => match outcome {
                Some(Ok(Ok(_))) => done += 1,
                Some(Ok(Err(HashError::Busy))) => busy += 1,
                Some(other) => panic!("unexpected: {other:?}"),
                None => break,
            },
        }
    }
    eprintln!("of 200 hashes at once {done} were made, {busy} were turned away");
    assert_eq!(done + busy, 200);
    assert!(done >= 2, "{done} were hashed");
    assert!(busy >= 100, "{busy} were turned away");
    // Hashing on this runtime's only thread would leave one tick between two hashes at most.
    assert!(ticks > done, "{ticks} ticks during {done} hashes");
    assert!(
        hasher.hash(password("correct horse")).await.is_ok(),
        "it goes on after the flood"
    );
}

#[tokio::test]
async fn whoever_would_wait_too_long_is_told_so() {
    let limits = HashLimits {
        at_a_time: 1,
        waiting: 8,
        patience: Duration::ZERO,
    };
    let hasher = Arc::new(Argon2Hasher::new(SLOW, limits).unwrap());
    let (first, second) = tokio::join!(
        hasher.hash(password("correct horse")),
        hasher.hash(password("correct horse"))
    );
    assert!(first.is_ok());
    assert!(matches!(second, Err(HashError::Busy)));
}

#[tokio::test]
async fn work_that_nobody_waits_for_keeps_its_place_until_it_is_done() {
    let limits = HashLimits {
        at_a_time: 1,
        waiting: 0,
        patience: Duration::from_secs(20),
    };
    let hasher = Argon2Hasher::new(SLOW, limits).unwrap();
    {
        let abandoned = hasher.hash(password("correct horse"));
        // One poll begins the work; then the caller goes away.
        assert!(
            tokio::time::timeout(Duration::ZERO, abandoned)
                .await
                .is_err()
        );
    }
    let next = hasher.hash(password("correct horse")).await;
    assert!(matches!(next, Err(HashError::Busy)));
}
