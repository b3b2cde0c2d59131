//! The platform domain catalogue: datasets and sharing agreements (DCAT-AP 3, ODRL).
