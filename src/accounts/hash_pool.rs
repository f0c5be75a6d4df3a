//! Argon2id hashing behind a bounded queue, off the network threads. Only this file calls rust-argon2.

use std::hint::black_box;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use argon2::{ThreadMode, Variant, Version};
use tokio::sync::oneshot;

use crate::config::Argon2Params;
use crate::locks::lock;
use crate::types::crypto::random;

use super::pool_stats::{Hashing, Load};

/// Bytes of salt, as RFC 9106 section 3.1 recommends.
const SALT_BYTES: usize = 16;
/// Bytes of hash: 256 bits (RFC 9106 section 4).
const HASH_BYTES: u32 = 32;

/// Bytes of stack that a hash may use; `prove-ephemeral` shows that it is enough.
const STACK_OF_A_HASH: usize = 16 * 1024;

/// Callers that can wait for a thread (`docs/LIMITS.md`): at 300 ms a hash and four cores the last one waits
/// 5 s.
pub const MAX_WAITING: usize = 64;

/// nice(2) value of the hashing threads, so that chat latency does not suffer: a hash takes 100 ms and more.
/// At 10 a thread has a ninth of the weight of one at 0 (sched(7)); an idle processor is available in full.
const NICENESS: i32 = 10;

/// Parameters of room passwords: 2 MiB, one pass. A room lives minutes to hours and its hash stays in memory,
/// so it only protects against a disclosure of that memory. Joins must stay cheap, or a burst of them would
/// delay all others.
pub const ROOM_PARAMS: Argon2Params = Argon2Params { memory_kib: 2048, passes: 1, lanes: 1 };

/// Error of hashing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HashError {
    /// The queue is full; try again in a moment.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The hash is no Argon2 PHC string, the memory was refused, or the thread died.
    #[error("the password could not be hashed")]
    Failed,
}

/// Result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyOutcome {
    /// True if the password is right.
    pub right: bool,
    /// True if the hash has other parameters than those in force.
    pub outdated: bool,
}

/// Pool of hashing threads. Two pools exist, so that joins cannot starve sign-ins.
///
/// Dedicated threads rather than the runtime's: an allocator keeps a hash's memory for the thread that used
/// it, and on the runtime each thread would end up with some.
#[derive(Clone)]
pub struct HashPool {
    params: Argon2Params,
    jobs: SyncSender<Job>,
    threads: usize,
    load: Arc<Load>,
}

type Job = Box<dyn FnOnce() + Send>;

