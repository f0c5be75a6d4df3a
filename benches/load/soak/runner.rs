//! Runs the scenarios, each on a thread, and ends them together.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::common::{Client, Server};
use crate::{files, scenarios};
use pichat::locks::lock;

/// Password of every account.
pub const PASSWORD: &str = "una clave para el remojo";
/// Accounts with their roles.
pub const PEOPLE: [(&str, &str); 11] = [
    ("jefa", "administrator"),
    ("ana", "cliente"),
    ("beto", "usuario"),
    ("carla", "cliente"),
    ("diego", "usuario"),
    ("inunda", "usuario"),
    ("habla", "usuario"),
    ("lenta", "usuario"),
    ("sube", "cliente"),
    ("olvida", "usuario"),
    ("victima", "usuario"),
];

/// State that the scenarios share.
#[derive(Clone)]
pub struct Context {
    pub addr: SocketAddr,
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Context {
    pub fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps, at most until the end.
    pub fn pause(&self, time: Duration) {
        let step = Duration::from_millis(50);
        let mut left = time;
        while !left.is_zero() && !self.is_over() {
            let nap = left.min(step);
            std::thread::sleep(nap);
            left -= nap;
        }
    }

    pub fn count(&self, what: impl Into<String>) {
        *lock(&self.tally).entry(what.into()).or_default() += 1;
    }

    /// Returns a client without a session, at its own address.
    pub fn client(&self, of: u8, last: u8) -> Client {
        Client {
            addr: self.addr,
            cookie: None,
            headers: Vec::new(),
            from: Some(Ipv4Addr::new(127, 10, of, last)),
        }
    }

    /// Returns a signed-in client; a busy server is asked again.
    pub fn signed_in(&self, name: &str, last: u8) -> Client {
        let mut client = self.client(0, last);
        loop {
            match client.sign_in(name, PASSWORD).status {
                200 => break,
                status @ (429 | 503) => self.count(format!("sign-ins answered {status}")),
                status => panic!("{name} got {status}"),
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        self.count("sign-ins");
        client
    }

    pub fn sign_out(&self, client: &Client) {
        let answer = client.delete("/api/session");
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
}

/// Random numbers, the same in every run (SplitMix64).
pub struct Rng(u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}

/// Threads of all scenarios.
pub struct Runner {
    context: Context,
    threads: Vec<(String, JoinHandle<()>)>,
}

impl Runner {
    pub fn start(server: &Server) -> Self {
        let context = Context { addr: server.addr, stop: Arc::default(), tally: Arc::default() };
        let mut churn = Self { context, threads: Vec::new() };
        for (n, name) in ["ana", "beto", "carla", "diego"].into_iter().enumerate() {
            for place in 0..2 {
                let last = 10 + 2 * n as u8 + place;
                churn.add(&format!("walker {name}"), move |context, rng| {
                    scenarios::walk(context, rng, name, last);
                });
            }
        }
        churn.add("flood", scenarios::flood);
        churn.add("talk", scenarios::talk);
        for last in 30..33 {
            churn.add("listener", move |context, _| scenarios::listen(context, last));
        }
        churn.add("slow reader", scenarios::read_slowly);
        churn.add("forgetful", scenarios::forget);
        churn.add("guesser", scenarios::guess);
        churn.add("files", files::upload_and_delete);
        churn.add("half open", scenarios::half_open);
        churn.add("visitor", scenarios::visit_pages);
        churn
    }

    fn add(&mut self, name: &str, run: impl FnOnce(&Context, &mut Rng) + Send + 'static) {
        let (context, seed) = (self.context.clone(), self.threads.len() as u64);
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&context, &mut Rng(seed)));
        self.threads.push((name.to_owned(), thread.expect("a thread")));
    }

    /// Ends all scenarios; returns the counts of their actions and the failed threads.
    pub fn end(self) -> (BTreeMap<String, u64>, Vec<String>) {
        self.context.stop.store(true, Ordering::Relaxed);
        let ended = self.threads.into_iter().map(|(name, thread)| (name, thread.join()));
        let faults = ended.filter_map(|(name, end)| Some(format!("{name}: {}", said(&end.err()?)))).collect();
        (lock(&self.context.tally).clone(), faults)
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
