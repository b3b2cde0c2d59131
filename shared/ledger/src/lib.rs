//! The pure rules of the ledger: bytes, hashes, votes, logs, trees, finality, contracts.
