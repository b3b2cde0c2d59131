//! One agency's only source of truth: archive, votes, cosignatures, final state, proofs.
