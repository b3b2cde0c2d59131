//! Append-only files with checksums, group commit and torn-tail repair.
