//! Every key and token here is built from scratch, so that these tests also hold the format fast:
//! changing it would sign everybody out.

use std::collections::HashSet;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use hkdf::Hkdf;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey};
use lionrocket_crypto_adapter::{JwtAlgorithm, JwtIssuer, SigningSecret};
use lionrocket_domain::ids::{SessionId, UserId};
use lionrocket_ports::crypto::{AccessClaims, InvalidToken, TokenIssuer};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const SECRET: &str = "kq7Zp2Vx9mTr4Wd8Yb3Nc6Hg1Js5Lf0e";
const OTHER_SECRET: &str = "Vn3Kd8Qz5Xw1Rt7Bm4Yc9Gp2Hs6Jf0La";
const SESSION: &str = "0199a000-0000-7000-8000-000000000007";
const NOW: i64 = 1_795_000_000;

fn secret(text: &str) -> SigningSecret {
    SigningSecret::parse(text).unwrap()
}

fn issuer() -> JwtIssuer {
    JwtIssuer::new(JwtAlgorithm::Hs256, &secret(SECRET), &[])
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: UserId::from_stored(42),
        session_id: SessionId::parse(SESSION).unwrap(),
        token_version: 3,
        issued_at: at(NOW),
        expires_at: at(NOW + 3_600),
    }
}

fn key_bytes(secret: &str) -> [u8; 64] {
    let mut key = [0; 64];
    Hkdf::<Sha256>::new(None, secret.as_bytes())
        .expand(b"jwt", &mut key)
        .unwrap();
    key
}

