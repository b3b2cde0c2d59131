//! The vault: an owner's sealed values, salts and handles, released only against final access receipts.
