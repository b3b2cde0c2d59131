//! The wire contract: protobuf messages and their conversions into ledger types.
