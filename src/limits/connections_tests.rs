use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;

fn addr(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + n).into()
}

fn admit(caps: &ConnectionCaps, n: u32) -> Result<(Arc<Slot>, Option<IpAddr>), Refused> {
    caps.admit(addr(n)).map(|Admitted { slot, instead_of }| (Arc::new(slot), instead_of))
}

#[test]
fn both_caps_hold_and_slots_come_back() {
    let caps = ConnectionCaps::new(3, 2, LocalPrefixes::default());
    let (first, _) = admit(&caps, 1).unwrap();
    let second = Arc::new(caps.admit("::ffff:10.0.0.1".parse().unwrap()).unwrap().slot);
    assert_eq!(admit(&caps, 1).err(), Some(Refused::Address));
    let (third, _) = admit(&caps, 2).unwrap();
    let mut serving = vec![first.serve(), second.serve(), third.serve()];
    assert_eq!(admit(&caps, 3).err(), Some(Refused::Total));
    assert_eq!((caps.count(), caps.refused()), (3, 2));
    drop(serving.remove(0));
    drop(first);
    let (fourth, instead_of) = admit(&caps, 1).unwrap();
    assert_eq!(instead_of, None);
    caps.set(1, 1);
    assert_eq!(caps.count(), 3, "who is in stays in");
    serving.push(fourth.serve());
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
    drop((idle.serve(), served.serve()));
    let (request, socket) = (served.serve(), served.serve());
    drop(request);
    let mut instead_of = Vec::new();
    let mut newcomers = Vec::new();
    for _ in 0..3 {
        let (newcomer, instead) = admit(&caps, 5).unwrap();
        drop(newcomer.serve());
        newcomers.push(newcomer);
        instead_of.extend(instead);
    }
    assert_eq!(instead_of, [addr(2), addr(3), addr(1)]);
    assert!([&idle, &old, &young].iter().all(|slot| slot.yielded().is_cancelled()) && !served.yielded().is_cancelled());
    assert_eq!(caps.count(), 4);
    drop((idle.serve(), old, young, idle));
    assert_eq!(caps.count(), 4, "their places are given back once only");
    let (_, instead) = admit(&caps, 6).unwrap();
    assert_eq!(instead, Some(addr(5)), "among the idle the oldest yields");
    drop(socket);
    drop((served, newcomers));
    assert_eq!(caps.count(), 0);
}

#[test]
fn room_is_made_by_strangers_and_by_nobody_else() {
    let caps = ConnectionCaps::new(9, 9, LocalPrefixes::default());
    let [idle, stranger, served] = [1, 2, 3].map(|n| admit(&caps, n).unwrap().0);
    drop(idle.serve());
    let serving = served.serve();
    assert_eq!([caps.make_room(), caps.make_room()], [Some(addr(2)), None]);
    assert!(stranger.yielded().is_cancelled() && !idle.yielded().is_cancelled() && !served.yielded().is_cancelled());
    assert_eq!((caps.count(), caps.refused()), (2, 0));
    let (last, _) = admit(&caps, 4).unwrap();
    assert_eq!(caps.make_room(), None, "who came last is not the one to go");
    drop((last, stranger, idle, serving, served));
    assert_eq!(caps.count(), 0);
}

proptest! {
    #[test]
    fn counts_are_what_is_held(ops in prop::collection::vec((0u32..6, 0u8..4), 0..300)) {
        let caps = ConnectionCaps::new(8, 3, LocalPrefixes::default());
        let mut held: Vec<(u32, Arc<Slot>, Vec<Serving>)> = Vec::new();
        for (n, op) in ops {
            match (op, held.iter().position(|(m, ..)| *m == n)) {
                (0 | 1, _) => {
                    let here = held.iter().filter(|(m, ..)| *m == n).count();
                    let free = held.len() < 8 || held.iter().any(|(.., serving)| serving.is_empty());
                    let admitted = admit(&caps, n);
                    prop_assert_eq!(admitted.is_ok(), here < 3 && free);
                    if let Ok((slot, instead_of)) = admitted {
                        prop_assert_eq!(instead_of.is_some(), held.len() == 8);
                        held.retain(|(_, slot, serving)| !(slot.yielded().is_cancelled() && serving.is_empty()));
                        held.push((n, slot, Vec::new()));
                    }
                }
                (2, Some(i)) => drop(held.swap_remove(i)),
                (_, Some(i)) if held[i].2.len() < 2 => {
                    let serving = held[i].1.serve();
                    held[i].2.push(serving);
                }
                (_, Some(i)) => held[i].2.clear(),
                (_, None) => {}
            }
            prop_assert_eq!(caps.count(), held.len());
        }
        held.clear();
        prop_assert_eq!(caps.count(), 0);
        let counts = lock(&caps.counts);
        prop_assert!(counts.of_address.is_empty() && counts.yielding.is_empty());
    }
}
