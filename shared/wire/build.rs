//! Compiles the wire contract with protox, so that no protoc is needed.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    // As cargo says when it runs this, not when it compiled it: a build folder may serve several checkouts.
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let mut files: Vec<_> = fs::read_dir(root.join("hutong/v1"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    files.retain(|path| path.extension().is_some_and(|ext| ext == "proto"));
    files.sort();
    println!("cargo:rerun-if-changed={}", root.display());
    let set = protox::compile(&files, [&root])?;
    prost_build::Config::new().bytes(["."]).compile_fds(set)?;
    Ok(())
}
