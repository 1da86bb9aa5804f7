//! The end of a run's log.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use lamp_core::run::Run;
use lamp_runner::run_folder::{RunFolder, RunFolderError};

use super::RunError;
use crate::app::App;
use crate::paging::{Page, PageNumber};
use crate::parts::PartError;

/// Bytes of a log that are shown.
const TAIL_BYTES: u64 = 64 * 1024;

/// Lines of a log that are shown.
const TAIL_LINES: usize = 200;

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTail {
    /// The last lines, in order.
    pub lines: Vec<String>,
    /// Whether there are earlier ones.
    pub is_cut: bool,
}

impl App {
    /// A page of all runs, newest first.
    pub async fn runs_page(&self, page: PageNumber) -> Result<Page<Run>, RunError> {
        let found = self.ledger().runs_page(page.skip(), PageNumber::limit()).await?;
        Ok(Page::of(found, page))
    }

    /// The last lines of a run's log; none where another machine has it.
    pub async fn run_log_tail(&self, run: &Run) -> Result<Option<LogTail>, RunError> {
        let folder = match RunFolder::open(&self.layout().runs(), run.id) {
            Ok(folder) => folder,
            Err(RunFolderError::Missing(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let path = folder.log_path();
        let read = tokio::task::spawn_blocking({
            let path = path.clone();
            move || tail(&path)
        });
        match read.await {
            Ok(Ok(tail)) => Ok(Some(tail)),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Ok(Err(error)) => Err(PartError::file("read", &path)(error).into()),
            Err(_) => Ok(None),
        }
    }
}

fn tail(path: &Path) -> std::io::Result<LogTail> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(last_lines(&String::from_utf8_lossy(&bytes), from > 0))
}

/// The last lines of a text. One that was cut in front does not count as a line.
fn last_lines(text: &str, is_cut: bool) -> LogTail {
    let mut lines: Vec<&str> = text.lines().skip(usize::from(is_cut)).collect();
    let hidden = lines.len().saturating_sub(TAIL_LINES);
    lines.drain(..hidden);
    // A progress bar writes over its line: what it wrote last is what a terminal would show.
    let shown = |line: &&str| line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default().to_owned();
    LogTail { lines: lines.iter().map(shown).collect(), is_cut: is_cut || hidden > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_whole_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        std::fs::write(&path, "epoch 1\n10 %\r50 %\r100 %\né done").expect("a log");
        let found = tail(&path).expect("a tail");
        assert_eq!(
            (found.lines, found.is_cut),
            (vec!["epoch 1".to_owned(), "100 %".to_owned(), "é done".to_owned()], false)
        );
        let line = "x".repeat(99);
        let long = format!("{line}\n").repeat(2_000);
        std::fs::write(&path, &long).expect("a log");
        let found = tail(&path).expect("a tail");
        assert!(found.is_cut && found.lines.len() == TAIL_LINES && found.lines.iter().all(|one| *one == line));
        assert_eq!(last_lines("half\nwhole\n", true).lines, ["whole"]);
    }
}
