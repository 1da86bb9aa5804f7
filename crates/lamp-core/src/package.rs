//! Model packages: `model.json`, its signature and golden rows.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One of two classes; the first output is P(positive).
    Binary,
    /// One of K classes; the first output holds K probabilities a row.
    Multiclass,
    /// A number; the first output.
    Regression,
}

impl Task {
    /// The word in `lamp.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Multiclass => "multiclass",
            Self::Regression => "regression",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Element types of the Open Inference Protocol that tabular models use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Datatype {
    /// Boolean.
    Bool,
    /// 8-bit integer.
    Int8,
    /// 16-bit integer.
    Int16,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// 32-bit float.
    Fp32,
    /// 64-bit float.
    Fp64,
    /// UTF-8 text.
    Bytes,
}

impl Datatype {
    /// The protocol's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::Int8 => "INT8",
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Fp32 => "FP32",
            Self::Fp64 => "FP64",
            Self::Bytes => "BYTES",
        }
    }

    /// Whether values are floating-point numbers.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::Fp32 | Self::Fp64)
    }
}

/// Where an output is found in an ONNX graph whose tensors have other names or more columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorSource {
    /// Name of the graph's tensor.
    pub tensor: String,
    /// Column of a `[rows, columns]` tensor; absent means all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// One named input or output. Rows are the first dimension and are not written: `shape = []` is
/// one value a row, `shape = [3]` three.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Element type.
    pub datatype: Datatype,
    /// Shape of one row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shape: Vec<usize>,
    /// Whether a row may leave it out (inputs only).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    /// Smallest value allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest value allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The values allowed, or, for multiclass probabilities, the classes in column order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<Value>>,
    /// Where an ONNX graph has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<TensorSource>,
}

/// Inputs and outputs of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Inputs, by name.
    pub inputs: Vec<Field>,
    /// Outputs; the first is the prediction.
    pub outputs: Vec<Field>,
}

impl Signature {
    /// Whether both take the same inputs: names, element types and shapes, in any order.
    pub fn takes_same_inputs_as(&self, other: &Self) -> bool {
        let key = |signature: &Self| {
            signature.inputs.iter().map(|f| (f.name.clone(), (f.datatype, f.shape.clone()))).collect::<BTreeMap<_, _>>()
        };
        key(self) == key(other)
    }
}

/// How a package is brought to life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "flavour", deny_unknown_fields)]
pub enum Flavour {
    /// A graph that runs in process.
    Onnx {
        /// The graph's file, relative to the package.
        file: String,
    },
    /// A class in a worker process, at the model's own commit.
    Python {
        /// `module:Class`.
        entry: String,
    },
    /// A server that speaks the Open Inference Protocol.
    Upstream {
        /// Base address, for example `http://127.0.0.1:9000`.
        url: String,
        /// The model's name there.
        model: String,
    },
}

impl Flavour {
    /// The word in `model.json`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Onnx { .. } => "onnx",
            Self::Python { .. } => "python",
            Self::Upstream { .. } => "upstream",
        }
    }
}

/// Rows with known answers: what training's own predictor said of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Input rows.
    pub rows: Vec<BTreeMap<String, Value>>,
    /// Output rows, in the same order.
    pub answers: Vec<BTreeMap<String, Value>>,
    /// Largest absolute difference that counts as equal.
    #[serde(default = "default_tolerance")]
    pub tolerance: f64,
}

fn default_tolerance() -> f64 {
    1e-5
}

/// `model.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// Format of this file; 1.
    pub format: u32,
    /// How it is brought to life.
    #[serde(flatten)]
    pub flavour: Flavour,
    /// What it predicts.
    pub task: Task,
    /// Inputs and outputs.
    pub signature: Signature,
    /// Rows with known answers.
    pub golden: Golden,
}

/// Name of the file in a package's folder.
pub const PACKAGE_FILE: &str = "model.json";
