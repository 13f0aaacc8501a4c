//! The segmentation network of a bundle, frozen: what its observer is trained on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use lookout::engine::{Area, Placement, RawGraph, Resolution};
use lookout::model::{Bundle, Fit, FixedInput};
use tch::{Device, Kind, Tensor};

use super::counterparts::counterparts;
use super::observed::Seen;
use super::segmentation::colours;
use super::{MEAN, STD};
use crate::data::{InUse, Picture};
use crate::nets::{COLOURS, LOGITS, Shown, load_backbone};
use crate::onnx::Imported;
use crate::torch::{Network, channels_last};

/// A bundle's segmentation network.
#[derive(Debug)]
pub struct Adopted {
    bundle: Bundle,
    runner: Runner,
    shown: Shown,
    /// For each class the classes of the labels that it means.
    meant: Vec<Vec<u8>>,
}

/// What computes it.
#[derive(Debug)]
enum Runner {
    /// libtorch, with gradients.
    Imported(Imported),
    /// An engine, without.
    Engine(RefCell<RawGraph>),
}

impl Adopted {
    /// Loads a bundle. With `gradients` its graph is read into libtorch, else an engine runs it. Its observer has a
    /// `backbone` of its own or none.
    ///
    /// # Errors
    /// A bundle that cannot be loaded; with gradients, an operator that is not known here; an activation that does not
    /// lie over the picture.
    pub fn load(
        path: &Path,
        gradients: bool,
        backbone: bool,
        device: Device,
    ) -> anyhow::Result<Self> {
        let bundle = Bundle::load(path)?;
        let bytes = bundle.segmentation();
        let runner = if gradients {
            let model = lookout_adopt::load::decode(bytes, path)?;
            let image = bundle.manifest().segmentation.image.clone();
            let network = Imported::new(&model, &image, &outputs(&bundle), device)?;
            Runner::Imported(network)
        } else {
            let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
            let graph = RawGraph::open(bytes.to_vec(), threads).map_err(anyhow::Error::msg)?;
            Runner::Engine(RefCell::new(graph))
        };
        let classes = bundle.manifest().classes.get_ref();
        let meant = classes
            .iter()
            .map(|class| counterparts(&class.name))
            .collect();
        let mut adopted = Self {
            shown: Shown {
                classes: classes.len() as i64,
                stride: i64::from(*bundle.manifest().segmentation.stride.get_ref()),
                activations: vec![],
                backbone,
            },
            bundle,
            runner,
            meant,
        };
        adopted.shown.activations = adopted.measure(device)?;
        Ok(adopted)
    }

    /// Strides and planes of the activations, as a grey picture shows them.
    fn measure(&self, device: Device) -> anyhow::Result<Vec<(i64, i64)>> {
        let (height, width) = match self.fixed() {
            Some(FixedInput { width, height, .. }) => (i64::from(height), i64::from(width)),
            None => (256, 320),
        };
        let grey = Tensor::full([1, 3, height, width], 0.5, (Kind::Float, device));
        let seen = tch::no_grad(|| self.see(&grey))?;
        let names = &self.bundle.manifest().segmentation.activations;
        let all = names.iter().enumerate().map(|(i, name)| {
            let size = seen[&Shown::input(i)].size();
            let stride = [1, 2, 4, 8, 16, 32].into_iter().find(|stride| {
                let side = |n: i64| (n + stride - 1) / stride;
                size.get(2..) == Some(&[side(height), side(width)][..])
            });
            let stride = stride.with_context(|| {
                format!(
                    "the activation {name:?} is {size:?} for a picture of {width}x{height}: it has no stride of 1, 2, 4, \
                     8, 16 or 32; leave it out of the bundle's `activations`"
                )
            })?;
            Ok((stride, size[1]))
        });
        all.collect()
    }

