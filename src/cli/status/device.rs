//! State of the device, read from its files.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::app::{ClaimStatus, STATUS_FILE, Status};
use crate::cli::appliance::CARD_MARK;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::net::own_addresses;
use crate::private_file;
use crate::types::{Lang, printable};

/// Maximum bytes of the text about broken settings: two lines.
const MAX_ERROR: u64 = 16 * 1024;

/// State of the device's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockState {
    /// Set by the network.
    Synchronised,
    /// Not set yet: the date may be years off.
    Unsynchronised,
    /// Not known on this system.
    Unknown,
}

/// File system of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DiskStatus {
    /// Size in bytes.
    pub(super) total: u64,
    /// Bytes that the server may still use.
    pub(super) free: u64,
}

/// One reading of the device's state.
#[derive(Clone, Debug)]
pub(super) struct DeviceProbe {
    pub(super) host_name: String,
    /// State of the server; `None` while it is not running.
    pub(super) server: Option<Status>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) now: Timestamp,
    /// Time zone of the device.
    pub(super) zone: TimeZone,
    pub(super) clock: ClockState,
    /// Degrees Celsius.
    pub(super) temperature: Option<i64>,
    /// True if the supply is too weak; `None` if the board does not report it.
    pub(super) under_voltage: Option<bool>,
    pub(super) disk: Option<DiskStatus>,
    /// True on the card, where the server starts by itself.
    pub(super) on_card: bool,
    /// True if the data partition cannot be used, so that nothing is kept.
    pub(super) forgetful: bool,
    /// Error of the settings on the card, which are not in force.
    pub(super) settings_error: Option<String>,
}

impl DeviceProbe {
    /// Returns the state without terminal control characters: its files belong to the server and root.
    pub(super) fn printable(&self) -> Self {
        let mut look = self.clone();
        look.host_name = printable(&look.host_name);
        if let Some(server) = &mut look.server {
            // Without `..`, so that a new text cannot be forgotten.
            let Status {
                version,
                pid: _,
                scheme,
                listen: _,
                plain: _,
                fingerprint,
                claim,
                rooms: _,
                people: _,
                sockets: _,
                language,
            } = server;
            let claim = claim.iter_mut().flat_map(|ClaimStatus { kind, code }| [kind, code]);
            for text in
                [version, scheme, language].into_iter().chain(fingerprint.iter_mut().flatten()).chain(claim)
            {
                *text = printable(text);
            }
        }
        look
    }

    /// Returns the language of the settings, once the server reports it.
    pub(super) fn language(&self, otherwise: Lang) -> Lang {
        self.server.as_ref().and_then(|server| Lang::from_tag(&server.language)).unwrap_or(otherwise)
    }
}

/// Paths of the device's files.
pub(super) struct DeviceStatus {
    root: PathBuf,
}

impl DeviceStatus {
    /// Reads the device whose file system is at `root`.
    pub(super) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn text(&self, path: &str) -> Option<String> {
        Some(fs::read_to_string(self.path(path)).ok()?.trim().to_owned())
    }

    /// Reads the state.
    pub(super) fn look(&self) -> DeviceProbe {
        DeviceProbe {
            host_name: self.text("proc/sys/kernel/hostname").unwrap_or_default(),
            server: self.server(),
            addresses: own_addresses(),
            now: SystemClock.now(),
            zone: self.zone(),
            clock: self.clock(),
            temperature: self
                .text("sys/class/thermal/thermal_zone0/temp")
                .and_then(|milli| Some(milli.parse::<i64>().ok()?.div_euclid(1000))),
            under_voltage: self.under_voltage(),
            disk: self.disk(),
            on_card: self.path(CARD_MARK).exists(),
            forgetful: self.path("run/pichat-data-fallback").exists(),
            settings_error: self.settings_error(),
        }
    }

