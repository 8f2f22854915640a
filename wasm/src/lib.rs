//! Browser skin over `nibble-core`.
