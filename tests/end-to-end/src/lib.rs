//! Scenarios of whole cities, in one process and as separate processes.
