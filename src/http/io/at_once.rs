//! The answer to a request, tried as soon as the request is there. Most answers wait for nothing, so the
//! request is gone before hyper looks whether the client has hung up. Else hyper would make a second buffer
//! of 8 KiB for that, as the request is still in the first.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::locks::lock;
use tokio_util::sync::ReusableBoxFuture;

type Made<T> = ReusableBoxFuture<'static, T>;

/// The memory in which a connection's requests are answered, one after the other.
pub(crate) struct Place<T>(Arc<Mutex<Option<Made<T>>>>);

impl<T: Send + 'static> Place<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Begins to make an answer and goes on until it has to wait for the first time.
    pub(crate) fn begin(&self, answer: impl Future<Output = T> + Send + 'static) -> Answering<T> {
        let made = match self.lock().take() {
            Some(mut made) => {
                made.set(answer);
                made
            }
            None => ReusableBoxFuture::new(answer),
        };
        let mut answering = Answering { place: Self(Arc::clone(&self.0)), made: Some(made), answer: None };
        // hyper polls again with the waker that counts before it waits.
        if let Poll::Ready(answer) = answering.poll_made(&mut Context::from_waker(Waker::noop())) {
            answering.answer = Some(answer);
        }
        answering
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Made<T>>> {
        lock(&self.0)
    }
}

/// An answer that is being made, or is there.
pub(crate) struct Answering<T> {
    place: Place<T>,
    /// None once the answer was made: the memory is in its place again.
    made: Option<Made<T>>,
    /// The answer that was there at once.
    answer: Option<T>,
}

impl<T: Send + 'static> Answering<T> {
    fn poll_made(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        let Some(made) = &mut self.made else { return Poll::Pending };
        let polled = made.poll(cx);
        if polled.is_ready() {
            *self.place.lock() = self.made.take();
        }
        polled
    }
}

impl<T: Send + Unpin + 'static> Future for Answering<T> {
    type Output = Result<T, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.answer.take() {
            Some(answer) => Poll::Ready(Ok(answer)),
            None => self.poll_made(cx).map(Ok),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn answer_without_waiting_is_made_before_it_is_asked_for() {
        let place = Place::new();
        for n in 0..3 {
            let request = Arc::new(n);
            let seen = Arc::downgrade(&request);
            let answering = place.begin(async move { *request });
            assert!(seen.upgrade().is_none(), "the request is gone");
            assert!(place.lock().is_some(), "the next one finds the memory");
            assert_eq!(answering.await, Ok(n));
        }
    }

    #[tokio::test]
    async fn answer_that_waits_is_woken_and_gives_its_place_back() {
        let place = Place::new();
        for n in 0..3 {
            let (tell, told) = oneshot::channel();
            let answering = tokio::spawn(place.begin(async move { told.await.ok() }));
            assert!(place.lock().is_none());
            tokio::task::yield_now().await;
            tell.send(n).expect("the receiver waits");
            assert_eq!(answering.await.expect("ends"), Ok(Some(n)));
            assert!(place.lock().is_some());
        }
    }

    #[tokio::test]
    async fn answer_that_nobody_waits_for_any_more_ends() {
        let (place, request) = (Place::new(), Arc::new(()));
        let seen = Arc::downgrade(&request);
        let mut answering = place.begin(async move {
            let _request = request;
            std::future::pending::<()>().await;
        });
        let is_pending = poll_fn(|cx| Poll::Ready(Pin::new(&mut answering).poll(cx).is_pending())).await;
        assert!(is_pending);
        drop(answering);
        assert!(seen.upgrade().is_none());
    }
}
