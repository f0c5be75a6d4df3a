//! Fields of requests as bits, so that those of a request are compared with those of its type in one step.

/// Names of the fields besides `type`, in the order in which `RawRequest::into_parts` looks at them.
pub(super) const FIELDS: [&str; 14] = [
    "ref", "room", "password", "kind", "text", "label", "create", "since", "seq", "reply", "emoji", "do",
    "id", "invite",
];

/// Returns the bits of `names` by their places in [`FIELDS`].
pub(super) const fn field_bits(names: &[&str]) -> u32 {
    let (mut bits, mut at) = (0, 0);
    while at < FIELDS.len() {
        let mut n = 0;
        while n < names.len() {
            if same(FIELDS[at].as_bytes(), names[n].as_bytes()) {
                bits |= 1 << at;
            }
            n += 1;
        }
        at += 1;
    }
    bits
}

/// Returns true if both are the same bytes; `==` is not const.
const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_a_bit_of_its_own() {
        for (at, name) in FIELDS.iter().enumerate() {
            assert_eq!(field_bits(&[name]), 1 << at, "{name}");
        }
        assert_eq!(field_bits(&["ref", "room"]), 0b11);
        assert_eq!(field_bits(&["re", "rooms", ""]), 0);
    }
}
