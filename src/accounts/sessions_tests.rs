use proptest::prelude::*;

use super::*;
use crate::accounts::session::REMEMBERED_IDLE;
use crate::clock::Timestamp;
use crate::store::{AccountState, SessionOrigin, SessionRow, UserRow};
use crate::types::Role;

const LIMITS: SessionLimits = SessionLimits {
    total: 4,
    per_user: 2,
    idle: Duration::from_secs(10),
    life: Duration::from_secs(30),
    remembered_life: Duration::from_secs(30 * DAY),
};
const DAY: u64 = 24 * 60 * 60;

/// Both clocks at the start of these tests.
const START: Now = Now { wall: Timestamp(1_000_000), mono: Duration::from_secs(500) };

fn after(millis: u64) -> Now {
    let wall = START.wall.plus(Duration::from_millis(millis));
    Now { wall, mono: mono(millis) }
}

fn mono(millis: u64) -> Duration {
    START.mono + Duration::from_millis(millis)
}

fn user(id: i64) -> UserRow {
    UserRow {
        id: UserId(id),
        name: format!("u{id}").parse().expect("valid"),
        role: Role::Member,
        password: String::new(),
        locked: false,
        must_change: false,
        must_change_by: None,
        generation: 0,
        resets: 0,
    }
}

fn row(n: u8, user: i64, generation: i64) -> SessionRow {
    let at = START.wall;
    SessionRow {
        id: 0x1234_5678_9abc_def0,
        digest: Sha256([n; 32]),
        user: UserId(user),
        created_at: at,
        used_at: at,
        generation,
        origin: SessionOrigin::default(),
    }
}

/// Returns a session that began at zero and was last used at `used`.
fn session(n: u8, of: i64, used: u64) -> Session {
    let session = Session::begin(&user(of), &row(n, of, 0), START, true);
    session.touch(mono(used));
    session.take_unsaved(START, true);
    session
}

fn of_generation(n: u8, generation: i64) -> Session {
    Session::begin(&user(1), &row(n, 1, generation), START, true)
}

fn digest(n: u8) -> Sha256 {
    Sha256([n; 32])
}

/// Unlocked accounts with the role of [`user`], by id and generation.
fn accounts<const N: usize>(generations: [(i64, i64); N]) -> HashMap<UserId, AccountState> {
    let state =
        |generation| AccountState { generation, role: Role::Member.as_str().to_owned(), locked: false };
    generations.into_iter().map(|(id, generation)| (UserId(id), state(generation))).collect()
}

/// First byte of the digest and the reason of every notified end.
type Ends = Arc<Mutex<Vec<(u8, SessionEnd)>>>;

fn table() -> (Sessions, Ends) {
    let sessions = Sessions::new(LIMITS, START);
    let ends = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&ends);
    sessions.on_end(Box::new(move |s, why| lock(&sink).push((s.digest.0[0], why))));
    (sessions, ends)
}

#[test]
fn sessions_end_when_idle_and_when_old() {
    let (sessions, ends) = table();
    let s = sessions.insert(session(1, 1, 0));
    assert!(sessions.find(&s.digest, mono(9_999)).is_some());
    assert!(sessions.find(&s.digest, mono(10_000)).is_none(), "idle");
    for at in [9_000, 18_000, 27_000] {
        s.touch(mono(at));
    }
    assert!(sessions.find(&s.digest, mono(29_999)).is_some());
    assert!(sessions.find(&s.digest, mono(30_000)).is_none(), "absolute");
    assert_eq!(sessions.expire(mono(30_000)), vec![s.digest]);
    assert_eq!(*lock(&ends), vec![(1, SessionEnd::Expired)]);
    assert!(sessions.is_empty() && !s.is_live());
}

