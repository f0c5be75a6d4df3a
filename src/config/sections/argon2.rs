//! Parameters of Argon2id: the cost of one guess at a password.

use std::fmt;
use std::str::FromStr;

use crate::types::Lang;
use crate::types::texts::key;

/// Parameters of Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Params {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// Parameters that OWASP rates as equally strong, sorted by memory:
/// <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>
///
/// The row of one pass is left out: 46 MiB on each of four cores is over a third of the memory of a Zero 2 W.
pub const OWASP_ROWS: [Argon2Params; 4] = [
    Argon2Params { memory_kib: 19_456, passes: 2, lanes: 1 },
    Argon2Params { memory_kib: 12_288, passes: 3, lanes: 1 },
    Argon2Params { memory_kib: 9_216, passes: 4, lanes: 1 },
    Argon2Params { memory_kib: 7_168, passes: 5, lanes: 1 },
];

/// Error of parsing Argon2 parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text(Lang::En))]
pub enum Argon2ParamsError {
    /// The text does not have the form `m=19456,t=2,p=1`.
    Form,
    /// The hash is cheaper for an attacker than every row of OWASP's table.
    TooWeak,
    /// Over the ceilings: one sign-in would block a small machine.
    TooStrong,
}

impl Argon2Params {
    /// Default: the first row of OWASP.
    pub const DEFAULT: Self = OWASP_ROWS[0];
    /// 256 MiB. One hash runs per core, so that four cores need at most 4 × 256 MiB = 1 GiB.
    pub const MEMORY_CEILING_KIB: u32 = 256 * 1024;
    /// 16 passes over 256 MiB take about ten seconds on a Pi; more would keep a person waiting too long.
    pub const PASSES_CEILING: u32 = 16;
    /// Number of cores of a Pi.
    pub const LANES_CEILING: u32 = 4;

    /// Returns true if this is at least as strong as one row of OWASP and within the ceilings.
    pub fn is_acceptable(&self) -> bool {
        self.check().is_ok()
    }

    fn check(self) -> Result<Self, Argon2ParamsError> {
        let reaches = |row: &Self| row.memory_kib <= self.memory_kib && row.passes <= self.passes;
        if self.lanes == 0 || !OWASP_ROWS.iter().any(reaches) {
            return Err(Argon2ParamsError::TooWeak);
        }
        let within = self.memory_kib <= Self::MEMORY_CEILING_KIB
            && self.passes <= Self::PASSES_CEILING
            && self.lanes <= Self::LANES_CEILING;
        if within { Ok(self) } else { Err(Argon2ParamsError::TooStrong) }
    }
}

impl fmt::Display for Argon2Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory_kib, self.passes, self.lanes)
    }
}

impl FromStr for Argon2Params {
    type Err = Argon2ParamsError;

    fn from_str(s: &str) -> Result<Self, Argon2ParamsError> {
        let mut parts = s.split(',');
        let mut number = |prefix: &str| {
            let digits = parts.next().and_then(|part| part.trim().strip_prefix(prefix));
            digits.and_then(|digits| digits.parse().ok()).ok_or(Argon2ParamsError::Form)
        };
        let params = Self { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
        if parts.next().is_some() {
            return Err(Argon2ParamsError::Form);
        }
        params.check()
    }
}

impl Argon2ParamsError {
    /// Returns the error and the allowed values for a person.
    pub fn text(self, lang: Lang) -> String {
        let rows = OWASP_ROWS.map(|row| row.to_string()).join(" · ");
        let (memory, passes, lanes) =
            (Argon2Params::MEMORY_CEILING_KIB, Argon2Params::PASSES_CEILING, Argon2Params::LANES_CEILING);
        match self {
            Self::Form => key::CONFIG_ARGON2_FORM.fill(lang, &[("default", &Argon2Params::DEFAULT)]),
            Self::TooWeak => key::CONFIG_ARGON2_TOO_WEAK.fill(lang, &[("rows", &rows)]),
            Self::TooStrong => key::CONFIG_ARGON2_TOO_STRONG
                .fill(lang, &[("memory", &memory), ("passes", &passes), ("lanes", &lanes)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(s: &str) -> Result<Argon2Params, Argon2ParamsError> {
        s.parse()
    }

    #[test]
    fn owasp_rows_are_the_accepted_minimum() {
        for row in OWASP_ROWS {
            assert_eq!(parse(&row.to_string()), Ok(row));
            let less = Argon2Params { memory_kib: row.memory_kib - 1, ..row };
            assert_eq!(parse(&less.to_string()), Err(Argon2ParamsError::TooWeak), "{less}");
            let fewer = Argon2Params { passes: row.passes - 1, ..row };
            assert_eq!(parse(&fewer.to_string()), Err(Argon2ParamsError::TooWeak), "{fewer}");
        }
    }

    #[test]
    fn argon2_ceilings_are_enforced() {
        assert!(parse("m=262144,t=16,p=4").is_ok());
        for over in ["m=262145,t=2,p=1", "m=19456,t=17,p=1", "m=19456,t=2,p=5"] {
            assert_eq!(parse(over), Err(Argon2ParamsError::TooStrong), "{over}");
        }
        assert_eq!(parse("m=19456,t=2,p=0"), Err(Argon2ParamsError::TooWeak));
    }

    #[test]
    fn malformed_parameters_are_rejected() {
        let bad = ["", "19456,2,1", "m=1", "t=2,m=19456,p=1", "m=19456,t=2,p=1,", "m=-1,t=2,p=1"];
        for bad in bad {
            assert_eq!(parse(bad), Err(Argon2ParamsError::Form), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn parsed_parameters_are_acceptable_and_round_trip(m in 0..300_000u32, t in 0..20u32, p in 0..6u32) {
            let params = Argon2Params { memory_kib: m, passes: t, lanes: p };
            prop_assert_eq!(parse(&params.to_string()).ok(), params.is_acceptable().then_some(params));
        }
    }
}
