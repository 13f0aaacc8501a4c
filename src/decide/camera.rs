//! Which way each pixel of a camera looks.

use super::GroundError;

/// Most distortion coefficients that anybody writes (OpenCV's tilted model).
const MAX_COEFFICIENTS: usize = 14;
/// Steps of the search for the rim of the field in which a distortion model holds.
const STEP: f64 = 0.005;
/// Widest ray of the models of a flat picture, as its tangent: 87 degrees off the axis.
const WIDEST_TANGENT: f64 = 20.0;
/// Widest ray of a fisheye, in radians off the axis.
const WIDEST_ANGLE: f64 = 3.0;
/// Iterations of an undistortion; five do for a usual lens.
const ITERATIONS: usize = 50;
/// How near the ray of a pixel comes back to it, in parts of the focal length.
const RESIDUAL: f64 = 1e-9;

/// What a calibration says of a camera, in the terms of `sensor_msgs/CameraInfo`.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    /// Columns and rows at calibration.
    pub size: (u32, u32),
    /// Name of the distortion model, cut after 24 bytes: no known model has a longer name.
    pub distortion_model: heapless::String<24>,
    /// Its coefficients, as many as fit.
    pub d: heapless::Vec<f64, MAX_COEFFICIENTS>,
    /// How many coefficients there are.
    pub coefficients: usize,
    /// Camera matrix, row by row, in pixels.
    pub k: [f64; 9],
    /// Columns and rows that the camera joins to one; 0 and 1: none.
    pub binning: (u32, u32),
    /// Upper left corner of the part of the sensor that the picture shows.
    pub offset: (u32, u32),
    /// Columns and rows of that part; 0: all.
    pub window: (u32, u32),
}

impl Calibration {
    /// Of a picture of a size that nothing is left out of.
    pub fn new(size: (u32, u32), k: [f64; 9], distortion_model: &str, d: &[f64]) -> Self {
        let fitting = d.len().min(MAX_COEFFICIENTS);
        let mut name = heapless::String::new();
        // a name cut short is as unknown as the whole
        let _ = distortion_model.chars().try_for_each(|c| name.push(c));
        Self {
            size,
            distortion_model: name,
            d: d.iter().take(fitting).copied().collect(),
            coefficients: d.len(),
            k,
            ..Self::default()
        }
    }

    /// The same camera, with binning and window reckoned into size and matrix.
    ///
    /// # Errors
    /// As [`Camera::new`].
    pub fn as_shown(&self) -> Result<Self, GroundError> {
        let camera = Camera::new(self)?;
        let ((fx, fy), (cx, cy)) = (camera.focal, camera.centre);
        Ok(Self {
            size: camera.size,
            k: [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
            binning: (0, 0),
            offset: (0, 0),
            window: (0, 0),
            ..self.clone()
        })
    }

    /// Whether it says the same, bit by bit: so a NaN equals itself.
    pub fn is_same(&self, other: &Self) -> bool {
        let numbers = |a: &[f64], b: &[f64]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        (self.size, self.binning) == (other.size, other.binning)
            && (self.offset, self.window) == (other.offset, other.window)
            && self.distortion_model == other.distortion_model
            && self.coefficients == other.coefficients
            && numbers(self.k.as_slice(), other.k.as_slice())
            && numbers(self.d.as_slice(), other.d.as_slice())
    }
}

/// A calibrated camera: which way each pixel of its picture looks.
///
/// Pixels have the origin of `sensor_msgs/CameraInfo`: (0, 0) is the centre of the upper left one.
///
/// ```
/// use lookout::decide::{Calibration, Camera};
///
/// let k = [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0];
/// let camera = Camera::new(&Calibration::new((640, 480), k, "plumb_bob", &[]))?;
/// assert_eq!(camera.ray(370.0, 240.0), Some([0.1, 0.0, 1.0]));
/// # Ok::<(), lookout::decide::GroundError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    size: (u32, u32),
    focal: (f64, f64),
    centre: (f64, f64),
    lens: Lens,
}

/// How a lens bends rays. Coefficients are those of OpenCV, and what is farther off the axis than the
/// limit has no ray: the model folds back there, and two rays would have the same pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lens {
    /// `plumb_bob` and `rational_polynomial`; the limit is a tangent.
    Flat {
        k: [f64; 6],
        p: [f64; 2],
        limit: f64,
    },
    /// `equidistant`; the limit is an angle.
    Fisheye { k: [f64; 4], limit: f64 },
}

impl Camera {
    /// Least focal length, in pixels.
    pub const MIN_FOCAL_LENGTH: f64 = 1.0;
    /// Largest focal length and distance of the principal point from the upper left corner, in pixels.
    pub const MAX_PIXELS: f64 = 1e6;

