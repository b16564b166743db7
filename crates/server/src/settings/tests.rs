use lionrocket_crypto_adapter::generate_secret;

use super::*;

fn check(change: impl FnOnce(&mut RawSettings)) -> Checked<Settings> {
    let mut raw = RawSettings::default();
    change(&mut raw);
    Settings::check(&raw)
}

fn refusal(change: impl FnOnce(&mut RawSettings)) -> String {
    let error = check(change).expect_err("the settings were taken");
    let line = error.to_string();
    assert!(!line.contains('\n'), "{line}");
    assert!(line.starts_with(error.variable()), "{line}");
    line
}

#[expect(clippy::unnecessary_wraps, reason = "as the fields have it")]
fn set(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn production(raw: &mut RawSettings) {
    raw.app_env = set("production");
    raw.jwt_secret = Some(generate_secret().unwrap());
    raw.claude_api_key = Some("sk-ant-key".into());
    raw.public_origins = set("https://chat.example.org");
}

#[test]
fn with_no_settings_at_all_everything_has_its_default() {
    let settings = check(|_| {}).unwrap();
    assert_eq!(settings.environment, Environment::Development);
    assert_eq!(settings.listen.host, "127.0.0.1");
    assert_eq!(settings.listen.port, 8000);
    assert_eq!(
        settings.network.public_origins(8000),
        [
            "http://localhost:8000",
            "http://127.0.0.1:8000",
            "http://[::1]:8000"
        ]
    );
    assert!(settings.network.cors_origins.is_empty());
    assert!(settings.network.trusted_proxies.is_empty());
    assert!(settings.network.rate_limits);
    assert!(settings.network.metrics.is_none());
    assert_eq!(settings.database.path().to_str(), Some("./data/app.db"));
    assert!(
        matches!(settings.model, ModelChoice::Demo { delay } if delay == Duration::from_millis(35))
    );
    assert_eq!(settings.max_output_tokens, 1024);
    assert_eq!(settings.max_running_replies, 1000);
    assert_eq!(settings.on_interrupt, OnInterrupt::Continue);
    assert!(settings.signing.secret.is_none());
    assert_eq!(settings.signing.lifetime, SignedDuration::from_hours(24));
    assert_eq!(settings.registration, Registration::Open);
    assert_eq!(settings.passwords.min_chars, 10);
    assert!(settings.admin_reads_visible);
    assert_eq!(settings.message_max_chars, 200);
    assert_eq!(settings.disk_low_water, 100 * MEBIBYTE);
    assert_eq!(settings.stats_zone.name(), "Asia/Seoul");
    assert_eq!(settings.logging.format, LogFormat::Text);
    assert_eq!(settings.logging.level, tracing::Level::INFO);
}

#[test]
fn the_built_in_catalogue_knows_the_default_model() {
    let settings = check(|raw| raw.claude_api_key = Some("sk-ant-key".into())).unwrap();
    let ModelChoice::Claude(claude) = &settings.model else {
        panic!("a key must choose Claude");
    };
    assert!(settings.catalog.facts(&claude.model).is_some());
}

#[test]
fn an_empty_variable_is_the_same_as_none() {
    let settings = check(|raw| {
        raw.port = set("");
        raw.claude_api_key = Some("  ".into());
        raw.jwt_secret = Some("".into());
        raw.stats_timezone = set(" ");
    });
    assert!(matches!(settings.unwrap().model, ModelChoice::Demo { .. }));
}

#[test]
fn a_value_that_is_not_known_is_refused_by_name() {
    type Change = fn(&mut RawSettings);
    let changes: &[(&str, Change)] = &[
        ("USER_DAILY_TOKENS", |raw| {
            raw.user_daily_tokens = set("many");
        }),
        ("USER_DAILY_COST_USD", |raw| {
            raw.user_daily_cost_usd = set("1,50");
        }),
        ("SERVICE_DAILY_TOKENS", |raw| {
            raw.service_daily_tokens = set("-1");
        }),
        ("SERVICE_DAILY_COST_USD", |raw| {
            raw.service_daily_cost_usd = set("1.0000001");
        }),
        ("APP_ENV", |raw| raw.app_env = set("staging")),
        ("DEBUG", |raw| raw.debug = set("maybe")),
        ("ADMIN_READS_VISIBLE", |raw| {
            raw.admin_reads_visible = set("sometimes");
        }),
        ("PORT", |raw| raw.port = set("80000")),
        ("PUBLIC_ORIGINS", |raw| {
            raw.public_origins = set("chat.example.org");
        }),
        ("CORS_ORIGINS", |raw| raw.cors_origins = set("*")),
        ("TRUSTED_PROXIES", |raw| {
            raw.trusted_proxies = set("10.0.0.0/99");
        }),
        ("RATE_LIMIT", |raw| raw.rate_limit = set("sometimes")),
        ("DISK_LOW_WATER_MB", |raw| {
            raw.disk_low_water_mb = set("0");
        }),
        ("METRICS_PORT", |raw| raw.metrics_port = set("http")),
        ("DATABASE_URL", |raw| {
            raw.database_url = set("postgres://db/x");
        }),
        ("CLAUDE_AUTH_HEADER", |raw| {
            raw.claude_api_key = Some("key".into());
            raw.claude_auth_header = set("basic");
        }),
        ("CLAUDE_MAX_TOKENS", |raw| raw.claude_max_tokens = set("0")),
        ("HISTORY_MAX_TOKENS", |raw| {
            raw.history_max_tokens = set("1999");
        }),
        ("MODEL_CATALOG", |raw| {
            raw.model_catalog = set("/nowhere/models.toml");
        }),
        ("LANGUAGE_MODEL", |raw| raw.language_model = set("gpt")),
        ("DEMO_DELAY_MS", |raw| raw.demo_delay_ms = set("-1")),
        ("JWT_ALGORITHM", |raw| raw.jwt_algorithm = set("RS256")),
        ("JWT_EXPIRATION_HOURS", |raw| {
            raw.jwt_expiration_hours = set("NaN");
        }),
        ("REGISTRATION", |raw| raw.registration = set("maybe")),
        ("PASSWORD_MIN_LENGTH", |raw| {
            raw.password_min_length = set("7");
        }),
        ("STATS_TIMEZONE", |raw| {
            raw.stats_timezone = set("Asia/Nowhere\nINFO all is well");
        }),
        ("LOG_LEVEL", |raw| raw.log_level = set("loud")),
    ];
    for (variable, change) in changes {
        let line = refusal(change);
        assert!(line.starts_with(variable), "{variable}: {line}");
    }
}

#[test]
fn production_refuses_what_is_safe_only_at_home() {
    assert!(check(production).is_ok());
    let line = refusal(|raw| {
        production(raw);
        raw.claude_api_key = None;
    });
    assert!(line.starts_with("CLAUDE_API_KEY is missing"), "{line}");
    let line = refusal(|raw| {
        production(raw);
        raw.jwt_secret = None;
    });
    assert!(line.contains("lionrocket secret generate"), "{line}");
    let line = refusal(|raw| {
        production(raw);
        raw.public_origins = None;
    });
    assert!(line.starts_with("PUBLIC_ORIGINS is missing"), "{line}");
    let line = refusal(|raw| {
        production(raw);
        raw.public_origins = set("https://chat.example.org,http://chat.example.org");
    });
    assert!(line.contains("https"), "{line}");
    let line = refusal(|raw| {
        production(raw);
        raw.rate_limit = set("off");
    });
    assert!(line.starts_with("RATE_LIMIT"), "{line}");
    let line = refusal(|raw| {
        production(raw);
        raw.debug = set("true");
    });
    assert!(line.starts_with("DEBUG"), "{line}");
    let demo = check(|raw| {
        production(raw);
        raw.claude_api_key = None;
        raw.language_model = set("demo");
    });
    assert!(matches!(demo.unwrap().model, ModelChoice::Demo { .. }));
}

#[test]
fn origins_are_taken_in_the_form_in_which_browsers_send_them() {
    for (given, expected) in [
        ("https://Chat.Example.org/", "https://chat.example.org"),
        ("https://chat.example.org:443", "https://chat.example.org"),
        ("http://chat.example.org:80", "http://chat.example.org"),
        (
            "http://chat.example.org:8080",
            "http://chat.example.org:8080",
        ),
        ("http://[0:0:0:0:0:0:0:1]:8000", "http://[::1]:8000"),
        (
            "https://xn--9t4b11yi5a.example",
            "https://xn--9t4b11yi5a.example",
        ),
    ] {
        let settings = check(|raw| raw.public_origins = set(given)).unwrap();
        assert_eq!(settings.network.public_origins(1), [expected]);
    }
    let settings = check(|raw| {
        raw.public_origins = set("https://a.example, https://b.example ,https://A.example");
    });
    assert_eq!(
        settings.unwrap().network.public_origins(1),
        ["https://a.example", "https://b.example"]
    );
}

#[test]
fn what_is_no_origin_is_refused() {
    for bad in [
        "*",
        "null",
        "https://*.example.org",
        "https://example.org/path",
        "https://user@example.org",
        "https://example.org?x",
        "ftp://example.org",
        "//example.org",
        "https://",
        "https://example.org:",
        "https://example.org:0",
        "https://example.org:+1",
        "https://example.org:99999",
        "https://exa mple.org",
        "https://-a.example.org",
        "https://example..org",
        "https://예시.example",
        "https://[::1",
    ] {
        let line = refusal(|raw| raw.public_origins = set(bad));
        assert!(line.starts_with("PUBLIC_ORIGINS"), "{bad}: {line}");
        let line = refusal(|raw| raw.cors_origins = set(bad));
        assert!(line.starts_with("CORS_ORIGINS"), "{bad}: {line}");
    }
}

#[test]
fn production_may_be_tried_on_this_machine_without_tls() {
    for origin in [
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "http://localhost",
    ] {
        let settings = check(|raw| {
            production(raw);
            raw.public_origins = set(origin);
        });
        assert!(settings.is_ok(), "{origin}: {settings:?}");
    }
    for origin in ["http://localhost.example.org", "http://10.0.0.1"] {
        refusal(|raw| {
            production(raw);
            raw.public_origins = set(origin);
        });
    }
}

#[test]
fn proxies_are_addresses_or_networks_but_never_everybody() {
    let settings = check(|raw| {
        raw.trusted_proxies = set("10.0.0.0/8, 192.0.2.7,fd00::/8");
    });
    let proxies = settings.unwrap().network.trusted_proxies;
    assert_eq!(proxies.len(), 3);
    assert!(
        proxies
            .iter()
            .any(|known| known.to_string() == "192.0.2.7/32")
    );
    for bad in ["0.0.0.0/0", "::/0", "proxy.example.org", "10.0.0"] {
        refusal(|raw| raw.trusted_proxies = set(bad));
    }
}

#[test]
fn a_former_secret_must_be_as_good_as_the_current_one() {
    let good = generate_secret().unwrap();
    let list = format!("{} , {}", good.expose_secret(), good.expose_secret());
    let settings = check(|raw| raw.jwt_secret_previous = Some(list.into())).unwrap();
    assert_eq!(settings.signing.previous.len(), 2);
    let line = refusal(|raw| raw.jwt_secret_previous = Some("weak-one,also-weak".into()));
    assert!(
        line.starts_with("JWT_SECRET_PREVIOUS") && !line.contains("weak-one"),
        "{line}"
    );
}

#[test]
fn a_token_can_live_for_part_of_an_hour() {
    let settings = check(|raw| raw.jwt_expiration_hours = set("0.25")).unwrap();
    assert_eq!(settings.signing.lifetime, SignedDuration::from_mins(15));
    refusal(|raw| raw.jwt_expiration_hours = set("169"));
}

#[test]
fn a_catalogue_of_ones_own_replaces_the_built_in_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("models.toml");
    let with_file = |body: &str| {
        std::fs::write(&path, body).unwrap();
        check(|raw| raw.model_catalog = path.to_str().map(str::to_owned))
    };
    let settings = with_file("price_version = \"mine\"\n").unwrap();
    assert_eq!(settings.catalog.price_version, "mine");

    let error = with_file("price_version = \"mine\"\nfree_beer = true\n").unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn a_reply_cannot_be_longer_than_the_model_can_write() {
    let line = refusal(|raw| {
        raw.claude_api_key = Some("key".into());
        raw.claude_max_tokens = set("4000000000");
    });
    assert!(line.starts_with("CLAUDE_MAX_TOKENS"), "{line}");
}

#[test]
fn the_example_file_names_every_setting_and_is_accepted_as_it_is() {
    use clap::Args as _;

    let command = RawSettings::augment_args(clap::Command::new("settings"));
    let mut ours: Vec<String> = command
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_str()?.to_owned()))
        .collect();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.env.example");
    let pairs: Vec<(String, String)> = dotenvy::from_path_iter(example)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut named: Vec<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
    ours.sort();
    named.sort();
    assert_eq!(named, ours);

    // As flags, so that the environment of the test stays as it is.
    let mut flags = vec!["settings".to_owned()];
    for (name, value) in pairs {
        flags.push(format!("--{}", name.to_lowercase().replace('_', "-")));
        flags.push(value);
    }
    let matches = command.try_get_matches_from(flags).unwrap();
    let raw = <RawSettings as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
    let (example, defaults) = (Settings::check(&raw).unwrap(), check(|_| {}).unwrap());
    assert_eq!(format!("{example:?}"), format!("{defaults:?}"));
}

