//! Golden bytes of every signed and stored form.