fn key_id(secret: &str) -> String {
    hex::encode(&Sha256::digest(key_bytes(secret))[..8])
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn good_header() -> Value {
    json!({"alg": "HS256", "typ": "at+jwt", "kid": key_id(SECRET)})
}

fn good_claims() -> Value {
    json!({
        "iss": "lionrocket", "aud": "lionrocket-api", "sub": "42", "sid": SESSION, "ver": 3,
        "jti": "6f1c2f0e-8d0f-4c5e-9b58-2f3f6a9d1c11", "iat": NOW, "exp": NOW + 3_600,
    })
}

/// Signs any texts with the right key and the given hash.
fn sign_raw(header: &str, claims: &str, algorithm: Algorithm) -> String {
    sign_with(&key_bytes(SECRET), header, claims, algorithm)
}

fn sign_with(key: &[u8], header: &str, claims: &str, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let key = EncodingKey::from_secret(key);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// Signs two parts as they are.
fn sign_parts(header: &str, payload: &str) -> String {
    let message = format!("{header}.{payload}");
    let key = EncodingKey::from_secret(&key_bytes(SECRET));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

/// The good claims under any header, without a signature.
fn unsigned(header: &Value) -> String {
    let (header, claims) = (header.to_string(), good_claims().to_string());
    format!("{}.{}.", encode(header), encode(claims))
}

/// Claims whose last letter says the same in another way.
fn with_spare_bits(claims: &Value) -> String {
    let mut text = claims.to_string();
    // Spaces at the end mean nothing, and make the last letter one with bits to spare.
    while text.len() % 3 != 1 {
        text.push(' ');
    }
    let mut part = encode(text);
    let last = part.pop().unwrap();
    assert!(['A', 'Q', 'g', 'w'].contains(&last), "{last}");
    part.push(char::from(last as u8 + 1));
    part
}

/// Claims whose bytes need the letters in which the two alphabets differ.
fn in_standard_alphabet(claims: &Value) -> String {
    let claims = with(claims.clone(), "pad", json!("~~~???>>>"));
    let part = STANDARD_NO_PAD.encode(claims.to_string());
    assert!(part.contains(['+', '/']), "{part}");
    part
}

fn sign(header: &Value, claims: &Value) -> String {
    sign_raw(&header.to_string(), &claims.to_string(), Algorithm::HS256)
}

fn good_token() -> String {
    sign(&good_header(), &good_claims())
}

/// The good value with one field changed, or taken away when the new value is null.
fn with(mut value: Value, field: &str, new: Value) -> Value {
    let fields = value.as_object_mut().unwrap();
    if new.is_null() {
        fields.remove(field).unwrap();
    } else {
        fields.insert(field.to_owned(), new);
    }
    value
}

fn read_part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn a_token_that_was_given_out_is_read_back() {
    let token = issuer().issue(&claims()).unwrap();
    assert_eq!(
        issuer().verify(token.expose_secret(), at(NOW + 1)),
        Ok(claims())
    );
}

#[test]
fn a_token_built_by_the_description_passes() {
    assert_eq!(issuer().verify(&good_token(), at(NOW)), Ok(claims()));
}

#[test]
fn a_token_has_the_promised_header_and_claims_and_no_more() {
    let token = issuer().issue(&claims()).unwrap();
    let token = token.expose_secret();
    assert_eq!(read_part(token, 0), good_header());
    let said = read_part(token, 1);
    assert_eq!(
        with(said.clone(), "jti", good_claims()["jti"].clone()),
        good_claims()
    );
    let id = Uuid::parse_str(said["jti"].as_str().unwrap()).unwrap();
    assert_eq!(id.get_version_num(), 4);
    let again = issuer().issue(&claims()).unwrap();
    assert_ne!(said["jti"], read_part(again.expose_secret(), 1)["jti"]);
}

#[test]
fn every_algorithm_signs_and_passes_only_under_its_own_name() {
    let all = [
        JwtAlgorithm::Hs256,
        JwtAlgorithm::Hs384,
        JwtAlgorithm::Hs512,
    ];
    for signs in all {
        let token = JwtIssuer::new(signs, &secret(SECRET), &[])
            .issue(&claims())
            .unwrap();
        assert_eq!(read_part(token.expose_secret(), 0)["alg"], signs.as_str());
        for checks in all {
            let answer =
                JwtIssuer::new(checks, &secret(SECRET), &[]).verify(token.expose_secret(), at(NOW));
            assert_eq!(answer.is_ok(), signs == checks, "{signs:?} at {checks:?}");
        }
    }
    assert_eq!(JwtAlgorithm::parse("HS512"), Some(JwtAlgorithm::Hs512));
    for other in ["none", "RS256", "ES256", "hs256", "HS257", ""] {
        assert_eq!(JwtAlgorithm::parse(other), None, "{other}");
    }
}

#[test]
fn a_rotation_signs_nobody_out() {
    let before = JwtIssuer::new(JwtAlgorithm::Hs256, &secret(OTHER_SECRET), &[]);
    let after = JwtIssuer::new(
        JwtAlgorithm::Hs256,
        &secret(SECRET),
        &[secret(OTHER_SECRET)],
    );
    let old = before.issue(&claims()).unwrap();
    let new = after.issue(&claims()).unwrap();
    assert_eq!(after.verify(old.expose_secret(), at(NOW)), Ok(claims()));
    assert_eq!(read_part(new.expose_secret(), 0)["kid"], key_id(SECRET));
    assert_eq!(
        before.verify(new.expose_secret(), at(NOW)),
        Err(InvalidToken)
    );
    assert_eq!(
        issuer().verify(old.expose_secret(), at(NOW)),
        Err(InvalidToken),
        "a secret that was withdrawn"
    );
}

#[test]
fn a_token_is_good_from_its_issue_to_its_end_give_or_take_thirty_seconds() {
    let token = good_token();
    for (second, good) in [
        (NOW - 31, false),
        (NOW - 30, true),
        (NOW, true),
        (NOW + 3_600, true),
        (NOW + 3_629, true),
        (NOW + 3_630, false),
        (NOW + 1_000_000, false),
    ] {
        assert_eq!(
            issuer().verify(&token, at(second)).is_ok(),
            good,
            "{}",
            second - NOW
        );
    }
}

#[test]
fn a_token_that_was_seen_before_runs_out_all_the_same() {
    let (issuer, token) = (issuer(), good_token());
    for (second, good) in [
        (NOW, true),
        (NOW + 3_629, true),
        (NOW + 3_630, false),
        (NOW - 31, false),
        (NOW, true),
    ] {
        let verified = issuer.verify(&token, at(second));
        assert_eq!(verified.is_ok(), good, "{}", second - NOW);
    }
}

#[test]
fn the_time_is_the_callers_and_not_the_machines() {
    let long_ago = at(1_000_000_000);
    let token = issuer()
        .issue(&AccessClaims {
            issued_at: long_ago,
            expires_at: long_ago + SignedDuration::from_hours(1),
            ..claims()
        })
        .unwrap();
    assert!(issuer().verify(token.expose_secret(), long_ago).is_ok());
}

/// Tokens with a wrong shape.
fn misshapen() -> Vec<(&'static str, String)> {
    let good = good_token();
    let parts: Vec<&str> = good.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let giant = with(good_claims(), "pad", json!("x".repeat(3_000)));
    vec![
        ("nothing", String::new()),
        ("a dot", ".".to_owned()),
        ("two dots", "..".to_owned()),
        ("three dots", "...".to_owned()),
        ("one part", header.to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("unsigned", format!("{header}.{payload}.")),
        ("four parts", format!("{good}.{signature}")),
        (
            "five parts, as an encrypted token has",
            format!("{good}.e30.e30"),
        ),
        ("an empty part in front", format!(".{good}")),
        ("no header", format!(".{payload}.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("a space in front", format!(" {good}")),
        ("a line break at the end", format!("{good}\n")),
        ("the scheme in front", format!("Bearer {good}")),
        ("a null byte at the end", format!("{good}\0")),
        ("padding at the end", format!("{good}=")),
        ("padding after the header", good.replacen('.', "=.", 1)),
        (
            "padding that is signed for",
            sign_parts(&format!("{header}="), payload),
        ),
        (
            "spare bits that are not zero",
            sign_parts(header, &with_spare_bits(&good_claims())),
        ),
        (
            "the standard alphabet, signed for",
            sign_parts(header, &in_standard_alphabet(&good_claims())),
        ),
        ("half of the signature", good[..good.len() - 20].to_owned()),
        ("a longer signature", format!("{good}AAAA")),
        (
            "another alphabet",
            good.replace(signature, &"+/".repeat(21)),
        ),
        ("not ASCII", format!("{header}.{payload}.사자로켓")),
        (
            "the signature of nothing",
            format!("{header}.{payload}.{}", encode([0; 32])),
        ),
        (
            "parts in another order",
            format!("{payload}.{header}.{signature}"),
        ),
        (
            "a giant with a good signature",
            sign(&good_header(), &giant),
        ),
        ("a giant without sense", "a.".repeat(500_000)),
    ]
}

/// Tokens with a good signature and a wrong header.
fn wrong_headers() -> Vec<(&'static str, String)> {
    let key = key_id(SECRET);
    let signed = |header: Value| sign(&header, &good_claims());
    let field = |name: &str, value: Value| signed(with(good_header(), name, value));
    let text = |header: &str| sign_raw(header, &good_claims().to_string(), Algorithm::HS256);
    let hs = |name: &str, algorithm| {
        let header = with(good_header(), "alg", json!(name)).to_string();
        sign_raw(&header, &good_claims().to_string(), algorithm)
    };
    vec![
        ("alg none", field("alg", json!("none"))),
        ("alg None", field("alg", json!("None"))),
        ("alg NONE", field("alg", json!("NONE"))),
        ("alg nOnE", field("alg", json!("nOnE"))),
        ("alg none in another script", field("alg", json!("nοne"))),
        ("alg none with a space", field("alg", json!("none "))),
        ("alg null", text(r#"{"alg":null,"typ":"at+jwt","kid":""}"#)),
        (
            "alg none and no signature",
            unsigned(&with(good_header(), "alg", json!("none"))),
        ),
        (
            "alg None and no signature",
            unsigned(&with(good_header(), "alg", json!("None"))),
        ),
        (
            "alg none, no kid and no signature",
            unsigned(&json!({"alg": "none", "typ": "at+jwt"})),
        ),
        ("alg in small letters", field("alg", json!("hs256"))),
        ("alg empty", field("alg", json!(""))),
        ("alg missing", field("alg", Value::Null)),
        ("alg a number", field("alg", json!(256))),
        ("alg a list", field("alg", json!(["HS256"]))),
        ("alg RS256", field("alg", json!("RS256"))),
        ("alg ES256", field("alg", json!("ES256"))),
        ("alg EdDSA", field("alg", json!("EdDSA"))),
        ("alg PS256", field("alg", json!("PS256"))),
        ("HS384 over a hash of HS256", field("alg", json!("HS384"))),
        ("HS512 over a hash of HS256", field("alg", json!("HS512"))),
        ("a true HS384", hs("HS384", Algorithm::HS384)),
        ("a true HS512", hs("HS512", Algorithm::HS512)),
        (
            "HS512 under the name of HS256",
            hs("HS256", Algorithm::HS512),
        ),
        ("kid missing", field("kid", Value::Null)),
        ("kid empty", field("kid", json!(""))),
        ("kid unknown", field("kid", json!("0000000000000000"))),
        (
            "kid of another secret",
            field("kid", json!(key_id(OTHER_SECRET))),
        ),
        ("kid in capitals", field("kid", json!(key.to_uppercase()))),
        ("kid a path", field("kid", json!("../../../../dev/null"))),
        ("kid a query", field("kid", json!("' OR '1'='1"))),
        ("typ missing", field("typ", Value::Null)),
        ("typ JWT", field("typ", json!("JWT"))),
        ("typ of a refresh token", field("typ", json!("rt+jwt"))),
        ("typ in capitals", field("typ", json!("AT+JWT"))),
        ("typ in part in capitals", field("typ", json!("at+JWT"))),
        (
            "typ with its tree",
            field("typ", json!("application/at+jwt")),
        ),
        ("typ empty", field("typ", json!(""))),
        ("typ a list", field("typ", json!(["at+jwt"]))),
        ("kid a number", field("kid", json!(0))),
        ("crit", field("crit", json!(["exp"]))),
        ("crit empty", field("crit", json!([]))),
        ("jku", field("jku", json!("https://example.com/keys"))),
        ("jwk", field("jwk", json!({"kty": "oct", "k": "AAAA"}))),
        ("x5u", field("x5u", json!("https://example.com/cert"))),
        ("x5c", field("x5c", json!(["AAAA"]))),
        ("x5t", field("x5t", json!("AAAA"))),
        ("zip", field("zip", json!("DEF"))),
        ("cty", field("cty", json!("JWT"))),
        ("b64", field("b64", json!(false))),
        ("a header of somebody's own", field("x", json!(1))),
        ("the header a list", signed(json!([1]))),
        ("the header null", text("null")),
        ("the header empty", text("")),
        ("the header no JSON", text("{alg:HS256}")),
        (
            "kid twice",
            text(&format!(
                r#"{{"alg":"HS256","typ":"at+jwt","kid":"{key}","kid":"{key}"}}"#
            )),
        ),
        (
            "two headers",
            text(&format!("{}{}", good_header(), good_header())),
        ),
        (
            "alg twice",
            text(&format!(
                r#"{{"alg":"none","alg":"HS256","typ":"at+jwt","kid":"{key}"}}"#
            )),
        ),
    ]
}

/// Tokens with a good header and signature that say something wrong.
fn wrong_claims() -> Vec<(&'static str, String)> {
    let field = |name: &str, value: Value| sign(&good_header(), &with(good_claims(), name, value));
    let text = |claims: &str| sign_raw(&good_header().to_string(), claims, Algorithm::HS256);
    let changed = |from: &str, to: &str| {
        let claims = good_claims().to_string();
        assert!(claims.contains(from), "{claims}");
        text(&claims.replace(from, to))
    };
    let iat = format!("\"iat\":{NOW}");
    let exp = format!("\"exp\":{}", NOW + 3_600);
    vec![
        ("iss missing", field("iss", Value::Null)),
        (
            "iss of somebody else",
            field("iss", json!("lionrocket.example")),
        ),
        ("iss empty", field("iss", json!(""))),
        ("aud missing", field("aud", Value::Null)),
        ("aud for somebody else", field("aud", json!("lionrocket"))),
        ("aud a list", field("aud", json!(["lionrocket-api"]))),
        (
            "aud null",
            changed("\"aud\":\"lionrocket-api\"", "\"aud\":null"),
        ),
        ("iss a list", field("iss", json!(["lionrocket"]))),
        ("iss in capitals", field("iss", json!("LionRocket"))),
        ("sub missing", field("sub", Value::Null)),
        ("sub empty", field("sub", json!(""))),
        ("sub a number", field("sub", json!(42))),
        ("sub zero", field("sub", json!("0"))),
        ("sub negative", field("sub", json!("-42"))),
        ("sub too large", field("sub", json!("9007199254740992"))),
        ("sub a name", field("sub", json!("admin"))),
        ("sid missing", field("sid", Value::Null)),
        ("sid no id", field("sid", json!("7"))),
        ("ver missing", field("ver", Value::Null)),
        ("ver a text", field("ver", json!("3"))),
        ("jti missing", field("jti", Value::Null)),
        ("iat missing", field("iat", Value::Null)),
        ("iat in the future", field("iat", json!(NOW + 31))),
        ("iat a text", field("iat", json!(NOW.to_string()))),
        ("iat a fraction", field("iat", json!(1.5))),
        ("iat a whole fraction", field("iat", json!(1.0))),
        ("iat negative", field("iat", json!(-1))),
        ("iat the greatest number", field("iat", json!(i64::MAX))),
        ("iat beyond all numbers", field("iat", json!(u64::MAX))),
        ("iat a truth", field("iat", json!(true))),
        ("iat not a number", changed(&iat, "\"iat\":NaN")),
        ("iat beyond the calendar", field("iat", json!(i64::MIN))),
        ("exp missing", field("exp", Value::Null)),
        ("exp in the past", field("exp", json!(NOW - 30))),
        ("exp zero", field("exp", json!(0))),
        ("exp negative", field("exp", json!(-1))),
        ("exp the least number", field("exp", json!(i64::MIN))),
        ("exp beyond the calendar", field("exp", json!(i64::MAX))),
        ("exp beyond all numbers", field("exp", json!(u64::MAX))),
        ("exp a text", field("exp", json!((NOW + 60).to_string()))),
        ("exp a fraction", field("exp", json!(1_795_000_060.5))),
        ("exp a power of ten", changed(&exp, "\"exp\":1e12")),
        ("exp past all powers", changed(&exp, "\"exp\":1e999")),
        ("exp not a number", changed(&exp, "\"exp\":NaN")),
        ("exp without end", changed(&exp, "\"exp\":Infinity")),
        ("exp a truth", field("exp", json!(true))),
        ("exp null", changed(&exp, "\"exp\":null")),
        ("the claims a list", text("[]")),
        ("the claims null", text("null")),
        ("the claims empty", text("{}")),
        ("the claims no JSON", text("{")),
        ("the claims not UTF-8 text", text("\"\\ud800\"")),
        ("sid empty", field("sid", json!(""))),
        ("sid a list", field("sid", json!([SESSION]))),
        ("ver a fraction", field("ver", json!(3.5))),
        ("ver beyond all numbers", field("ver", json!(u64::MAX))),
        (
            "sub twice",
            changed("\"sub\":\"42\"", "\"sub\":\"42\",\"sub\":\"43\""),
        ),
        (
            "iss twice, once good",
            changed(
                "\"iss\":\"lionrocket\"",
                "\"iss\":\"x\",\"iss\":\"lionrocket\"",
            ),
        ),
        (
            "exp twice",
            text(
                &good_claims()
                    .to_string()
                    .replacen('{', "{\"exp\":9999999999,", 1),
            ),
        ),
    ]
}

/// Tokens that were signed with another key.
fn wrong_keys() -> Vec<(&'static str, String)> {
    let (header, claims) = (good_header().to_string(), good_claims().to_string());
    let signed = |key: &[u8]| sign_with(key, &header, &claims, Algorithm::HS256);
    let key = key_bytes(SECRET);
    vec![
        ("the secret itself", signed(SECRET.as_bytes())),
        ("another secret's key", signed(&key_bytes(OTHER_SECRET))),
        ("half of the key", signed(&key[..32])),
        ("an empty key", signed(&[])),
        ("the key's name", signed(key_id(SECRET).as_bytes())),
    ]
}

#[test]
fn a_bad_token_is_refused_whatever_is_bad_about_it() {
    let bad = [misshapen(), wrong_headers(), wrong_claims(), wrong_keys()].concat();
    assert!(bad.len() >= 140, "{} bad tokens", bad.len());
    for distinct in [
        bad.iter().map(|(what, _)| *what).collect::<HashSet<_>>(),
        bad.iter().map(|(_, token)| token.as_str()).collect(),
    ] {
        assert_eq!(distinct.len(), bad.len(), "a token or a name stands twice");
    }
    for (what, token) in bad {
        assert_eq!(
            issuer().verify(&token, at(NOW)),
            Err(InvalidToken),
            "{what}"
        );
    }
}

#[test]
fn a_token_with_any_bit_flipped_is_refused() {
    let (issuer, good) = (issuer(), good_token());
    assert!(issuer.verify(&good, at(NOW)).is_ok());
    for place in 0..good.len() {
        // The eighth bit would not leave a text.
        for bit in 0..7 {
            let mut bytes = good.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let flipped = String::from_utf8(bytes).unwrap();
            assert_eq!(
                issuer.verify(&flipped, at(NOW)),
                Err(InvalidToken),
                "bit {bit} of byte {place}"
            );
        }
    }
}

#[test]
fn a_token_cut_anywhere_is_refused() {
    let good = good_token();
    for end in 0..good.len() {
        assert_eq!(
            issuer().verify(&good[..end], at(NOW)),
            Err(InvalidToken),
            "{end}"
        );
    }
}
