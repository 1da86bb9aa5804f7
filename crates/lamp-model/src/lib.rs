//! A model package brought to life: signature, ONNX session, Python worker, upstream client.
//!
//! [`load::load`] turns a package into an [`Arc<dyn Model>`](model::Model). Whoever predicts
//! validates first ([`signature::Batch`]) and checks afterwards ([`signature::check_answer`]);
//! a model is never trusted to do either.

pub mod golden;
pub mod load;
pub mod model;
pub mod onnx;
pub mod outputs;
pub mod python;
pub mod raw;
pub mod signature;
pub mod table;
pub mod upstream;

pub use golden::{GoldenError, answer_difference, golden_difference};
pub use load::{LoadError, LoadSpec, load, read_package};
pub use model::{Health, HealthState, Model, PredictError, Predicting, WorkerState};
pub use outputs::{OutputColumn, Outputs};
pub use python::{WorkerCommand, WorkerLimits};
pub use signature::{Batch, InputError, Rejection, Tensor, TensorData, check_answer};
pub use table::{TableError, predict_table};
