//! Text of bounded length: a panic's message may be of any length, what is kept of it may not.

use std::fmt;

use heapless::String;

/// Name of a thread, cut where it is longer.
pub type ThreadName = String<32>;

/// What a panic or an output said, cut where it is longer.
pub type Message = String<192>;

/// Appends to a string for as long as there is room, and drops the rest without an error.
pub(crate) struct Clip<'a, const N: usize>(pub(crate) &'a mut String<N>);

impl<const N: usize> fmt::Write for Clip<'_, N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = N - self.0.len();
        let fits = text.get(..text.floor_char_boundary(room));
        // It fits by what was just computed.
        let _ = self.0.push_str(fits.unwrap_or_default());
        Ok(())
    }
}

/// As much of `text` as there is room for.
pub(super) fn clipped<const N: usize>(text: &str) -> String<N> {
    let mut kept = String::new();
    let _ = fmt::Write::write_str(&mut Clip(&mut kept), text);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn cut_between_characters() {
        assert_eq!(clipped::<8>("brake").as_str(), "brake");
        assert_eq!(clipped::<5>("brake").as_str(), "brake");
        assert_eq!(clipped::<4>("brake").as_str(), "brak");
        assert_eq!(clipped::<4>("üüü").as_str(), "üü");
        assert_eq!(clipped::<3>("üüü").as_str(), "ü");
        assert_eq!(clipped::<0>("ü").as_str(), "");
    }

    #[test]
    fn what_is_written_after_the_end_is_dropped() {
        let mut kept = String::<6>::new();
        write!(Clip(&mut kept), "{}-{}-{}", 12, 34, 56).unwrap();
        assert_eq!(kept.as_str(), "12-34-");
    }
}
