//! Record of a file in quarantine.

use std::fmt;
use std::str::FromStr;

use super::file_name::FileName;
use crate::clock::Timestamp;
use crate::store::{FileRow, StoreError};
use crate::types::UserId;
use crate::types::crypto::{self, Sha256};

/// Identity of a file in URLs and its name on disk: 128 random bits as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId([u8; 16]);

impl FileId {
    /// Returns a new id; 128 random bits neither collide nor can be guessed.
    pub fn random() -> Self {
        Self(crypto::random())
    }

    /// Returns the id as a number, for use as a map key.
    pub fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Parses exactly the form that `Display` writes, so that no two texts name one file.
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

/// State of a file between its upload and its downloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileState {
    /// Stored, not inspected yet.
    Received,
    /// Inspection in progress.
    Inspecting,
    /// Inspected, nothing found.
    Clean,
    /// Something in it is unusual; the reasons name it.
    Suspicious,
    /// Not inspectable: encrypted, damaged or over a limit.
    Unscannable,
    /// Known to be harmful.
    Infected,
    /// Released by an administrator, whatever was found.
    Released,
    /// The bytes are gone, the record is left.
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

    /// Returns the state's name in the API (`docs/API.md`).
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

    /// Returns true if every signed-in user may download the file.
    pub const fn available_to_all(self) -> bool {
        match self {
            Self::Clean | Self::Released => true,
            Self::Received
            | Self::Inspecting
            | Self::Suspicious
            | Self::Unscannable
            | Self::Infected
            | Self::Lost => false,
        }
    }

    /// Returns true if the caller may download the file. Infected and uninspected files are withheld from
    /// everyone, the uploader included.
    pub const fn downloadable_by(self, administrator: bool) -> bool {
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

    /// Returns true while the verdict is pending.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Received | Self::Inspecting)
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no state.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no such file state")]
pub struct UnknownState;

impl FromStr for FileState {
    type Err = UnknownState;

    fn from_str(s: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == s).ok_or(UnknownState)
    }
}

/// Record of one file in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// Identity and name on disk.
    pub id: FileId,
    /// Name for display and download.
    pub name: FileName,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content; also the ETag.
    pub sha256: Sha256,
    /// For display only: downloads are always `application/octet-stream`.
    pub media_type: String,
    /// Current state.
    pub state: FileState,
    /// Reasons for the state; empty while nothing was found.
    pub reasons: Vec<String>,
    /// Uploader's user name at that time; the account may be gone.
    pub uploaded_by: String,
    /// Uploader's account; `None` if an older database named one that was gone.
    pub uploader: Option<UserId>,
    /// Position in the order of arrival.
    pub arrival: i64,
    /// Time at which the upload was complete.
    pub uploaded_at: Timestamp,
}

impl FileRecord {
    /// Reads a row of the database.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] for an id or a state that no version writes.
    pub(super) fn from_row(row: FileRow) -> Result<Self, StoreError> {
        let (Some(id), Ok(state)) = (FileId::parse(&row.id), row.state.parse()) else {
            return Err(StoreError::Unknown(format!("file {:?} in state {:?}", row.id, row.state)));
        };
        Ok(Self {
            id,
            name: FileName::stored(row.name),
            size: row.size,
            sha256: row.sha256,
            media_type: row.media_type,
            state,
            reasons: row.reasons.lines().map(str::to_owned).collect(),
            uploaded_by: row.uploaded_by,
            uploader: row.user_id,
            arrival: row.arrival,
            uploaded_at: row.uploaded_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_id_has_one_spelling() {
        let id = FileId::random();
        assert_eq!(FileId::parse(&id.to_string()), Some(id));
        assert_ne!(id, FileId::random());
        assert!(FileId::parse("0123456789abcdef0123456789abcdef").is_some());
        for bad in [
            "",
            "0123456789ABCDEF0123456789ABCDEF",
            "0123456789abcdef0123456789abcde",
            "../456789abcdef0123456789abcdef",
        ] {
            assert_eq!(FileId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn state_names_match_the_api() {
        let words = FileState::ALL.map(FileState::as_str).join(" ");
        assert_eq!(words, "received inspecting clean suspicious unscannable infected released lost");
        for state in FileState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("Clean".parse::<FileState>(), Err(UnknownState));
    }

    #[test]
    fn only_clean_or_released_files_are_available() {
        use FileState::{Clean, Received, Released, Suspicious, Unscannable};
        let states =
            |test: fn(FileState) -> bool| FileState::ALL.into_iter().filter(|s| test(*s)).collect::<Vec<_>>();
        assert_eq!(states(FileState::available_to_all), [Clean, Released]);
        assert_eq!(states(|state| state.downloadable_by(false)), [Clean, Released]);
        assert_eq!(states(|state| state.downloadable_by(true)), [Clean, Suspicious, Unscannable, Released]);
        assert_eq!(states(FileState::is_pending), [Received, FileState::Inspecting]);
    }
}
