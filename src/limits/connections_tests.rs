use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;

fn addr(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + n).into()
}

const ANA: UserId = UserId(1);

fn admit(caps: &ConnectionCaps, n: u32) -> Result<(Arc<Slot>, Option<IpAddr>), Refused> {
    caps.admit(addr(n), false).map(|Admitted { slot, instead_of }| (Arc::new(slot), instead_of))
}

#[test]
fn both_caps_hold_and_slots_come_back() {
    let caps = ConnectionCaps::new(3, 2, LocalPrefixes::default());
    let (first, _) = admit(&caps, 1).unwrap();
    let second = Arc::new(caps.admit("::ffff:10.0.0.1".parse().unwrap(), false).unwrap().slot);
    assert_eq!(admit(&caps, 1).err(), Some(Refused::Address));
    let (third, _) = admit(&caps, 2).unwrap();
    let mut serving = vec![first.serve(ANA), second.serve(ANA), third.serve(UserId(2))];
    assert_eq!(admit(&caps, 3).err(), Some(Refused::Total));
    assert_eq!((caps.count(), caps.refused()), (3, 2));
    drop(serving.remove(0));
    drop(first);
    let (fourth, instead_of) = admit(&caps, 1).unwrap();
    assert_eq!(instead_of, None);
    caps.set(1, 1);
    assert_eq!(caps.count(), 3, "open connections stay");
    serving.push(fourth.serve(UserId(4)));
    assert_eq!(admit(&caps, 4).err(), Some(Refused::Total));
    serving.clear();
    drop((second, third, fourth));
    assert!(admit(&caps, 4).is_ok());
    assert_eq!(caps.count(), 0);
}

#[test]
fn strangers_yield_first_then_who_is_idle_and_never_who_is_served() {
    let caps = ConnectionCaps::new(4, 4, LocalPrefixes::default());
    let [idle, old, young, served] = [1, 2, 3, 4].map(|n| admit(&caps, n).unwrap().0);
    drop((idle.serve(ANA), served.serve(ANA)));
    let (request, socket) = (served.serve(ANA), served.serve(ANA));
    drop(request);
    let mut instead_of = Vec::new();
    let mut newcomers = Vec::new();
    for _ in 0..3 {
        let (newcomer, instead) = admit(&caps, 5).unwrap();
        drop(newcomer.serve(ANA));
        newcomers.push(newcomer);
        instead_of.extend(instead);
    }
    assert_eq!(instead_of, [addr(2), addr(3), addr(1)]);
    assert!(
        [&idle, &old, &young].iter().all(|slot| slot.evicted_signal().is_cancelled())
            && !served.evicted_signal().is_cancelled()
    );
    assert_eq!(caps.count(), 4);
    drop((idle.serve(ANA), old, young, idle));
    assert_eq!(caps.count(), 4, "their places are given back once only");
    let (_, instead) = admit(&caps, 6).unwrap();
    assert_eq!(instead, Some(addr(5)), "among the idle the oldest yields");
    drop(socket);
    drop((served, newcomers));
    assert_eq!(caps.count(), 0);
}

#[test]
fn waiting_connection_evicts_none_admitted_meanwhile() {
    let caps = ConnectionCaps::new(2, 2, LocalPrefixes::default());
    let [first, second] = [1, 2].map(|n| admit(&caps, n).unwrap().0);
    let (serving, arrived) = (first.serve(ANA), caps.admitted());
    let other = second.serve(UserId(2));
    drop((other, second));
    let third = caps.try_admit_past(addr(3), false, arrived).unwrap();
    assert!(third.instead_of.is_none());
    assert_eq!(caps.try_admit_past(addr(4), false, arrived).err(), Some(Refused::Total));
    assert!(!third.slot.evicted_signal().is_cancelled());
    drop(serving);
    let fourth = caps.try_admit_past(addr(4), false, arrived).unwrap();
    assert_eq!(fourth.instead_of, Some(addr(1)), "the one that was there before, now that it is idle");
    assert_eq!(caps.try_admit(addr(5), false).unwrap().instead_of, Some(addr(3)), "a newcomer evicts");
}

