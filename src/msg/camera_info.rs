//! The calibration of a camera.

use serde::{Deserialize, Serialize};

use super::Header;
use crate::decide::Calibration;

/// `sensor_msgs/msg/RegionOfInterest`, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionOfInterest {
    /// Leftmost column.
    pub x_offset: u32,
    /// Topmost row.
    pub y_offset: u32,
    /// Rows; 0: all.
    pub height: u32,
    /// Columns; 0: all.
    pub width: u32,
    /// Whether a rectified picture is cut too.
    pub do_rectify: bool,
}

/// `sensor_msgs/msg/CameraInfo`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CameraInfo {
    /// Stamp and frame of the picture that it belongs to.
    pub header: Header,
    /// Rows at calibration.
    pub height: u32,
    /// Columns at calibration.
    pub width: u32,
    /// Name of the distortion model, like `plumb_bob`.
    pub distortion_model: String,
    /// Its parameters; on the wire `d`.
    pub d: Vec<f64>,
    /// Intrinsic matrix 3 x 3 of the raw picture, row by row; `k[0]` is 0 when not calibrated.
    pub k: [f64; 9],
    /// Rectification matrix 3 x 3, row by row.
    pub r: [f64; 9],
    /// Projection matrix 3 x 4 of the rectified picture, row by row.
    pub p: [f64; 12],
    /// Columns that the camera joins to one; 0 and 1: none.
    pub binning_x: u32,
    /// Rows that the camera joins to one; 0 and 1: none.
    pub binning_y: u32,
    /// The part of the sensor that the picture shows.
    pub roi: RegionOfInterest,
}

impl CameraInfo {
    /// What it says of the picture as the camera takes it or, of a `rectified` one, of that: without
    /// distortion, with the matrix `p`. Allocates nothing.
    pub fn calibration(&self, rectified: bool) -> Calibration {
        let size = (self.width, self.height);
        let [fx, skew, cx, _, zero, fy, cy, _, left, middle, one, _] = self.p;
        let whole = match rectified {
            true => {
                let k = [fx, skew, cx, zero, fy, cy, left, middle, one];
                Calibration::new(size, k, "", &[])
            }
            false => Calibration::new(size, self.k, &self.distortion_model, &self.d),
        };
        Calibration {
            binning: (self.binning_x, self.binning_y),
            offset: (self.roi.x_offset, self.roi.y_offset),
            window: (self.roi.width, self.roi.height),
            ..whole
        }
    }

    /// The topic of the camera_info that belongs to an image topic, and whether that shows rectified
    /// pictures: by the names that ROS gives them, `camera_info` beside `image_raw`, and `image_rect`. The
    /// name of a transport, as in `image_raw/compressed`, is no part of it.
    pub fn topic_beside(image: &str) -> (String, bool) {
        let image = image.strip_suffix("/compressed").unwrap_or(image);
        let (beside, name) = image.rsplit_once('/').unwrap_or(("", image));
        let slash = if image.contains('/') { "/" } else { "" };
        let rectified = name.starts_with("image_rect");
        (format!("{beside}{slash}camera_info"), rectified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_is_beside_that_of_the_image() {
        for (image, info, rectified) in [
            ("/camera/image_raw", "/camera/camera_info", false),
            ("/camera/image_raw/compressed", "/camera/camera_info", false),
            ("/a/b/image_rect_color", "/a/b/camera_info", true),
            ("/image", "/camera_info", false),
            ("image", "camera_info", false),
        ] {
            let found = CameraInfo::topic_beside(image);
            assert_eq!(found, (info.to_owned(), rectified), "{image}");
        }
    }

    #[test]
    fn a_rectified_picture_has_the_matrix_p_and_no_distortion() {
        let info = CameraInfo {
            width: 640,
            height: 480,
            distortion_model: "plumb_bob".to_owned(),
            d: vec![0.1; 5],
            k: [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0],
            p: [
                450.0, 0.0, 310.0, -45.0, 0.0, 455.0, 235.0, 0.0, 0.0, 0.0, 1.0, 0.0,
            ],
            binning_x: 2,
            ..CameraInfo::default()
        };
        let raw = info.calibration(false);
        assert_eq!((raw.k, raw.coefficients), (info.k, 5));
        let rectified = info.calibration(true);
        let p = [450.0, 0.0, 310.0, 0.0, 455.0, 235.0, 0.0, 0.0, 1.0];
        assert_eq!((rectified.k, rectified.coefficients), (p, 0));
        assert_eq!((rectified.size, rectified.binning), ((640, 480), (2, 0)));
    }
}
