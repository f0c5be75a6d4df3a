//! Lingering close (RFC 9112 section 9.6): says goodbye, then reads on for a while. A socket that is closed
//! over unread bytes is reset, and the reset takes the answer away from a client that is still sending.
//! Browsers and simple clients read no answer before all is sent.

use std::io;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::{KeyedPermit, KeyedSemaphore};
use crate::types::UserId;

/// A lingering close in all: 1.5 GB at 100 Mbit/s. What is longer than that is cut off over its answer.
const LONGEST: Duration = Duration::from_secs(120);
/// A client that neither sends nor closes for so long has read the answer, or will not.
const SILENCE: Duration = Duration::from_secs(5);
/// A lingering close without a place among the long ones, or after a head that was none.
const BRIEF: Duration = Duration::from_secs(2);
/// Bytes read in a brief one.
const BRIEF_BYTES: usize = 1024 * 1024;
/// Long ones at once after requests with a session, and after those without: a flood without a session takes
/// no place of a person. Each holds a connection and [`CHUNK`] bytes of stack while it is polled.
const WITH_SESSION: usize = 64;
const WITHOUT_SESSION: usize = 32;
/// Long ones of one person, and of one address without a session: a quarter of each. A person who starts 16
/// uploads past a limit at once gets the answer to all.
const OF_ONE_PERSON: usize = WITH_SESSION / 4;
const OF_ONE_ADDRESS: usize = WITHOUT_SESSION / 4;
/// Bytes read at once.
const CHUNK: usize = 16 * 1024;
/// Reads before other tasks have their turn: 256 KiB, some 0.1 ms.
const READS_PER_TURN: usize = 16;

static KNOWN: KeyedSemaphore<UserId> = KeyedSemaphore::new(WITH_SESSION, OF_ONE_PERSON);
static UNKNOWN: KeyedSemaphore<IpAddr> = KeyedSemaphore::new(WITHOUT_SESSION, OF_ONE_ADDRESS);

/// Client that a lingering close counts for: that of the last request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LingerClient {
    Person(UserId),
    Address(IpAddr),
    /// A trusted proxy that named no client. It is held to no share.
    Proxy,
}