#[test]
fn end_by_time_tells_age_from_idleness() {
    for (uses, at, end) in [
        (&[][..], 10_000, SessionEnd::Idle),
        (&[9_000, 18_000, 27_000], 30_000, SessionEnd::Expired),
        // Both are over when checked, late; the first one counts.
        (&[9_000, 18_000, 19_000], 90_000, SessionEnd::Idle),
        (&[9_000, 18_000, 27_000], 90_000, SessionEnd::Expired),
    ] {
        let (sessions, ends) = table();
        let s = sessions.insert(session(1, 1, 0));
        uses.iter().for_each(|used| s.touch(mono(*used)));
        assert_eq!(sessions.end_of(&s, mono(9_999.min(at - 1))), None);
        assert_eq!(sessions.end_of(&s, mono(at)), Some(end), "before the table is looked at");
        sessions.expire(mono(at));
        assert_eq!(*lock(&ends), vec![(1, end)]);
        assert_eq!(sessions.end_of(&s, mono(at)), Some(end));
    }
}

#[test]
fn change_elsewhere_is_told_by_its_cause() {
    let account = |change: fn(&mut AccountState)| {
        let mut state = accounts([(1, 1)]).remove(&UserId(1)).expect("is there");
        change(&mut state);
        Some(state)
    };
    for (account, end) in [
        (account(|a| a.locked = true), SessionEnd::Locked),
        (account(|a| a.role = Role::Uploader.as_str().to_owned()), SessionEnd::RoleChanged),
        (account(|_| ()), SessionEnd::PasswordReset),
        (account(|a| a.generation = 0), SessionEnd::Revoked),
        (None, SessionEnd::Deleted),
    ] {
        let (sessions, ends) = table();
        let s = sessions.insert(session(1, 1, 0));
        sessions
            .keep_only(&HashSet::new(), &account.into_iter().map(|account| (UserId(1), account)).collect());
        assert_eq!(*lock(&ends), vec![(1, end)]);
        assert_eq!(sessions.end_of(&s, START.mono), Some(end));
    }
}

#[test]
fn remembered_session_lasts_longer() {
    let origin = SessionOrigin { remember: true, ..SessionOrigin::default() };
    let (sessions, _) = table();
    let s = sessions.insert(Session::begin(&user(1), &SessionRow { origin, ..row(1, 1, 0) }, START, true));
    let idle = u64::try_from(REMEMBERED_IDLE.as_millis()).expect("small");
    assert!(sessions.find(&s.digest, mono(idle - 1)).is_some());
    assert_eq!(sessions.end_of(&s, mono(idle)), Some(SessionEnd::Idle));
    [1, 2].iter().for_each(|n| s.touch(mono(n * (idle - 1))));
    let life = 30 * DAY * 1000;
    assert!(sessions.find(&s.digest, mono(life - 1)).is_some());
    assert_eq!(sessions.end_of(&s, mono(life)), Some(SessionEnd::Expired));
    let off = SessionLimits { remembered_life: Duration::ZERO, ..LIMITS };
    assert_eq!(off.over(&s, mono(30_000)), Some(SessionEnd::Expired), "no session is remembered");
    let longer = SessionLimits { life: Duration::from_secs(31 * DAY), idle: REMEMBERED_IDLE * 2, ..LIMITS };
    assert_eq!(longer.over(&s, mono(life)), None, "never less than any other session");
}

#[test]
fn answering_socket_counts_as_use_but_not_against_age() {
    let (sessions, _) = table();
    let s = sessions.insert(session(1, 1, 0));
    let quiet = sessions.insert(session(2, 2, 0));
    for at in (2_500..30_000).step_by(2_500) {
        sessions.touch_by_socket(&[digest(1), digest(9)], mono(at));
    }
    assert!(sessions.find(&digest(1), mono(29_999)).is_some());
    assert_eq!(sessions.end_of(&quiet, mono(10_000)), Some(SessionEnd::Idle));
    assert_eq!(sessions.end_of(&s, mono(30_000)), Some(SessionEnd::Expired));
    sessions.touch_by_socket(&[digest(1)], mono(40_000));
    assert!(sessions.find(&digest(1), mono(40_000)).is_none(), "what is over stays over");
}

#[test]
fn socket_use_is_recorded_once_a_minute() {
    let (sessions, _) = table();
    sessions.reconfigure(SessionLimits {
        idle: Duration::from_secs(7200),
        life: Duration::from_secs(DAY),
        ..LIMITS
    });
    sessions.insert(session(1, 1, 0));
    let mut writes = 0;
    for at in (1_000..=600_000).step_by(1_000) {
        sessions.touch_by_socket(&[digest(1)], mono(at));
        writes += sessions.dirty(after(at)).len();
    }
    assert_eq!(writes, 10);
}

