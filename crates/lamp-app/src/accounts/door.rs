//! Who is let in, and as whom.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use lamp_core::access::AccessRole;
use lamp_core::account::{Attempts, Email, SESSION_AGE_MAX, SESSION_IDLE_MAX, Secret, Session, Source, User};
use lamp_core::actor::{Actor, Auth};
use lamp_core::error::{Classified, Kind};
use serde_json::json;
use tokio::sync::{OnceCell, Semaphore};

use super::tokens::{CreateToken, CreatedToken};
use super::{AccountError, password};
use crate::app::App;

/// Passwords that are hashed at a time: each takes a processor and 19 MiB. More wait.
const HASHING_MAX: usize = 2;

/// How long somebody waits for their turn before they are told to come again.
const TURN_WAIT_MAX: Duration = Duration::from_secs(10);

/// How old the record of a session's last use may be.
const SEEN_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Stands for the password of a user who is not there, so that it takes as long to refuse them.
const NOBODYS_PASSWORD: &str = "nobody has this password";

/// Why nobody was let in. Never says whether there is such a user.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// A wrong password, no such user, one who is disabled, or one without a password.
    #[error("this e-mail address and this password do not go together")]
    Refused,
    /// Too many attempts from there, or on that account.
    #[error("too many attempts; try again in {seconds} s")]
    TooMany {
        /// How long to wait.
        seconds: u64,
    },
    /// Too many people sign in at once.
    #[error("too many people are signing in at this moment")]
    Busy,
    /// A part of the house failed.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl Classified for SignInError {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused => Kind::Forbidden,
            Self::TooMany { .. } | Self::Busy => Kind::Unavailable,
            Self::Account(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused => Some("an admin can set a new password: lamp users password EMAIL".to_owned()),
            Self::TooMany { .. } | Self::Busy => Some("the same again, a little later".to_owned()),
            Self::Account(error) => error.hint(),
        }
    }
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Who they are, and how we know.
    pub actor: Actor,
    /// What they are trusted with at this moment.
    pub role: AccessRole,
}

impl Known {
    fn of(user: &User, auth: Auth) -> Self {
        Self { actor: user.actor(auth), role: user.role }
    }
}

/// The door of a server: it knows people by password, session and token, and counts attempts.
#[derive(Clone)]
pub struct Door {
    inner: Arc<Inner>,
}

struct Inner {
    app: App,
    attempts: Mutex<Attempts>,
    opened: Instant,
    hashing: Semaphore,
    /// The hash of [`NOBODYS_PASSWORD`].
    nobodys: OnceCell<String>,
}

