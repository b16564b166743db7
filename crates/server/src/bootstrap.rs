//! Makes the first administrator from files, once.

use lionrocket_app::accounts::{AccountError, AccountService};
use lionrocket_ports::error::Chain;

use crate::{
    Failure,
    commands::password,
    settings::{BootstrapAdmin, Settings},
};

/// Makes the first administrator if the settings name one and there is no account.
pub(crate) async fn first_administrator(
    settings: &Settings,
    accounts: &AccountService,
) -> Result<(), Failure> {
    let Some(files) = &settings.bootstrap_admin else {
        return Ok(());
    };
    let made = if accounts.any().await.map_err(|error| failed(&error))? {
        Err(AccountError::NotFirst)
    } else {
        let account = files.read(settings.passwords.min_chars)?;
        accounts.create_first(account).await
    };
    match made {
        Ok(user) => tracing::info!(
            user_id = user.id.get(),
            "made the first administrator from the files of BOOTSTRAP_ADMIN_…_FILE: they are not \
             needed any more"
        ),
        Err(AccountError::NotFirst) => {
            tracing::info!("BOOTSTRAP_ADMIN_…_FILE is ignored, since there are accounts");
        }
        Err(AccountError::WeakPassword(weakness)) => {
            return Err(BootstrapAdmin::weak_password(password::advice(weakness)).into());
        }
        Err(error) => return Err(failed(&error)),
    }
    Ok(())
}

fn failed(error: &AccountError) -> Failure {
    Failure::Failed(format!(
        "the first administrator cannot be made: {}",
        Chain(error)
    ))
}
