//! A rendered frame and its ground truth.

use crate::math::Rgb;
use crate::primitive::Primitive;
use crate::raster::Samples;
use crate::world::Shadow;

/// A frame with the truth about each pixel. All buffers are row by row from the top left, have
/// `width * height` elements (`rgb` three times as many), and are kept from one call of
/// [`Drive::render`](crate::Drive::render) to the next.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Packed 8-bit R, G, B, as a camera would give it.
    pub rgb: Vec<u8>,
    /// Id of the [`Class`](crate::Class) that most of the pixel shows, 0 to 11.
    pub class: Vec<u8>,
    /// Number of the object, 0 for ground, sky and skyline. The same object has the same number
    /// in every frame of a drive; two objects may share one only in drives of several kilometres.
    pub instance: Vec<u16>,
    /// Distance from the camera along the line of sight in metres; infinite for the sky.
    pub distance_m: Vec<f32>,
    /// 1 where the pixel shows the anomaly, else 0.
    pub anomaly: Vec<u8>,
    pub(crate) scratch: Scratch,
}

/// Memory that rendering reuses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    pub(crate) samples: Samples,
    pub(crate) prims: Vec<Primitive>,
    pub(crate) shadows: Vec<Shadow>,
    pub(crate) linear: Vec<Rgb>,
}

impl Rendered {
    /// Empty; the first render sizes it.
    pub fn new() -> Rendered {
        Rendered::default()
    }

    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        (self.width, self.height) = (width, height);
        let n = width as usize * height as usize;
        self.rgb.resize(n * 3, 0);
        self.class.resize(n, 0);
        self.instance.resize(n, 0);
        self.distance_m.resize(n, 0.0);
        self.anomaly.resize(n, 0);
        self.scratch.linear.resize(n, Rgb::default());
    }
}
