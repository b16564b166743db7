//! The settings of the service: read once at start, checked, and handed on as values.
//!
//! [`RawSettings`] holds the texts, [`Settings`] what they mean. Commands that need only a part read
//! that part, so that `user create` does not ask for the signing secret.

mod bootstrap;
mod budgets;
mod database;
mod error;
mod network;
mod passwords;
mod raw;
pub(crate) mod secret;

use std::{fs, io::Read as _, path::Path, str::FromStr, time::Duration};

use jiff::SignedDuration;
use lionrocket_claude_adapter::{
    AuthHeader, BreakerRules, ClaudeSettings, ConfigError, Retries, Timeouts,
};
use lionrocket_crypto_adapter::{JwtAlgorithm, SigningSecret};
use lionrocket_domain::{
    budget::DailyBudgets, calendar::StatsZone, catalog::ModelCatalog, turn::OnInterrupt,
};
use lionrocket_http::Registration;
use secrecy::{ExposeSecret, SecretString};

pub use bootstrap::BootstrapAdmin;
pub use database::DatabaseFile;
pub use error::SettingsError;
pub use network::Network;
pub use passwords::PasswordSettings;
pub use raw::RawSettings;

/// More than any secret is long.
const MAX_SECRET_FILE_BYTES: u64 = 64 * 1024;

const MEBIBYTE: u64 = 1024 * 1024;

type Checked<T> = Result<T, SettingsError>;

/// The prices and sizes of models that are known when no other table is given.
const BUILT_IN_CATALOG: &str = include_str!("../../models.toml");

/// How strict the service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Starts with no settings at all.
    Development,
    /// Refuses whatever is safe only on one's own machine.
    Production,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// A name or an address.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
}

/// Which model answers.
#[derive(Clone, Debug)]
pub enum ModelChoice {
    /// The Claude API.
    Claude(Box<ClaudeSettings>),
    /// The built-in model that needs no key.
    Demo {
        /// Its pause between words.
        delay: Duration,
    },
}

/// What access tokens are signed with.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The secret; `None` when one is to be made and kept in the data directory.
    pub secret: Option<SigningSecret>,
    /// Former secrets that still verify.
    pub previous: Vec<SigningSecret>,
    /// The algorithm.
    pub algorithm: JwtAlgorithm,
    /// How long a token lives.
    pub lifetime: SignedDuration,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logging {
    /// How a line looks.
    pub format: LogFormat,
    /// The least important level that is written.
    pub level: tracing::Level,
}

/// All settings of `serve`, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How strict the service is.
    pub environment: Environment,
    /// Where to listen.
    pub listen: Listen,
    /// How the service stands in the network.
    pub network: Network,
    /// Where the data is.
    pub database: DatabaseFile,
    /// With fewer free bytes than this beside the database no new messages are taken.
    pub disk_low_water: u64,
    /// Which model answers.
    pub model: ModelChoice,
    /// What is known of models.
    pub catalog: ModelCatalog,
    /// The most tokens of one reply.
    pub max_output_tokens: u32,
    /// How much of a conversation the model is sent, in tokens.
    pub history_max_tokens: u64,
    /// How many replies are written at once.
    pub max_running_replies: usize,
    /// What becomes of replies that the end of the process cut.
    pub on_interrupt: OnInterrupt,
    /// What access tokens are signed with.
    pub signing: Signing,
    /// Who may make an account.
    pub registration: Registration,
    /// Which passwords are taken, and how they are kept.
    pub passwords: PasswordSettings,
    /// The account of the first administrator.
    pub bootstrap_admin: Option<BootstrapAdmin>,
    /// Whether people see when administrators read their data.
    pub admin_reads_visible: bool,
    /// The longest message, in characters.
    pub message_max_chars: usize,
    /// Where a day of the statistics begins.
    pub stats_zone: StatsZone,
    /// What may be used in a day.
    pub budgets: DailyBudgets,
    /// What is logged.
    pub logging: Logging,
}

