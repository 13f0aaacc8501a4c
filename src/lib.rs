//! `lookout`: real-time perception for vehicles that says when it cannot be trusted.

pub mod decide;
pub mod evaluate;
pub mod score;
pub mod time;