    /// Of a calibration. `plumb_bob` takes 4 or 5 coefficients, `rational_polynomial` 8,
    /// `equidistant` 4; none, or nothing but zeros, is a pinhole camera. More are taken where they are 0.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn new(calibration: &Calibration) -> Result<Self, GroundError> {
        let k = &calibration.k;
        for (index, &value) in k.iter().enumerate() {
            if !value.is_finite() {
                return Err(GroundError::NotFinite { index, value });
            }
        }
        for (axis, value) in [('y', k[4]), ('x', k[0])] {
            if !(Self::MIN_FOCAL_LENGTH..=Self::MAX_PIXELS).contains(&value) {
                return Err(GroundError::FocalLength { axis, value });
            }
        }
        for (axis, value) in [('x', k[2]), ('y', k[5])] {
            if value.abs() > Self::MAX_PIXELS {
                return Err(GroundError::PrincipalPoint { axis, value });
            }
        }
        for (index, wanted) in [(1, 0.0), (3, 0.0), (6, 0.0), (7, 0.0), (8, 1.0)] {
            let value = k[index];
            if value != wanted {
                return Err(GroundError::NoPinhole {
                    index,
                    value,
                    wanted,
                });
            }
        }
        let lens = Lens::new(calibration)?;
        let (width, fx, cx) = along(
            calibration.size.0,
            calibration.offset.0,
            calibration.window.0,
            calibration.binning.0,
            (k[0], k[2]),
        )?;
        let (height, fy, cy) = along(
            calibration.size.1,
            calibration.offset.1,
            calibration.window.1,
            calibration.binning.1,
            (k[4], k[5]),
        )?;
        Ok(Self {
            size: (width, height),
            focal: (fx, fy),
            centre: (cx, cy),
            lens,
        })
    }

    /// Columns and rows of the camera's picture.
    pub const fn image_size(&self) -> (u32, u32) {
        self.size
    }

    /// Which way the point (`u`, `v`) of the picture looks, as right, down, forward along the axis of
    /// the lens. `None` where the lens's model gives no ray, and for what is no number.
    pub fn ray(&self, u: f64, v: f64) -> Option<[f64; 3]> {
        let x = (u - self.centre.0) / self.focal.0;
        let y = (v - self.centre.1) / self.focal.1;
        self.lens.undistort(x, y)
    }
}

/// Length, focal length and centre of the picture along one axis: of the window on the sensor, and of
/// pixels joined.
fn along(
    length: u32,
    offset: u32,
    window: u32,
    binning: u32,
    (focal, centre): (f64, f64),
) -> Result<(u32, f64, f64), GroundError> {
    let wanted = if window == 0 {
        length.saturating_sub(offset)
    } else {
        window
    };
    let binning = binning.max(1);
    let fits = u64::from(offset) + u64::from(wanted) <= u64::from(length);
    let pixels = wanted / binning;
    if !fits || pixels == 0 {
        return Err(GroundError::NoImage {
            length,
            offset,
            window,
            binning,
        });
    }
    let joined = f64::from(binning);
    // the outer edge of the first pixel stays where it is
    let centre = (centre - f64::from(offset) + 0.5) / joined - 0.5;
    Ok((pixels, focal / joined, centre))
}

impl Lens {
    fn new(calibration: &Calibration) -> Result<Self, GroundError> {
        let model = calibration.distortion_model.as_str();
        let d = calibration.d.as_slice();
        for (index, &value) in d.iter().enumerate() {
            if !value.is_finite() {
                return Err(GroundError::Coefficient { index, value });
            }
        }
        let used = match model {
            "plumb_bob" => 5,
            "rational_polynomial" => 8,
            "equidistant" => 4,
            "" | "none" => 0,
            _ => {
                return Err(GroundError::DistortionModel {
                    name: calibration.distortion_model.clone(),
                });
            }
        };
        let count = calibration.coefficients;
        let beyond = d.iter().skip(used).any(|&value| value != 0.0);
        let enough = match model {
            "rational_polynomial" | "equidistant" => count == 0 || count >= used,
            "plumb_bob" => count == 0 || count >= 4,
            _ => true,
        };
        if beyond || !enough || count > MAX_COEFFICIENTS {
            return Err(GroundError::Coefficients {
                name: calibration.distortion_model.clone(),
                count,
            });
        }
        let at = |index: usize| d.get(index).copied().unwrap_or(0.0);
        Ok(if model == "equidistant" {
            let k = [at(0), at(1), at(2), at(3)];
            let grows = |angle| fisheye_slope(&k, angle) > 0.0;
            let limit = rim(WIDEST_ANGLE, grows);
            Self::Fisheye { k, limit }
        } else {
            let k = [at(0), at(1), at(4), at(5), at(6), at(7)];
            let p = [at(2), at(3)];
            let limit = if d.iter().all(|&value| value == 0.0) {
                f64::INFINITY
            } else {
                rim(WIDEST_TANGENT, |r| {
                    let (factor, slope, divisor) = radial(&k, r * r);
                    divisor > 0.0 && factor + 2.0 * r * r * slope > 0.0
                })
            };
            Self::Flat { k, p, limit }
        })
    }

