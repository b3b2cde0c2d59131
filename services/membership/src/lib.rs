//! The platform domain membership: epochs, agencies, keys, hosts.
