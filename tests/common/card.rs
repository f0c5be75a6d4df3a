//! Folder that stands for the root of a card.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

use super::server::pichat_command;

pub const SHIPPED: &str =
    "# de fábrica\n[http]\nlisten = \"[::]:80\"\n[accounts]\nargon2 = \"auto\"\n[tls]\nmode = \"off\"\n";
pub const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$I1UjvnIXZVfBlth5VkMe+Q$OhT2fqxmoV2YHPPurZyvSnBVw7wWTv6QdCFAVAH7Al0";
pub const FAT: &str = "boot/firmware/pichat.toml";
pub const IN_FORCE: &str = "run/pichat-settings/pichat.toml";
pub const ERROR: &str = "run/pichat-settings/error.txt";
pub const WPA: &str = "run/pichat-settings/wpa_supplicant.conf";
pub const NETWORK: &str = "run/systemd/network/40-pichat.network";
pub const SECRETS: &str = "data/pichat/secrets.toml";
/// File that marks a card.
pub const MARK: &str = "usr/lib/pichat/appliance";
pub const LAST_GOOD: &str = "data/pichat/pichat.toml.last-good";
pub const CODE: &str = "boot/firmware/PICHAT-CODIGO.txt";

/// Card after its first start.
pub struct Card(TempDir);

impl Card {
    pub fn new(settings: &str) -> Self {
        let card = Self(tempfile::tempdir().expect("a folder"));
        for folder in [
            "boot/firmware",
            "data",
            "run/pichat",
            "proc/sys/kernel",
            "usr/share/zoneinfo/America",
            "usr/share/pichat",
            "usr/lib/pichat",
            "var/lib/pichat",
        ] {
            fs::create_dir_all(card.at(folder)).expect("a folder");
        }
        card.write(MARK, "0.1.0\n");
        card.write("usr/share/pichat/pichat.toml", SHIPPED);
        card.write("usr/share/zoneinfo/America/Bogota", "TZif2 and more");
        card.write("usr/share/zoneinfo/leapseconds", "# no zone");
        card.write(FAT, settings);
        card
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        fs::write(self.at(path), text).expect("writes");
    }

    /// Returns the text of a file, empty if it does not exist.
    pub fn read(&self, path: &str) -> String {
        fs::read(self.at(path)).map(|bytes| String::from_utf8(bytes).expect("UTF-8")).unwrap_or_default()
    }

    pub fn mode(&self, path: &str) -> u32 {
        self.at(path).metadata().expect("is there").permissions().mode() & 0o777
    }

    pub fn call(&self, command: &str) -> (Option<i32>, String) {
        let mut call = pichat_command();
        // The card's file has priority over the environment.
        call.args(["appliance", command, "--root"]).arg(self.0.path()).env("PICHAT_LIMITS_ROOMS", "muchas");
        let output = call.output().expect("the binary starts");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// Runs a boot; returns its output.
    pub fn boot(&self) -> String {
        let (code, said) = self.call("settings");
        assert_eq!(code, Some(0), "{said}");
        said
    }

    /// Asserts that `pichat check` accepts the server's settings.
    pub fn check_in_force(&self) {
        let output =
            pichat_command().arg("check").arg(self.at(IN_FORCE)).output().expect("the binary starts");
        assert!(
            output.status.success(),
            "{}: {}",
            String::from_utf8_lossy(&output.stderr),
            self.read(IN_FORCE)
        );
    }
}
