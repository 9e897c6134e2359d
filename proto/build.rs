//! Compiles the service definition with protox, so that nobody needs protoc.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto/sluice/v1/jobs.proto");
    let descriptors = protox::compile(["sluice/v1/jobs.proto"], ["proto"])?;
    tonic_prost_build::configure()
        // Maps in key order, so that equal messages print and encode equally.
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
