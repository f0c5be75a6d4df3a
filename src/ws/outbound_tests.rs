use super::*;
use proptest::prelude::*;

use crate::audit::SessionEnd;

fn frame(len: usize) -> Frame {
    Frame::json(&"x".repeat(len))
}

fn drain(out: &Outbound) -> (Vec<usize>, Option<CloseCode>) {
    let mut batch = VecDeque::new();
    let share = Share { most: usize::MAX, room: usize::MAX, idle: true };
    let closing = out.take(&mut batch, &mut 0, share, &Context::from_waker(Waker::noop()));
    (batch.iter().map(|f| f.as_bytes().len()).collect(), closing)
}

#[test]
fn typing_goes_first_then_presence_then_the_socket() {
    let out = Outbound::default();
    for _ in 0..MAX_FRAMES - 2 {
        out.push(frame(10), Urgency::Message);
    }
    out.push(frame(20), Urgency::Typing);
    out.push(frame(30), Urgency::Presence);
    out.push(frame(40), Urgency::Typing);
    assert_eq!(out.figures().dropped, [1, 0], "a full queue takes no typing");
    out.push(frame(50), Urgency::Message);
    assert_eq!(out.figures().dropped, [2, 0], "typing made room");
    out.push(frame(60), Urgency::Message);
    assert_eq!(out.figures().dropped, [2, 1], "presence made room");
    out.push(frame(70), Urgency::Message);
    assert!(out.figures().too_slow);
    assert_eq!(drain(&out), (vec![], Some(CloseCode::TooSlow)));
}

#[test]
fn the_first_reason_to_close_counts_and_nothing_follows() {
    let out = Outbound::default();
    out.push(frame(1), Urgency::Message);
    out.close(CloseCode::SessionEnded(SessionEnd::Logout));
    out.close(CloseCode::Shutdown);
    out.push(frame(1), Urgency::Message);
    assert_eq!(drain(&out), (vec![], Some(CloseCode::SessionEnded(SessionEnd::Logout))));
}

#[test]
fn so_many_bytes_wait_and_not_one_more() {
    // Its header and the quotes take six bytes.
    let of = |bytes: usize| frame(bytes - 6);
    let full = |last: usize| {
        let out = Outbound::default();
        (0..MAX_BYTES / 65_000).for_each(|_| out.push(of(65_000), Urgency::Message));
        out.push(of(MAX_BYTES % 65_000 + last), Urgency::Message);
        out
    };
    let out = full(0);
    assert_eq!((out.figures().bytes, out.figures().too_slow), (MAX_BYTES, false));
    out.push(frame(1), Urgency::Typing);
    assert_eq!((out.figures().bytes, out.figures().dropped), (MAX_BYTES, [1, 0]));
    assert!(full(1).figures().too_slow);
}

proptest! {
    #[test]
    fn the_bounds_hold_and_order_stays(sizes in prop::collection::vec((1..20_000_usize, 0..3_u8), 0..400)) {
        let out = Outbound::default();
        for (size, urgency) in sizes {
            let urgency = [Urgency::Typing, Urgency::Presence, Urgency::Message][usize::from(urgency)];
            out.push(frame(size), urgency);
            let queue = out.lock();
            prop_assert!(queue.frames.len() <= MAX_FRAMES);
            prop_assert!(queue.bytes <= MAX_BYTES);
            prop_assert_eq!(queue.bytes, queue.frames.iter().map(|(f, _)| f.as_bytes().len()).sum::<usize>());
        }
    }
}
