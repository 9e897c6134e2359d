//! Compiles the service definition with protox, so that the build does not need
//! protoc.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto/sluice/v1/jobs.proto");
    let descriptors = protox::compile(["sluice/v1/jobs.proto"], ["proto"])?;
    tonic_prost_build::configure()
        // Maps in key order, so that equal messages are printed and encoded equally.
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
