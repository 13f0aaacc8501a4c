//! Built engines on disk, and when one may be used again.
