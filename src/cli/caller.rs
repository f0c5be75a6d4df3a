//! The person behind a command, for the audit log.

use std::fs::{self, File};
use std::io::Read as _;

/// Most bytes of `/etc/passwd` that are read.
const MAX_PASSWD_BYTES: u64 = 1024 * 1024;
/// The kernel's word for a process that no login started.
const NO_LOGIN: u32 = u32::MAX;

/// Returns `command:LOGIN:UID`, for `by=` of an audit line. UID is the account whose login started the session, which neither su
/// nor sudo changes (audit(7), `loginuid`); without one, that of `SUDO_UID`; without either, the process's own. LOGIN is its name.
pub(super) fn caller() -> String {
    let own = rustix::process::getuid().as_raw();
    let login = fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse().ok());
    // Only root's word counts: another account could set the variable for itself.
    let sudo = || std::env::var("SUDO_UID").ok().filter(|_| own == 0)?.parse().ok();
    let uid = login.filter(|uid| *uid != NO_LOGIN).or_else(sudo).unwrap_or(own);
    let mut passwd = String::new();
    let _ = File::open("/etc/passwd").and_then(|file| file.take(MAX_PASSWD_BYTES).read_to_string(&mut passwd));
    format!("command:{}:{uid}", name_of(uid, &passwd).unwrap_or("?"))
}

/// Finds the name of `uid` in the text of passwd(5).
fn name_of(uid: u32, passwd: &str) -> Option<&str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_found_by_uid() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!((name_of(0, passwd), name_of(1000, passwd), name_of(7, passwd)), (Some("root"), Some("ana"), None));
    }

    #[test]
    fn caller_has_name_and_uid() {
        let caller = caller();
        let mut parts = caller.split(':');
        assert_eq!(parts.next(), Some("command"), "{caller}");
        assert!(parts.nth(1).is_some_and(|uid| uid.parse::<u32>().is_ok()), "{caller}");
    }
}
