//! What an observer watches: the project's own segmentation network, or one that somebody else trained.

use std::collections::BTreeMap;
use std::path::Path;

use lookout::engine::Area;
use tch::{Device, Tensor};

use super::adopted::Adopted;
use super::segmentation::{load_segmentation, to_rows};
use super::{normalise, to_size};
use crate::data::{CHOICES, CLASSES, FIRST_CHOICE, FULL_HEIGHT, InUse, Picture, VOID};
use crate::graph::Graph;
use crate::nets::{Design, LOGITS};
use crate::torch::{Mode, Network, channels_last};

/// A frozen segmentation network.
#[derive(Debug)]
pub enum Observed {
    /// One of the project's designs.
    Own {
        /// Which.
        design: Design,
        /// The network.
        segmentation: Network,
    },
    /// That of a bundle.
    Adopted(Box<Adopted>),
}

/// What the observer gets, by the names of its inputs: the normalised picture, logits, activations.
pub type Seen = BTreeMap<String, Tensor>;

/// A picture as the network gets it in use.
pub(super) struct View {
    /// [1, 3, rows, columns], 0..=1.
    pub(super) image: Tensor,
    /// The picture's part of the logits, where they have more.
    cells: Option<Area>,
    size: [i64; 2],
}

impl View {
    /// What lies on the grid of the logits, at the picture's own size.
    pub(super) fn at_picture(&self, planes: &Tensor) -> Tensor {
        let planes = match self.cells {
            Some(area) => planes.narrow(2, area.y.into(), area.height.into()).narrow(
                3,
                area.x.into(),
                area.width.into(),
            ),
            None => planes.shallow_clone(),
        };
        to_size(&planes, self.size[0], self.size[1])
    }
}

impl Observed {
    /// The project's own network of a run.
    ///
    /// # Errors
    /// As [`load_segmentation`].
    pub fn own(design: Design, run: &Path, device: Device) -> anyhow::Result<Self> {
        Ok(Self::Own {
            design,
            segmentation: load_segmentation(design, run, device)?,
        })
    }

    /// What the network makes of pictures [N, 3, rows, columns] of 0..=1.
    ///
    /// # Errors
    /// Where the network cannot be run at that size.
    pub fn see(&self, pictures: &Tensor) -> anyhow::Result<Seen> {
        match self {
            Self::Own { segmentation, .. } => {
                let image = channels_last(&normalise(pictures));
                let mut seen = segmentation.forward(&[("image", &image)], Mode::Evaluate)?;
                seen.insert("image".to_owned(), image);
                Ok(seen)
            }
            Self::Adopted(adopted) => adopted.see(pictures),
        }
    }

    /// The class logits of pictures, as [`Self::see`] makes them.
    ///
    /// # Errors
    /// As [`Self::see`].
    pub fn logits(&self, pictures: &Tensor) -> anyhow::Result<Tensor> {
        Ok(self.see(pictures)?[LOGITS].shallow_clone())
    }

    /// The observer's graph for it.
    pub fn observer(&self) -> Graph {
        match self {
            Self::Own { design, .. } => design.observer(CLASSES),
            Self::Adopted(adopted) => adopted.shown().observer(),
        }
    }

    /// Gives an observer that is to be trained what it begins with.
    pub(super) fn prepare(
        &self,
        observer: &Network,
        backbone: Option<&Path>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Own { .. } => Ok(()),
            Self::Adopted(adopted) => adopted.prepare(observer, backbone),
        }
    }

    /// How many classes it tells apart.
    pub fn classes(&self) -> i64 {
        match self {
            Self::Own { .. } => CLASSES,
            Self::Adopted(adopted) => adopted.shown().classes,
        }
    }

    /// How pictures come to it.
    pub(super) fn in_use(&self) -> InUse {
        match self {
            Self::Own { .. } => InUse::Rows(FULL_HEIGHT),
            Self::Adopted(adopted) => adopted.in_use(),
        }
    }

    /// A picture as the network gets it in use.
    pub(super) fn view(&self, p: &Picture, device: Device) -> anyhow::Result<View> {
        let (image, cells) = match self {
            Self::Own { .. } => (to_rows(p), None),
            Self::Adopted(adopted) => adopted.view(p)?,
        };
        Ok(View {
            image: image.to(device),
            cells,
            size: [p.height as i64, p.width as i64],
        })
    }

    /// Whether a class of the network is right for a label, as a table [labels * classes]; where
    /// nothing is known every class is, and a class that the labels do not have is never wrong.
    pub(super) fn right_classes(&self) -> Tensor {
        let own: Vec<Vec<u8>> = (0..CLASSES as u8).map(|class| vec![class]).collect();
        let meant = match self {
            Self::Own { .. } => own,
            Self::Adopted(adopted) => adopted.meant().to_vec(),
        };
        right_classes(&meant)
    }
}

/// The table for classes that mean these of ours.
pub(super) fn right_classes(meant: &[Vec<u8>]) -> Tensor {
    let mut table = vec![];
    for label in 0..FIRST_CHOICE + CHOICES.len() as u8 {
        for ours in meant {
            table.push(
                ours.is_empty()
                    || match label {
                        0..VOID => ours.contains(&label),
                        VOID => true,
                        _ => {
                            let choice = CHOICES[usize::from(label - FIRST_CHOICE)];
                            ours.iter().any(|class| choice.contains(class))
                        }
                    },
            );
        }
    }
    Tensor::from_slice(&table)
}

/// The observer's outputs for what the network made of a batch.
pub(super) fn observe(
    observer: &Network,
    seen: &Seen,
    mode: Mode,
) -> anyhow::Result<BTreeMap<String, Tensor>> {
    let inputs: Vec<(&str, &Tensor)> = seen.iter().map(|(n, t)| (n.as_str(), t)).collect();
    Ok(observer.forward(&inputs, mode)?)
}
