//! What the tests of the workspace's structure look at: its crates as cargo sees them, and its source files.
//!
//! The tests hold what a reader relies on: the direction of dependencies, who alone may use a library, and that every
//! file and every error code is explained. Each failure says how to mend it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// A crate of the workspace.
#[derive(Debug)]
pub struct Crate {
    pub name: String,
    /// Its folder, from the root, with forward slashes.
    pub folder: String,
    pub dependencies: Vec<Dependency>,
}

/// What a crate names in its manifest.
#[derive(Debug)]
pub struct Dependency {
    pub name: String,
    pub kind: DependencyKind,
}

impl Crate {
    /// What the crate itself is built from: normal and build dependencies.
    pub fn built_from(&self) -> impl Iterator<Item = &str> {
        let built = self.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
        built.map(|d| d.name.as_str())
    }

    /// Everything it names, its tests' needs included.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().map(|d| d.name.as_str())
    }
}

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The crates of the workspace, by folder.
pub fn crates() -> Result<Vec<Crate>, cargo_metadata::Error> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec()?;
    let mut crates: Vec<_> =
        metadata.workspace_packages().into_iter().map(|package| read(&metadata, package)).collect();
    crates.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(crates)
}

fn read(metadata: &Metadata, package: &Package) -> Crate {
    let folder = package.manifest_path.parent().unwrap_or(&metadata.workspace_root);
    let folder = folder.strip_prefix(&metadata.workspace_root).unwrap_or(folder);
    let dependencies = package.dependencies.iter();
    Crate {
        name: package.name.to_string(),
        folder: folder.as_str().replace('\\', "/"),
        dependencies: dependencies.map(|d| Dependency { name: d.name.clone(), kind: d.kind }).collect(),
    }
}

/// A source file: its path from the root and its text.
#[derive(Debug)]
pub struct Source {
    pub path: String,
    pub text: String,
}

/// The Rust files under folders of the root, by path.
pub fn sources(folders: &[&str]) -> io::Result<Vec<Source>> {
    let root = root();
    let mut sources = Vec::new();
    for folder in folders {
        collect(&root, &root.join(folder), &mut sources)?;
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            let name = path.file_name().unwrap_or_default();
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                collect(root, &path, sources)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let named = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            sources.push(Source { path: named.replace('\\', "/"), text: fs::read_to_string(&path)? });
        }
    }
    Ok(())
}
