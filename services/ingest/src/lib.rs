//! Takes transactions in: checks, groups, journals, appends, answers with a signed acceptance.
