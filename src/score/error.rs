/// What can be wrong with the planes handed to a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// A size is zero.
    #[error("empty planes: {channels} channels of {width}x{height}")]
    Empty {
        /// Channels given.
        channels: usize,
        /// Width given, in pixels.
        width: usize,
        /// Height given, in pixels.
        height: usize,
    },
    /// The slice does not hold what the sizes promise.
    #[error("{channels} channels of {width}x{height} do not fit a slice of {len} values")]
    Length {
        /// Channels given.
        channels: usize,
        /// Width given, in pixels.
        width: usize,
        /// Height given, in pixels.
        height: usize,
        /// Values in the slice.
        len: usize,
    },
    /// A score of logits needs at least two classes.
    #[error("a score of logits needs at least 2 classes, got {channels}")]
    TooFewClasses {
        /// Channels given.
        channels: usize,
    },
    /// Class ids are 8 bits, and 255 is kept for "no class".
    #[error("class ids are 8 bits: at most 255 classes, got {channels}")]
    TooManyClasses {
        /// Channels given.
        channels: usize,
    },
    /// The score of a head was asked for, and the head did not run.
    #[error("the score of a head needs the head's logits, and there are none")]
    HeadMissing,
    /// A head has one logit a pixel.
    #[error("a head must have 1 channel, got {channels}")]
    HeadChannels {
        /// Channels given.
        channels: usize,
    },
    /// Two things that describe the same frame differ in size.
    #[error("size {width}x{height} where {expected_width}x{expected_height} was expected")]
    SizeMismatch {
        /// Width given, in pixels.
        width: usize,
        /// Height given, in pixels.
        height: usize,
        /// Width expected, in pixels.
        expected_width: usize,
        /// Height expected, in pixels.
        expected_height: usize,
    },
    /// An output slice has the wrong length.
    #[error("output of {len} values where {expected} were expected")]
    OutputLength {
        /// Values in the slice.
        len: usize,
        /// Values needed.
        expected: usize,
    },
    /// A size whose pixels cannot be counted, or are more than the limit.
    #[error("a target of {width}x{height} is over the limit of {limit} pixels")]
    TooLarge {
        /// Width asked for, in pixels.
        width: usize,
        /// Height asked for, in pixels.
        height: usize,
        /// Pixels allowed.
        limit: usize,
    },
}
