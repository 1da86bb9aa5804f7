//! Users, tokens and sessions.

use jiff::civil::date;
use lamp_core::access::AccessRole;
use lamp_core::account::{Email, Session, Token, User};
use lamp_core::digest::Digest;
use lamp_core::error::Kind;
use lamp_core::ids::TokenId;
use lamp_ledger::Ledger;

use crate::place::{Place, kind, on_both};
use crate::samples::{at, person, uuid};

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).expect("an address")
}

fn user(name: &str, role: AccessRole) -> User {
    User { email: email(name), role, is_disabled: false, has_password: false, created_at: at(0), created_by: person() }
}

async fn add(ledger: &Ledger, user: &User, password: Option<&str>) {
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_user(user, password).await.expect("added");
    tx.commit().await.expect("saved");
}

async fn users_are_kept_as_they_were_added(place: Place) {
    let ledger = place.open().await;
    let (ada, grace) = (user("ada", AccessRole::Admin), user("grace", AccessRole::Viewer));
    add(&ledger, &ada, Some("$argon2id$…")).await;
    add(&ledger, &grace, None).await;
    let kept = User { has_password: true, ..ada.clone() };
    assert_eq!(ledger.users().await.expect("users"), [kept.clone(), grace.clone()]);
    assert_eq!(ledger.find_user(&email("ada")).await.expect("asked"), Some(kept));
    assert_eq!(ledger.find_user(&email("nobody")).await.expect("asked"), None);
    assert_eq!(ledger.find_password(&email("ada")).await.expect("asked").as_deref(), Some("$argon2id$…"));
    assert_eq!(ledger.find_password(&email("grace")).await.expect("asked"), None);
    assert_eq!(ledger.find_password(&email("nobody")).await.expect("asked"), None);

    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.add_user(&ada, None).await), Kind::Conflict);
    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(kind(tx.set_user_role(&email("nobody"), AccessRole::Admin).await), Kind::NotFound);
}

async fn admins_are_counted_while_they_can_work(place: Place) {
    let ledger = place.open().await;
    add(&ledger, &user("ada", AccessRole::Admin), None).await;
    add(&ledger, &user("grace", AccessRole::Approver), None).await;
    assert_eq!(ledger.count_admins().await.expect("counted"), 1);
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.set_user_role(&email("grace"), AccessRole::Admin).await.expect("set");
    assert_eq!(tx.count_admins().await.expect("counted"), 2);
    tx.set_user_disabled(&email("ada"), true).await.expect("set");
    assert_eq!(tx.count_admins().await.expect("counted"), 1);
    tx.set_password(&email("grace"), "hash").await.expect("set");
    tx.commit().await.expect("saved");
    let found = ledger.find_user(&email("grace")).await.expect("asked").expect("a user");
    assert_eq!((found.role, found.has_password), (AccessRole::Admin, true));
    assert!(ledger.find_user(&email("ada")).await.expect("asked").expect("a user").is_disabled);
}

async fn a_token_is_found_by_its_secret_and_taken_back_once(place: Place) {
    let ledger = place.open().await;
    add(&ledger, &user("ada", AccessRole::Admin), None).await;
    let token = |number: u8| Token {
        id: TokenId(uuid(number)),
        email: email("ada"),
        name: format!("laptop {number}"),
        created_at: at(0),
        expires_at: at(60),
        last_used_on: None,
        revoked_at: None,
    };
    let secret = |number: u8| Digest::of(&[number]);
    let mut tx = ledger.begin().await.expect("a transaction");
    for number in [1, 2] {
        tx.add_token(&token(number), secret(number)).await.expect("added");
    }
    tx.commit().await.expect("saved");
    assert_eq!(ledger.find_token_by_secret(secret(1)).await.expect("asked"), Some(token(1)));
    assert_eq!(ledger.find_token_by_secret(secret(9)).await.expect("asked"), None);
    assert_eq!(ledger.tokens(None).await.expect("tokens"), [token(2), token(1)]);
    assert_eq!(ledger.tokens(Some(&email("grace"))).await.expect("tokens"), []);

    let mut tx = ledger.begin().await.expect("a transaction");
    tx.token_used(token(1).id, date(2013, 4, 1)).await.expect("noted");
    tx.revoke_token(token(1).id, at(5)).await.expect("revoked");
    tx.commit().await.expect("saved");
    let expected = Token { last_used_on: Some(date(2013, 4, 1)), revoked_at: Some(at(5)), ..token(1) };
    assert_eq!(ledger.find_token(token(1).id).await.expect("asked"), Some(expected));
    for (id, expected) in [(token(1).id, Kind::Conflict), (TokenId(uuid(9)), Kind::NotFound)] {
        let mut tx = ledger.begin().await.expect("a transaction");
        assert_eq!(kind(tx.revoke_token(id, at(6)).await), expected);
    }
    let mut tx = ledger.begin().await.expect("a transaction");
    let stranger = Token { id: TokenId(uuid(3)), email: email("nobody"), ..token(3) };
    assert_eq!(kind(tx.add_token(&stranger, secret(3)).await), Kind::NotFound, "a token has an owner");
}

async fn a_session_lasts_until_it_is_ended(place: Place) {
    let ledger = place.open().await;
    add(&ledger, &user("ada", AccessRole::Admin), None).await;
    let session = |minutes| Session { email: email("ada"), created_at: at(minutes), seen_at: at(minutes) };
    let secret = |number: u8| Digest::of(&[number]);
    let mut tx = ledger.begin().await.expect("a transaction");
    for number in [1, 2, 3] {
        tx.begin_session(&session(i64::from(number)), secret(number)).await.expect("begun");
    }
    tx.session_seen(secret(1), at(30)).await.expect("noted");
    tx.session_seen(secret(1), at(20)).await.expect("an older look changes nothing");
    tx.commit().await.expect("saved");
    let seen = Session { seen_at: at(30), ..session(1) };
    assert_eq!(ledger.find_session(secret(1)).await.expect("asked"), Some(seen));

    let mut tx = ledger.begin().await.expect("a transaction");
    assert_eq!(tx.end_old_sessions(at(0), at(3)).await.expect("ended"), 1, "the second was not used");
    assert!(tx.end_session(secret(3)).await.expect("ended"));
    assert!(!tx.end_session(secret(3)).await.expect("asked"));
    assert_eq!(tx.end_sessions_of(&email("ada")).await.expect("ended"), 1);
    tx.commit().await.expect("saved");
    assert_eq!(ledger.find_session(secret(1)).await.expect("asked"), None);
}

on_both! {
    users_are_kept_as_they_were_added,
    admins_are_counted_while_they_can_work,
    a_token_is_found_by_its_secret_and_taken_back_once,
    a_session_lasts_until_it_is_ended,
}
