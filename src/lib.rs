//! `lookout`: real-time perception for vehicles that says when it cannot be trusted.

pub mod bag;
pub mod decide;
pub mod engine;
pub mod evaluate;
pub mod frame;
pub mod model;
pub mod msg;
pub mod paint;
pub mod score;
pub mod time;
