//! The settings as they are written: environment variables, `.env` and flags of the command line.

use clap::Args;
use secrecy::SecretString;

/// Every setting, unread. An empty text is the same as none.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings (an empty variable is the same as none)")]
pub struct RawSettings {
    /// `development`, or the strict `production` [default: development]
    #[arg(long, env = "APP_ENV", hide_env_values = true, value_name = "NAME")]
    pub app_env: Option<String>,
    /// Whether the log tells everything; refused in production [default: false]
    #[arg(long, env = "DEBUG", hide_env_values = true, value_name = "BOOL")]
    pub debug: Option<String>,
    /// The address to listen on [default: 127.0.0.1]
    #[arg(long, env = "HOST", hide_env_values = true, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// The port to listen on; 0 takes a free one [default: 8000]
    #[arg(long, env = "PORT", hide_env_values = true, value_name = "NUMBER")]
    pub port: Option<String>,
    /// Where people reach the service, separated by commas; needed in production
    /// [default: this machine, at PORT]
    #[arg(
        long,
        env = "PUBLIC_ORIGINS",
        hide_env_values = true,
        value_name = "ORIGINS"
    )]
    pub public_origins: Option<String>,
    /// Origins of other web applications that may call the API, separated by commas [default: none]
    #[arg(
        long,
        env = "CORS_ORIGINS",
        hide_env_values = true,
        value_name = "ORIGINS"
    )]
    pub cors_origins: Option<String>,
    /// Addresses or networks of proxies that tell the client's address [default: none]
    #[arg(
        long,
        env = "TRUSTED_PROXIES",
        hide_env_values = true,
        value_name = "NETWORKS"
    )]
    pub trusted_proxies: Option<String>,
    /// `on` or `off`: limits on how often something may be done; off is refused in production
    /// [default: on]
    #[arg(long, env = "RATE_LIMIT", hide_env_values = true, value_name = "NAME")]
    pub rate_limit: Option<String>,
    /// With less free space than this beside the database no new messages are taken [default: 100]
    #[arg(
        long,
        env = "DISK_LOW_WATER_MB",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub disk_low_water_mb: Option<String>,
    /// The port for Prometheus to read figures from; 0 takes a free one [default: none]
    #[arg(
        long,
        env = "METRICS_PORT",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub metrics_port: Option<String>,
    /// The address of that port [default: 127.0.0.1]
    #[arg(
        long,
        env = "METRICS_HOST",
        hide_env_values = true,
        value_name = "ADDRESS"
    )]
    pub metrics_host: Option<String>,
    /// The database [default: `sqlite:///./data/app.db`]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// The key of the Claude API; without it the demo model answers
    #[arg(
        long,
        env = "CLAUDE_API_KEY",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub claude_api_key: Option<SecretString>,
    /// A file with the key of the Claude API, instead of `CLAUDE_API_KEY`
    #[arg(
        long,
        env = "CLAUDE_API_KEY_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub claude_api_key_file: Option<String>,
    /// How the key is sent, `x-api-key` or `bearer` [default: x-api-key]
    #[arg(
        long,
        env = "CLAUDE_AUTH_HEADER",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub claude_auth_header: Option<String>,
    /// Where the Claude API is [default: `https://api.anthropic.com`]
    #[arg(
        long,
        env = "CLAUDE_BASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub claude_base_url: Option<String>,
    /// The model that is asked [default: claude-haiku-5-5]
    #[arg(
        long,
        env = "CLAUDE_MODEL",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub claude_model: Option<String>,
    /// The version of the Claude API [default: 2026-10-21]
    #[arg(
        long,
        env = "CLAUDE_API_VERSION",
        hide_env_values = true,
        value_name = "DATE"
    )]
    pub claude_api_version: Option<String>,
    /// The most tokens of one reply [default: 1024]
    #[arg(
        long,
        env = "CLAUDE_MAX_TOKENS",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub claude_max_tokens: Option<String>,
    /// How much of a conversation the model is sent, in tokens; what was before is summed up [default: 24000]
    #[arg(
        long,
        env = "HISTORY_MAX_TOKENS",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub history_max_tokens: Option<String>,
    /// How many replies are written at once; as many again wait, more are refused [default: 1000]
    #[arg(
        long,
        env = "MAX_RUNNING_REPLIES",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub max_running_replies: Option<String>,
    /// What becomes of replies that the end of the process cut: `continue` or `keep` [default: continue]
    #[arg(
        long,
        env = "ON_INTERRUPT",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub on_interrupt: Option<String>,
    /// A TOML file with prices and sizes of models, instead of the built-in one
    #[arg(
        long,
        env = "MODEL_CATALOG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub model_catalog: Option<String>,
    /// Which model answers, `claude` or `demo` [default: claude with a key, else demo]
    #[arg(
        long,
        env = "LANGUAGE_MODEL",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub language_model: Option<String>,
    /// The demo model's pause between words, in milliseconds [default: 35]
    #[arg(
        long,
        env = "DEMO_DELAY_MS",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub demo_delay_ms: Option<String>,
    /// What access tokens are signed with; in development one is made and kept beside the database
    #[arg(
        long,
        env = "JWT_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub jwt_secret: Option<SecretString>,
    /// A file with what access tokens are signed with, instead of `JWT_SECRET`
    #[arg(
        long,
        env = "JWT_SECRET_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub jwt_secret_file: Option<String>,
    /// Former secrets that still verify tokens, separated by commas
    #[arg(
        long,
        env = "JWT_SECRET_PREVIOUS",
        hide_env_values = true,
        value_name = "SECRETS"
    )]
    pub jwt_secret_previous: Option<SecretString>,
    /// How tokens are signed: HS256, HS384 or HS512 [default: HS256]
    #[arg(
        long,
        env = "JWT_ALGORITHM",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub jwt_algorithm: Option<String>,
    /// How long a token lives, in hours from 0.05 to 168 [default: 24]
    #[arg(
        long,
        env = "JWT_EXPIRATION_HOURS",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub jwt_expiration_hours: Option<String>,
    /// Who may make an account: `open`, `invite` or `closed` [default: open]
    #[arg(
        long,
        env = "REGISTRATION",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub registration: Option<String>,
    /// The shortest password, in characters, at least 8 [default: 10]
    #[arg(
        long,
        env = "PASSWORD_MIN_LENGTH",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub password_min_length: Option<String>,
    /// A file of leaked passwords that nobody may choose: sorted lines SHA-1:count
    #[arg(
        long,
        env = "BREACHED_PASSWORDS_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub breached_passwords_file: Option<String>,
    /// A secret that is part of every password's hash and not in the database; never lose it
    #[arg(
        long,
        env = "PASSWORD_PEPPER",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub password_pepper: Option<SecretString>,
    /// A file with that secret, instead of `PASSWORD_PEPPER`
    #[arg(
        long,
        env = "PASSWORD_PEPPER_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub password_pepper_file: Option<String>,
    /// Former peppers that still verify passwords, separated by commas
    #[arg(
        long,
        env = "PASSWORD_PEPPER_PREVIOUS",
        hide_env_values = true,
        value_name = "SECRETS"
    )]
    pub password_pepper_previous: Option<SecretString>,
    /// A file with the user name of the first administrator, who is made when there is no account
    #[arg(
        long,
        env = "BOOTSTRAP_ADMIN_USERNAME_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub bootstrap_admin_username_file: Option<String>,
    /// A file with that person's e-mail address
    #[arg(
        long,
        env = "BOOTSTRAP_ADMIN_EMAIL_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub bootstrap_admin_email_file: Option<String>,
    /// A file with that person's password, in its first line
    #[arg(
        long,
        env = "BOOTSTRAP_ADMIN_PASSWORD_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub bootstrap_admin_password_file: Option<String>,
    /// Whether people see when administrators read their chats and usage [default: true]
    #[arg(
        long,
        env = "ADMIN_READS_VISIBLE",
        hide_env_values = true,
        value_name = "BOOL"
    )]
    pub admin_reads_visible: Option<String>,
    /// The longest message of a person, in characters [default: 200]
    #[arg(
        long,
        env = "MESSAGE_MAX_CHARS",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub message_max_chars: Option<String>,
    /// The zone in which a day of the usage statistics begins [default: Asia/Seoul]
    #[arg(
        long,
        env = "STATS_TIMEZONE",
        hide_env_values = true,
        value_name = "ZONE"
    )]
    pub stats_timezone: Option<String>,
    /// Tokens that one person may use in a day; empty for no limit
    #[arg(
        long,
        env = "USER_DAILY_TOKENS",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub user_daily_tokens: Option<String>,
    /// Dollars that one person may cost in a day, such as 2.50; empty for no limit
    #[arg(
        long,
        env = "USER_DAILY_COST_USD",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub user_daily_cost_usd: Option<String>,
    /// Tokens that all people together may use in a day; empty for no limit
    #[arg(
        long,
        env = "SERVICE_DAILY_TOKENS",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub service_daily_tokens: Option<String>,
    /// Dollars that all people together may cost in a day; empty for no limit
    #[arg(
        long,
        env = "SERVICE_DAILY_COST_USD",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    pub service_daily_cost_usd: Option<String>,
    /// `text` or `json` [default: text in development, json in production]
    #[arg(long, env = "LOG_FORMAT", hide_env_values = true, value_name = "NAME")]
    pub log_format: Option<String>,
    /// `error`, `warn`, `info`, `debug` or `trace` [default: info]
    #[arg(long, env = "LOG_LEVEL", hide_env_values = true, value_name = "NAME")]
    pub log_level: Option<String>,
}
