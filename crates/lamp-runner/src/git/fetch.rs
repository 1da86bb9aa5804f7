//! What others have pushed.

use std::time::Duration;

use super::command::text;
use super::{GitError, Repo};

/// How long a fetch may take.
const FETCH_MAX: Duration = Duration::from_mins(5);

/// The remote that is fetched from where there are several.
const PREFERRED: &str = "origin";

impl Repo {
    /// Brings the branches of the remote (`origin`, or else the first one) up to date; says whether there
    /// is a remote. Touches remote-tracking refs only.
    pub async fn fetch(&self) -> Result<bool, GitError> {
        let remotes = text("remote", self.git("remote").run().await?)?;
        let preferred = remotes.lines().find(|remote| *remote == PREFERRED);
        let Some(remote) = preferred.or_else(|| remotes.lines().next()) else { return Ok(false) };
        let fetch =
            self.git("fetch").args(["--quiet", "--no-tags", "--no-write-fetch-head", "--end-of-options", remote]);
        let timed_out = || GitError::Failed {
            command: "fetch".to_owned(),
            message: format!("`{remote}` did not answer within {} s", FETCH_MAX.as_secs()),
        };
        tokio::time::timeout(FETCH_MAX, fetch.run()).await.map_err(|_| timed_out())??;
        Ok(true)
    }
}
