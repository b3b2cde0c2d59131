//! The city domain requests: citizens' requests (Open311 GeoReport v2, the 12345 line).
