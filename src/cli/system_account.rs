//! Accounts of the operating system, from /etc/passwd: who runs a command, and the group of a user.

use std::fmt;

use rustix::process::getuid;

use crate::private_file;

/// Most bytes of /etc/passwd that are read: a thousand accounts have some 100 KiB.
const MAX_BYTES: u64 = 1024 * 1024;
/// The kernel's word for a process that nobody signed in for.
const UNSET: u32 = u32::MAX;

/// An account of the operating system.
pub(super) struct Account {
    name: String,
    /// Its primary group.
    pub(super) group: u32,
}

impl Account {
    /// The account with this number; none where /etc/passwd does not list it.
    pub(super) fn of(uid: u32) -> Option<Self> {
        Self::in_file(&private_file::text("/etc/passwd".as_ref(), MAX_BYTES)?, uid)
    }

    fn in_file(passwd: &str, uid: u32) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, _, number, group) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            (number.parse() == Ok(uid)).then_some(())?;
            Some(Self { name: name.to_owned(), group: group.parse().ok()? })
        })
    }
}

/// The person who runs a command, as the audit names it: login and number, such as `ana/1000`.
pub(super) struct Caller {
    uid: u32,
    login: Option<String>,
}

impl Caller {
    /// The account that was signed in to, also behind `sudo`; else the one that the process runs as. To be asked before
    /// [`become_owner`](super::owner::become_owner).
    pub(super) fn current() -> Self {
        let own = getuid();
        let number = |text: String| text.trim().parse().ok();
        let signed_in = private_file::text("/proc/self/loginuid".as_ref(), 64).and_then(number).filter(|uid| *uid != UNSET);
        // Anyone can set the variable, but only for themselves: it is believed of root alone.
        let before_sudo = || std::env::var("SUDO_UID").ok().and_then(number).filter(|_| own.is_root());
        let uid = signed_in.or_else(before_sudo).unwrap_or(own.as_raw());
        Self { uid, login: Account::of(uid).map(|account| account.name) }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.login.as_deref().unwrap_or("?"), self.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_is_found_by_its_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nana:x:1000:1001::/home/ana:/bin/sh\n";
        let of = |uid| Account::in_file(passwd, uid).map(|account| (account.name, account.group));
        assert_eq!(of(1000), Some(("ana".to_owned(), 1001)));
        assert_eq!(of(0), Some(("root".to_owned(), 0)));
        assert_eq!(of(7), None);
        assert_eq!(Caller { uid: 7, login: None }.to_string(), "?/7");
    }
}