impl Settings {
    /// Checks all settings.
    ///
    /// # Errors
    /// The first setting that does not work.
    pub fn check(raw: &RawSettings) -> Checked<Self> {
        let environment = raw.environment()?;
        let debug = raw.is_debug()?;
        if debug && environment == Environment::Production {
            return Err(SettingsError::new(
                "DEBUG",
                "is `true` while APP_ENV is `production`",
                "set DEBUG=false, or APP_ENV=development on a machine of your own",
            ));
        }
        let catalog = raw.catalog()?;
        let model = raw.model(environment, &catalog)?;
        let max_output_tokens = raw.max_output_tokens(&model)?;
        Ok(Self {
            environment,
            listen: raw.listen()?,
            network: raw.network()?,
            database: raw.database()?,
            disk_low_water: MEBIBYTE
                * number(
                    "DISK_LOW_WATER_MB",
                    raw.disk_low_water_mb.as_deref(),
                    100,
                    (1, 1_000_000),
                )?,
            model,
            catalog,
            max_output_tokens,
            history_max_tokens: number(
                "HISTORY_MAX_TOKENS",
                raw.history_max_tokens.as_deref(),
                24_000,
                (2_000, 500_000),
            )?,
            max_running_replies: number(
                "MAX_RUNNING_REPLIES",
                raw.max_running_replies.as_deref(),
                1000,
                (1, 100_000),
            )?,
            on_interrupt: choice(
                "ON_INTERRUPT",
                raw.on_interrupt.as_deref(),
                OnInterrupt::default(),
                &[
                    ("continue", OnInterrupt::Continue),
                    ("keep", OnInterrupt::Keep),
                ],
            )?,
            signing: raw.signing(environment)?,
            registration: raw.registration()?,
            passwords: raw.passwords()?,
            bootstrap_admin: raw.bootstrap_admin()?,
            admin_reads_visible: boolean(
                "ADMIN_READS_VISIBLE",
                raw.admin_reads_visible.as_deref(),
                true,
            )?,
            message_max_chars: number(
                "MESSAGE_MAX_CHARS",
                raw.message_max_chars.as_deref(),
                200,
                (1, 10_000),
            )?,
            stats_zone: raw.stats_zone()?,
            budgets: raw.budgets()?,
            logging: raw.logging(environment, debug)?,
        })
    }
}

impl RawSettings {
    /// Where the data is.
    ///
    /// # Errors
    /// See [`DatabaseFile::parse`].
    pub fn database(&self) -> Checked<DatabaseFile> {
        let url = text(self.database_url.as_deref()).unwrap_or("sqlite:///./data/app.db");
        DatabaseFile::parse(url)
    }

    /// Where to listen.
    ///
    /// # Errors
    /// The port is no port.
    pub fn listen(&self) -> Checked<Listen> {
        Ok(Listen {
            host: text(self.host.as_deref()).unwrap_or("127.0.0.1").to_owned(),
            port: number("PORT", self.port.as_deref(), 8000, (0, u16::MAX))?,
        })
    }

    fn environment(&self) -> Checked<Environment> {
        choice(
            "APP_ENV",
            self.app_env.as_deref(),
            Environment::Development,
            &[
                ("development", Environment::Development),
                ("production", Environment::Production),
            ],
        )
    }

    fn is_debug(&self) -> Checked<bool> {
        boolean("DEBUG", self.debug.as_deref(), false)
    }