#[test]
fn a_secret_may_come_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("key"), "  sk-from-a-file\r\n").unwrap();
    std::fs::write(path("empty"), " \n").unwrap();
    let settings = check(|raw| raw.claude_api_key_file = Some(path("key"))).unwrap();
    let ModelChoice::Claude(claude) = settings.model else {
        panic!("{:?}", settings.model);
    };
    assert_eq!(claude.api_key.expose_secret(), "sk-from-a-file");
    for (variable, file) in [("empty", "is empty"), ("nowhere", "cannot be read")] {
        let line = refusal(|raw| raw.jwt_secret_file = Some(path(variable)));
        assert!(line.starts_with("JWT_SECRET_FILE"), "{line}");
        assert!(line.contains(file), "{line}");
    }
    let line = refusal(|raw| {
        raw.password_pepper = Some(generate_secret().unwrap());
        raw.password_pepper_file = Some(path("key"));
    });
    assert!(
        line.starts_with("PASSWORD_PEPPER_FILE is set together"),
        "{line}"
    );
}

#[test]
fn a_pepper_is_as_strong_as_a_signing_secret_and_former_ones_need_a_current_one() {
    let good = || Some(generate_secret().unwrap());
    let settings = check(|raw| {
        raw.password_pepper = good();
        raw.password_pepper_previous = good();
    });
    let passwords = settings.unwrap().passwords;
    assert!(passwords.pepper.is_some());
    assert_eq!(passwords.former_peppers.len(), 1);
    let weak = refusal(|raw| raw.password_pepper = Some("salt and pepper".into()));
    assert!(weak.starts_with("PASSWORD_PEPPER is refused"), "{weak}");
    let alone = refusal(|raw| raw.password_pepper_previous = good());
    assert!(alone.starts_with("PASSWORD_PEPPER is missing"), "{alone}");
}

