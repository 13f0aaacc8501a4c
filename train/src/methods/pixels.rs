//! Labelled pixels of frozen activations: as many of each class, none at a border between classes.

use rand::seq::SliceRandom;
use tch::{Kind, Tensor};

use super::as_rows;
use crate::data::{CLASSES, Picture, Rng};

/// Rows of pixels.
#[derive(Debug)]
pub struct Pixels {
    /// [N, C], [`super::FEATURES`]; no columns where the design has none.
    pub features: Tensor,
    /// [N, K], the class logits.
    pub logits: Tensor,
    /// [N], class ids.
    pub label: Tensor,
}

impl Pixels {
    /// Of one picture: at most `each` pixels of each class.
    pub(super) fn of(
        picture: &Picture,
        features: Option<&Tensor>,
        logits: &Tensor,
        each: usize,
        rng: &mut Rng,
    ) -> Self {
        let size = logits.size();
        let (places, label) = places(picture, size[2] as usize, size[3] as usize, each, rng);
        let places = Tensor::from_slice(&places).to(logits.device());
        let rows = |t: &Tensor| as_rows(t).index_select(0, &places);
        let logits = rows(logits);
        Self {
            features: features.map_or_else(|| logits.narrow(1, 0, 0), rows),
            logits,
            label: Tensor::from_slice(&label).to(places.device()),
        }
    }

    /// One behind the other.
    pub(super) fn joined(parts: &[Self]) -> Self {
        let all = |of: fn(&Self) -> &Tensor| {
            let parts: Vec<&Tensor> = parts.iter().map(of).collect();
            Tensor::cat(&parts, 0)
        };
        Self {
            features: all(|p| &p.features),
            logits: all(|p| &p.logits),
            label: all(|p| &p.label),
        }
    }

    /// How many.
    pub fn len(&self) -> i64 {
        self.label.size()[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows with these indices.
    pub fn select(&self, index: &Tensor) -> Self {
        Self {
            features: self.features.index_select(0, index),
            logits: self.logits.index_select(0, index),
            label: self.label.index_select(0, index),
        }
    }

    /// `each` pixels of each class that is there, drawn with repetition by libtorch's generator.
    pub fn draw(&self, each: i64) -> Self {
        let mut index = vec![];
        for class in 0..CLASSES {
            let own = self.label.eq(class).nonzero().squeeze_dim(1);
            let n = own.size()[0];
            if n > 0 {
                let at = Tensor::randint(n, [each], (Kind::Int64, own.device()));
                index.push(own.index_select(0, &at));
            }
        }
        self.select(&Tensor::cat(&index, 0))
    }
}

/// Cells of a grid over the picture, with their labels, whose eight neighbours are of the same class.
fn places(
    picture: &Picture,
    rows: usize,
    columns: usize,
    each: usize,
    rng: &mut Rng,
) -> (Vec<i64>, Vec<i64>) {
    let label = |y: usize, x: usize| {
        let py = (2 * y + 1) * picture.height / (2 * rows);
        let px = (2 * x + 1) * picture.width / (2 * columns);
        picture.label[py * picture.width + px]
    };
    let mut found: Vec<Vec<i64>> = vec![vec![]; CLASSES as usize];
    for y in 1..rows.saturating_sub(1) {
        for x in 1..columns.saturating_sub(1) {
            let own = label(y, x);
            let is_inside = (y - 1..=y + 1).all(|v| (x - 1..=x + 1).all(|u| label(v, u) == own));
            if let Some(all) = found.get_mut(usize::from(own)).filter(|_| is_inside) {
                all.push((y * columns + x) as i64);
            }
        }
    }
    let (mut at, mut class) = (vec![], vec![]);
    for (id, mut all) in found.into_iter().enumerate() {
        let taken = each.min(all.len());
        let (chosen, _) = all.partial_shuffle(rng, taken);
        class.extend(std::iter::repeat_n(id as i64, chosen.len()));
        at.extend_from_slice(chosen);
    }
    (at, class)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::data::VOID;

    /// Left half class 3, right half class 8, the lowest rows void.
    fn picture() -> Picture {
        let (width, height) = (40, 40);
        let class = |i: usize| match (i % width, i / width) {
            (_, 30..) => VOID,
            (0..20, _) => 3,
            _ => 8,
        };
        Picture {
            width,
            height,
            rgb: vec![0; 3 * width * height],
            label: (0..width * height).map(class).collect(),
            outlier: vec![0; width * height],
        }
    }

    #[test]
    fn pixels_are_of_each_class_alike_and_none_is_at_a_border() {
        let mut rng = Rng::seed_from_u64(1);
        let (at, class) = places(&picture(), 10, 10, 6, &mut rng);
        assert_eq!(class, [[3; 6], [8; 6]].concat());
        for (&at, &class) in at.iter().zip(&class) {
            let (x, y) = (at % 10, at / 10);
            // columns 4 and 5 touch the other class, row 6 touches the void, rim cells lack neighbours
            let columns = if class == 3 { 1..=3 } else { 6..=8 };
            assert!(
                columns.contains(&x) && (1..=5).contains(&y),
                "{class}: {x}, {y}"
            );
        }
        let mut all = at.clone();
        all.dedup();
        assert_eq!(all.len(), 12, "none twice");
    }

    #[test]
    fn a_draw_has_as_many_of_each_class_that_is_there() {
        let label = Tensor::from_slice(&[0i64, 0, 0, 0, 5]);
        let rows = Tensor::arange(5, (Kind::Float, tch::Device::Cpu)).unsqueeze(1);
        let pixels = Pixels {
            features: rows.copy(),
            logits: rows,
            label,
        };
        let drawn = pixels.draw(3);
        assert_eq!(
            Vec::<i64>::try_from(&drawn.label).unwrap(),
            [0, 0, 0, 5, 5, 5]
        );
        let of_five = Vec::<f32>::try_from(drawn.features.squeeze_dim(1)).unwrap();
        assert_eq!(of_five[3..], [4.0; 3]);
        assert!(of_five[..3].iter().all(|v| *v < 4.0));
    }
}