#[test]
fn longest_idle_session_is_evicted_first() {
    let (sessions, _) = table();
    for (n, user, used) in [(1, 1, 5), (2, 1, 1), (3, 2, 0)] {
        sessions.insert(session(n, user, used));
    }
    assert_eq!(sessions.evicted_for(UserId(1)), vec![digest(2)]);
    assert!(sessions.evicted_for(UserId(2)).is_empty());
    sessions.insert(session(4, 3, 9));
    assert_eq!(sessions.evicted_for(UserId(9)), vec![digest(3)], "four of four: the oldest of all");
    assert_eq!(sessions.evicted_for(UserId(1)), vec![digest(2)], "one is enough for both bounds");
}

#[tokio::test]
async fn session_end_is_notified_once() {
    let (sessions, ends) = table();
    let gone = sessions.insert(session(1, 1, 0));
    sessions.insert(session(3, 2, 0));
    sessions.end(&[digest(1)], SessionEnd::Logout);
    sessions.end(&[digest(1)], SessionEnd::Logout);
    gone.ended().await;
    assert!(!gone.is_live());
    sessions.end_all(SessionEnd::Claimed);
    assert_eq!(*lock(&ends), vec![(1, SessionEnd::Logout), (3, SessionEnd::Claimed)]);
}

#[test]
fn new_generation_ends_older_sessions_at_once() {
    let (sessions, ends) = table();
    let old = sessions.insert(of_generation(1, 0));
    let new = sessions.insert(of_generation(2, 1));
    assert!(!old.is_live() && new.is_live());
    assert!(
        sessions.find(&digest(1), START.mono).is_none() && sessions.find(&digest(2), START.mono).is_some()
    );
    sessions.insert(of_generation(3, 0));
    assert!(sessions.find(&digest(3), START.mono).is_none(), "one that came late is dead on arrival");
    sessions.keep_only(&[1, 2, 3].map(digest).into(), &accounts([(1, 1)]));
    assert_eq!(sessions.len(), 1);
    assert_eq!(lock(&ends).len(), 2);
}

#[test]
fn change_elsewhere_ends_sessions_without_rows() {
    let (sessions, ends) = table();
    sessions.insert(session(1, 1, 0));
    sessions.insert(session(2, 1, 0));
    sessions.insert(session(3, 2, 0));
    let unstored = Session::begin(&user(3), &row(4, 3, 0), START, false);
    sessions.insert(unstored);
    let generations = accounts([(1, 0), (2, 1), (3, 0)]);
    sessions.keep_only(&[2, 3].map(digest).into(), &generations);
    assert!(sessions.find(&digest(2), START.mono).is_some());
    assert!(sessions.find(&digest(4), START.mono).is_some(), "the disk was full: there is no row to miss");
    lock(&ends).sort_unstable_by_key(|(n, _)| *n);
    assert_eq!(*lock(&ends), vec![(1, SessionEnd::Revoked), (3, SessionEnd::PasswordReset)]);
    sessions.keep_only(&[2].map(digest).into(), &accounts([(1, 0)]));
    assert_eq!(sessions.len(), 1, "the account of the unstored one is gone");
}

#[test]
fn new_password_leaves_one_session() {
    let (sessions, ends) = table();
    let old = sessions.insert(of_generation(1, 0));
    sessions.insert(of_generation(2, 0));
    sessions.insert(session(3, 2, 0));
    let (mut handed, told) = (None, Arc::clone(&ends));
    let hand_over = |old: &Sha256, new: &Session| handed = Some((*old, new.digest, lock(&told).len()));
    let renewed =
        sessions.renew(&digest(1), of_generation(4, 1), hand_over).expect("the asking session is there");
    assert_eq!(handed, Some((digest(1), digest(4), 0)), "before any end is told");
    assert!(renewed.is_live() && !old.is_live());
    assert!([1, 2].iter().all(|n| sessions.find(&digest(*n), START.mono).is_none()));
    assert_eq!(sessions.len(), 2, "others' sessions stay");
    lock(&ends).sort_unstable_by_key(|(n, _)| *n);
    assert_eq!(*lock(&ends), vec![(1, SessionEnd::PasswordChanged), (2, SessionEnd::PasswordChanged)]);
}