impl Door {
    /// A door to the workspace of `app`.
    pub fn new(app: &App) -> Self {
        let inner = Inner {
            app: app.acting_as_system(),
            attempts: Mutex::default(),
            opened: Instant::now(),
            hashing: Semaphore::new(HASHING_MAX),
            nobodys: OnceCell::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Who sends this password, if it is theirs. `from` is where the request comes from, if that is known.
    pub async fn check_password(
        &self,
        email: &str,
        password: String,
        from: Option<IpAddr>,
    ) -> Result<User, SignInError> {
        let email = Email::parse(email).map_err(|_| SignInError::Refused)?;
        let sources: Vec<Source> =
            std::iter::once(Source::Account(email.to_string())).chain(from.map(Source::of_address)).collect();
        self.count(|attempts, now| attempts.begin(&sources, now))
            .map_err(|wait| SignInError::TooMany { seconds: wait.as_secs().saturating_add(1) })?;
        let user = self.app().ledger().find_user(&email).await.map_err(AccountError::from)?;
        let is_right = self.is_password_of(user.as_ref(), password).await?;
        match user {
            Some(user) if is_right && !user.is_disabled => {
                self.count(|attempts, _| attempts.succeeded(&sources));
                Ok(user)
            }
            Some(user) => {
                self.record_refusal(user, from);
                Err(SignInError::Refused)
            }
            None => {
                tracing::warn!(?from, "somebody tried to sign in as a user that does not exist");
                Err(SignInError::Refused)
            }
        }
    }

    /// Begins a session for somebody whose password was right.
    pub async fn begin_session(&self, user: &User) -> Result<Secret, AccountError> {
        let app = self.app();
        let now = app.now();
        let secret = Secret::new_session(&*app.ids());
        let session = Session { email: user.email.clone(), created_at: now, seen_at: now };
        let mut tx = app.ledger().begin().await?;
        // A good moment to sweep: as many sessions end here as begin.
        tx.end_old_sessions(now - SESSION_AGE_MAX, now - SESSION_IDLE_MAX).await?;
        tx.begin_session(&session, secret.digest()).await?;
        let entry = app.acting_as(user.actor(Auth::Password), user.role).entry("session.begun", &user.email, json!({}));
        tx.audit(&entry).await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// Makes a token for somebody whose password was right.
    pub async fn make_token(&self, user: &User, name: String, days: u16) -> Result<CreatedToken, AccountError> {
        let app = self.app().acting_as(user.actor(Auth::Password), user.role);
        app.create_token(CreateToken { email: None, name, days }).await
    }

    /// Ends a session; one that is not there needs no end.
    pub async fn end_session(&self, secret: &Secret) -> Result<(), AccountError> {
        let mut tx = self.app().ledger().begin().await?;
        tx.end_session(secret.digest()).await?;
        Ok(tx.commit().await?)
    }

    /// Whose session this is, while it lasts.
    pub async fn by_session(&self, secret: &Secret) -> Result<Option<Known>, AccountError> {
        let ledger = self.app().ledger();
        let now = self.app().now();
        let digest = secret.digest();
        let Some(session) = ledger.find_session(digest).await? else { return Ok(None) };
        if !session.is_alive(now) {
            return Ok(None);
        }
        let user = ledger.find_user(&session.email).await?.filter(|user| !user.is_disabled);
        if user.is_some() && now.duration_since(session.seen_at) > SEEN_EVERY {
            let mut tx = ledger.begin().await?;
            tx.session_seen(digest, now).await?;
            tx.commit().await?;
        }
        Ok(user.map(|user| Known::of(&user, Auth::Password)))
    }

    /// Whose token this is, while it is good.
    pub async fn by_token(&self, secret: &Secret) -> Result<Option<Known>, AccountError> {
        let ledger = self.app().ledger();
        let now = self.app().now();
        let Some(token) = ledger.find_token_by_secret(secret.digest()).await? else { return Ok(None) };
        if !token.is_good(now) {
            return Ok(None);
        }
        let user = ledger.find_user(&token.email).await?.filter(|user| !user.is_disabled);
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        if user.is_some() && token.last_used_on != Some(today) {
            let mut tx = ledger.begin().await?;
            tx.token_used(token.id, today).await?;
            tx.commit().await?;
        }
        Ok(user.map(|user| Known::of(&user, Auth::Token)))
    }

    /// Whoever is not there costs a hash too, so that the time of an answer tells nothing.
    async fn is_password_of(&self, user: Option<&User>, password: String) -> Result<bool, SignInError> {
        let turn = tokio::time::timeout(TURN_WAIT_MAX, self.inner.hashing.acquire()).await;
        let _turn = turn.map_err(|_| SignInError::Busy)?.map_err(|_| SignInError::Busy)?;
        let kept = match user {
            Some(user) => self.app().ledger().find_password(&user.email).await.map_err(AccountError::from)?,
            None => None,
        };
        let nobodys = self
            .inner
            .nobodys
            .get_or_try_init(|| async { password::hash(NOBODYS_PASSWORD.to_owned(), &*self.app().ids()).await });
        let hash = match &kept {
            Some(hash) => hash,
            None => nobodys.await?,
        };
        let is_right = password::matches(password, hash.clone()).await?;
        Ok(is_right && kept.is_some())
    }

    /// Written down after the answer, which must not take longer for a user that exists. The waits
    /// keep this short: some sixty a user and hour.
    fn record_refusal(&self, user: User, from: Option<IpAddr>) {
        let app = self.app().clone();
        tokio::spawn(async move {
            let recorded = async {
                let mut tx = app.ledger().begin().await?;
                tx.audit(&app.entry("session.refused", &user.email, json!({"from": from}))).await?;
                tx.commit().await
            };
            if let Err(error) = recorded.await {
                tracing::warn!(user = %user.email, %error, "cannot record that somebody was not let in");
            }
        });
    }

    fn count<T>(&self, change: impl FnOnce(&mut Attempts, Duration) -> T) -> T {
        let mut attempts = self.inner.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut attempts, self.inner.opened.elapsed())
    }

    fn app(&self) -> &App {
        &self.inner.app
    }
}