impl HashPool {
    /// Starts a pool that runs `at_once` hashes with `params`. Its threads end with the last handle.
    pub fn new(params: Argon2Params, at_once: usize) -> io::Result<Self> {
        let (jobs, queue) = sync_channel::<Job>(MAX_WAITING);
        let queue = Arc::new(Mutex::new(queue));
        let threads = at_once.max(1);
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name("hash".into()).spawn(move || work(&queue))?;
        }
        Ok(Self { params, jobs, threads, load: Arc::default() })
    }

    /// Returns the parameters of new hashes.
    pub fn params(&self) -> Argon2Params {
        self.params
    }

    /// Returns the state of the pool.
    pub fn hashing(&self) -> Hashing {
        self.load.now(self.threads)
    }

    /// Returns a hash that matches no password and costs as much to check as a real one.
    pub fn dummy_hash(&self) -> String {
        // 22 and 43 base64 digits: 16 and 32 bytes of zero.
        format!("{}{:A<22}${:A<43}", prefix(self.params), "", "")
    }

    /// Hashes a password into a PHC string.
    pub async fn hash(&self, password: impl AsRef<[u8]> + Send + 'static) -> Result<String, HashError> {
        let params = self.params;
        self.run(move || hash_now(password.as_ref(), params)).await
    }

    /// Checks a password against a PHC string.
    pub async fn verify(
        &self,
        phc: Arc<str>,
        password: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<VerifyOutcome, HashError> {
        let params = self.params;
        self.run(move || {
            let right = argon2::verify_encoded(&phc, password.as_ref()).map_err(|_| HashError::Failed)?;
            Ok(VerifyOutcome { right, outdated: !phc.starts_with(&prefix(params)) })
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let (tell, told) = oneshot::channel();
        let waiting = self.load.wait();
        let job = move || {
            let _running = waiting.run();
            // The caller is gone, so the work is skipped.
            if !tell.is_closed() {
                let _ = tell.send(work());
            }
        };
        self.jobs.try_send(Box::new(job)).map_err(|refused| match refused {
            TrySendError::Full(_) => {
                self.load.refused();
                HashError::Busy
            }
            TrySendError::Disconnected(_) => HashError::Failed,
        })?;
        told.await.unwrap_or(Err(HashError::Failed))
    }
}

/// Runs one thread of a pool.
fn work(queue: &Mutex<Receiver<Job>>) {
    // On Linux this applies to this thread only. If it is refused, hashes and chat share the processor
    // evenly.
    let _ = rustix::process::nice(NICENESS);
    loop {
        // The lock is held while waiting, not while hashing.
        let job = lock(queue).recv();
        let Ok(job) = job else { return };
        // A panic must not end the thread; the caller sees that its answer never comes.
        let _ = panic::catch_unwind(AssertUnwindSafe(job));
        clear_stack();
    }
}

/// Overwrites the stack below the caller. BLAKE2b copies the password there.
#[inline(never)]
fn clear_stack() {
    black_box(&mut [0_u8; STACK_OF_A_HASH]);
}

/// Hashes on this thread, for commands and measurements.
pub fn hash_now(password: &[u8], params: Argon2Params) -> Result<String, HashError> {
    let config = argon2::Config {
        variant: Variant::Argon2id,
        version: Version::Version13,
        mem_cost: params.memory_kib,
        time_cost: params.passes,
        lanes: params.lanes,
        thread_mode: ThreadMode::Sequential,
        hash_length: HASH_BYTES,
        secret: &[],
        ad: &[],
    };
    argon2::hash_encoded(password, &random::<SALT_BYTES>(), &config).map_err(|_| HashError::Failed)
}

/// Checks on this thread, for tests and commands. Texts that are no PHC string match no password.
pub fn verify_now(phc: &str, password: &[u8]) -> bool {
    argon2::verify_encoded(phc, password).unwrap_or(false)
}

/// Returns the beginning of a PHC string with these parameters.
fn prefix(params: Argon2Params) -> String {
    format!("$argon2id$v=19${params}$")
}

#[cfg(test)]
mod tests {
    use super::super::password::Password;
    use super::*;

    const CHEAP: Argon2Params = Argon2Params { memory_kib: 64, passes: 1, lanes: 1 };

    #[tokio::test]
    async fn verify_reports_right_wrong_and_outdated() {
        let pool = HashPool::new(CHEAP, 1).expect("a thread");
        let phc: Arc<str> = pool.hash(Password::typed("contraseña")).await.expect("hashes").into();
        assert!(phc.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{phc}");
        let verify = |pool: HashPool, text| {
            let phc = Arc::clone(&phc);
            async move { pool.verify(phc, Password::typed(text)).await }
        };
        assert_eq!(
            verify(pool.clone(), "contraseña").await,
            Ok(VerifyOutcome { right: true, outdated: false })
        );
        assert_eq!(verify(pool.clone(), "contrasen\u{303}a").await.map(|v| v.right), Ok(true), "NFC");
        assert_eq!(verify(pool.clone(), "contrasena").await.map(|v| v.right), Ok(false));
        let dearer = HashPool::new(Argon2Params { passes: 2, ..CHEAP }, 1).expect("a thread");
        assert_eq!(verify(dearer, "contraseña").await, Ok(VerifyOutcome { right: true, outdated: true }));
    }

    #[tokio::test]
    async fn dummy_hash_is_valid_and_matches_nothing() {
        let pool = HashPool::new(CHEAP, 1).expect("a thread");
        let verdict = pool.verify(pool.dummy_hash().into(), Password::typed("")).await;
        assert_eq!(verdict, Ok(VerifyOutcome { right: false, outdated: false }));
    }

    #[tokio::test]
    async fn full_queue_is_busy_until_it_empties() {
        let pool = HashPool::new(CHEAP, 1).expect("a thread");
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        // The only thread waits at the gate; then the queue is filled.
        let held = tokio::spawn({
            let pool = pool.clone();
            async move {
                let wait = move || {
                    let _ = begun.send(());
                    gate.recv().map_err(|_| HashError::Failed)
                };
                pool.run(wait).await
            }
        });
        has_begun.await.expect("the thread took the job");
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(pool.hash("x"))).collect();
        for hash in &mut waiting {
            let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(hash.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
        }
        assert_eq!(pool.hash("y").await, Err(HashError::Busy));
        assert_eq!(pool.hashing(), Hashing { threads: 1, running: 1, waiting: MAX_WAITING, refused: 1 });
        go.send(()).expect("the thread waits");
        held.await.expect("runs").expect("passed the gate");
        for hash in waiting {
            assert!(hash.await.is_ok());
        }
        assert_eq!(pool.hashing().waiting, 0);
        assert!(pool.hash("y").await.is_ok());
    }

    #[tokio::test]
    async fn panicking_job_leaves_the_pool_working() {
        let pool = HashPool::new(CHEAP, 1).expect("a thread");
        assert_eq!(
            pool.run(|| -> Result<(), HashError> { panic!("on purpose") }).await,
            Err(HashError::Failed)
        );
        assert!(pool.hash("y").await.is_ok());
    }
}