#[test]
fn budgets_are_unlimited_unless_they_are_set_and_nothing_is_a_budget() {
    assert_eq!(check(|_| {}).unwrap().budgets, DailyBudgets::default());
    let budgets = check(|raw| {
        raw.user_daily_tokens = set("20000");
        raw.user_daily_cost_usd = set("0");
        raw.service_daily_cost_usd = set("12.34");
    });
    let budgets = budgets.unwrap().budgets;
    assert_eq!(budgets.user.tokens, Some(20_000));
    assert_eq!(budgets.user.cost_micro_usd, Some(0));
    assert_eq!(budgets.service.tokens, None);
    assert_eq!(budgets.service.cost_micro_usd, Some(12_340_000));
}

#[test]
fn the_first_administrator_is_named_whole_or_not_at_all() {
    let all = |raw: &mut RawSettings| {
        raw.bootstrap_admin_username_file = set("/run/secrets/username");
        raw.bootstrap_admin_email_file = set("/run/secrets/email");
        raw.bootstrap_admin_password_file = set("/run/secrets/password");
    };
    assert!(check(|_| {}).unwrap().bootstrap_admin.is_none());
    assert!(check(all).unwrap().bootstrap_admin.is_some());
    let line = refusal(|raw| {
        all(raw);
        raw.bootstrap_admin_email_file = set(" ");
    });
    assert!(
        line.starts_with(
            "BOOTSTRAP_ADMIN_EMAIL_FILE is missing while BOOTSTRAP_ADMIN_USERNAME_FILE"
        ),
        "{line}"
    );
    let line = refusal(|raw| raw.bootstrap_admin_email_file = set("/run/secrets/email"));
    assert!(
        line.starts_with("BOOTSTRAP_ADMIN_USERNAME_FILE is missing"),
        "{line}"
    );
}