/// Place among the long ones.
#[expect(dead_code, reason = "given back when dropped")]
enum LongLinger {
    WithSession(KeyedPermit<'static, UserId>),
    WithoutSession(KeyedPermit<'static, IpAddr>),
}

impl LongLinger {
    fn try_new(client: LingerClient) -> Option<Self> {
        match client {
            LingerClient::Person(id) => KNOWN.try_acquire(Some(id)).map(Self::WithSession),
            LingerClient::Address(addr) => UNKNOWN.try_acquire(Some(addr)).map(Self::WithoutSession),
            LingerClient::Proxy => UNKNOWN.try_acquire(None).map(Self::WithoutSession),
        }
    }
}

/// The end of a connection whose client may still be sending.
pub(crate) struct Linger {
    /// The place among the long ones.
    place: Option<LongLinger>,
    hung_up: bool,
    /// Bytes that may still be read.
    left: usize,
    until: Instant,
    last_read: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Linger {
    /// After an early answer to `client`, if there was a request.
    pub(crate) fn new(client: Option<LingerClient>) -> Self {
        Self::within(client.and_then(LongLinger::try_new))
    }

    /// After a head that was none: no honest program sends a large body behind it.
    pub(crate) fn brief() -> Self {
        Self::within(None)
    }

    fn within(place: Option<LongLinger>) -> Self {
        let now = Instant::now();
        let (left, time) = if place.is_some() { (usize::MAX, LONGEST) } else { (BRIEF_BYTES, BRIEF) };
        let (until, timer) = (now + time, Box::pin(sleep_until(now + time.min(SILENCE))));
        Self { place, hung_up: false, left, until, last_read: now, timer }
    }

    /// Ready once the connection may be closed.
    pub(crate) fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.hung_up {
            ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
            self.hung_up = true;
        }
        for _ in 0..READS_PER_TURN {
            if self.poll_over(cx).is_ready() || self.left == 0 {
                return Poll::Ready(Ok(()));
            }
            let mut chunk = [const { MaybeUninit::uninit() }; CHUNK];
            let mut read = ReadBuf::uninit(&mut chunk);
            ready!(Pin::new(&mut *io).poll_read(cx, &mut read))?;
            match read.filled().len() {
                0 => return Poll::Ready(Ok(())),
                n => self.left = self.left.saturating_sub(n),
            }
            self.last_read = Instant::now();
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Ready when the time is over, or the client silent.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let end = self.until.min(self.last_read + SILENCE);
            if Instant::now() >= end {
                self.place = None;
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    const PERSON: Option<LingerClient> = Some(LingerClient::Person(UserId(1)));
    const STRANGER: Option<LingerClient> = Some(LingerClient::Address(IpAddr::V4(Ipv4Addr::LOCALHOST)));

    async fn over(mut linger: Linger, mut io: impl AsyncRead + AsyncWrite + Unpin) -> Duration {
        let start = Instant::now();
        let _ = poll_fn(|cx| linger.poll(&mut io, cx)).await;
        start.elapsed()
    }

    #[tokio::test]
    async fn long_closes_of_one_client_leave_places_to_others() {
        let long = |client| -> Vec<_> { (0..100).filter_map(|_| LongLinger::try_new(client)).collect() };
        let [addr, other] = [9, 8].map(|last| LingerClient::Address([10, 0, 0, last].into()));
        let [person, next] = [77, 78].map(|id| LingerClient::Person(UserId(id)));
        let (of_person, of_addr) = (long(person), long(addr));
        assert_eq!((of_person.len(), of_addr.len()), (OF_ONE_PERSON, OF_ONE_ADDRESS));
        assert!(Linger::new(Some(person)).place.is_none() && Linger::new(Some(addr)).place.is_none());
        assert!(Linger::new(Some(next)).place.is_some() && Linger::new(Some(other)).place.is_some());
        assert!(Linger::new(None).place.is_none(), "no request, no long close");
        assert!(long(LingerClient::Proxy).len() > OF_ONE_ADDRESS);
    }

    #[tokio::test(start_paused = true)]
    async fn silent_client_has_five_seconds() {
        let (near, mut far) = duplex(64);
        assert_eq!(over(Linger::new(PERSON), near).await, SILENCE);
        assert_eq!(far.read(&mut [0]).await.expect("reads"), 0, "the end was said");
    }

    #[tokio::test(start_paused = true)]
    async fn sending_client_is_heard_until_it_ends() {
        let (near, mut far) = duplex(1024);
        let sender = tokio::spawn(async move {
            for _ in 0..10 {
                far.write_all(&[0; 3000]).await.expect("nothing is reset");
                tokio::time::sleep(Duration::from_secs(4)).await;
            }
        });
        assert_eq!(over(Linger::new(STRANGER), near).await, Duration::from_secs(40));
        sender.await.expect("sends all");
    }

    #[tokio::test(start_paused = true)]
    async fn endless_client_is_cut_off() {
        let cases: [(fn() -> Linger, Duration); 2] =
            [(|| Linger::new(PERSON), LONGEST), (Linger::brief, BRIEF)];
        for (linger, most) in cases {
            let (near, mut far) = duplex(64);
            let sender = tokio::spawn(async move {
                while far.write_all(&[0; 8]).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            });
            assert_eq!(over(linger(), near).await, most);
            sender.await.expect("ends");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn brief_close_reads_one_mebibyte() {
        let (near, mut far) = duplex(64 * 1024);
        let sender = tokio::spawn(async move {
            let mut sent = 0;
            while far.write_all(&[0; 1024]).await.is_ok() {
                sent += 1024;
            }
            sent
        });
        over(Linger::brief(), near).await;
        let sent: usize = sender.await.expect("ends");
        assert!((BRIEF_BYTES..BRIEF_BYTES + 128 * 1024).contains(&sent), "{sent}");
    }
}
