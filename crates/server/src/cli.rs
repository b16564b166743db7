//! The command line.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use lionrocket_domain::calendar::Month;
use lionrocket_ports::admin::AccountState;

use crate::{
    Failure,
    commands::{self, accounts::Act},
    settings::RawSettings,
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "lionrocket",
    version,
    about = "LionRocket: a self-hosted service for talking to characters on the Claude API",
    long_about = None,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong use, 74 the disk or the database cannot be \
                  relied on, 78 a setting does not work. Settings are \
                  read from the environment and from a file `.env` in the working directory."
)]
pub struct Cli {
    #[command(flatten)]
    settings: RawSettings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the service (what happens without a command)
    Serve,
    /// Works on accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Works on the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Brings the database to this version, or makes it
    Migrate(Printing),
    /// Copies the database into a new file, also while the service runs, and checks the copy
    Backup(BackUp),
    /// Puts a backup in the place of the database; the service must not run
    Restore(Restore),
    /// Prints the OpenAPI document of the HTTP API
    Openapi,
    /// Asks the running service whether it is ready; 0 when it is, 1 when it is not
    Healthcheck,
    /// Works on secrets
    #[command(subcommand)]
    Secret(SecretCommand),
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Makes an account, also while the service runs
    Create(CreateUser),
    /// Lists accounts, newest first
    List(ListUsers),
    /// Lets a person use the service no more; ends all their logins
    Disable(OneUser),
    /// Lets a person use the service again; takes a deletion back
    Enable(OneUser),
    /// Lets a person administer the service; ends all their logins
    Promote(OneUser),
    /// Lets a person administer the service no more; ends all their logins
    Demote(OneUser),
    /// Begins the deletion of an account: it is erased seven days later
    Delete(OneUser),
    /// Prints a link by which a person sets a new password, once and within an hour
    ResetPassword(OneUser),
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Checks that no row was changed, taken out or cut off; 0 when all is well, 1 when it is not
    Verify(Printing),
    /// Sums up a month: who did what to whose data, who read whose chats and why, and whether the log
    /// is whole
    Report(AuditMonth),
}

#[derive(Debug, Subcommand)]
enum SecretCommand {
    /// Prints a new secret for `JWT_SECRET`
    Generate(Printing),
}

/// A month to sum up.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct AuditMonth {
    /// The month, such as `2026-11`, in the zone of `STATS_TIMEZONE`
    #[arg(long, value_name = "MONTH", value_parser = month)]
    pub(crate) month: Month,
    #[command(flatten)]
    pub(crate) printing: Printing,
}

fn month(text: &str) -> Result<Month, &'static str> {
    Month::parse(text).ok_or("must be a year and a month, such as 2026-11")
}

/// How a command prints.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Printing {
    /// Prints JSON for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// A backup to make.
#[derive(Args, Clone, Debug)]
pub(crate) struct BackUp {
    /// The directory for backups; it is made when it is not there
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) output: PathBuf,
    /// Removes backups from there that are older than so many days, once the new one is complete
    #[arg(long, value_name = "DAYS", default_value_t = 35, value_parser = clap::value_parser!(u8).range(1..=35))]
    pub(crate) keep_days: u8,
    #[command(flatten)]
    pub(crate) printing: Printing,
}

/// A backup to go back to.
#[derive(Args, Clone, Debug)]
pub(crate) struct Restore {
    /// The file of a backup, or a directory of which the newest backup is taken
    #[arg(long, value_name = "PATH")]
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) printing: Printing,
}

/// An account to make.
#[derive(Args, Clone, Debug)]
pub(crate) struct CreateUser {
    /// The name to sign in with
    #[arg(long, value_name = "NAME")]
    pub(crate) username: String,
    /// The e-mail address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: String,
    /// Lets the account administer the service
    #[arg(long)]
    pub(crate) admin: bool,
    #[command(flatten)]
    pub(crate) password: PasswordSource,
    #[command(flatten)]
    pub(crate) printing: Printing,
}

/// Where a password comes from; without either, whoever sits at the terminal is asked for it.
#[derive(Args, Clone, Debug)]
#[group(multiple = false)]
pub(crate) struct PasswordSource {
    /// Reads the password from standard input, up to the first line's end, instead of asking for it
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Reads the password from a file, up to the first line's end, instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// Which accounts to list.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ListUsers {
    /// Only those in this state: `active`, `disabled`, `deleted` or `admin`
    #[arg(long, value_name = "STATE", value_parser = account_state)]
    pub(crate) state: Option<AccountState>,
    #[command(flatten)]
    pub(crate) printing: Printing,
}

fn account_state(name: &str) -> Result<AccountState, &'static str> {
    AccountState::parse(name).ok_or("must be active, disabled, deleted or admin")
}

/// An account to do something to.
#[derive(Args, Clone, Debug)]
pub(crate) struct OneUser {
    #[command(flatten)]
    pub(crate) which: WhichUser,
    #[command(flatten)]
    pub(crate) printing: Printing,
}

/// Names an account in one of two ways.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct WhichUser {
    /// The account's user name, however it is written
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// The account's id
    #[arg(long, value_name = "NUMBER")]
    pub(crate) id: Option<i64>,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let outcome = load_dotenv().and_then(|()| dispatch(Cli::parse()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("lionrocket: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Adds the variables of `.env` in the working directory to the environment; those that are set
/// already stay.
fn load_dotenv() -> Result<(), Failure> {
    match dotenvy::from_path(".env") {
        Ok(()) => Ok(()),
        Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        // The line itself may hold a secret.
        Err(dotenvy::Error::LineParse(_, column)) => Err(Failure::Configuration(format!(
            ".env has a line that cannot be read (at its character {column}): write NAME=value, \
             with quotes around a value that has spaces"
        ))),
        Err(error) => Err(Failure::Configuration(format!(
            ".env cannot be read ({error}): put it right or remove it"
        ))),
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    let settings = &cli.settings;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => commands::serve::run(settings),
        Command::User(command) => dispatch_user(settings, &command),
        Command::Audit(AuditCommand::Verify(printing)) => {
            commands::audit::verify(settings, printing)
        }
        Command::Audit(AuditCommand::Report(wanted)) => commands::audit::report(settings, wanted),
        Command::Migrate(printing) => commands::migrate::run(settings, printing),
        Command::Backup(wanted) => commands::backup::create(settings, &wanted),
        Command::Restore(wanted) => commands::backup::restore(settings, &wanted),
        Command::Openapi => commands::openapi::run(),
        Command::Healthcheck => commands::healthcheck::run(settings),
        Command::Secret(SecretCommand::Generate(printing)) => commands::secret::run(printing),
    }
}

fn dispatch_user(settings: &RawSettings, command: &UserCommand) -> Result<(), Failure> {
    let (act, user) = match command {
        UserCommand::Create(user) => return commands::user::create(settings, user),
        UserCommand::ResetPassword(user) => return commands::resets::create(settings, user),
        UserCommand::List(wanted) => return commands::accounts::list(settings, *wanted),
        UserCommand::Disable(user) => (Act::Disable, user),
        UserCommand::Enable(user) => (Act::Enable, user),
        UserCommand::Promote(user) => (Act::Promote, user),
        UserCommand::Demote(user) => (Act::Demote, user),
        UserCommand::Delete(user) => (Act::Delete, user),
    };
    commands::accounts::act(settings, act, user)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_service_is_run() {
        let cli = Cli::try_parse_from(["lionrocket"]).unwrap();
        assert!(cli.command.is_none());
        assert!(Cli::try_parse_from(["lionrocket", "fly"]).is_err());
    }
}
