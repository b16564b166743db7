//! What is kept of how an account was made.

use lionrocket_domain::audit::Performer;
use lionrocket_ports::accounts::{AccountMaker, NewUser, UserRepository};

use crate::files::{DatabaseFile, new_user};

#[tokio::test]
async fn the_notice_that_a_person_saw_at_sign_up_is_kept() {
    let file = DatabaseFile::new();
    let store = file.open();
    let signed_up = NewUser {
        made_by: AccountMaker::Person { consent_version: 7 },
        ..new_user("haru")
    };
    let made = NewUser {
        made_by: AccountMaker::Administration(Performer::operator()),
        ..new_user("boss")
    };
    for user in [signed_up, made] {
        UserRepository::create(&store, user).await.unwrap();
    }
    assert_eq!(
        file.number("SELECT consent_version FROM users WHERE username = 'haru'"),
        7
    );
    let unseen = "SELECT count(*) FROM users WHERE consent_version IS NULL AND username = 'boss'";
    assert_eq!(file.number(unseen), 1);
}