    fn catalog(&self) -> Checked<ModelCatalog> {
        let Some(path) = text(self.model_catalog.as_deref()) else {
            return toml::from_str(BUILT_IN_CATALOG)
                .map_err(|error| catalog_error("is built in and damaged", &error.to_string()));
        };
        let body = fs::read_to_string(path).map_err(|error| {
            catalog_error("names a file that cannot be read", &error.to_string())
        })?;
        toml::from_str(&body).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| body.get(..span.start));
            let line = before.map_or(1, |text| text.matches('\n').count() + 1);
            catalog_error(
                &format!("names a file that is wrong in line {line}"),
                error.message(),
            )
        })
    }

    fn model(&self, environment: Environment, catalog: &ModelCatalog) -> Checked<ModelChoice> {
        let key = secret_or_file(
            ("CLAUDE_API_KEY", self.claude_api_key.as_ref()),
            ("CLAUDE_API_KEY_FILE", self.claude_api_key_file.as_deref()),
        )?;
        let wanted = choice(
            "LANGUAGE_MODEL",
            self.language_model.as_deref(),
            None,
            &[("claude", Some(true)), ("demo", Some(false))],
        )?;
        let missing = |why: &str| {
            SettingsError::new(
                "CLAUDE_API_KEY",
                format!("is missing, and {why}"),
                "set the key, or LANGUAGE_MODEL=demo to let the demo model answer",
            )
        };
        match (wanted, key) {
            (Some(true), None) => Err(missing("LANGUAGE_MODEL is `claude`")),
            (None, None) if environment == Environment::Production => {
                Err(missing("APP_ENV is `production`"))
            }
            (Some(false), _) | (None, None) => self.demo(),
            (_, Some(api_key)) => self
                .claude(api_key, catalog)
                .map(|claude| ModelChoice::Claude(Box::new(claude))),
        }
    }

    fn demo(&self) -> Checked<ModelChoice> {
        let delay_ms = number(
            "DEMO_DELAY_MS",
            self.demo_delay_ms.as_deref(),
            35,
            (0, 10_000),
        )?;
        Ok(ModelChoice::Demo {
            delay: Duration::from_millis(delay_ms),
        })
    }

    /// Gathers the settings of the Claude API. Their form is the adapter's to check.
    fn claude(&self, api_key: SecretString, catalog: &ModelCatalog) -> Checked<ClaudeSettings> {
        let model = text(self.claude_model.as_deref()).unwrap_or("claude-haiku-5-5");
        Ok(ClaudeSettings {
            api_key,
            base_url: text(self.claude_base_url.as_deref())
                .unwrap_or("https://api.anthropic.com")
                .to_owned(),
            api_version: text(self.claude_api_version.as_deref())
                .unwrap_or("2026-10-21")
                .to_owned(),
            facts: catalog.facts(model).cloned(),
            model: model.to_owned(),
            auth_header: choice(
                "CLAUDE_AUTH_HEADER",
                self.claude_auth_header.as_deref(),
                AuthHeader::ApiKey,
                &[
                    ("x-api-key", AuthHeader::ApiKey),
                    ("bearer", AuthHeader::Bearer),
                ],
            )?,
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            breaker: BreakerRules::default(),
        })
    }

    fn max_output_tokens(&self, model: &ModelChoice) -> Checked<u32> {
        let most = match model {
            ModelChoice::Claude(claude) => claude.facts.as_ref().map(|f| f.max_output_tokens),
            ModelChoice::Demo { .. } => None,
        };
        number(
            "CLAUDE_MAX_TOKENS",
            self.claude_max_tokens.as_deref(),
            1024,
            (1, most.unwrap_or(u32::MAX)),
        )
    }

    /// What is signed and sealed with, for commands that need no other settings.
    ///
    /// # Errors
    /// There is no secret in production, or one is refused.
    pub(crate) fn signing_alone(&self) -> Checked<Signing> {
        self.signing(self.environment()?)
    }

    fn signing(&self, environment: Environment) -> Checked<Signing> {
        let current = secret_or_file(
            ("JWT_SECRET", self.jwt_secret.as_ref()),
            ("JWT_SECRET_FILE", self.jwt_secret_file.as_deref()),
        )?;
        if current.is_none() && environment == Environment::Production {
            return Err(SettingsError::new(
                "JWT_SECRET",
                "is missing, and APP_ENV is `production`",
                "set it to what `lionrocket secret generate` prints",
            ));
        }
        let current = current.map(|one| signing_secret("JWT_SECRET", one.expose_secret()));
        Ok(Signing {
            secret: current.transpose()?,
            previous: self.previous_secrets()?,
            algorithm: choice(
                "JWT_ALGORITHM",
                self.jwt_algorithm.as_deref(),
                JwtAlgorithm::Hs256,
                &[
                    ("HS256", JwtAlgorithm::Hs256),
                    ("HS384", JwtAlgorithm::Hs384),
                    ("HS512", JwtAlgorithm::Hs512),
                ],
            )?,
            lifetime: self.token_lifetime()?,
        })
    }

    fn previous_secrets(&self) -> Checked<Vec<SigningSecret>> {
        signing_secrets("JWT_SECRET_PREVIOUS", self.jwt_secret_previous.as_ref())
    }

    fn token_lifetime(&self) -> Checked<SignedDuration> {
        let hours = number(
            "JWT_EXPIRATION_HOURS",
            self.jwt_expiration_hours.as_deref(),
            24.0,
            (0.05, 168.0),
        )?;
        Ok(SignedDuration::from_secs_f64((hours * 3_600.0_f64).round()))
    }

    fn registration(&self) -> Checked<Registration> {
        choice(
            "REGISTRATION",
            self.registration.as_deref(),
            Registration::Open,
            &[
                ("open", Registration::Open),
                ("invite", Registration::Invite),
                ("closed", Registration::Closed),
            ],
        )
    }

    /// Where a day of the statistics begins.
    ///
    /// # Errors
    /// There is no such zone.
    pub(crate) fn stats_zone(&self) -> Checked<StatsZone> {
        let name = text(self.stats_timezone.as_deref()).unwrap_or("Asia/Seoul");
        StatsZone::parse(name).ok_or_else(|| {
            SettingsError::value(
                "STATS_TIMEZONE",
                name,
                "give a name of the time zone database, such as Asia/Seoul or UTC",
            )
        })
    }

    fn logging(&self, environment: Environment, debug: bool) -> Checked<Logging> {
        use tracing::Level;
        let format = match environment {
            Environment::Development => LogFormat::Text,
            Environment::Production => LogFormat::Json,
        };
        Ok(Logging {
            format: choice(
                "LOG_FORMAT",
                self.log_format.as_deref(),
                format,
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            )?,
            level: choice(
                "LOG_LEVEL",
                self.log_level.as_deref(),
                if debug { Level::DEBUG } else { Level::INFO },
                &[
                    ("error", Level::ERROR),
                    ("warn", Level::WARN),
                    ("info", Level::INFO),
                    ("debug", Level::DEBUG),
                    ("trace", Level::TRACE),
                ],
            )?,
        })
    }
}

