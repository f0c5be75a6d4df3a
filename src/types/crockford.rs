//! Crockford's base32, for codes that people read off a screen and type.

use super::crypto::random;

/// Alphabet without I, L, O and U, which are misread or misheard.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Returns `N` digits from the operating system's randomness, 5 bits each.
pub(super) fn random_digits<const N: usize>() -> [u8; N] {
    encode(random())
}

/// Encodes any bytes as digits. 256 is a multiple of 32, so all digits are equally likely.
pub(super) fn encode<const N: usize>(bytes: [u8; N]) -> [u8; N] {
    bytes.map(|byte| ALPHABET[usize::from(byte % 32)])
}

/// Decodes lenient input: any case, hyphens and blanks anywhere, O for 0, I and L for 1. `None` if it is not
/// `N` digits.
pub(super) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut code = [0; N];
    let mut typed = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '_' | '.'));
    for place in &mut code {
        let c = match typed.next()?.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        *place = u8::try_from(c).ok().filter(|b| ALPHABET.contains(b))?;
    }
    typed.next().is_none().then_some(code)
}
