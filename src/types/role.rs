//! Roles, with the names of the Python program.

use std::fmt;
use std::str::FromStr;

/// Role of a person; `README.md` has the table of rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything: also deletes files and manages accounts.
    Administrator,
    /// Chat, downloads and uploads.
    Uploader,
    /// Chat and downloads.
    Member,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Uploader, Self::Member];

    /// Returns the role's name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Uploader => "cliente",
            Self::Member => "usuario",
        }
    }

    /// Returns true if this role may upload files.
    pub const fn may_upload(self) -> bool {
        matches!(self, Self::Administrator | Self::Uploader)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is none of the three roles.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no such role; the roles are administrator, cliente, usuario")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(s: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == s).ok_or(UnknownRole)
    }
}
