//! Work that runs to its end even if its caller goes away.
//!
//! Work is boxed, and its result comes through a channel: tokio compiles some 9 KB of code for each type of
//! task, and 40 of them were 6 % of the program.

use std::pin::Pin;

use tokio::sync::oneshot::{Receiver, channel};

/// Starts work that blocks on a thread of its own. The result is an error if the work panicked.
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (answer, result) = channel();
    start(Box::new(move || drop(answer.send(work()))));
    result
}

fn start(work: Box<dyn FnOnce() + Send>) {
    drop(tokio::task::spawn_blocking(work));
}

/// Starts a task. The result is an error if the task panicked.
pub fn task<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Receiver<T> {
    let (answer, result) = channel();
    spawn(Box::pin(async move { drop(answer.send(future.await)) }));
    result
}

fn spawn(future: Pin<Box<dyn Future<Output = ()> + Send>>) {
    drop(tokio::spawn(future));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_gives_its_result() {
        assert_eq!(blocking(|| 7).await, Ok(7));
        assert_eq!(task(async { "x" }).await, Ok("x"));
    }

    #[tokio::test]
    async fn work_that_panics_gives_an_error() {
        assert!(blocking(|| panic!("on purpose")).await.is_err());
        assert!(task(async { panic!("on purpose") }).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn work_ends_though_its_caller_is_gone() {
        let (said, heard) = mpsc::channel();
        let again = said.clone();
        drop(blocking(move || said.send("blocking")));
        drop(task(async move { again.send("task") }));
        let mut all: Vec<_> =
            (0..2).map(|_| heard.recv_timeout(Duration::from_secs(5)).expect("runs")).collect();
        all.sort_unstable();
        assert_eq!(all, ["blocking", "task"]);
    }
}
