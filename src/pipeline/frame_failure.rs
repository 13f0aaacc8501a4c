//! Why a frame could not be judged, for whoever reads the log.

use std::fmt;
use std::mem::discriminant;
use std::time::Instant;

use super::PipelineError;
use crate::frame::{CameraView, FrameError};
use crate::repeats::{Kind, Repeats};

/// Why a frame could not be judged.
#[derive(Debug)]
pub struct FrameFailure {
    message: String,
    /// What helps; empty where the message says it, or nobody knows.
    advice: &'static str,
    kind: Kind,
}

impl FrameFailure {
    /// The message holds no picture, because `why`.
    pub(super) fn unreadable(why: String) -> Self {
        Self {
            kind: Kind::of_text(&why),
            message: why,
            advice: "check the program that publishes these frames",
        }
    }

    /// The picture cannot be decoded. Failures are of one kind where the error and the encoding are the same.
    pub(super) fn undecodable(error: &FrameError, view: &CameraView<'_>) -> Self {
        let encoding = match view {
            CameraView::Raw(view) => view.encoding,
            CameraView::Compressed(view) => view.format,
        };
        let advice = match error {
            FrameError::UnknownEncoding { .. } => {
                "set the camera's driver to one of these encodings"
            }
            FrameError::TooManyPixels { .. } | FrameError::BadSize { .. } => {
                "set the camera's driver to another size of its pictures"
            }
            FrameError::ZeroSize { .. }
            | FrameError::StepTooSmall { .. }
            | FrameError::DataLength { .. } => {
                "the camera's driver fills in its messages wrongly: update it or use another"
            }
            FrameError::UnknownFormat { .. } => "set the camera's driver to JPEG or PNG",
            FrameError::Compressed { .. } => {
                "where data was lost, check the camera's cable and the load of its computer; where this kind of \
                 picture is not supported, change the settings of the encoder"
            }
            FrameError::Mosaic { .. } => "",
        };
        Self {
            message: error.to_string(),
            advice,
            kind: Kind::of((discriminant(error), encoding)),
        }
    }

    /// The networks could not run on it, or their output could not be judged.
    pub(super) fn unjudged(error: &PipelineError) -> Self {
        let message = error.to_string();
        Self {
            kind: Kind::of_text(&message),
            message,
            advice: "",
        }
    }

    /// The line for the log, where one is due at `now`: the first of its kind, and what helps; then how many
    /// came.
    pub fn line(&self, repeats: &mut Repeats, now: Instant) -> Option<String> {
        let repeated = repeats.note(self.kind, now)?;
        let separator = if self.advice.is_empty() { "" } else { "; " };
        Some(format!("{self}{separator}{}{repeated}", self.advice))
    }
}

impl fmt::Display for FrameFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Codec, ImageView};
    use crate::time::Stamp;

    fn raw(encoding: &str) -> CameraView<'_> {
        CameraView::Raw(ImageView {
            stamp: Stamp::default(),
            width: 2,
            height: 2,
            encoding,
            is_bigendian: false,
            step: 2,
            data: &[0; 4],
        })
    }

    fn unknown(encoding: &str, at: i64) -> FrameFailure {
        let error = FrameError::UnknownEncoding {
            stamp: Stamp::from_nanos(at),
            encoding: encoding.to_owned(),
        };
        FrameFailure::undecodable(&error, &raw(encoding))
    }

    #[test]
    fn a_failure_is_of_another_kind_where_the_error_or_the_encoding_is_another() {
        let short = |encoding: &str, actual| {
            let error = FrameError::DataLength {
                stamp: Stamp::default(),
                encoding: encoding.to_owned(),
                step: 2,
                height: 2,
                expected: 4,
                actual,
            };
            FrameFailure::undecodable(&error, &raw(encoding)).kind
        };
        assert_eq!(unknown("rgb32f", 1).kind, unknown("rgb32f", 2).kind);
        assert_ne!(unknown("rgb32f", 1).kind, unknown("rgb64f", 1).kind);
        assert_eq!(short("rgb8", 1), short("rgb8", 3));
        assert_ne!(short("rgb8", 1), short("rgb16", 1));
        assert_ne!(short("rgb8", 1), unknown("rgb8", 1).kind);
    }

    #[test]
    fn pictures_of_one_format_that_are_damaged_in_many_places_are_of_one_kind() {
        let view = raw("jpeg");
        let damaged = |reason: &str| {
            let error = FrameError::Compressed {
                stamp: Stamp::default(),
                format: "jpeg".to_owned(),
                codec: Codec::Jpeg,
                len: 9,
                reason: reason.to_owned(),
            };
            FrameFailure::undecodable(&error, &view).kind
        };
        assert_eq!(damaged("cut off"), damaged("a marker is unknown"));
    }

    #[test]
    fn the_line_says_what_is_wrong_what_helps_and_that_repeats_are_counted() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        let line = unknown("rgb32f", 0).line(&mut repeats, now).unwrap();
        assert!(line.contains("unknown encoding \"rgb32f\"; known are rgb8, "));
        let words = "; set the camera's driver to one of these encodings; repeats are only counted";
        assert!(line.ends_with(words), "{line}");
        assert_eq!(unknown("rgb32f", 1).line(&mut repeats, now), None);

        let plain = FrameFailure::unjudged(&PipelineError::NoLogits);
        let line = plain.line(&mut repeats, now).unwrap();
        assert_eq!(line, "the engine gave no logits; repeats are only counted");
    }
}
