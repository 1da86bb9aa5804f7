//! Blocking work on many items, a few at a time.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::available_parallelism;

use crate::error::StoreError;
use crate::hashing::block;

/// Most files worked on at once.
const WORKERS_MAX: usize = 8;

/// Fewest: writing waits for the disk, so two are of use even on one core.
const WORKERS_MIN: usize = 2;

/// Stops the workers when the future that waits for them is dropped.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Threads for work that waits for the disk.
pub(crate) fn threads_for_disk() -> usize {
    available_parallelism().map_or(WORKERS_MIN, usize::from).clamp(WORKERS_MIN, WORKERS_MAX)
}

/// [`on_each_with`] a block to read into for each thread.
pub(crate) async fn on_each<I, O>(
    items: Vec<I>,
    work: impl Fn(&I, &mut [u8]) -> Result<O, StoreError> + Send + Sync + 'static,
) -> Result<Vec<O>, StoreError>
where
    I: Send + Sync + 'static,
    O: Send + 'static,
{
    on_each_with(items, threads_for_disk(), block, move |item, block| work(item, block)).await
}

/// Does `work` on every item on a few blocking threads and returns the results in the order of the
/// items. Each thread starts with a state of its own. After a failure no further item is begun, and
/// the failure of the earliest item is the one returned.
pub(crate) async fn on_each_with<I, O, S>(
    items: Vec<I>,
    threads: usize,
    start: impl Fn() -> S + Send + Sync + 'static,
    work: impl Fn(&I, &mut S) -> Result<O, StoreError> + Send + Sync + 'static,
) -> Result<Vec<O>, StoreError>
where
    I: Send + Sync + 'static,
    O: Send + 'static,
{
    let count = items.len();
    let threads = threads.min(count);
    let shared = Arc::new((items, start, work, AtomicUsize::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let _stop_on_drop = StopOnDrop(Arc::clone(&stop));

    let mut handles = Vec::with_capacity(threads);
    for _ in 0..threads {
        let (shared, stop) = (Arc::clone(&shared), Arc::clone(&stop));
        handles.push(tokio::task::spawn_blocking(move || {
            let (items, start, work, next) = &*shared;
            let mut state = start();
            let mut results = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(index) else { break };
                let result = work(item, &mut state);
                if result.is_err() {
                    stop.store(true, Ordering::Relaxed);
                }
                results.push((index, result));
            }
            results
        }));
    }
    let mut results = Vec::with_capacity(count);
    for handle in handles {
        results.extend(joined(handle).await?);
    }
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Does one piece of blocking work away from the runtime's threads.
pub(crate) async fn blocking<O: Send + 'static>(
    work: impl FnOnce() -> Result<O, StoreError> + Send + 'static,
) -> Result<O, StoreError> {
    joined(tokio::task::spawn_blocking(work)).await?
}

/// The outcome of a task; its panic goes on here.
async fn joined<O>(handle: tokio::task::JoinHandle<O>) -> Result<O, StoreError> {
    handle.await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => StoreError::Interrupted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn results_come_in_order_and_the_earliest_failure_wins() {
        let doubled = on_each((0..1_000_u32).collect(), |n, _| Ok(n * 2)).await.expect("all fine");
        assert_eq!(doubled, (0..1_000).map(|n| n * 2).collect::<Vec<_>>());
        assert!(on_each(Vec::<u32>::new(), |n, _| Ok(*n)).await.expect("nothing to do").is_empty());

        let fails = |n: &u32, _: &mut [u8]| {
            if *n >= 3 { Err(StoreError::Series { series: n.to_string(), why: "test" }) } else { Ok(*n) }
        };
        let error = on_each((0..100).collect(), fails).await.expect_err("3 fails");
        assert!(matches!(error, StoreError::Series { series, .. } if series == "3"));
    }
}
