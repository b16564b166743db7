//! How long a login that fails takes tells nothing.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::{Api, RequestExt as _, request};

/// How often each way to fail is tried.
const SAMPLES: usize = 500;
/// How many wrong passwords one account gets: fewer than those that close its login.
const TRIES_EACH: usize = 50;
/// How often it is measured before a difference is believed: the machine does other things as well.
const ROUNDS: usize = 3;

/// The ways to fail: what is wrong, and the names of the accounts that are tried.
const BRANCHES: [(&str, &str); 4] = [
    ("a wrong password", "owner"),
    ("no such account", "nobody"),
    ("a disabled account", "disabled"),
    ("a password that cannot be one", "other"),
];

/// How long a login takes that fails in one of the ways.
async fn time_of(api: &Api, branch: usize, number: usize) -> Duration {
    let (_, name) = BRANCHES[branch];
    let password = if name == "other" {
        "x".repeat(5000)
    } else {
        "not the password".to_owned()
    };
    let name = format!("{name}{}", number / TRIES_EACH);
    let body = json!({"username": name, "password": password}).to_string();
    let call = request("POST", "/auth/login").json_text(body);
    let start = Instant::now();
    let answer = api.send(call).await;
    let time = start.elapsed();
    answer.problem(401, "invalid_credentials");
    time
}

/// The medians of the ways to fail, tried in turn so that whatever else the machine does hits all
/// of them alike.
async fn medians(api: &Api, first: usize) -> [Duration; 4] {
    let mut times: [Vec<Duration>; 4] = Default::default();
    for number in first..first + SAMPLES {
        for step in 0..BRANCHES.len() {
            let branch = (number + step) % BRANCHES.len();
            times[branch].push(time_of(api, branch, number).await);
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

#[actix_web::test]
async fn no_login_that_fails_is_quicker_than_another() {
    let api = Api::with_real_hashes().await;
    let admin = api.world.admin("admin").await;
    for number in 0..(SAMPLES * ROUNDS).div_ceil(TRIES_EACH) {
        api.world.person(&format!("owner{number}")).await;
        api.world.person(&format!("other{number}")).await;
        let disabled = api.world.person(&format!("disabled{number}")).await;
        let path = format!("/admin/users/{}", disabled.actor.user_id);
        let call = request("PATCH", &path).by(&admin);
        let answer = api.send(call.json_text(r#"{"is_active":false}"#)).await;
        assert_eq!(answer.status, 200);
    }
    let mut told = Vec::new();
    for round in 0..ROUNDS {
        let medians = medians(&api, round * SAMPLES).await;
        let names = BRANCHES.iter().map(|(name, _)| *name);
        println!("{:?}", names.zip(medians).collect::<Vec<_>>());
        let (least, most) = (medians.iter().min(), medians.iter().max());
        let (least, most) = (*least.unwrap(), *most.unwrap());
        if most.abs_diff(least) <= Duration::from_millis(5).max(least / 20) {
            return;
        }
        told.push(medians);
    }
    panic!("the time of a login tells why it fails: {told:?}");
}
