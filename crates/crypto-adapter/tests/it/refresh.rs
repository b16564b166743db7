//! Refresh secrets.

use lionrocket_crypto_adapter::{RefreshDeriver, SigningSecret};
use lionrocket_domain::ids::SessionId;
use lionrocket_ports::crypto::RefreshSecrets;
use secrecy::ExposeSecret;
use uuid::Uuid;

const OLD: &str = "kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0e";
const NEW: &str = "Yb3Nc6Hg1Js5Lf0ekq7Zp2Vx9mTr4Wd8";

fn secret(text: &str) -> SigningSecret {
    SigningSecret::parse(text).unwrap()
}

fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// The successors as texts.
fn after(deriver: &RefreshDeriver, session: SessionId, secret: &str) -> Vec<String> {
    let successors = deriver.successors(session, secret);
    let texts = successors.iter();
    texts.map(|one| one.expose_secret().to_owned()).collect()
}

#[test]
fn a_secret_has_256_random_bits_and_fits_into_a_cookie() {
    let deriver = RefreshDeriver::new(&secret(OLD), &[]);
    let (one, other) = (deriver.first().unwrap(), deriver.first().unwrap());
    assert_ne!(one.expose_secret(), other.expose_secret());
    for secret in [one.expose_secret(), other.expose_secret()] {
        assert_eq!(secret.len(), 43);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        assert!(secret.bytes().all(fits));
    }
}

#[test]
fn a_successor_follows_from_key_session_and_predecessor_alone() {
    let deriver = RefreshDeriver::new(&secret(OLD), &[]);
    let first = deriver.first().unwrap();
    let first = first.expose_secret();
    let next = after(&deriver, id(1), first);
    assert_eq!(next.len(), 1);
    assert_eq!(next, after(&deriver, id(1), first), "the same each time");
    let again = RefreshDeriver::new(&secret(OLD), &[]);
    assert_eq!(next, after(&again, id(1), first), "in the next process too");
    assert_ne!(next, after(&deriver, id(2), first), "another session");
    assert_ne!(next, after(&deriver, id(1), &next[0]), "another secret");
    let other = RefreshDeriver::new(&secret(NEW), &[]);
    assert_ne!(next, after(&other, id(1), first), "another key");
}

#[test]
fn what_a_previous_key_derived_is_known_after_a_rotation() {
    let before = RefreshDeriver::new(&secret(OLD), &[]);
    let rotated = RefreshDeriver::new(&secret(NEW), &[secret(OLD)]);
    let first = before.first().unwrap();
    let first = first.expose_secret();
    let known = after(&rotated, id(1), first);
    assert_eq!(known.len(), 2);
    assert_eq!(known[1], after(&before, id(1), first)[0]);
}

#[test]
fn a_text_that_cannot_be_a_secret_has_no_successor() {
    let deriver = RefreshDeriver::new(&secret(OLD), &[]);
    for text in [
        "",
        "short",
        &"A".repeat(42),
        &"A".repeat(44),
        &"é".repeat(20),
        "=====",
    ] {
        assert!(deriver.successors(id(1), text).is_empty(), "{text}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let deriver = RefreshDeriver::new(&secret(OLD), &[]);
    assert_eq!(format!("{deriver:?}"), "RefreshDeriver { .. }");
    assert!(!format!("{:?}", deriver.first().unwrap()).contains('='));
}