    /// Gives the observer's backbone its ImageNet weights, and colours as it knows them.
    pub(super) fn prepare(&self, observer: &Network, weights: Option<&Path>) -> anyhow::Result<()> {
        if !self.shown.backbone {
            return Ok(());
        }
        let weights =
            weights.context("the backbone's weights are missing: run `. train/setup.sh`")?;
        load_backbone(observer, weights)?;
        let input = &self.bundle.manifest().input;
        let (factor, offset) = colours_between(input.mean.get_ref(), input.std.get_ref());
        let all = observer.parameters().iter();
        let mut values: BTreeMap<String, Tensor> = all
            .map(|(name, value)| (name.clone(), value.shallow_clone()))
            .collect();
        let factor = Tensor::from_slice(&factor).reshape([3, 1, 1, 1]);
        values.insert(format!("{COLOURS}.weight"), factor);
        values.insert(format!("{COLOURS}.bias"), Tensor::from_slice(&offset));
        Ok(observer.load(&values)?)
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What the observer gets.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// For each class the classes of the labels that it means; none where there is no counterpart.
    pub fn meant(&self) -> &[Vec<u8>] {
        &self.meant
    }

    /// The one size of pictures.
    pub fn fixed(&self) -> Option<FixedInput> {
        self.bundle.manifest().input.fixed()
    }

    /// How pictures come to it.
    pub(super) fn in_use(&self) -> InUse {
        let input = &self.bundle.manifest().input;
        let side = |side: u32| side as usize;
        match self.fixed() {
            Some(FixedInput { width, height, fit }) => match fit {
                Fit::Letterbox => {
                    InUse::Letterbox(side(width), side(height), *input.mean.get_ref())
                }
                Fit::Stretch => InUse::Stretch(side(width), side(height)),
            },
            None => InUse::Rows(
                input
                    .full_height
                    .as_ref()
                    .map_or(0, |rows| side(*rows.get_ref())),
            ),
        }
    }

    /// A picture in its place, 0..=1, and its part of the logits.
    pub(super) fn view(&self, p: &Picture) -> anyhow::Result<(Tensor, Option<Area>)> {
        let (width, height) = (p.width as u32, p.height as u32);
        let place = Placement::new(self.bundle.manifest(), Resolution::Full, width, height)?;
        let picture = place.picture;
        let image = colours(p, [picture.height.into(), picture.width.into()]);
        if picture == Area::all(place.input) {
            return Ok((image, None));
        }
        let mean = Tensor::from_slice(self.bundle.manifest().input.mean.get_ref());
        let size = [1, 3, i64::from(place.input.1), i64::from(place.input.0)];
        let all = mean.reshape([1, 3, 1, 1]).expand(size, false).contiguous();
        let at = all.narrow(2, picture.y.into(), picture.height.into());
        at.narrow(3, picture.x.into(), picture.width.into())
            .copy_(&image);
        Ok((all, Some(place.cells)))
    }

    /// What the network makes of pictures of 0..=1.
    pub(super) fn see(&self, pictures: &Tensor) -> anyhow::Result<Seen> {
        let input = &self.bundle.manifest().input;
        let plane = |v: &[f32; 3]| {
            let plane = Tensor::from_slice(v).reshape([1, 3, 1, 1]);
            plane.to(pictures.device())
        };
        let image = (pictures - plane(input.mean.get_ref())) / plane(input.std.get_ref());
        let image = channels_last(&image);
        let mut made = match &self.runner {
            Runner::Imported(network) => network.forward(&image)?,
            Runner::Engine(graph) => self.by_engine(&mut graph.borrow_mut(), &image)?,
        };
        let mut seen = Seen::from([("image".to_owned(), image)]);
        for (name, own) in outputs(&self.bundle).iter().zip(self.inputs()) {
            let value = made.remove(name);
            seen.insert(
                own,
                value.with_context(|| format!("the graph gives no {name:?}"))?,
            );
        }
        Ok(seen)
    }

    fn by_engine(&self, graph: &mut RawGraph, images: &Tensor) -> anyhow::Result<Seen> {
        let names = outputs(&self.bundle);
        let image = &self.bundle.manifest().segmentation.image;
        let mut all: Vec<Vec<Tensor>> = names.iter().map(|_| vec![]).collect();
        let size = images.size();
        let [h, w] = [size[2] as usize, size[3] as usize];
        for i in 0..size[0] {
            let one = images.narrow(0, i, 1).contiguous().flatten(0, -1);
            let values = Vec::<f32>::try_from(one.to(Device::Cpu))?;
            let made = graph.run(image, [1, 3, h, w], &values, &names);
            for (all, made) in all.iter_mut().zip(made.map_err(anyhow::Error::msg)?) {
                let shape: Vec<i64> = made.shape.iter().map(|&side| side as i64).collect();
                let value = Tensor::from_slice(&made.values).f_reshape(&shape)?;
                all.push(channels_last(&value).to(images.device()));
            }
        }
        let joined = all.iter().map(|values| Tensor::cat(values, 0));
        Ok(names.iter().cloned().zip(joined).collect())
    }

    /// The observer's inputs beside the picture, in the order of [`outputs`].
    fn inputs(&self) -> Vec<String> {
        let count = self.bundle.manifest().segmentation.activations.len();
        let activations = (0..count).map(Shown::input);
        std::iter::once(LOGITS.to_owned())
            .chain(activations)
            .collect()
    }

    /// The names that the bundle has for the observer's inputs.
    ///
    /// # Errors
    /// A name that the observer's graph has for something of its own.
    pub(super) fn names(
        &self,
        observer: &crate::graph::Graph,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let image = (
            "image".to_owned(),
            self.bundle.manifest().segmentation.image.clone(),
        );
        let others = self.inputs().into_iter().zip(outputs(&self.bundle));
        let names: Vec<_> = std::iter::once(image).chain(others).collect();
        for (own, name) in &names {
            if own != name && observer.find(name).is_some() {
                bail!(
                    "the observer's graph has a tensor {name:?} of its own: give the output of that name in the bundle's \
                     segmentation graph another one"
                );
            }
        }
        ensure!(
            names.iter().all(|(_, name)| !name.is_empty()),
            "an input of the observer has no name in the bundle"
        );
        Ok(names)
    }
}

/// Factor and offset of each colour that bring what a bundle makes of a picture to [`super::normalise`]'s.
fn colours_between(mean: &[f32; 3], std: &[f32; 3]) -> ([f32; 3], [f32; 3]) {
    let factor = std::array::from_fn(|i| std[i] / STD[i]);
    let offset = std::array::from_fn(|i| (mean[i] - MEAN[i]) / STD[i]);
    (factor, offset)
}

/// Logits and activations, as the bundle's graph calls them.
fn outputs(bundle: &Bundle) -> Vec<String> {
    let segmentation = &bundle.manifest().segmentation;
    let activations = segmentation.activations.iter().cloned();
    std::iter::once(segmentation.logits.clone())
        .chain(activations)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::normalise;

    #[test]
    fn the_backbone_of_an_observer_sees_the_colours_that_it_knows() {
        let (mean, std) = ([0.485, 0.2, 0.0], [0.229, 1.0, 1.0 / 255.0]);
        let (factor, offset) = colours_between(&mean, &std);
        let colour = [0.1f32, 0.9, 0.6];
        let plane = Tensor::from_slice(&colour).reshape([1, 3, 1, 1]);
        let known = Vec::<f32>::try_from(normalise(&plane).flatten(0, -1)).unwrap();
        for i in 0..3 {
            let given = (colour[i] - mean[i]) / std[i];
            let brought = given * factor[i] + offset[i];
            assert!((brought - known[i]).abs() < 1e-4, "{brought} {known:?}");
        }
    }
}
