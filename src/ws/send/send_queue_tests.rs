use super::*;
use proptest::prelude::*;

use crate::audit::SessionEnd;

fn frame(len: usize) -> Frame {
    Frame::json(&"x".repeat(len))
}

fn drain(out: &SendQueue) -> (Vec<usize>, Option<CloseCode>) {
    let mut batch = VecDeque::new();
    let share = TakeBudget { most: usize::MAX, room: usize::MAX, idle: true };
    let closing = out.take(&mut batch, &mut 0, share, &Context::from_waker(Waker::noop()));
    (batch.iter().map(|f| f.as_bytes().len()).collect(), closing)
}

fn dropped(typing: u64, presence: u64) -> DroppedFrames {
    DroppedFrames { typing, presence }
}

#[test]
fn full_queue_drops_typing_then_presence_then_closes() {
    let out = SendQueue::default();
    for _ in 0..MAX_FRAMES - 2 {
        out.push(frame(10), Priority::Message);
    }
    out.push(frame(20), Priority::Typing);
    out.push(frame(30), Priority::Presence);
    out.push(frame(40), Priority::Typing);
    assert_eq!(out.stats().dropped, dropped(1, 0), "a full queue takes no typing");
    out.push(frame(50), Priority::Message);
    assert_eq!(out.stats().dropped, dropped(2, 0), "typing made room");
    out.push(frame(60), Priority::Message);
    assert_eq!(out.stats().dropped, dropped(2, 1), "presence made room");
    out.push(frame(70), Priority::Message);
    assert!(out.stats().too_slow);
    assert_eq!(drain(&out), (vec![], Some(CloseCode::TooSlow)));
}

#[test]
fn first_close_code_counts_and_nothing_follows() {
    let out = SendQueue::default();
    out.push(frame(1), Priority::Message);
    out.close(CloseCode::SessionEnded(SessionEnd::Logout));
    out.close(CloseCode::Shutdown);
    out.push(frame(1), Priority::Message);
    assert_eq!(drain(&out), (vec![], Some(CloseCode::SessionEnded(SessionEnd::Logout))));
}

#[test]
fn byte_limit_is_exact() {
    // Header and quotes take six bytes.
    let of = |bytes: usize| frame(bytes - 6);
    let full = |last: usize| {
        let out = SendQueue::default();
        (0..MAX_BYTES / 65_000).for_each(|_| out.push(of(65_000), Priority::Message));
        out.push(of(MAX_BYTES % 65_000 + last), Priority::Message);
        out
    };
    let out = full(0);
    assert_eq!((out.stats().bytes, out.stats().too_slow), (MAX_BYTES, false));
    out.push(frame(1), Priority::Typing);
    assert_eq!((out.stats().bytes, out.stats().dropped), (MAX_BYTES, dropped(1, 0)));
    assert!(full(1).stats().too_slow);
}

proptest! {
    #[test]
    fn queue_limits_hold_for_any_frames(sizes in prop::collection::vec((1..20_000_usize, 0..3_u8), 0..400)) {
        let out = SendQueue::default();
        for (size, urgency) in sizes {
            let urgency = [Priority::Typing, Priority::Presence, Priority::Message][usize::from(urgency)];
            out.push(frame(size), urgency);
            let queue = out.lock();
            prop_assert!(queue.frames.len() <= MAX_FRAMES);
            prop_assert!(queue.bytes <= MAX_BYTES);
            prop_assert_eq!(queue.bytes, queue.frames.iter().map(|(f, _)| f.as_bytes().len()).sum::<usize>());
        }
    }
}
