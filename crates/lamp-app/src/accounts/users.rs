//! `lamp users`: who may sign in, and as what.

use lamp_core::access::{AccessRole, Permission};
use lamp_core::account::{Email, User, check_password};
use lamp_ledger::Tx;
use serde_json::json;

use super::{AccountError, password};
use crate::app::App;

/// A user to be added.
#[derive(Clone)]
pub struct AddUser {
    /// Their address.
    pub email: Email,
    /// What they are trusted with.
    pub role: AccessRole,
    /// Their password; without one, only tokens let them in.
    pub password: Option<String>,
}

/// Not shown: it holds a password.
impl std::fmt::Debug for AddUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddUser").field("email", &self.email).field("role", &self.role).finish_non_exhaustive()
    }
}

impl App {
    /// Every user, in the order in which they were added. Anybody may look: the names stand on what
    /// they did anyway.
    pub async fn list_users(&self) -> Result<Vec<User>, AccountError> {
        Ok(self.ledger().users().await?)
    }

    /// How many users can keep users.
    pub async fn count_admins(&self) -> Result<u64, AccountError> {
        Ok(self.ledger().count_admins().await?)
    }

    /// Adds a user. The first one is an admin.
    pub async fn add_user(&self, request: AddUser) -> Result<User, AccountError> {
        self.authorize(Permission::Administer)?;
        let AddUser { email, role, password } = request;
        let hash = match password {
            Some(password) => {
                check_password(&password, &email)?;
                Some(password::hash(password, &*self.ids()).await?)
            }
            None => None,
        };
        let user = User {
            email,
            role,
            is_disabled: false,
            has_password: hash.is_some(),
            created_at: self.now(),
            created_by: self.actor().clone(),
        };
        let mut tx = self.ledger().begin().await?;
        if role != AccessRole::Admin && tx.count_admins().await? == 0 {
            return Err(AccountError::FirstIsNoAdmin { email: user.email });
        }
        tx.add_user(&user, hash.as_deref()).await?;
        let details = json!({"role": role, "has_password": user.has_password});
        tx.audit(&self.entry("user.added", &user.email, details)).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Gives a user another role. It counts from their next request on.
    pub async fn set_user_role(&self, email: &Email, role: AccessRole) -> Result<User, AccountError> {
        self.authorize(Permission::Administer)?;
        let mut tx = self.ledger().begin().await?;
        let before = known_user(&mut tx, email).await?;
        tx.set_user_role(email, role).await?;
        require_admin(&mut tx, &before).await?;
        let details = json!({"from": before.role, "to": role});
        tx.audit(&self.entry("user.role_changed", email, details)).await?;
        tx.commit().await?;
        Ok(User { role, ..before })
    }

    /// Shuts a user out at once, or lets them in again. Their sessions end; their tokens rest.
    pub async fn set_user_disabled(&self, email: &Email, is_disabled: bool) -> Result<User, AccountError> {
        self.authorize(Permission::Administer)?;
        let mut tx = self.ledger().begin().await?;
        let before = known_user(&mut tx, email).await?;
        tx.set_user_disabled(email, is_disabled).await?;
        require_admin(&mut tx, &before).await?;
        let sessions = if is_disabled { tx.end_sessions_of(email).await? } else { 0 };
        let action = if is_disabled { "user.disabled" } else { "user.enabled" };
        tx.audit(&self.entry(action, email, json!({"sessions_ended": sessions}))).await?;
        tx.commit().await?;
        Ok(User { is_disabled, ..before })
    }

    /// Replaces a user's password. Their sessions end; their tokens stay.
    pub async fn set_user_password(&self, email: &Email, password: String) -> Result<User, AccountError> {
        self.authorize(Permission::Administer)?;
        check_password(&password, email)?;
        let hash = password::hash(password, &*self.ids()).await?;
        let mut tx = self.ledger().begin().await?;
        let before = known_user(&mut tx, email).await?;
        tx.set_password(email, &hash).await?;
        let sessions = tx.end_sessions_of(email).await?;
        tx.audit(&self.entry("user.password_set", email, json!({"sessions_ended": sessions}))).await?;
        tx.commit().await?;
        Ok(User { has_password: true, ..before })
    }
}

pub(super) async fn known_user(tx: &mut Tx, email: &Email) -> Result<User, AccountError> {
    tx.find_user(email).await?.ok_or_else(|| AccountError::UnknownUser { email: email.clone() })
}

/// Asked after the change and before it is saved; writers take turns, so nobody changes it between.
async fn require_admin(tx: &mut Tx, changed: &User) -> Result<(), AccountError> {
    let there_was_one = changed.is_working_admin();
    if there_was_one && tx.count_admins().await? == 0 {
        return Err(AccountError::LastAdmin { email: changed.email.clone() });
    }
    Ok(())
}