#[test]
fn the_files_of_the_first_administrator_are_checked_without_repeating_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let admin = check(|raw| {
        raw.bootstrap_admin_username_file = Some(path("username"));
        raw.bootstrap_admin_email_file = Some(path("email"));
        raw.bootstrap_admin_password_file = Some(path("password"));
    });
    let admin = admin.unwrap().bootstrap_admin.unwrap();
    let read = |lines: [&str; 3]| {
        for (name, line) in ["username", "email", "password"].iter().zip(lines) {
            std::fs::write(path(name), line).unwrap();
        }
        admin.read(10)
    };
    let account = read([" boss\n", "boss@example.org\r\n", "six words \r\nmore\n"]).unwrap();
    assert_eq!(account.username.as_str(), "boss");
    assert_eq!(account.email.as_str(), "boss@example.org");
    assert_eq!(account.password.expose(), "six words ");
    for (lines, variable) in [
        (
            ["b s", "boss@example.org", "long enough"],
            "BOOTSTRAP_ADMIN_USERNAME_FILE",
        ),
        (
            ["boss", "canary", "long enough"],
            "BOOTSTRAP_ADMIN_EMAIL_FILE",
        ),
        (
            ["boss", "boss@example.org", "canary"],
            "BOOTSTRAP_ADMIN_PASSWORD_FILE",
        ),
        (["boss", " ", "long enough"], "BOOTSTRAP_ADMIN_EMAIL_FILE"),
    ] {
        let error = read(lines).unwrap_err();
        assert_eq!(error.variable(), variable);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