fn signing_secret(variable: &'static str, raw: &str) -> Checked<SigningSecret> {
    SigningSecret::parse(raw).map_err(|error| {
        // The error says how to make a good one.
        SettingsError::new(variable, "is refused", format!("it {error}"))
    })
}

/// Secrets in one variable, separated by commas.
fn signing_secrets(
    variable: &'static str,
    raw: Option<&SecretString>,
) -> Checked<Vec<SigningSecret>> {
    let Some(list) = secret(raw) else {
        return Ok(Vec::new());
    };
    let secrets = list.expose_secret().split(',').map(str::trim);
    secrets
        .filter(|one| !one.is_empty())
        .map(|one| signing_secret(variable, one))
        .collect()
}

/// Names the variable behind a setting that the Claude adapter refuses.
#[must_use]
pub fn claude_refusal(error: &ConfigError) -> SettingsError {
    let (variable, remedy) = match error {
        ConfigError::ApiKey => ("CLAUDE_API_KEY", "copy the key again, without spaces"),
        ConfigError::ApiVersion => ("CLAUDE_API_VERSION", "give a date such as 2026-10-21"),
        ConfigError::Model => ("CLAUDE_MODEL", "give a model such as claude-haiku-5-5"),
        _ => (
            "CLAUDE_BASE_URL",
            "give a URL such as https://api.anthropic.com",
        ),
    };
    SettingsError::new(variable, format!("is refused ({error})"), remedy)
}

fn catalog_error(problem: &str, cause: &str) -> SettingsError {
    let cause = cause.lines().next().unwrap_or_default();
    SettingsError::new(
        "MODEL_CATALOG",
        format!("{problem} ({cause})"),
        "give a TOML file with price_version and [models.…], or leave it empty",
    )
}

/// A text without the white space around it; none when nothing is left.
fn text(raw: Option<&str>) -> Option<&str> {
    raw.map(str::trim).filter(|text| !text.is_empty())
}

fn secret(raw: Option<&SecretString>) -> Option<SecretString> {
    text(raw.map(ExposeSecret::expose_secret)).map(SecretString::from)
}

/// A secret that is given by itself or in a file, which other users of the machine cannot read and
/// which does not show in a list of processes.
fn secret_or_file(
    (variable, raw): (&'static str, Option<&SecretString>),
    (file_variable, file): (&'static str, Option<&str>),
) -> Checked<Option<SecretString>> {
    let (direct, Some(path)) = (secret(raw), text(file)) else {
        return Ok(secret(raw));
    };
    if direct.is_some() {
        return Err(SettingsError::new(
            file_variable,
            format!("is set together with {variable}"),
            "leave one of them empty",
        ));
    }
    secret_of_file(file_variable, Path::new(path)).map(Some)
}

/// The secret in a file.
fn secret_of_file(variable: &'static str, path: &Path) -> Checked<SecretString> {
    let refused = |problem: String| {
        SettingsError::new(
            variable,
            format!("names a file that {problem}"),
            "give a file that this user can read, with nothing but the value in it",
        )
    };
    let read = fs::File::open(path).and_then(|file| {
        let mut body = String::new();
        file.take(MAX_SECRET_FILE_BYTES).read_to_string(&mut body)?;
        Ok(SecretString::from(body))
    });
    let body = read.map_err(|error| refused(format!("cannot be read ({error})")))?;
    secret(Some(&body)).ok_or_else(|| refused("is empty".to_owned()))
}

/// One of `true`, `1`, `false` and `0`.
fn boolean(variable: &'static str, value: Option<&str>, default: bool) -> Checked<bool> {
    let values = [("true", true), ("1", true), ("false", false), ("0", false)];
    choice(variable, value, default, &values)
}

/// One of a few words, whatever its case.
fn choice<T: Copy>(
    variable: &'static str,
    raw: Option<&str>,
    default: T,
    choices: &[(&'static str, T)],
) -> Checked<T> {
    let Some(word) = text(raw) else {
        return Ok(default);
    };
    let found = choices
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        SettingsError::value(variable, word, format!("give one of {}", names.join(", ")))
    })
}

/// A number within bounds, both included.
fn number<T: Copy + FromStr + PartialOrd + std::fmt::Display>(
    variable: &'static str,
    raw: Option<&str>,
    default: T,
    (least, most): (T, T),
) -> Checked<T> {
    let Some(digits) = text(raw) else {
        return Ok(default);
    };
    match digits.parse::<T>() {
        Ok(value) if least <= value && value <= most => Ok(value),
        _ => Err(SettingsError::value(
            variable,
            digits,
            format!("give a number from {least} to {most}"),
        )),
    }
}

#[cfg(test)]
mod tests;