#[test]
fn new_password_after_sign_out_leaves_no_session() {
    let (sessions, _) = table();
    sessions.insert(of_generation(1, 0));
    sessions.insert(of_generation(2, 0));
    sessions.end(&[digest(1)], SessionEnd::Logout);
    let hand_over = |_: &Sha256, _: &Session| panic!("there is nothing to hand over");
    assert!(sessions.renew(&digest(1), of_generation(3, 1), hand_over).is_none());
    assert!(sessions.is_empty());
}

#[test]
fn use_is_stored_once() {
    let (sessions, _) = table();
    let s = sessions.insert(session(1, 1, 0));
    assert!(sessions.dirty(START).is_empty());
    s.touch(mono(7));
    let saved = sessions.dirty(after(9));
    assert_eq!(
        saved,
        vec![SessionTimes { digest: s.digest, created_at: START.wall, used_at: after(7).wall }]
    );
    assert!(sessions.dirty(after(9)).is_empty());
}

#[test]
fn setting_the_clock_moves_every_stored_time() {
    let (sessions, _) = table();
    sessions.insert(session(1, 1, 2_000));
    let set = |wall| Now { wall: Timestamp(wall), mono: mono(5_000) };
    let saved = sessions.dirty(set(90_000_000));
    let expected =
        SessionTimes { digest: digest(1), created_at: Timestamp(89_995_000), used_at: Timestamp(89_997_000) };
    assert_eq!(saved, [expected], "as old as before, by the new clock");
    assert!(sessions.dirty(set(90_000_000)).is_empty());
}

#[test]
fn short_id_is_eight_digits() {
    assert_eq!(session(1, 1, 0).short_id(), "12345678");
    assert_eq!(session(1, 1, 0).public_id(), "123456789abcdef0");
}

#[test]
fn account_standings_end_with_their_sessions() {
    let (sessions, _) = table();
    for n in 0..100 {
        sessions.insert(session(n, i64::from(n), 0));
    }
    sessions.expire(mono(1));
    assert_eq!(lock(&sessions.table).standings.len(), 100);
    sessions.expire(mono(60_000));
    assert_eq!(lock(&sessions.table).standings.len(), 0);
}

proptest! {
    /// The wall clock may be set any number of times while the program runs.
    #[test]
    fn wall_clock_neither_ends_nor_extends_sessions(jumps in prop::collection::vec((any::<i64>(), 0_u64..3_000), 1..20)) {
        let (sessions, _) = table();
        sessions.insert(session(1, 1, 0));
        let mut elapsed = 0;
        for (wall, step) in jumps {
            elapsed += step;
            let now = Now { wall: Timestamp(wall), mono: mono(elapsed) };
            sessions.dirty(now);
            prop_assert_eq!(sessions.find(&digest(1), now.mono).is_some(), elapsed < 10_000);
            if elapsed < 10_000 {
                let s = sessions.find(&digest(1), now.mono).expect("live");
                let left = i64::try_from(10_000 - elapsed).expect("small");
                prop_assert_eq!(LIMITS.expires_at(&s, now), Timestamp(wall.saturating_add(left)));
            }
        }
    }

    /// Across a restart the wall clock counts; impossible times mean expiry.
    #[test]
    fn restored_session_is_as_old_as_stored(created in -40_000_i64..40_000, used in -40_000_i64..40_000, boot in 0_u64..100_000) {
        let now = Now { wall: START.wall, mono: Duration::from_millis(boot) };
        let at = |age: i64| Timestamp(now.wall.0 - age);
        let stored = SessionRow { created_at: at(created), used_at: at(used), ..row(1, 1, 0) };
        let restored = Session::restore(&user(1), &stored, now);
        let live = (0..30_000).contains(&created) && (0..10_000).contains(&used);
        prop_assert_eq!(LIMITS.over(&restored, now.mono).is_none(), live);
        // Limits raised later do not revive what a clock that ran backwards has ended.
        let generous = SessionLimits { life: Duration::from_secs(1 << 40), idle: Duration::from_secs(1 << 40), ..LIMITS };
        prop_assert_eq!(generous.over(&restored, now.mono).is_none(), created >= 0 && used >= 0);
    }
}
