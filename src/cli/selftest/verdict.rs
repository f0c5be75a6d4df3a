//! Computes the number of people from the measurements. Pure.

use std::time::Duration;

use crate::config::{CONNECTIONS_CEILING, ROOM_MEMBERS_CEILING, ROOMS_CEILING, SESSIONS_CEILING};
use crate::types::texts::{Key, key};

/// People in one room: a department, or a family with its neighbors.
pub(super) const ROOM: usize = 50;
/// Interval of one person's messages in a busy office: two a minute.
pub(super) const SPEAKS_EVERY: Duration = Duration::from_secs(30);
/// Share of the capacity that is used: people do not write evenly, and the board has other work.
const RESERVE: f64 = 0.5;
/// Time in which all people sign in, in the morning.
const MORNING: Duration = Duration::from_secs(300);
/// Connections of one person: the socket, and two that a browser keeps for pages and files.
const CONNECTIONS_EACH: usize = 3;
/// Kernel memory of a quiet TCP connection. Not documented by the kernel: slab entries of socket, file and
/// epoll item are about 3 KiB (`/proc/slabinfo`), and buffers add a little.
const KERNEL_EACH: u64 = 8 * 1024;
/// Memory of TLS for one connection (docs/PERFORMANCE.md).
const TLS_EACH: u64 = 12 * 1024;
/// Descriptors that are not connections: database, log, uploads and downloads.
const OTHER_FILES: usize = 64;

/// Measurements, and properties of the machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measurements {
    /// Password hashes a second, all cores together.
    pub(super) sign_ins_per_s: f64,
    /// Deliveries a second at the highest pace whose 99th percentile was within the bound.
    pub(super) deliveries_per_s: f64,
    /// Processor time of the server for one delivery.
    pub(super) cpu_per_delivery: Duration,
    /// Processor time to encrypt one delivery.
    pub(super) seal: Duration,
    /// Server memory per socket, in bytes.
    pub(super) bytes_per_socket: u64,
    /// Available memory in bytes.
    pub(super) free_memory: u64,
    /// Limit of open files.
    pub(super) open_files: usize,
}

/// Resource that runs out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Delivery of messages.
    Delivery,
    /// Check of passwords.
    SignIn,
    /// Memory.
    Memory,
    /// Open files.
    Files,
    /// Ceilings of PiChat's settings.
    Ceiling,
}

impl Bound {
    pub(super) const fn text(self) -> Key {
        match self {
            Self::Delivery => key::SELFTEST_BOUND_DELIVERY,
            Self::SignIn => key::SELFTEST_BOUND_SIGN_IN,
            Self::Memory => key::SELFTEST_BOUND_MEMORY,
            Self::Files => key::SELFTEST_BOUND_FILES,
            Self::Ceiling => key::SELFTEST_BOUND_CEILING,
        }
    }
}

/// Number of people, and the bound that limits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SelfTestVerdict {
    /// People at a time.
    pub(super) people: usize,
    /// Resource that runs out first.
    pub(super) bound: Bound,
}

impl Measurements {
    /// Returns the number of people that each bound alone would allow.
    fn alone(&self) -> [(f64, Bound); 5] {
        let each = ROOM as f64 / SPEAKS_EVERY.as_secs_f64();
        let cpu = self.cpu_per_delivery.as_secs_f64();
        // With TLS, each delivery also costs its encryption.
        let with_tls = if cpu > 0.0 { cpu / (cpu + self.seal.as_secs_f64()) } else { 1.0 };
        let memory = self.bytes_per_socket + CONNECTIONS_EACH as u64 * (KERNEL_EACH + TLS_EACH);
        [
            (self.deliveries_per_s * with_tls * RESERVE / each, Bound::Delivery),
            (self.sign_ins_per_s * RESERVE * MORNING.as_secs_f64(), Bound::SignIn),
            (self.free_memory as f64 * RESERVE / memory as f64, Bound::Memory),
            (self.open_files.saturating_sub(OTHER_FILES) as f64 / CONNECTIONS_EACH as f64, Bound::Files),
            ((CONNECTIONS_CEILING / CONNECTIONS_EACH) as f64, Bound::Ceiling),
        ]
    }

