//! Empty: see `tests/`.