    /// The ray whose image is at that point of the picture, in parts of the focal length.
    fn undistort(&self, x: f64, y: f64) -> Option<[f64; 3]> {
        match self {
            Self::Flat { k, p, limit } => {
                let (x, y) = undistort_flat(k, p, *limit, (x, y))?;
                Some([x, y, 1.0])
            }
            Self::Fisheye { k, limit } => {
                let radius = x.hypot(y);
                let angle = undistort_angle(k, *limit, radius)?;
                let outward = if radius > 0.0 {
                    angle.sin() / radius
                } else {
                    1.0
                };
                Some([x * outward, y * outward, angle.cos()])
            }
        }
    }
}

/// The last place from the axis on up to `widest` where the image moves outward with the ray.
fn rim(widest: f64, grows: impl Fn(f64) -> bool) -> f64 {
    let steps = (widest / STEP) as u32;
    let holds = (1..=steps).take_while(|&i| grows(f64::from(i) * STEP));
    STEP * holds.count() as f64
}

/// Factor of the radius, its derivative by the squared radius, and the divisor in it.
fn radial(k: &[f64; 6], r2: f64) -> (f64, f64, f64) {
    let above = 1.0 + r2 * (k[0] + r2 * (k[1] + r2 * k[2]));
    let below = 1.0 + r2 * (k[3] + r2 * (k[4] + r2 * k[5]));
    let above_slope = k[0] + r2 * (2.0 * k[1] + r2 * 3.0 * k[2]);
    let below_slope = k[3] + r2 * (2.0 * k[4] + r2 * 3.0 * k[5]);
    let slope = (above_slope * below - above * below_slope) / (below * below);
    (above / below, slope, below)
}

/// Newton's method, from the distorted point on. What it ends at is a solution or nothing.
fn undistort_flat(
    k: &[f64; 6],
    p: &[f64; 2],
    limit: f64,
    (to_x, to_y): (f64, f64),
) -> Option<(f64, f64)> {
    if limit == f64::INFINITY {
        let finite = to_x.is_finite() && to_y.is_finite();
        return finite.then_some((to_x, to_y));
    }
    let (mut x, mut y) = (to_x, to_y);
    for _ in 0..ITERATIONS {
        let r2 = x * x + y * y;
        let (factor, slope, _) = radial(k, r2);
        let off_x = x * factor + 2.0 * p[0] * x * y + p[1] * (r2 + 2.0 * x * x) - to_x;
        let off_y = y * factor + p[0] * (r2 + 2.0 * y * y) + 2.0 * p[1] * x * y - to_y;
        // the derivative is symmetric
        let xx = factor + 2.0 * x * x * slope + 2.0 * p[0] * y + 6.0 * p[1] * x;
        let xy = 2.0 * (x * y * slope + p[0] * x + p[1] * y);
        let yy = factor + 2.0 * y * y * slope + 6.0 * p[0] * y + 2.0 * p[1] * x;
        let determinant = xx * yy - xy * xy;
        let folded = determinant.is_nan() || determinant <= 0.0;
        if folded {
            return None;
        }
        if off_x.hypot(off_y) <= RESIDUAL {
            return (r2.sqrt() <= limit).then_some((x, y));
        }
        x -= (off_x * yy - off_y * xy) / determinant;
        y -= (off_y * xx - off_x * xy) / determinant;
    }
    None
}

fn fisheye_radius(k: &[f64; 4], angle: f64) -> f64 {
    let a2 = angle * angle;
    angle * (1.0 + a2 * (k[0] + a2 * (k[1] + a2 * (k[2] + a2 * k[3]))))
}

fn fisheye_slope(k: &[f64; 4], angle: f64) -> f64 {
    let a2 = angle * angle;
    1.0 + a2 * (3.0 * k[0] + a2 * (5.0 * k[1] + a2 * (7.0 * k[2] + a2 * 9.0 * k[3])))
}

/// Halving: the radius grows with the angle up to the limit.
fn undistort_angle(k: &[f64; 4], limit: f64, radius: f64) -> Option<f64> {
    let within = radius <= fisheye_radius(k, limit);
    if !within {
        return None;
    }
    let (mut low, mut high) = (0.0, limit);
    for _ in 0..ITERATIONS {
        let middle = f64::midpoint(low, high);
        if fisheye_radius(k, middle) < radius {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

#[cfg(test)]
#[path = "camera_tests.rs"]
mod tests;
