//! The city domain property: parcels, rights, mortgages, caveats (ISO 19152).
