//! The city domain licensing: businesses and licences as verifiable credentials (SD-JWT VC).
