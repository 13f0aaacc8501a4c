//! Files of `calibration/`.
//!
//! `cameras/*.yaml` hold a camera each, as ROS's `camera_calibration` writes it, and under `mount` how it
//! sits on the vehicle:
//!
//! ```yaml
//! mount:
//!   height_m: 1.4               # above the ground
//!   pitch_deg: 2.0              # nose down positive; 0 where it is missing, as the next three
//!   roll_deg: 0.0               # right side down positive
//!   yaw_deg: 0.0                # to the right positive
//!   pitch_uncertainty_deg: 0.5  # the pitch may be off by so much either way
//! ```

use std::path::Path;

use serde::Deserialize;

use super::file::{self, FileError};
use crate::decide::{Calibration, Mount};

/// A larger file is not one of a camera.
const MAX_BYTES: u64 = 64 << 10;

/// A camera as a file describes it.
#[derive(Clone, Debug)]
pub struct CameraFile {
    /// What its pixels see.
    pub calibration: Calibration,
    /// How it sits, where the file says so.
    pub mount: Option<Mount>,
}

/// What `camera_calibration` writes, as far as it is read. The rectified picture is not: frames come as the
/// camera takes them.
#[derive(Deserialize)]
struct Yaml {
    image_width: u32,
    image_height: u32,
    camera_matrix: Matrix,
    distortion_model: String,
    distortion_coefficients: Matrix,
    mount: Option<Mount>,
}

#[derive(Deserialize)]
struct Matrix {
    data: Vec<f64>,
}

impl CameraFile {
    /// Reads a file. Whether the camera can be is found by [`Camera::new`](crate::decide::Camera::new).
    ///
    /// # Errors
    /// It cannot be read, or is not one of a camera.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        file::read(path, MAX_BYTES, Self::parse)
    }

    /// The text of a file that [`read`](Self::read) gives this back from; binning and a window of the
    /// sensor are not in it, see [`Calibration::as_shown`].
    pub fn to_yaml(&self) -> String {
        let Calibration {
            size,
            distortion_model,
            d,
            k,
            ..
        } = &self.calibration;
        let mut text = format!(
            "image_width: {}\nimage_height: {}\ncamera_matrix:\n  rows: 3\n  cols: 3\n  data: {k:?}\n\
             distortion_model: {distortion_model}\ndistortion_coefficients:\n  rows: 1\n  cols: {}\n  \
             data: {:?}\n",
            size.0,
            size.1,
            d.len(),
            d.as_slice(),
        );
        if let Some(mount) = self.mount {
            text += &format!(
                "mount:\n  height_m: {}\n  pitch_deg: {}\n  roll_deg: {}\n  yaw_deg: {}\n  \
                 pitch_uncertainty_deg: {}\n",
                mount.height_m,
                mount.pitch_deg,
                mount.roll_deg,
                mount.yaw_deg,
                mount.pitch_uncertainty_deg
            );
        }
        text
    }

    fn parse(text: &str) -> Result<Self, String> {
        let yaml: Yaml = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
        let given = yaml.camera_matrix.data.len();
        let k = yaml.camera_matrix.data.try_into();
        let k = k.map_err(|_| format!("camera_matrix has {given} values, not 9"))?;
        let size = (yaml.image_width, yaml.image_height);
        let d = &yaml.distortion_coefficients.data;
        Ok(Self {
            calibration: Calibration::new(size, k, &yaml.distortion_model, d),
            mount: yaml.mount,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::decide::{Camera, Ground};

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("calibration/cameras")
    }

    fn read(name: &str) -> CameraFile {
        CameraFile::read(&folder().join(format!("{name}.yaml"))).unwrap()
    }

    #[test]
    fn every_shipped_camera_is_one_and_there_is_one_of_each_kind() {
        let mut models: Vec<String> = std::fs::read_dir(folder())
            .unwrap()
            .map(|file| {
                let file = CameraFile::read(&file.unwrap().path()).unwrap();
                let camera = Camera::new(&file.calibration).unwrap();
                Ground::new(camera, file.mount.unwrap()).unwrap();
                file.calibration.distortion_model.as_str().to_owned()
            })
            .collect();
        models.sort();
        assert_eq!(models, ["equidistant", "plumb_bob", "rational_polynomial"]);
    }

    #[test]
    fn a_camera_that_was_written_is_read_as_the_same() {
        for name in ["equidistant", "plumb_bob", "rational_polynomial"] {
            let mut file = read(name);
            let again = CameraFile::parse(&file.to_yaml()).unwrap();
            assert!(again.calibration.is_same(&file.calibration), "{name}");
            assert_eq!(again.mount, file.mount, "{name}");
            file.mount = None;
            assert_eq!(CameraFile::parse(&file.to_yaml()).unwrap().mount, None);
        }
    }

    #[test]
    fn g12_rays_are_those_of_opencv_to_a_tenth_of_a_pixel() {
        let text = include_str!("../../tests/fixtures/distortion.json");
        let cameras: BTreeMap<String, Vec<[f64; 5]>> = serde_json::from_str(text).unwrap();
        assert_eq!(cameras.len(), 3);
        for (name, points) in cameras {
            let calibration = read(&name).calibration;
            let camera = Camera::new(&calibration).unwrap();
            assert!(points.len() > 50, "{name}: {}", points.len());
            for [x, y, z, u, v] in points {
                let ray = camera.ray(u, v).unwrap();
                // the length of both is 1
                let long = ray.iter().map(|n| n * n).sum::<f64>().sqrt();
                let off = [ray[0] / long - x, ray[1] / long - y, ray[2] / long - z];
                let off = off.iter().map(|n| n * n).sum::<f64>().sqrt();
                // as wide as pixels are in the middle of the picture
                let pixels = off * calibration.k[0];
                assert!(pixels < 0.1, "{name}: {pixels} px at {u} {v}");
            }
        }
    }

    #[test]
    fn files_that_are_none_of_a_camera_are_refused_with_the_reason() {
        let good = std::fs::read_to_string(folder().join("plumb_bob.yaml")).unwrap();
        assert!(CameraFile::parse(&good).is_ok());
        let cases = [
            ("image_width: 1280", "image_width: -3", ""),
            ("image_width: 1280", "", "image_width"),
            ("905.3, 0.0, ", "905.3, ", "camera_matrix has 8 values"),
            ("height_m: 1.4", "hight_m: 1.4", "hight_m"),
            ("  height_m: 1.4\n", "", "height_m"),
        ];
        for (old, new, words) in cases {
            assert!(good.contains(old), "{old}");
            let error = CameraFile::parse(&good.replace(old, new)).unwrap_err();
            assert!(error.contains(words), "{error} for {words}");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large.yaml");
        std::fs::write(&path, vec![b'#'; 65_537]).unwrap();
        let error = CameraFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("more than 65536 bytes"), "{error}");
        assert!(CameraFile::read(&dir.path().join("none.yaml")).is_err());
    }
}
