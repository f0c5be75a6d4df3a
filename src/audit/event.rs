//! Every event there is, as one table.

use std::net::IpAddr;

use super::entry::{Class, Entry, Facility, Outcome, Severity};
use super::line::Line;
use crate::types::{ClaimKind, Role, RoomCode, RoomKind, UserName};

/// Why a sign-in failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginFailure {
    /// The account exists, the password is another.
    WrongPassword,
    /// There is no such account.
    UnknownUser,
    /// An administrator has locked the account.
    AccountLocked,
    /// The password is the right one-time password, and its time is over.
    OneTimeLapsed,
    /// The password is right, and everybody knows it: it is one of the demonstration's.
    PublicPassword,
    /// The password was right, and the account was changed while it was hashed.
    ChangedMeanwhile,
}

impl LoginFailure {
    /// As it stands in a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong_password",
            Self::UnknownUser => "unknown_user",
            Self::AccountLocked => "account_locked",
            Self::OneTimeLapsed => "one_time_lapsed",
            Self::PublicPassword => "public_password",
            Self::ChangedMeanwhile => "changed_meanwhile",
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The person signed out.
    Logout,
    /// It was too old.
    Expired,
    /// It was unused for too long.
    Idle,
    /// A newer session needed its place.
    Evicted,
    /// An administrator locked the account.
    Locked,
    /// An administrator gave the account another role.
    RoleChanged,
    /// An administrator set a new password.
    PasswordReset,
    /// The account was deleted.
    Deleted,
    /// Its record was removed, and the account is as it was.
    Revoked,
    /// The person chose a new password.
    PasswordChanged,
    /// The holder of the card claimed the device again.
    Claimed,
}

impl SessionEnd {
    /// As it stands in a line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Expired => "expired",
            Self::Idle => "idle",
            Self::Evicted => "evicted",
            Self::Locked => "locked",
            Self::RoleChanged => "role_changed",
            Self::PasswordReset => "password_reset",
            Self::Deleted => "deleted",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::Claimed => "claimed",
        }
    }
}

/// Makes [`Event`] and everything that is known of it from one table, so that no part can forget a row. A row reads
/// `"meaning" Variant { field: Type, … } = "name", Outcome, Facility, Severity, Class;`, fields in the order of the line.
macro_rules! events {
    ($(
        $meaning:literal
        $variant:ident { $($field:ident: $type:ty),* } = $name:literal, $outcome:ident, $facility:ident, $severity:ident, $class:ident;
    )*) => {
        /// Something worth knowing. Owned data, so that it can be handed to another thread.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $(
                #[doc = $meaning]
                $variant {
                    $(#[doc = concat!("`", stringify!($field), "=` of the line.")] $field: $type,)*
                },
            )*
        }

        impl Event {
            /// One row for every event, in the order of `docs/AUDIT.md`.
            pub const INVENTORY: &[Entry] = &[
                $(Entry {
                    name: $name,
                    fields: &[$(stringify!($field)),*],
                    outcome: Outcome::$outcome,
                    facility: Facility::$facility,
                    severity: Severity::$severity,
                    class: Class::$class,
                    meaning_en: $meaning,
                },)*
            ];

            /// Its row of the inventory.
            pub fn entry(&self) -> &'static Entry {
                #[allow(clippy::enum_variant_names, reason = "the names are the events'")]
                enum Row { $($variant),* }
                match self {
                    $(Self::$variant { .. } => &Self::INVENTORY[Row::$variant as usize],)*
                }
            }

            /// Puts its fields into a line.
            pub(super) fn fields_into(&self, line: &mut Line) {
                match self {
                    $(Self::$variant { $($field),* } => { $(line.field(stringify!($field), $field);)* })*
                }
            }
        }
    };
}

