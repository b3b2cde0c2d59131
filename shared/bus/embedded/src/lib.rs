//! The bus in process: one journal for all subjects.
