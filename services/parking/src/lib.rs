//! The city domain parking: sites, operators, permits and live occupancy (ParkAPI, DATEX II).
