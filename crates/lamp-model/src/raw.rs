//! Tensors as bytes, as the Open Inference Protocol has them in its binary extension and in gRPC:
//! little-endian numbers in row order, one byte a boolean, and each text behind its length in
//! four bytes.

use half::{bf16, f16};
use lamp_core::package::Datatype;
use lamp_core::table::Values;

/// Bytes of the length before each text.
const LENGTH_BYTES: usize = 4;

/// Reads bytes of the protocol's `datatype`. Half-precision numbers are widened, unsigned ones
/// must fit 64 bits with a sign, text must be UTF-8. The error is a sentence for people.
pub fn decode(datatype: &str, bytes: &[u8]) -> Result<Values, String> {
    match datatype {
        "BOOL" => Ok(Values::Bool(each(bytes, |[byte]| byte != 0)?)),
        "INT8" => Ok(Values::Int(each(bytes, |b| i64::from(i8::from_le_bytes(b)))?)),
        "INT16" => Ok(Values::Int(each(bytes, |b| i64::from(i16::from_le_bytes(b)))?)),
        "INT32" => Ok(Values::Int(each(bytes, |b| i64::from(i32::from_le_bytes(b)))?)),
        "INT64" => Ok(Values::Int(each(bytes, i64::from_le_bytes)?)),
        "UINT8" => Ok(Values::Int(each(bytes, |b| i64::from(u8::from_le_bytes(b)))?)),
        "UINT16" => Ok(Values::Int(each(bytes, |b| i64::from(u16::from_le_bytes(b)))?)),
        "UINT32" => Ok(Values::Int(each(bytes, |b| i64::from(u32::from_le_bytes(b)))?)),
        "UINT64" => unsigned(each(bytes, u64::from_le_bytes)?),
        "FP16" => Ok(Values::Float(each(bytes, |b| f16::from_le_bytes(b).to_f64())?)),
        "BF16" => Ok(Values::Float(each(bytes, |b| bf16::from_le_bytes(b).to_f64())?)),
        "FP32" => Ok(Values::Float(each(bytes, |b| f64::from(f32::from_le_bytes(b)))?)),
        "FP64" => Ok(Values::Float(each(bytes, f64::from_le_bytes)?)),
        "BYTES" => texts(bytes),
        other => Err(format!("`{other}` is not a datatype of the protocol")),
    }
}

/// Unsigned numbers that fit 64 bits with a sign. The error is a sentence for people.
pub fn unsigned(numbers: impl IntoIterator<Item = Option<u64>>) -> Result<Values, String> {
    let fit = |number: u64| i64::try_from(number).map_err(|_| format!("{number} does not fit INT64"));
    Ok(Values::Int(numbers.into_iter().map(|number| number.map(fit).transpose()).collect::<Result<_, _>>()?))
}

/// Writes a column as bytes of `datatype`. Only for answers that were checked: a value that is
/// missing or of another type has no bytes.
pub fn encode(datatype: Datatype, values: &Values) -> Vec<u8> {
    match values {
        Values::Bool(column) => column.iter().flatten().map(|flag| u8::from(*flag)).collect(),
        Values::Int(column) | Values::Instant(column) => {
            let width = int_width(datatype);
            // The low bytes of a number that fits are the number.
            column.iter().flatten().flat_map(|int| int.to_le_bytes().into_iter().take(width)).collect()
        }
        Values::Float(column) if datatype == Datatype::Fp32 => {
            column.iter().flatten().flat_map(|float| as_fp32(*float).to_le_bytes()).collect()
        }
        Values::Float(column) => column.iter().flatten().flat_map(|float| float.to_le_bytes()).collect(),
        Values::Text(column) => {
            let mut bytes = Vec::new();
            for text in column.iter().flatten() {
                let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                bytes.extend(length.to_le_bytes());
                bytes.extend(text.as_bytes());
            }
            bytes
        }
    }
}

