//! Which files are data, by the bytes that they begin with.

use std::fmt;

/// Bytes from the start of a file that are enough to tell.
pub const HEAD_BYTES: usize = 16;

/// A format of data or of trained parameters, known by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataFormat {
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, also called Feather.
    Arrow,
    /// Avro.
    Avro,
    /// Apache ORC.
    Orc,
    /// HDF5: also Keras models and old pandas stores.
    Hdf5,
    /// One array of numpy.
    Numpy,
    /// A pickle of protocol 2 or newer: also joblib files.
    Pickle,
    /// A SQLite database.
    Sqlite,
    /// A ZIP archive: also `.npz` files, spreadsheets and PyTorch models.
    Zip,
    /// Bytes compressed with gzip.
    Gzip,
    /// Bytes compressed with Zstandard.
    Zstandard,
}

impl DataFormat {
    const fn name(self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow",
            Self::Avro => "Avro",
            Self::Orc => "ORC",
            Self::Hdf5 => "HDF5",
            Self::Numpy => "numpy",
            Self::Pickle => "pickle",
            Self::Sqlite => "SQLite",
            Self::Zip => "ZIP",
            Self::Gzip => "gzip",
            Self::Zstandard => "Zstandard",
        }
    }
}

impl fmt::Display for DataFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The format of a file that begins with `head` (at least [`HEAD_BYTES`] of it, or all). Text formats
/// have no such mark.
pub fn sniff(head: &[u8]) -> Option<DataFormat> {
    const MARKS: [(&[u8], DataFormat); 11] = [
        (b"PAR1", DataFormat::Parquet),
        (b"PARE", DataFormat::Parquet),
        (b"ARROW1", DataFormat::Arrow),
        (b"Obj\x01", DataFormat::Avro),
        (b"ORC", DataFormat::Orc),
        (b"\x89HDF\r\n\x1a\n", DataFormat::Hdf5),
        (b"\x93NUMPY", DataFormat::Numpy),
        (b"SQLite format 3\0", DataFormat::Sqlite),
        (b"PK\x03\x04", DataFormat::Zip),
        (b"\x1f\x8b\x08", DataFormat::Gzip),
        (b"\x28\xb5\x2f\xfd", DataFormat::Zstandard),
    ];
    // PROTO n, then in all of them FRAME, a global, a list, a dict, …: never text.
    let is_pickle = matches!(head, [0x80, 2..=5, ..]);
    if is_pickle {
        return Some(DataFormat::Pickle);
    }
    MARKS.iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, format)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_known_whatever_its_file_is_called() {
        let cases: [(&[u8], Option<DataFormat>); 9] = [
            (b"PAR1\x15\x04", Some(DataFormat::Parquet)),
            (b"ARROW1\0\0", Some(DataFormat::Arrow)),
            (b"\x80\x04\x95\x10", Some(DataFormat::Pickle)),
            (b"\x80\x31 not a pickle", None),
            (b"PK\x03\x04\x14", Some(DataFormat::Zip)),
            (b"SQLite format 3\0", Some(DataFormat::Sqlite)),
            (b"at,street,parcels\n", None),
            (b"PAR", None),
            (b"", None),
        ];
        for (head, expected) in cases {
            assert_eq!(sniff(head), expected, "{head:?}");
        }
    }
}