#[test]
fn room_is_made_by_strangers_and_by_nobody_else() {
    let caps = ConnectionCaps::new(9, 9, LocalPrefixes::default());
    let [idle, stranger, served] = [1, 2, 3].map(|n| admit(&caps, n).unwrap().0);
    drop(idle.serve(ANA));
    let serving = served.serve(ANA);
    assert_eq!([caps.evict_one(), caps.evict_one()], [Some(addr(2)), None]);
    assert!(
        stranger.evicted_signal().is_cancelled()
            && !idle.evicted_signal().is_cancelled()
            && !served.evicted_signal().is_cancelled()
    );
    assert_eq!((caps.count(), caps.refused()), (2, 0));
    let (last, _) = admit(&caps, 4).unwrap();
    assert_eq!(caps.evict_one(), None, "the newest connection is not evicted");
    drop((last, stranger, idle, serving, served));
    assert_eq!(caps.count(), 0);
}

#[test]
fn connections_of_people_do_not_count_for_their_address() {
    let caps = ConnectionCaps::new(99, 2, LocalPrefixes::default());
    let people: Vec<_> =
        (0..10).map(|n| admit(&caps, 1).map(|(slot, _)| (slot.serve(UserId(n)), slot)).unwrap()).collect();
    let strangers = [(); 2].map(|()| admit(&caps, 1).unwrap());
    assert_eq!(admit(&caps, 1).err(), Some(Refused::Address), "strangers have their own figure");
    drop(strangers);
    assert!(admit(&caps, 1).is_ok());
    let idle: Vec<_> = people.into_iter().map(|(serving, slot)| drop_first(serving, slot)).collect();
    assert!(admit(&caps, 1).is_ok(), "nor do they while they rest");
    drop(idle);
    let counts = lock(&caps.counts);
    assert!(counts.of_person.is_empty() && counts.of_address.is_empty() && counts.total == 0);
}

fn drop_first(serving: AuthenticatedRequestGuard, slot: Arc<Slot>) -> Arc<Slot> {
    drop(serving);
    slot
}

#[test]
fn a_person_past_the_share_counts_for_the_address_and_yields() {
    let caps = ConnectionCaps::new(4, 2, LocalPrefixes::default());
    let [one, two, third] = [1, 2, 3].map(|n| admit(&caps, n).unwrap().0);
    let within = [one.serve(ANA), two.serve(ANA)];
    let past = third.serve(ANA);
    let (fourth, _) = admit(&caps, 4).unwrap();
    let other = fourth.serve(UserId(2));
    let (newcomer, instead_of) = admit(&caps, 5).unwrap();
    assert_eq!(instead_of, Some(addr(3)), "and yields although it is being served");
    assert!(third.evicted_signal().is_cancelled());
    drop((past, third));
    assert_eq!(caps.count(), 4);
    drop(within);
    drop((one, two, fourth, other, newcomer));
    assert_eq!(caps.count(), 0);
    assert!(lock(&caps.counts).of_person.is_empty());
}

#[test]
fn person_past_the_share_keeps_no_newcomer_of_the_address_out() {
    let caps = ConnectionCaps::new(99, 2, LocalPrefixes::default());
    let slots: Vec<_> =
        (0..4).map(|_| admit(&caps, 1).map(|(slot, _)| (slot.serve(ANA), slot)).unwrap()).collect();
    assert_eq!(lock(&caps.counts).of_address[&addr(1)], 2, "two of four are past the share");
    let (newcomer, instead_of) = admit(&caps, 1).unwrap();
    assert_eq!(instead_of, Some(addr(1)));
    let ended: Vec<_> = slots.iter().map(|(_, slot)| slot.evicted_signal().is_cancelled()).collect();
    assert_eq!(ended, [false, false, true, false], "the oldest past the share, and none within it");
    let (second, _) = admit(&caps, 1).unwrap();
    assert_eq!(admit(&caps, 1).err(), Some(Refused::Address), "strangers keep their share among themselves");
    drop((newcomer, second, slots));
    let counts = lock(&caps.counts);
    assert!(counts.past_share.is_empty() && counts.total == 0);
}

