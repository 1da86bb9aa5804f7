//! The protocol's gRPC messages, server and client, made from `proto/inference.proto`. Public so
//! that tests and tools can speak it.

#[allow(missing_docs, unused_qualifications, clippy::all, clippy::pedantic)]
mod generated {
    tonic::include_proto!("inference");
}

pub use generated::*;

/// The description itself, for reflection.
pub(crate) const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("inference");
