//! What starts a newcomer's services: a file for compose, and a kustomize overlay on the bases of `k8s/`. Both are those
//! of an agency of the first hour, with another name.

use std::path::Path;

use hutong_ledger::id::AgencyId;

use super::{Error, files};

/// An agency of this repository, whose overlay is the pattern.
const PATTERN: &str = "market-regulation";
const NAMESPACE: &str = include_str!("../../../../k8s/agencies/market-regulation/namespace.yaml");
const NETWORK: &str = include_str!("../../../../k8s/agencies/market-regulation/network.yaml");
const KUSTOMIZATION: &str = include_str!("newcomer-kustomization.yaml");
const COMPOSE: &str = include_str!("newcomer-compose.yml");

pub(super) fn write(folder: &Path, agency: &AgencyId) -> Result<(), Error> {
    let overlay = folder.join("kustomize");
    for (name, text) in
        [("namespace.yaml", NAMESPACE), ("network.yaml", NETWORK), ("kustomization.yaml", KUSTOMIZATION)]
    {
        files::write(&overlay.join(name), of(text, agency).as_bytes(), files::PUBLIC)?;
    }
    files::write(&folder.join("compose.yml"), of(COMPOSE, agency).as_bytes(), files::PUBLIC)
}

fn of(pattern: &str, agency: &AgencyId) -> String {
    pattern.replace(PATTERN, agency.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overlays_are_the_newcomers_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &"transport".parse().unwrap()).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        for name in [
            "compose.yml",
            "kustomize/namespace.yaml",
            "kustomize/network.yaml",
            "kustomize/kustomization.yaml",
        ] {
            let text = read(name);
            assert!(text.contains("transport") && !text.contains(PATTERN), "{name}");
        }
        for service in ["storage", "validation", "notification"] {
            assert!(read("compose.yml").contains(&format!("  {service}-transport:")), "{service}");
            assert!(read("kustomize/kustomization.yaml").contains(&format!("/base/{service}")), "{service}");
        }
    }
}
