//! redb with typed tables, codecs, group commit and a faulty backend for tests.
