//! What is known about a file in quarantine.

use std::fmt;
use std::str::FromStr;

use super::names::FileName;
use crate::clock::Timestamp;
use crate::types::UserId;
use crate::types::crypto::{self, Sha256};

/// A file's identity, in addresses and as its name on disk: 128 random bits, written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId([u8; 16]);

impl FileId {
    /// A new one. 128 bits: nobody guesses one, no two meet.
    pub fn random() -> Self {
        Self(crypto::random())
    }

    /// The id as a number, for a map's key.
    pub fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Reads exactly the form that `Display` writes; so two texts are never one file.
    pub fn parse(text: &str) -> Option<Self> {
        crypto::unhex(text).map(Self)
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crypto::hex(&self.0))
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileId({self})")
    }
}

/// Where a file stands between its upload and its being handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileState {
    /// Stored; nobody has looked into it.
    Received,
    /// Being looked into.
    Inspecting,
    /// Looked into, nothing found.
    Clean,
    /// Something in it is unusual; the reasons say what.
    Suspicious,
    /// Could not be looked into: encrypted, broken, or past a cap.
    Unscannable,
    /// Known to be harmful.
    Infected,
    /// Let go by an administrator, whatever was found.
    Released,
    /// The record is there, the bytes are not.
    Lost,
}

impl FileState {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Received,
        Self::Inspecting,
        Self::Clean,
        Self::Suspicious,
        Self::Unscannable,
        Self::Infected,
        Self::Released,
        Self::Lost,
    ];

    /// The contract's word (`docs/API.md`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Inspecting => "inspecting",
            Self::Clean => "clean",
            Self::Suspicious => "suspicious",
            Self::Unscannable => "unscannable",
            Self::Infected => "infected",
            Self::Released => "released",
            Self::Lost => "lost",
        }
    }

    /// Whether every signed-in person may fetch the file.
    pub const fn available_to_all(self) -> bool {
        match self {
            Self::Clean | Self::Released => true,
            Self::Received | Self::Inspecting | Self::Suspicious | Self::Unscannable | Self::Infected | Self::Lost => false,
        }
    }

    /// Whether somebody may fetch the file. What is infected or not yet looked into is for nobody, not even who brought it.
    pub const fn handed_to(self, administrator: bool) -> bool {
        match self {
            Self::Clean | Self::Released => true,
            Self::Suspicious | Self::Unscannable => administrator,
            Self::Received | Self::Inspecting | Self::Infected | Self::Lost => false,
        }
    }

    /// Returns true if the bytes are gone.
    pub const fn is_lost(self) -> bool {
        matches!(self, Self::Lost)
    }

    /// Whether a verdict is still to come.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Received | Self::Inspecting)
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is none of the states.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no such file state")]
pub struct UnknownState;

impl FromStr for FileState {
    type Err = UnknownState;

    fn from_str(s: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == s).ok_or(UnknownState)
    }
}

/// One file in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// Identity, and its name on disk.
    pub id: FileId,
    /// The name it is shown and handed out under.
    pub name: FileName,
    /// Bytes.
    pub size: u64,
    /// Of the content; the ETag too.
    pub sha256: Sha256,
    /// For display only: downloads are always `application/octet-stream`.
    pub media_type: String,
    /// Its place.
    pub state: FileState,
    /// Why it stands there; empty while nothing was found.
    pub reasons: Vec<String>,
    /// The uploader's user name at that time; the account may be gone.
    pub uploaded_by: String,
    /// The uploader's account; none where a database of before named one that was gone.
    pub uploader: Option<UserId>,
    /// Position in the order of arrival.
    pub arrival: i64,
    /// When the upload was complete.
    pub uploaded_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = FileId::random();
        assert_eq!(FileId::parse(&id.to_string()), Some(id));
        assert_ne!(id, FileId::random());
        assert!(FileId::parse("0123456789abcdef0123456789abcdef").is_some());
        for bad in ["", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcde", "../456789abcdef0123456789abcdef"]
        {
            assert_eq!(FileId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn states_are_the_words_of_the_contract() {
        let words = FileState::ALL.map(FileState::as_str).join(" ");
        assert_eq!(words, "received inspecting clean suspicious unscannable infected released lost");
        for state in FileState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("Clean".parse::<FileState>(), Err(UnknownState));
    }

    #[test]
    fn only_what_was_found_clean_or_released_is_for_all() {
        use FileState::{Clean, Received, Released, Suspicious, Unscannable};
        let states = |test: fn(FileState) -> bool| FileState::ALL.into_iter().filter(|s| test(*s)).collect::<Vec<_>>();
        assert_eq!(states(FileState::available_to_all), [Clean, Released]);
        assert_eq!(states(|state| state.handed_to(false)), [Clean, Released]);
        assert_eq!(states(|state| state.handed_to(true)), [Clean, Suspicious, Unscannable, Released]);
        assert_eq!(states(FileState::is_pending), [Received, FileState::Inspecting]);
    }
}
