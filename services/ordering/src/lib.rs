//! Sequences transactions into blocks, without election and without state of its own.
