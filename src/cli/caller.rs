//! Caller of a command, for the audit log.

use std::sync::OnceLock;

use crate::private_file;

/// Maximum bytes of `/etc/passwd` that are read.
const MAX_PASSWD_BYTES: u64 = 1024 * 1024;
/// Value of the kernel for a process without a login.
const NO_LOGIN: u32 = u32::MAX;

/// Returns `command:LOGIN:UID`, for `by=` of an audit line. UID is the account whose login started the
/// session, which neither su nor sudo changes (audit(7), `loginuid`); without one, that of `SUDO_UID`;
/// without either, the process's own. LOGIN is its name. Determined at the first call, which comes before the
/// process [becomes another user](super::owner::become_owner).
pub(super) fn caller() -> String {
    static CALLER: OnceLock<String> = OnceLock::new();
    CALLER.get_or_init(find).clone()
}

fn find() -> String {
    let own = rustix::process::getuid().as_raw();
    let login =
        private_file::text("/proc/self/loginuid".as_ref(), 64).and_then(|text| text.trim().parse().ok());
    // Only root's `SUDO_UID` counts; another account could set the variable for itself.
    let sudo = || std::env::var("SUDO_UID").ok().filter(|_| own == 0)?.parse().ok();
    let uid = login.filter(|uid| *uid != NO_LOGIN).or_else(sudo).unwrap_or(own);
    format!("command:{}:{uid}", account(uid, &passwd()).map_or("?", |entry| entry.name))
}

/// Returns the primary group of an account; `None` if passwd(5) does not list it.
pub(super) fn group_of(uid: u32) -> Option<u32> {
    account(uid, &passwd()).map(|entry| entry.group)
}

fn passwd() -> String {
    private_file::text("/etc/passwd".as_ref(), MAX_PASSWD_BYTES).unwrap_or_default()
}

/// Account of passwd(5).
#[derive(Debug, PartialEq, Eq)]
struct PasswdEntry<'a> {
    name: &'a str,
    group: u32,
}

/// Finds the account of `uid` in the text of passwd(5).
fn account(uid: u32, passwd: &str) -> Option<PasswdEntry<'_>> {
    passwd.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        let [name, _, number, group, ..] = fields[..] else { return None };
        (number.parse() == Ok(uid)).then_some(())?;
        Some(PasswdEntry { name, group: group.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_is_found_by_uid() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nana:x:1000:1001::/home/ana:/bin/sh\n";
        assert_eq!(
            (account(0, passwd), account(1000, passwd), account(7, passwd)),
            (
                Some(PasswdEntry { name: "root", group: 0 }),
                Some(PasswdEntry { name: "ana", group: 1001 }),
                None
            )
        );
    }

    #[test]
    fn caller_has_name_and_uid() {
        let caller = caller();
        let mut parts = caller.split(':');
        assert_eq!(parts.next(), Some("command"), "{caller}");
        assert!(parts.nth(1).is_some_and(|uid| uid.parse::<u32>().is_ok()), "{caller}");
    }
}
