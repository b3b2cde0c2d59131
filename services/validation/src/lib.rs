//! Checks and executes blocks for one agency, keeping no durable state.