    /// Returns the number of people this board supports.
    pub(super) fn verdict(&self) -> SelfTestVerdict {
        let (most, bound) =
            self.alone().into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, Bound::Delivery));
        SelfTestVerdict { people: two_digits(most as usize), bound }
    }
}

/// Rounds down to two digits: a measurement has no more.
fn two_digits(n: usize) -> usize {
    let unit = 10_usize.pow(n.checked_ilog10().unwrap_or(0).saturating_sub(1));
    n / unit * unit
}

impl SelfTestVerdict {
    /// Returns settings for this number of people, as lines of `pichat.toml`.
    pub(super) fn limits(&self) -> String {
        let people = self.people.max(1);
        let connections = (people * CONNECTIONS_EACH).clamp(64, CONNECTIONS_CEILING);
        // A desktop and a phone for each person.
        let sessions = (people * 2).clamp(16, SESSIONS_CEILING);
        let rooms = people.clamp(16, ROOMS_CEILING);
        // Two tabs each, if all people join one room.
        let members = (people * 2).clamp(16, ROOM_MEMBERS_CEILING);
        format!(
            "[limits]\nconnections = {connections}\nsessions = {sessions}\nrooms = {rooms}\nroom_members = {members}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOARD: Measurements = Measurements {
        sign_ins_per_s: 10.0,
        deliveries_per_s: 20_000.0,
        cpu_per_delivery: Duration::from_micros(30),
        seal: Duration::from_micros(2),
        bytes_per_socket: 4096,
        free_memory: 300 << 20,
        open_files: 20_000,
    };

    #[test]
    fn verdict_names_the_tightest_bound() {
        assert_eq!(BOARD.verdict(), SelfTestVerdict { people: 1500, bound: Bound::SignIn });
        let slow = Measurements { deliveries_per_s: 200.0, ..BOARD };
        assert_eq!(slow.verdict(), SelfTestVerdict { people: 56, bound: Bound::Delivery });
        assert_eq!(
            Measurements { free_memory: 4 << 20, ..BOARD }.verdict(),
            SelfTestVerdict { people: 32, bound: Bound::Memory }
        );
        assert_eq!(
            Measurements { open_files: 1024, ..BOARD }.verdict(),
            SelfTestVerdict { people: 320, bound: Bound::Files }
        );
        let giant = Measurements {
            sign_ins_per_s: 1e6,
            deliveries_per_s: 1e9,
            free_memory: 1 << 40,
            open_files: 1 << 20,
            ..BOARD
        };
        assert_eq!(giant.verdict(), SelfTestVerdict { people: 5400, bound: Bound::Ceiling });
    }

    proptest! {
        #[test]
        fn verdict_stays_within_bounds_and_its_settings_parse(
            sign_ins_per_s in 0.0..1e5_f64, deliveries_per_s in 0.0..1e8_f64, free in 0..1_u64 << 40, open_files in 0..1_usize << 20,
            cpu in 0..1_000_000_u64, seal in 0..100_000_u64,
        ) {
            let measured = Measurements {
                sign_ins_per_s, deliveries_per_s, free_memory: free, open_files, cpu_per_delivery: Duration::from_nanos(cpu),
                seal: Duration::from_nanos(seal), bytes_per_socket: 4096,
            };
            let verdict = measured.verdict();
            for (alone, bound) in measured.alone() {
                prop_assert!(verdict.people as f64 <= alone, "{bound:?} allows {alone}, not {}", verdict.people);
            }
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("pichat.toml");
            std::fs::write(&file, verdict.limits()).unwrap();
            let config = crate::config::Config::load(Some(&file), &[], crate::config::Overrides::default());
            prop_assert!(config.is_ok(), "{:?}", config.err());
        }
    }
}