const fn int_width(datatype: Datatype) -> usize {
    match datatype {
        Datatype::Int8 => 1,
        Datatype::Int16 => 2,
        Datatype::Int32 => 4,
        Datatype::Bool | Datatype::Int64 | Datatype::Fp32 | Datatype::Fp64 | Datatype::Bytes => 8,
    }
}

/// The nearest number of single precision: what the model said, if it said it in single precision.
#[allow(clippy::cast_possible_truncation)]
pub fn as_fp32(float: f64) -> f32 {
    float as f32
}

fn each<const WIDTH: usize, T>(bytes: &[u8], read: impl Fn([u8; WIDTH]) -> T) -> Result<Vec<Option<T>>, String> {
    let (cells, rest) = bytes.as_chunks::<WIDTH>();
    if !rest.is_empty() {
        return Err(format!("{} bytes are no whole number of values of {WIDTH} bytes", bytes.len()));
    }
    Ok(cells.iter().map(|cell| Some(read(*cell))).collect())
}

fn texts(mut bytes: &[u8]) -> Result<Values, String> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let at = texts.len();
        let broken = || format!("the bytes end within text {at}");
        let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>().ok_or_else(broken)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| broken())?;
        let (text, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
        let text = std::str::from_utf8(text).map_err(|_| format!("text {at} is not UTF-8"))?;
        texts.push(Some(text.to_owned()));
        bytes = rest;
    }
    Ok(Values::Text(texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let ints = Values::Int(vec![Some(-7), Some(0), Some(127)]);
        for datatype in [Datatype::Int8, Datatype::Int16, Datatype::Int32, Datatype::Int64] {
            assert_eq!(decode(datatype.as_str(), &encode(datatype, &ints)), Ok(ints.clone()), "{datatype:?}");
        }
        let floats = Values::Float(vec![Some(-0.5), Some(1e6)]);
        for datatype in [Datatype::Fp32, Datatype::Fp64] {
            assert_eq!(decode(datatype.as_str(), &encode(datatype, &floats)), Ok(floats.clone()), "{datatype:?}");
        }
        let flags = Values::Bool(vec![Some(true), Some(false)]);
        assert_eq!(decode("BOOL", &encode(Datatype::Bool, &flags)), Ok(flags));
        let texts = Values::Text(vec![Some("UA".to_owned()), Some(String::new()), Some("Zürich".to_owned())]);
        assert_eq!(decode("BYTES", &encode(Datatype::Bytes, &texts)), Ok(texts));
    }

    #[test]
    fn other_widths_of_clients_are_widened() {
        assert_eq!(decode("FP16", &[0x00, 0x3e]), Ok(Values::Float(vec![Some(1.5)])));
        assert_eq!(decode("BF16", &[0xc0, 0x3f]), Ok(Values::Float(vec![Some(1.5)])));
        assert_eq!(decode("UINT8", &[255]), Ok(Values::Int(vec![Some(255)])));
        assert_eq!(decode("UINT16", &[0, 255]), Ok(Values::Int(vec![Some(65_280)])));
        assert_eq!(decode("UINT64", &5_u64.to_le_bytes()), Ok(Values::Int(vec![Some(5)])));
    }

    #[test]
    fn broken_bytes_are_refused_with_what_is_wrong() {
        let refused = |datatype: &str, bytes: &[u8]| decode(datatype, bytes).expect_err("broken bytes");
        assert_eq!(refused("FP64", &[0; 9]), "9 bytes are no whole number of values of 8 bytes");
        assert_eq!(refused("UINT64", &u64::MAX.to_le_bytes()), "18446744073709551615 does not fit INT64");
        assert_eq!(refused("BYTES", &[1, 0]), "the bytes end within text 0");
        assert_eq!(refused("BYTES", &[1, 0, 0, 0, b'a', 9, 0, 0, 0, b'b']), "the bytes end within text 1");
        assert_eq!(refused("BYTES", &[1, 0, 0, 0, 0xff]), "text 0 is not UTF-8");
        assert_eq!(refused("STRING", &[]), "`STRING` is not a datatype of the protocol");
    }
}
