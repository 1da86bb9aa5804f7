//! `lamp tokens`: what lets a user's programs in.

use jiff::SignedDuration;
use lamp_core::access::Permission;
use lamp_core::account::{Email, Secret, Token, check_token};
use lamp_core::actor::Auth;
use lamp_core::ids::TokenId;
use serde_json::json;

use super::AccountError;
use super::users::known_user;
use crate::app::App;

/// A token to be made.
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// Whose; the actor's own by default.
    pub email: Option<Email>,
    /// What it is for.
    pub name: String,
    /// Days for which it is good.
    pub days: u16,
}

/// A token, and its secret for the only time.
#[derive(Debug, Clone)]
pub struct CreatedToken {
    /// The token.
    pub token: Token,
    /// What its owner's programs send.
    pub secret: Secret,
}

impl App {
    /// Makes a token. A user makes their own; an admin, anybody's.
    pub async fn create_token(&self, request: CreateToken) -> Result<CreatedToken, AccountError> {
        check_token(&request.name, request.days)?;
        let own = self.own_email();
        let is_own = request.email.is_none() || request.email == own;
        if is_own && self.actor().auth == Auth::Token {
            return Err(AccountError::TokenByToken);
        }
        if !is_own {
            self.authorize(Permission::Administer)?;
        }
        let nobody = || AccountError::NotAUser { name: self.actor().name.clone() };
        let email = request.email.or(own).ok_or_else(nobody)?;
        let now = self.now();
        let token = Token {
            id: TokenId::new(now, &*self.ids()),
            email,
            name: request.name.trim().to_owned(),
            created_at: now,
            expires_at: now + SignedDuration::from_hours(24 * i64::from(request.days)),
            last_used_on: None,
            revoked_at: None,
        };
        let secret = Secret::new_token(&*self.ids());
        let mut tx = self.ledger().begin().await?;
        let user = known_user(&mut tx, &token.email).await?;
        if user.is_disabled {
            return Err(AccountError::Disabled { email: token.email });
        }
        tx.add_token(&token, secret.digest()).await?;
        let details = json!({"token": token.id, "name": token.name, "expires_at": token.expires_at});
        tx.audit(&self.entry("token.created", &token.email, details)).await?;
        tx.commit().await?;
        Ok(CreatedToken { token, secret })
    }

    /// Tokens without their secrets, newest first: the actor's own, or, for an admin, everybody's.
    pub async fn list_tokens(&self, of: Option<&Email>) -> Result<Vec<Token>, AccountError> {
        let own = self.own_email();
        let is_own = of.is_some() && of == own.as_ref();
        if !is_own {
            self.authorize(Permission::Administer)?;
        }
        Ok(self.ledger().tokens(of).await?)
    }

    /// Takes a token back, named by its id or the start of it.
    pub async fn revoke_token(&self, text: &str) -> Result<Token, AccountError> {
        let token = self.find_token(text).await?;
        if Some(&token.email) != self.own_email().as_ref() {
            self.authorize(Permission::Administer)?;
        }
        let now = self.now();
        let mut tx = self.ledger().begin().await?;
        tx.revoke_token(token.id, now).await?;
        let details = json!({"token": token.id, "name": token.name});
        tx.audit(&self.entry("token.revoked", &token.email, details)).await?;
        tx.commit().await?;
        Ok(Token { revoked_at: Some(now), ..token })
    }

    async fn find_token(&self, text: &str) -> Result<Token, AccountError> {
        let unknown = || AccountError::UnknownToken { text: text.to_owned() };
        if let Some(id) = TokenId::parse(text) {
            return self.ledger().find_token(id).await?.ok_or_else(unknown);
        }
        let begins_so = |token: &Token| !text.is_empty() && token.id.to_string().starts_with(text);
        let mut found: Vec<Token> = self.ledger().tokens(None).await?.into_iter().filter(begins_so).collect();
        match found.len() {
            0 => Err(unknown()),
            1 => Ok(found.remove(0)),
            count => Err(AccountError::AmbiguousToken { text: text.to_owned(), count }),
        }
    }

    /// The actor as a user, if their name is an address.
    fn own_email(&self) -> Option<Email> {
        Email::parse(&self.actor().name).ok()
    }
}
