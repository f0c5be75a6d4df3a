//! Every event, as one table.

use std::net::IpAddr;

use super::entry::{Class, EventOutcome, EventSpec, Facility, Severity};
use super::line::Line;
use super::reason::{LoginFailure, SessionEnd};
use crate::types::{ClaimKind, Role, RoomCode, RoomKind, UserName};

/// Generates [`Event`] and its tables from one list, so that none can miss a row. A row reads `"meaning"
/// Variant { field: Type, … } = "name", EventOutcome, Facility, Severity, Class;`, fields in the order of the
/// line.
macro_rules! events {
    ($(
        $meaning:literal
        $variant:ident { $($field:ident: $type:ty),* } = $name:literal, $outcome:ident, $facility:ident, $severity:ident, $class:ident;
    )*) => {
        /// Audit event. It owns its data, so that it can be sent to another thread.
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
            pub const INVENTORY: &[EventSpec] = &[
                $(EventSpec {
                    name: $name,
                    fields: &[$(stringify!($field)),*],
                    outcome: EventOutcome::$outcome,
                    facility: Facility::$facility,
                    severity: Severity::$severity,
                    class: Class::$class,
                    meaning_en: $meaning,
                },)*
            ];

            /// Returns its row of the inventory.
            pub fn entry(&self) -> &'static EventSpec {
                #[allow(clippy::enum_variant_names, reason = "the names are the events'")]
                enum Row { $($variant),* }
                match self {
                    $(Self::$variant { .. } => &Self::INVENTORY[Row::$variant as usize],)*
                }
            }

            /// Appends its fields to a line.
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
    "The configuration was reloaded: the settings now in force, and those that need a restart."
    ServerReloaded { changed: String, restart: String } = "server.reloaded", Ok, Daemon, Notice, Security;
    "The settings contain a key without effect; `replaced_by` is the setting that replaced it, if any."
    SettingsRetired { key: &'static str, replaced_by: &'static str } = "settings.retired", Ok, Daemon, Warning, Security;
    "The configuration could not be reloaded; the old one stays in force."
    ConfigRejected { error: String } = "config.rejected", Refused, Daemon, Error, Security;

    "New connections get certificates of another authority, which browsers must trust."
    TlsAuthorityMade { reason: &'static str, fingerprint: String } = "tls.authority_made", Ok, Daemon, Notice, Security;
    "The authority's file was unusable and put aside as the file `kept`; a new authority was made."
    TlsAuthorityDamaged { kept: String } = "tls.authority_damaged", Failed, Daemon, Error, Security;
    "`pichat ca renew` made a new authority for the next start; the file `kept` has the old one."
    TlsAuthorityRenewed { by: String, fingerprint: String, kept: String } = "tls.authority_renewed", Ok, Daemon, Warning, Security;
    "New connections get another certificate of this device's authority; `reason` is `address` (the device has a new one) or `date`."
    TlsRenewed { reason: &'static str, until: String } = "tls.renewed", Ok, Daemon, Info, Security;
    "Certificate and key were reloaded from their files."
    TlsReloaded {} = "tls.reloaded", Ok, Daemon, Notice, Security;
    "Another certificate could not be read or made; the old one stays in use."
    TlsRejected { error: String } = "tls.rejected", Refused, Daemon, Error, Security;

    "A person signed in; `session` identifies the session in other lines."
    LoginOk { user: UserName, addr: IpAddr, session: String } = "login.ok", Ok, AuthPriv, Info, Security;
    "A sign-in failed."
    LoginFailed { user: Option<UserName>, addr: IpAddr, reason: LoginFailure } = "login.failed", Failed, AuthPriv, Info, Stranger;
    "Too many wrong passwords for one account from one address: that pair is locked for `seconds`."
    LoginLockedOut { user: Option<UserName>, addr: IpAddr, seconds: u64 } = "login.locked_out", Refused, AuthPriv, Warning, Stranger;
    "An address tried to sign in too often; its next attempt is allowed in `seconds`."
    LoginRateLimited { addr: IpAddr, seconds: u64 } = "login.rate_limited", Refused, AuthPriv, Warning, Stranger;
    "Too many attempts for an account: unknown devices wait `seconds`. The first of a minute."
    LoginNameThrottled { user: Option<UserName>, addr: IpAddr, seconds: u64 } = "login.name_throttled", Refused, AuthPriv, Warning, Stranger;
    "A device cookie that this server did not make, or made with another key."
    DeviceForged { addr: IpAddr } = "device.forged", Refused, AuthPriv, Warning, Sampled;
    "A session ended."
    SessionEnded { user: UserName, reason: SessionEnd, session: String } = "session.ended", Ok, AuthPriv, Info, Security;
    "A person ended another session of their own; `by` is the session that asked."
    SessionRevoked { user: UserName, addr: IpAddr, session: String, by: String } = "session.revoked", Ok, AuthPriv, Info, Security;
    "The accounts could not be read for `seconds`: no session is accepted until they can be."
    SessionsSuspended { seconds: u64 } = "sessions.suspended", Failed, AuthPriv, Error, Security;
    "The accounts can be read again: sessions are accepted again."
    SessionsResumed {} = "sessions.resumed", Ok, AuthPriv, Notice, Security;
    "A person signed in with a temporary password and can only change it."
    PasswordChangeDue { user: UserName, addr: IpAddr } = "password.change_due", Ok, AuthPriv, Notice, Security;
    "A person changed their own password."
    PasswordChanged { user: UserName, addr: IpAddr } = "password.changed", Ok, AuthPriv, Notice, Security;
    "A change of password was refused."
    PasswordRefused { user: UserName, addr: IpAddr, reason: &'static str } = "password.refused", Refused, AuthPriv, Notice, Security;

    "The device can be claimed with the code of its console or its card."
    ClaimOpened { kind: ClaimKind } = "claim.opened", Ok, AuthPriv, Warning, Security;
    "An attempt to claim the device failed; `reason` is `wrong_code` or `closed` (it was claimed in the meantime)."
    ClaimFailed { addr: IpAddr, reason: &'static str } = "claim.failed", Failed, AuthPriv, Warning, Stranger;
    "A claim that the holder of the card requested expired unused after a day."
    ClaimLapsed { kind: ClaimKind } = "claim.lapsed", Ok, AuthPriv, Notice, Security;
    "A claim was closed unused; `by` as with `user.added`."
    ClaimClosed { kind: ClaimKind, by: String } = "claim.closed", Ok, AuthPriv, Notice, Security;
    "A person claimed the device and is its administrator now."
    ClaimDone { user: UserName, addr: IpAddr, kind: ClaimKind } = "claim.done", Ok, AuthPriv, Warning, Security;

    "An account was made; `by` is `demo`, `environment`, `settings`, or `command:LOGIN:UID` of a command."
    UserAdded { user: UserName, role: Role, by: String } = "user.added", Ok, AuthPriv, Notice, Security;
    "An account got another role; `by` as with `user.added`."
    UserRoleChanged { user: UserName, role: Role, by: String } = "user.role_changed", Ok, AuthPriv, Notice, Security;
    "An account was locked by an administrator; `by` as with `user.added`."
    UserLocked { user: UserName, by: String } = "user.locked", Ok, AuthPriv, Notice, Security;
    "An account was unlocked by an administrator; `by` as with `user.added`."
    UserUnlocked { user: UserName, by: String } = "user.unlocked", Ok, AuthPriv, Notice, Security;
    "`pichat metrics-token` made a new token for `/api/metrics`; the previous one ended. `by` as with `user.added`."
    MetricsTokenSet { by: String } = "metrics.token_set", Ok, AuthPriv, Notice, Security;
    "`pichat metrics-token --off` ended the token; `by` as with `user.added`."
    MetricsTokenRemoved { by: String } = "metrics.token_removed", Ok, AuthPriv, Notice, Security;
    "An administrator set an account's password; `by` as with `user.added`."
    UserPasswordSet { user: UserName, by: String } = "user.password_set", Ok, AuthPriv, Notice, Security;
    "An account got a temporary password, which expires after `days` unused; `by` as with `user.added`."
    UserMustChange { user: UserName, days: u64, by: String } = "user.must_change", Ok, AuthPriv, Notice, Security;

    "A person requested an action that their role does not allow."
    AccessDenied { user: Option<UserName>, addr: IpAddr, method: String, path: String } = "access.denied", Refused, AuthPriv, Warning, Security;
    "A request without a valid session needed one; the first of a minute is written."
    RequestUnauthenticated { addr: IpAddr, method: String, path: String } = "request.unauthenticated", Refused, AuthPriv, Info, Sampled;
    "A request's head was not valid HTTP or over its limits; the first of a minute is written. `status` is the answer."
    RequestRejected { addr: IpAddr, status: u16 } = "request.rejected", Refused, Daemon, Warning, Sampled;
    "Another site's page tried to change something through a browser."
    RequestCrossOrigin { addr: IpAddr, origin: String, host: String, path: String } = "request.cross_origin", Refused, AuthPriv, Warning, Stranger;
    "A request for a host name of another server (DNS rebinding, or a name missing in `[http] hosts`)."
    RequestMisdirected { addr: IpAddr, host: String } = "request.misdirected", Refused, Daemon, Warning, Stranger;
    "An address sent too many requests; its next request is allowed in `seconds`."
    RequestRateLimited { addr: IpAddr, seconds: u64 } = "request.rate_limited", Refused, Daemon, Warning, Stranger;
    "Connections were refused or closed for a new one, `count` since the last line."
    ConnectionRefused { addr: IpAddr, reason: &'static str, count: u64 } = "connection.refused", Refused, Daemon, Warning, Counter;

    "A chat connection was opened."
    SocketOpened { user: UserName, addr: IpAddr, session: String } = "socket.opened", Ok, Daemon, Info, Security;
    "A chat connection closed, with its close code (RFC 6455) and how many messages it had sent."
    SocketClosed { user: UserName, addr: IpAddr, code: u16, messages: u64, session: String } = "socket.closed", Ok, Daemon, Info, Security;
    "A chat connection was not opened."
    SocketRefused { user: UserName, addr: IpAddr, reason: &'static str } = "socket.refused", Refused, Daemon, Notice, Security;
    "A chat connection sent too many frames that were refused, and was closed; `reason` is the last one's."
    SocketFlooding { user: UserName, addr: IpAddr, reason: &'static str } = "socket.flooding", Refused, Daemon, Warning, Security;

    "An administrator read the codes of unlisted rooms; once per session."
    RoomCodesSeen { user: UserName, addr: IpAddr, session: String, count: u64 } = "room.codes_seen", Ok, AuthPriv, Notice, Security;
    "A room was made; `kind` is `private` or `group`."
    RoomCreated { user: UserName, addr: IpAddr, room: RoomCode, kind: RoomKind } = "room.created", Ok, Daemon, Info, Security;
    "A person joined a room; `means` is `password` or `invitation`."
    RoomJoined { user: UserName, addr: IpAddr, room: RoomCode, means: &'static str } = "room.joined", Ok, Daemon, Info, Security;
    "A person is no longer a member of a room: the last session left or ended."
    RoomLeft { user: UserName, room: RoomCode } = "room.left", Ok, Daemon, Info, Security;
    "A wrong room password."
    RoomWrongPassword { user: UserName, addr: IpAddr, room: RoomCode } = "room.wrong_password", Failed, AuthPriv, Info, Security;
    "A member made an invitation to a room, for so many new memberships within so many hours."
    RoomInvitationMade { user: UserName, addr: IpAddr, room: RoomCode, hours: u64, uses: u64 } = "room.invitation_made", Ok, AuthPriv, Notice, Security;
    "An invitation to a room was refused: it is unknown, has ended or is used up."
    RoomInvitationRefused { user: UserName, addr: IpAddr } = "room.invitation_refused", Failed, AuthPriv, Info, Security;
    "A room ended and its memory was wiped; the counts are those of its life."
    RoomEnded { room: RoomCode, messages: u64, bytes: u64 } = "room.ended", Ok, Daemon, Info, Security;
    "Counts of a room since its last summary."
    RoomTally { room: RoomCode, messages: u64, bytes: u64 } = "room.tally", Ok, Daemon, Info, Counter;

    "An administrator made an announcement to all users."
    AnnouncementMade { user: UserName, addr: IpAddr, id: String } = "announcement.made", Ok, Daemon, Notice, Security;
    "An administrator ended an announcement, which `acknowledged` users had acknowledged."
    AnnouncementEnded { user: UserName, addr: IpAddr, id: String, acknowledged: u64 } = "announcement.ended", Ok, Daemon, Notice, Security;
    "An announcement ended after 30 days; `acknowledged` users had acknowledged it."
    AnnouncementExpired { id: String, acknowledged: u64 } = "announcement.expired", Ok, Daemon, Info, Security;
    "An administrator downloaded the names of users who have and have not acknowledged an announcement."
    AnnouncementExported { user: UserName, addr: IpAddr, id: String } = "announcement.exported", Ok, AuthPriv, Notice, Security;

    "A file was uploaded and is in quarantine."
    FileUploaded { user: UserName, addr: IpAddr, id: String, name: String, size: u64, sha256: String } = "file.uploaded", Ok, Daemon, Info, Security;
    "An upload was refused or aborted."
    FileRefused { user: UserName, addr: IpAddr, reason: &'static str } = "file.refused", Refused, Daemon, Notice, Security;
    "A file was inspected; `reasons` are codes with details, empty if there are no findings."
    FileInspected { id: String, name: String, state: &'static str, reasons: String } = "file.inspected", Ok, Daemon, Notice, Security;
    "A person requested a file that is held for them; `state` is its state."
    FileHeld { user: UserName, addr: IpAddr, id: String, name: String, state: &'static str } = "file.held", Refused, Daemon, Warning, Security;
    "A file was downloaded."
    FileDownloaded { user: UserName, addr: IpAddr, id: String, name: String } = "file.downloaded", Ok, Daemon, Info, Security;
    "An administrator deleted a file."
    FileDeleted { user: UserName, addr: IpAddr, id: String, name: String } = "file.deleted", Ok, Daemon, Notice, Security;
    "The start removed remainders of unfinished uploads."
    FileSwept { count: u64 } = "file.swept", Ok, Daemon, Notice, Security;
    "Files without a record were moved to `perdidos/` in the files folder; `ids` names the first of them."
    FileOrphaned { count: u64, ids: String } = "file.orphaned", Ok, Daemon, Warning, Security;
    "A command recorded a file without a record; it waits for its inspection."
    FileAdopted { id: String, name: String, size: u64, sha256: String, by: String } = "file.adopted", Ok, Daemon, Notice, Security;
    "The bytes of a recorded file are gone or have another length; its state is now `lost`."
    FileLost { id: String, name: String } = "file.lost", Failed, Daemon, Error, Security;
    "The bytes of a lost file are back; it waits for its inspection."
    FileFound { id: String, name: String } = "file.found", Ok, Daemon, Notice, Security;
    "A deleted file is off the list, but its bytes remain; the removal is retried."
    FileDeleteFailed { user: UserName, addr: IpAddr, id: String, name: String, error: String } = "file.delete_failed", Failed, Daemon, Error, Security;
    "The bytes of a deleted file are removed after a retry."
    FileUnlinked { id: String } = "file.unlinked", Ok, Daemon, Notice, Security;
    "A command accepted a files folder: `lost` files are missing, `orphaned` ones have no record."
    FilesAccepted { folder: String, lost: u64, orphaned: u64, by: String } = "files.accepted", Ok, Daemon, Warning, Security;

    "The database was migrated to a newer schema; `snapshot` is the copy from before."
    DatabaseUpgraded { from: u64, to: u64, snapshot: String } = "database.upgraded", Ok, Daemon, Notice, Security;
    "A command restored a snapshot; `replaced` is the new path of the replaced database."
    DatabaseRestored { snapshot: String, replaced: String, by: String } = "database.restored", Ok, Daemon, Warning, Security;

    "Lines of the event `of` from clients without a session were left out, `count` since the last such line."
    AuditThrottled { of: &'static str, count: u64 } = "audit.throttled", Ok, Daemon, Warning, Security;
    "The queue was full and `count` events were lost. The audit writes this line itself."
    AuditDropped { count: u64 } = "audit.dropped", Failed, Daemon, Warning, Security;
}

impl Event {
    /// Returns its stable name.
    pub fn name(&self) -> &'static str {
        self.entry().name
    }

    /// Returns its handling under load.
    pub fn class(&self) -> Class {
        self.entry().class
    }

    /// Returns its syslog facility.
    pub fn facility(&self) -> Facility {
        self.entry().facility
    }

    /// Returns its severity.
    pub fn severity(&self) -> Severity {
        self.entry().severity
    }

    /// Returns its outcome.
    pub fn outcome(&self) -> EventOutcome {
        self.entry().outcome
    }
}
