//! Delivers final record changes to subscribers, in order and without gaps.