#[test]
fn trusted_proxy_is_held_to_no_share_of_an_address() {
    let caps = ConnectionCaps::new(5, 2, LocalPrefixes::default());
    let through = || caps.admit(addr(1), true).map(|admitted| Arc::new(admitted.slot));
    let slots: Vec<_> = (0..5).map(|_| through().unwrap()).collect();
    assert!(lock(&caps.counts).of_address.is_empty());
    let serving: Vec<_> = slots.iter().map(|slot| slot.serve(ANA)).collect();
    assert_eq!(lock(&caps.counts).of_person.get(&ANA), Some(&2), "a person's share holds behind a proxy too");
    drop((serving, slots));
    assert_eq!(caps.count(), 0);
}

/// A connection of the model below: address, person, slot and what it serves.
struct Held {
    addr: u32,
    person: Option<i64>,
    past_share: bool,
    slot: Arc<Slot>,
    serving: Vec<AuthenticatedRequestGuard>,
}

proptest! {
    #[test]
    fn counts_are_what_is_held(ops in prop::collection::vec((0u32..6, 0u8..4, 0i64..4), 0..300)) {
        let caps = ConnectionCaps::new(8, 3, LocalPrefixes::default());
        let mut held: Vec<Held> = Vec::new();
        for (n, op, who) in ops {
            match (op, held.iter().position(|h| h.addr == n)) {
                (0 | 1, _) => {
                    let strangers = held.iter().filter(|h| h.addr == n && h.person.is_none()).count();
                    let yields = |h: &Held| h.person.is_none() || h.serving.is_empty();
                    let free = held.len() < 8 || held.iter().any(yields);
                    let past_share = held.iter().any(|h| h.addr == n && h.past_share);
                    let admitted = admit(&caps, n);
                    prop_assert_eq!(admitted.is_ok(), if strangers < 3 { free } else { past_share });
                    if let Ok((slot, instead_of)) = admitted {
                        prop_assert_eq!(instead_of.is_some(), held.len() == 8 || strangers == 3);
                        held.retain(|h| !h.slot.evicted_signal().is_cancelled());
                        held.push(Held { addr: n, person: None, past_share: false, slot, serving: Vec::new() });
                    }
                }
                (2, Some(i)) => drop(held.swap_remove(i)),
                (_, Some(i)) if held[i].serving.len() < 2 => {
                    let own = held.iter().filter(|h| h.person == Some(who)).count();
                    let serving = held[i].slot.serve(UserId(who));
                    held[i].serving.push(serving);
                    if held[i].person.is_none() {
                        held[i].person = (own < 3).then_some(who);
                        held[i].past_share = own >= 3;
                    }
                }
                (_, Some(i)) => held[i].serving.clear(),
                (_, None) => {}
            }
            prop_assert_eq!(caps.count(), held.len());
            let counts = lock(&caps.counts);
            for who in 0..4 {
                let own = held.iter().filter(|h| h.person == Some(who)).count();
                prop_assert_eq!(counts.of_person.get(&UserId(who)).copied().unwrap_or(0), own);
            }
            let strangers = held.iter().filter(|h| h.person.is_none()).count();
            prop_assert_eq!(counts.of_address.values().sum::<usize>(), strangers);
        }
        held.clear();
        prop_assert_eq!(caps.count(), 0);
        let counts = lock(&caps.counts);
        prop_assert!(counts.of_address.is_empty() && counts.of_person.is_empty() && counts.yielding.is_empty());
        prop_assert!(counts.past_share.is_empty());
    }
}
