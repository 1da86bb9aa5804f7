//! The files that the engine reads.

use std::path::PathBuf;

use crate::error::EngineError;

/// A file to read. Stores keep files under names of their own, so the original name goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Where the bytes are.
    pub path: PathBuf,
    /// The original name; its extension says the format, and messages use it.
    pub name: String,
}

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// Apache Parquet: `.parquet`, `.pq`.
    Parquet,
    /// Comma-separated text with a header line: `.csv`.
    Csv,
    /// Tab-separated text with a header line: `.tsv`.
    Tsv,
}

impl FileFormat {
    /// The format that a file's name says; none for any other extension.
    pub fn find(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "parquet" | "pq" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            _ => None,
        }
    }
}

impl DataFile {
    /// A file whose own name says its format.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self { path, name }
    }

    /// The file's format.
    pub fn format(&self) -> Result<FileFormat, EngineError> {
        FileFormat::find(&self.name).ok_or_else(|| EngineError::UnknownFormat { file: self.name.clone() })
    }
}