events! {
    "The server listens; `mode` is how it was started."
    ServerStarted { version: String, listen: String, mode: String } = "server.started", Ok, Daemon, Notice, Security;
    "The server was told to stop and drains its connections."
    ServerStopping {} = "server.stopping", Ok, Daemon, Notice, Security;
    "The server has drained; this is its last line."
    ServerStopped {} = "server.stopped", Ok, Daemon, Notice, Security;
    "The configuration was read again: the settings that now hold, and those that need a restart."
    ServerReloaded { changed: String, restart: String } = "server.reloaded", Ok, Daemon, Notice, Security;
    "The settings name a key that no longer has an effect; `replaced_by` is the one that took its place, if there is one."
    SettingsRetired { key: &'static str, replaced_by: &'static str } = "settings.retired", Ok, Daemon, Warning, Security;
    "The configuration could not be read again; the old one holds."
    ConfigRejected { error: String } = "config.rejected", Refused, Daemon, Error, Security;

    "New connections are shown certificates of another authority of this device's own, which browsers must trust; `reason` is `first`, `host_name` (there was none for the new name), `returned` (one made earlier for this name is used again) or `damaged`."
    TlsAuthorityMade { reason: &'static str, fingerprint: String } = "tls.authority_made", Ok, Daemon, Notice, Security;
    "The authority's file could not be used and was put aside as the file `kept`; a new authority was made."
    TlsAuthorityDamaged { kept: String } = "tls.authority_damaged", Failed, Daemon, Error, Security;
    "The command `pichat ca renew` made a new authority, which the server uses from its next start on; the old one was put aside as the file `kept`."
    TlsAuthorityRenewed { by: String, fingerprint: String, kept: String } = "tls.authority_renewed", Ok, Daemon, Warning, Security;
    "New connections are shown another certificate of this device's own; `reason` is `address` (it has a new one) or `date`."
    TlsRenewed { reason: &'static str, until: String } = "tls.renewed", Ok, Daemon, Info, Security;
    "Certificate and key were read again from their files."
    TlsReloaded {} = "tls.reloaded", Ok, Daemon, Notice, Security;
    "Another certificate could not be read or made; the old one is shown further on."
    TlsRejected { error: String } = "tls.rejected", Refused, Daemon, Error, Security;

    "A person signed in; `session` names the session in the other lines that speak of it."
    LoginOk { user: UserName, addr: IpAddr, session: String } = "login.ok", Ok, AuthPriv, Info, Security;
    "A sign-in failed; `reason` is `wrong_password`, `unknown_user`, `account_locked`, `one_time_lapsed` (right, but its days are over), `public_password` (right, but an account of the demonstration, which lets nobody in elsewhere) or `changed_meanwhile` (right, but an administrator, a claim or a new password changed the account before the session began)."
    LoginFailed { user: Option<UserName>, addr: IpAddr, reason: LoginFailure } = "login.failed", Failed, AuthPriv, Info, Stranger;
    "Too many wrong passwords for one account from one address: that pair is locked for `seconds`."
    LoginLockedOut { user: Option<UserName>, addr: IpAddr, seconds: u64 } = "login.locked_out", Refused, AuthPriv, Warning, Stranger;
    "An address tried to sign in too often; it may again in `seconds`."
    LoginRateLimited { addr: IpAddr, seconds: u64 } = "login.rate_limited", Refused, AuthPriv, Warning, Stranger;
    "A name is guessed at from everywhere: who is not known to have signed in to it may try again in `seconds`. Written for the first of a minute."
    LoginNameThrottled { user: Option<UserName>, addr: IpAddr, seconds: u64 } = "login.name_throttled", Refused, AuthPriv, Warning, Stranger;
    "A device cookie that this server did not make, or made with another key."
    DeviceForged { addr: IpAddr } = "device.forged", Refused, AuthPriv, Warning, Sampled;
    "A session ended; `reason` is `logout`, `expired`, `idle`, `evicted`, `locked`, `role_changed`, `password_changed`, `password_reset`, `deleted`, `revoked` or `claimed`."
    SessionEnded { user: UserName, reason: SessionEnd, session: String } = "session.ended", Ok, AuthPriv, Info, Security;
    "The accounts could not be read for `seconds`: no session is taken for good until they can be."
    SessionsSuspended { seconds: u64 } = "sessions.suspended", Failed, AuthPriv, Error, Security;
    "The accounts can be read again: the sessions count again."
    SessionsResumed {} = "sessions.resumed", Ok, AuthPriv, Notice, Security;
    "Somebody signed in with a password that an administrator had given them; they can only change it."
    PasswordChangeDue { user: UserName, addr: IpAddr } = "password.change_due", Ok, AuthPriv, Notice, Security;
    "Somebody changed the own password."
    PasswordChanged { user: UserName, addr: IpAddr } = "password.changed", Ok, AuthPriv, Notice, Security;
    "A change of password was refused."
    PasswordRefused { user: UserName, addr: IpAddr, reason: &'static str } = "password.refused", Refused, AuthPriv, Notice, Security;

    "The device can be claimed by whoever has the code of its console or its card; `kind` is `first` (nobody has an account) or `again` (the holder of the card asked)."
    ClaimOpened { kind: ClaimKind } = "claim.opened", Ok, AuthPriv, Warning, Security;
    "Somebody tried to claim the device; `reason` is `wrong_code` or `closed` (it was claimed meanwhile)."
    ClaimFailed { addr: IpAddr, reason: &'static str } = "claim.failed", Failed, AuthPriv, Warning, Stranger;
    "A claim that the holder of the card asked for lapsed unused after a day."
    ClaimLapsed { kind: ClaimKind } = "claim.lapsed", Ok, AuthPriv, Notice, Security;
    "A claim was closed unused; `by` as with `user.added`."
    ClaimClosed { kind: ClaimKind, by: String } = "claim.closed", Ok, AuthPriv, Notice, Security;
    "Somebody claimed the device and is its administrator now."
    ClaimDone { user: UserName, addr: IpAddr, kind: ClaimKind } = "claim.done", Ok, AuthPriv, Warning, Security;

    "An account was made; `by` is `demo`, `environment`, `settings`, or `command:LOGIN:UID` of a command."
    UserAdded { user: UserName, role: Role, by: String } = "user.added", Ok, AuthPriv, Notice, Security;
    "An account has another role now; `by` as with `user.added`."
    UserRoleChanged { user: UserName, role: Role, by: String } = "user.role_changed", Ok, AuthPriv, Notice, Security;
    "An account was locked by an administrator; `by` as with `user.added`."
    UserLocked { user: UserName, by: String } = "user.locked", Ok, AuthPriv, Notice, Security;
    "An account was unlocked by an administrator; `by` as with `user.added`."
    UserUnlocked { user: UserName, by: String } = "user.unlocked", Ok, AuthPriv, Notice, Security;
    "`pichat metrics-token` made a new token for `/api/metrics`; the one before ended. `by` as with `user.added`."
    MetricsTokenSet { by: String } = "metrics.token_set", Ok, AuthPriv, Notice, Security;
    "`pichat metrics-token --off` ended the token; `by` as with `user.added`."
    MetricsTokenRemoved { by: String } = "metrics.token_removed", Ok, AuthPriv, Notice, Security;
    "An administrator set an account's password; `by` as with `user.added`."
    UserPasswordSet { user: UserName, by: String } = "user.password_set", Ok, AuthPriv, Notice, Security;
    "An administrator gave an account a password that must be changed at the first sign-in; unused it lapses after `days`; `by` as with `user.added`."
    UserMustChange { user: UserName, days: u64, by: String } = "user.must_change", Ok, AuthPriv, Notice, Security;

    "Somebody asked for what the own role does not allow."
    AccessDenied { user: Option<UserName>, addr: IpAddr, method: String, path: String } = "access.denied", Refused, AuthPriv, Warning, Security;
    "A request came without a live session where one is needed; the first of a minute is written."
    RequestUnauthenticated { addr: IpAddr, method: String, path: String } = "request.unauthenticated", Refused, AuthPriv, Info, Sampled;
    "A request's head was no valid HTTP or over its bounds; the first of a minute is written. `status` is the answer."
    RequestRejected { addr: IpAddr, status: u16 } = "request.rejected", Refused, Daemon, Warning, Sampled;
    "A foreign web page tried to make a browser change something here. Where `origin` and `host` name the same place, a proxy in front is missing from `[http] trusted_proxies`, or does not say `X-Forwarded-Proto` and `-Host`."
    RequestCrossOrigin { addr: IpAddr, origin: String, host: String, path: String } = "request.cross_origin", Refused, AuthPriv, Warning, Stranger;
    "A request for a host name that is not ours (DNS rebinding, or a name missing in `[http] hosts`)."
    RequestMisdirected { addr: IpAddr, host: String } = "request.misdirected", Refused, Daemon, Warning, Stranger;
    "An address sent too many requests; it may again in `seconds`."
    RequestRateLimited { addr: IpAddr, seconds: u64 } = "request.rate_limited", Refused, Daemon, Warning, Stranger;
    "Connections were refused before any work, or ended for a newcomer; `count` of them since the last line. `reason` is the last one's: \
     `address` (as many as one may have), `total` (all serve people), `handshakes` (too many TLS handshakes of one address) or \
     `yielded` (served nobody who is signed in)."
    ConnectionRefused { addr: IpAddr, reason: &'static str, count: u64 } = "connection.refused", Refused, Daemon, Warning, Counter;

    "A chat connection was opened."
    SocketOpened { user: UserName, addr: IpAddr, session: String } = "socket.opened", Ok, Daemon, Info, Security;
    "A chat connection closed, with its close code (RFC 6455) and how many messages it had sent."
    SocketClosed { user: UserName, addr: IpAddr, code: u16, messages: u64, session: String } = "socket.closed", Ok, Daemon, Info, Security;
    "A chat connection was not opened."
    SocketRefused { user: UserName, addr: IpAddr, reason: &'static str } = "socket.refused", Refused, Daemon, Notice, Security;
    "A chat connection sent too many frames that were refused, and was closed; `reason` is the last one's."
    SocketFlooding { user: UserName, addr: IpAddr, reason: &'static str } = "socket.flooding", Refused, Daemon, Warning, Security;

    "A token that takes a place in a room again was forged, of another person, or older than the place; the first of a minute is written."
    RoomResumeRefused { user: UserName, addr: IpAddr, room: RoomCode } = "room.resume_refused", Refused, AuthPriv, Notice, Sampled;
    "An administrator looked at the codes of rooms that are not listed for all; once a session."
    RoomCodesSeen { user: UserName, addr: IpAddr, session: String, count: u64 } = "room.codes_seen", Ok, AuthPriv, Notice, Security;
    "A room was made; `kind` is `private` or `group`."
    RoomCreated { user: UserName, addr: IpAddr, room: RoomCode, kind: RoomKind } = "room.created", Ok, Daemon, Info, Security;
    "Somebody came into a room."
    RoomJoined { user: UserName, addr: IpAddr, room: RoomCode } = "room.joined", Ok, Daemon, Info, Security;
    "Somebody left a room, or was lost for longer than the grace time."
    RoomLeft { user: UserName, room: RoomCode } = "room.left", Ok, Daemon, Info, Security;
    "A wrong room password."
    RoomWrongPassword { user: UserName, addr: IpAddr, room: RoomCode } = "room.wrong_password", Failed, AuthPriv, Info, Security;
    "A room ended and its memory was wiped, with what it carried in its life."
    RoomEnded { room: RoomCode, messages: u64, bytes: u64 } = "room.ended", Ok, Daemon, Info, Security;
    "What a room carried since its last tally."
    RoomTally { room: RoomCode, messages: u64, bytes: u64 } = "room.tally", Ok, Daemon, Info, Counter;

    "A file came in and lies in quarantine."
    FileUploaded { user: UserName, addr: IpAddr, id: String, name: String, size: u64, sha256: String } = "file.uploaded", Ok, Daemon, Info, Security;
    "An upload was refused or broke off."
    FileRefused { user: UserName, addr: IpAddr, reason: &'static str } = "file.refused", Refused, Daemon, Notice, Security;
    "A file was looked through; `reasons` are codes with details, none where nothing was found."
    FileInspected { id: String, name: String, state: &'static str, reasons: String } = "file.inspected", Ok, Daemon, Notice, Security;
    "Somebody asked for a file that is held for them; `state` says why."
    FileHeld { user: UserName, addr: IpAddr, id: String, name: String, state: &'static str } = "file.held", Refused, Daemon, Warning, Security;
    "A file was handed out."
    FileDownloaded { user: UserName, addr: IpAddr, id: String, name: String } = "file.downloaded", Ok, Daemon, Info, Security;
    "An administrator deleted a file."
    FileDeleted { user: UserName, addr: IpAddr, id: String, name: String } = "file.deleted", Ok, Daemon, Notice, Security;
    "The sweep at start removed what unfinished uploads had left behind."
    FileSwept { count: u64 } = "file.swept", Ok, Daemon, Notice, Security;
    "Files without a record were moved to `perdidos/` in the files folder; `ids` names the first of them."
    FileOrphaned { count: u64, ids: String } = "file.orphaned", Ok, Daemon, Warning, Security;
    "A file without a record was given one by a command and waits for its inspection."
    FileAdopted { id: String, name: String, size: u64, sha256: String, by: String } = "file.adopted", Ok, Daemon, Notice, Security;
    "A file is on record and its bytes are gone, or are not as many as they were; it is `lost` from now on."
    FileLost { id: String, name: String } = "file.lost", Failed, Daemon, Error, Security;
    "The bytes of a lost file are back; it waits for its inspection."
    FileFound { id: String, name: String } = "file.found", Ok, Daemon, Notice, Security;
    "An administrator deleted a file; it is off the list, and its bytes could not be removed. They are tried again."
    FileDeleteFailed { user: UserName, addr: IpAddr, id: String, name: String, error: String } = "file.delete_failed", Failed, Daemon, Error, Security;
    "The bytes of a deleted file, which could not be removed before, are gone."
    FileUnlinked { id: String } = "file.unlinked", Ok, Daemon, Notice, Security;
    "A command made a files folder the database's own; `lost` files are missing in it, `orphaned` ones have no record."
    FilesAccepted { folder: String, lost: u64, orphaned: u64, by: String } = "files.accepted", Ok, Daemon, Warning, Security;

    "The database was brought to a newer schema; `snapshot` is the copy from before."
    DatabaseUpgraded { from: u64, to: u64, snapshot: String } = "database.upgraded", Ok, Daemon, Notice, Security;
    "A command put a snapshot in the database's place; `replaced` is where the other one lies now."
    DatabaseRestored { snapshot: String, replaced: String, by: String } = "database.restored", Ok, Daemon, Warning, Security;

    "Lines of the event `of` were left out, since a client without a session could cause them without end; `count` of them since the last such line."
    AuditThrottled { of: &'static str, count: u64 } = "audit.throttled", Ok, Daemon, Warning, Security;
    "The queue was full and `count` events were lost. The audit writes this line itself."
    AuditDropped { count: u64 } = "audit.dropped", Failed, Daemon, Warning, Security;
}

impl Event {
    /// Its stable name.
    pub fn name(&self) -> &'static str {
        self.entry().name
    }

    /// What happens to it when the queue is full.
    pub fn class(&self) -> Class {
        self.entry().class
    }

    /// Where syslog sorts it to.
    pub fn facility(&self) -> Facility {
        self.entry().facility
    }

    /// How urgent it is.
    pub fn severity(&self) -> Severity {
        self.entry().severity
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        self.entry().outcome
    }
}
