use crate::builder::Builder;
use crate::material::Material;
use crate::math::{rgb, v3};
use crate::noise::Stream;
pub(super) fn build(b: &mut Builder<'_>, s: &mut Stream) {
    b.ball(v3(0.0, 0.6, 0.0), v3(0.4, 0.6, 0.8), Material::plain(rgb(200, 120, 60), s.bits()));
}
