//! Document formats that are packaged as a zip.

/// Package format found in a zip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Package {
    /// No zip, or a zip without a package format.
    #[default]
    Plain,
    /// Office Open XML.
    Ooxml,
    /// OpenDocument.
    Odf,
}

/// Entries of a zip that tell its package format.
#[derive(Default)]
pub(super) struct PackageMarks {
    /// `[Content_Types].xml`, of Office Open XML.
    pub(super) content_types: bool,
    /// `mimetype`, of OpenDocument.
    pub(super) mimetype: bool,
    /// `META-INF/manifest.xml`, of OpenDocument.
    pub(super) manifest: bool,
    /// Last entry of an OpenDocument's scripts.
    pub(super) scripts: Option<String>,
}

impl PackageMarks {
    pub(super) fn package(&self) -> Package {
        if self.content_types {
            Package::Ooxml
        } else if self.mimetype && self.manifest {
            Package::Odf
        } else {
            Package::Plain
        }
    }
}