    fn settings_error(&self) -> Option<String> {
        let text = private_file::text(&self.path("run/pichat-settings/error.txt"), MAX_ERROR)?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Returns the server's state, unless the process that wrote it has ended.
    fn server(&self) -> Option<Status> {
        let folder = self.path("run/pichat");
        folder.join(STATUS_FILE).exists().then_some(())?;
        Status::read(&folder).filter(|status| self.path(&format!("proc/{}", status.pid)).exists())
    }

    /// Reads the time zone (localtime(5)); UTC if there is none.
    fn zone(&self) -> TimeZone {
        let bytes = fs::read(self.path("etc/localtime"));
        bytes.ok().and_then(|bytes| TimeZone::tzif("localtime", &bytes).ok()).unwrap_or(TimeZone::UTC)
    }

    /// Reads the clock's state: timesyncd makes its folder at start, and a file in it when the clock was set.
    fn clock(&self) -> ClockState {
        let folder = self.path("run/systemd/timesync");
        match (folder.exists(), folder.join("synchronized").exists()) {
            (_, true) => ClockState::Synchronised,
            (true, false) => ClockState::Unsynchronised,
            (false, false) => ClockState::Unknown,
        }
    }

    /// Reads the hwmon device `rpi_volt`, by which the Pi's firmware reports under-voltage.
    fn under_voltage(&self) -> Option<bool> {
        let devices = fs::read_dir(self.path("sys/class/hwmon")).ok()?;
        let board = devices
            .flatten()
            .map(|d| d.path())
            .find(|d| fs::read_to_string(d.join("name")).is_ok_and(|name| name.trim() == "rpi_volt"))?;
        Some(fs::read_to_string(board.join("in0_lcrit_alarm")).ok()?.trim() == "1")
    }

    fn disk(&self) -> Option<DiskStatus> {
        let seen = rustix::fs::statvfs(self.path("var/lib/pichat")).ok()?;
        Some(DiskStatus {
            total: seen.f_blocks.saturating_mul(seen.f_frsize),
            free: seen.f_bavail.saturating_mul(seen.f_frsize),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn device(files: &[(&str, &str)]) -> (tempfile::TempDir, DeviceStatus) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let device = DeviceStatus::at(root.path());
        (root, device)
    }

    #[test]
    fn device_status_is_read_from_files() {
        let (_root, device) = device(&[
            ("proc/sys/kernel/hostname", "pichat\n"),
            ("sys/class/thermal/thermal_zone0/temp", "47238\n"),
            ("sys/class/hwmon/hwmon0/name", "cpu_thermal\n"),
            ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
            ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"),
            ("run/systemd/timesync/synchronized", ""),
            ("run/pichat-settings/error.txt", "pichat.toml:3:1: no\n"),
            ("var/lib/pichat/pichat.db", ""),
        ]);
        let look = device.look();
        assert_eq!(
            (look.host_name.as_str(), look.temperature, look.under_voltage),
            ("pichat", Some(47), Some(true))
        );
        assert_eq!((look.clock, look.forgetful), (ClockState::Synchronised, false));
        assert_eq!(look.settings_error.as_deref(), Some("pichat.toml:3:1: no"));
        assert!(look.disk.is_some_and(|disk| disk.free <= disk.total && disk.total > 0));
        assert!(look.server.is_none());
    }

    /// Time zone five hours west of Greenwich, as TZif (RFC 9636 section 3).
    fn bogota() -> Vec<u8> {
        let counts = [0_u32, 0, 0, 0, 1, 4].map(u32::to_be_bytes).concat();
        let block =
            [b"TZif2".as_slice(), &[0; 15], &counts, &(-18_000_i32).to_be_bytes(), b"\0\0-05\0"].concat();
        [block.as_slice(), &block, b"\n<-05>5\n"].concat()
    }

    #[test]
    fn time_zone_is_read_from_localtime() {
        let (root, device) = device(&[("etc/hostname", "x")]);
        assert_eq!(device.look().zone, TimeZone::UTC);
        fs::write(root.path().join("etc/localtime"), bogota()).unwrap();
        let noon = jiff::Timestamp::from_second(43_200).unwrap();
        assert_eq!(device.look().zone.to_datetime(noon).hour(), 7);
        fs::write(root.path().join("etc/localtime"), "no zone").unwrap();
        assert_eq!(device.look().zone, TimeZone::UTC);
    }

    #[test]
    fn missing_files_leave_the_status_unknown() {
        let (_root, device) = device(&[]);
        let look = device.look();
        assert_eq!((look.temperature, look.under_voltage, look.disk), (None, None, None));
        assert_eq!((look.clock, look.settings_error), (ClockState::Unknown, None));
    }

    #[test]
    fn state_of_a_dead_server_is_ignored() {
        let status = r#"{"version":"0.1.0","pid":77,"scheme":"http","listen":"[::]:80","claim":null,"rooms":1,"people":2,"sockets":3,"language":"es"}"#;
        let (_root, device) = device(&[("run/pichat/status.json", status)]);
        assert!(device.look().server.is_none());
        fs::create_dir_all(device.path("proc/77")).unwrap();
        assert_eq!(device.look().server.map(|s| s.rooms), Some(1));
        fs::write(device.path("run/pichat/status.json"), "{").unwrap();
        assert!(device.look().server.is_none());
    }
}
