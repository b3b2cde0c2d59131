//! The portal: what a person asks of the city about their own data.
