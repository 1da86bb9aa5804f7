//! Documents: derived JSON kept beside the data it was derived from.

/// What a document is. It is kept by kind and by the digest of what it was derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// The profile of a partition or a version.
    Profile,
    /// The evaluation report of a candidate.
    Evidence,
    /// The verdicts of a contract.
    Checks,
}

impl DocumentKind {
    /// The word used in the layout.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Evidence => "evidence",
            Self::Checks => "checks",
        }
    }
}

/// Largest document that is accepted, in bytes.
pub(crate) const DOCUMENT_MAX: usize = 64 << 20;
