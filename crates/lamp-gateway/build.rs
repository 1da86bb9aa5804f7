//! Makes Rust of the protocol's description, and its descriptors for reflection, without `protoc`.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

const FOLDER: &str = "proto";
const FILE: &str = "inference.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}/{FILE}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let descriptors = protox::compile([FILE], [FOLDER])?;
    std::fs::write(out.join("inference.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".inference")
        .btree_map(".inference")
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
