//! Trees and hedges.

use crate::builder::Builder;
use crate::cutout::Cutout;
use crate::material::{Material, Pattern};
use crate::math::{Rgb, rgb, v3};
use crate::noise::Stream;

fn leaf_colours(s: &mut Stream) -> (Rgb, Rgb) {
    let pairs = [
        (rgb(58, 76, 36), rgb(104, 122, 58)),
        (rgb(44, 62, 40), rgb(82, 104, 66)),
        (rgb(80, 84, 40), rgb(136, 134, 66)),
        (rgb(92, 66, 36), rgb(150, 104, 48)),
        (rgb(50, 56, 44), rgb(94, 100, 82)),
    ];
    let (a, b) = s.pick(&pairs);
    (s.vary(a, 0.25), s.vary(b, 0.25))
}

/// A tree at the origin. Returns its height and the radius of its crown.
pub(crate) fn tree(b: &mut Builder<'_>, s: &mut Stream) -> (f32, f32) {
    let bark = s.vary(rgb(78, 68, 58), 0.3);
    let bark = Material::mottle(bark * 0.6, bark * 1.3, 0.12, s.bits());
    let h = s.range(4.5, 11.0);
    let sort = s.unit();
    if sort < 0.12 {
        // A conifer: cones of needles.
        let (a, c) = (rgb(36, 52, 36), rgb(66, 84, 56));
        let m = Material::new(Pattern::Leaves { size: 0.2 }, s.vary(a, 0.2), c, s.bits());
        let r = h * s.range(0.16, 0.26);
        b.rod(v3(0.0, 0.0, 0.0), v3(0.0, h * 0.3, 0.0), 0.18, 0.15, bark);
        for k in 0..4 {
            let k = k as f32 * 0.22;
            let (lo, hi) = (h * (0.12 + k), h * (0.42 + k).min(1.0));
            b.rod(v3(0.0, lo, 0.0), v3(0.0, hi, 0.0), r * (1.0 - k), 0.05, m);
            b.cut(Cutout::Leaves {
                grain: 0.4,
                keep: 0.75,
                seed: s.bits(),
            });
        }
        return (h, r);
    }
    let trunk = h * s.range(0.25, 0.42);
    let lean = s.range(-0.3, 0.3);
    let thick = 0.02 * h + s.range(0.02, 0.12);
    b.rod(
        v3(0.0, 0.0, 0.0),
        v3(lean, trunk, 0.0),
        thick,
        thick * 0.8,
        bark,
    );
    let bare = sort < 0.5;
    let (a, c) = leaf_colours(s);
    let size = s.range(0.18, 0.42);
    let leaves = if bare {
        let twig = s.vary(rgb(74, 66, 60), 0.25);
        Material::mottle(twig * 0.6, twig, 0.4, s.bits())
    } else {
        Material::new(Pattern::Leaves { size }, a, c, s.bits())
    };
    let spread = (h - trunk) * s.range(0.38, 0.62);
    let branches = if bare { 7 } else { 3 };
    for _ in 0..branches {
        let (x, z) = (s.range(-1.0, 1.0) * spread, s.range(-1.0, 1.0) * spread);
        let tip = v3(lean + x * 0.7, h * s.range(0.6, 0.92), z * 0.7);
        b.rod(
            v3(lean, trunk * s.range(0.8, 1.0), 0.0),
            tip,
            thick * 0.5,
            thick * 0.12,
            bark,
        );
    }
    let clumps = if bare { 4 } else { 7 + s.below(5) };
    for k in 0..clumps {
        let off = if k == 0 { 0.0 } else { 0.75 * spread };
        let c = v3(
            lean + s.range(-1.0, 1.0) * off,
            trunk + (h - trunk) * (0.52 + s.range(-0.25, 0.28) * if k == 0 { 0.2 } else { 1.0 }),
            s.range(-1.0, 1.0) * off,
        );
        let r = spread * if k == 0 { 0.75 } else { s.range(0.3, 0.6) };
        let half = v3(r, r.min((h - trunk) * 0.5) * s.range(0.8, 1.0), r);
        b.ball(c, half, leaves);
        let seed = s.bits();
        b.cut(if bare {
            Cutout::Twigs {
                grain: s.range(0.4, 0.8),
                width: s.range(0.07, 0.12),
                seed,
            }
        } else {
            Cutout::Leaves {
                grain: size,
                keep: s.range(0.45, 0.8),
                seed,
            }
        });
    }
    (h, spread)
}

/// A hedge along z at x = 0.
pub(crate) fn hedge(b: &mut Builder<'_>, s: &mut Stream, length: f32) {
    let (a, c) = leaf_colours(s);
    let h = s.range(0.4, 1.0);
    let m = Material::new(
        Pattern::Leaves {
            size: s.range(0.1, 0.22),
        },
        a,
        c,
        s.bits(),
    );
    b.block(v3(0.35, h, 0.0), v3(0.3, h * 0.97, length * 0.5), m);
    let shaggy = Cutout::Leaves {
        grain: 0.16,
        keep: 0.55,
        seed: s.bits(),
    };
    b.taper(
        v3(0.35, h + 0.05, 0.0),
        v3(0.38, h, length * 0.5),
        [0.12, 0.0, 0.0],
        m,
    )
    .cut(shaggy);
}

/// A bush at the origin.
pub(crate) fn bush(b: &mut Builder<'_>, s: &mut Stream) {
    let (a, c) = leaf_colours(s);
    let m = Material::new(Pattern::Leaves { size: 0.18 }, a, c, s.bits());
    for _ in 0..2 {
        let r = s.range(0.4, 1.0);
        b.ball(
            v3(s.range(-0.4, 0.4), r * 0.7, s.range(-0.5, 0.5)),
            v3(r, r * 0.8, r),
            m,
        );
        b.cut(Cutout::Leaves {
            grain: 0.25,
            keep: 0.8,
            seed: s.bits(),
        });
    }
}
