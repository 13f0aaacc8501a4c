//! The `lookout` command.

fn main() {}
