//! `--probe`: which normalisation gives the best classes on pictures.

use std::path::Path;

use anyhow::{Context, Result, bail};
use lookout_adopt::input::ChannelOrder;
use lookout_adopt::network::Network;
use lookout_adopt::normalisation::Normalisation;
use lookout_adopt::output::LOGITS;
use lookout_adopt::probe::{Candidate, Figures, Tally, mirrored};
use lookout_adopt::run::{Measured, Runner as _};

use super::engines::Runner;
use super::pictures::{self, Pictures};
use crate::cli::grey::{Grey, read_grey};
use crate::cli::listing::partners;
use crate::cli::pictures::{note, progress};

/// Pictures that are looked at; more take longer and say the same.
const MOST: usize = 12;

/// Normalisations with their figures, the best first.
pub(super) struct Ranking {
    rows: Vec<(Candidate, Figures)>,
    pictures: usize,
}

/// Tries the usual normalisations or the known one, with both orders of colours or the known one, on a network that takes
/// red first.
pub(super) fn rank(
    network: &Network,
    known: (Option<Normalisation>, Option<ChannelOrder>),
    pictures: &Pictures,
    labels: Option<&Path>,
    size: impl Fn((u32, u32)) -> (u32, u32),
) -> Result<Ranking> {
    let some = pictures.some(MOST);
    let labels = labels
        .map(|folder| partners(&some, folder, "", "label"))
        .transpose()?;
    let mut session = Runner
        .open(network.graph.clone())
        .map_err(anyhow::Error::msg)?;
    let mut run = |size, planes: &[f32]| -> Result<Measured> {
        let outputs = [LOGITS.to_owned()];
        let made = session
            .run(size, planes, &outputs)
            .map_err(anyhow::Error::msg)?;
        made.into_iter()
            .next()
            .context("the network gave no logits")
    };
    let mut rows: Vec<(Candidate, Tally)> = Candidate::all(known.0, known.1)
        .into_iter()
        .map(|candidate| (candidate, Tally::default()))
        .collect();
    let bar = progress(some.len());
    for (at, picture) in some.iter().enumerate() {
        let planes = pictures::read(&picture.path, &size)?;
        let label = match labels.as_ref().and_then(|labels| labels.get(at)) {
            Some(path) => {
                let grey = read_grey(path)?;
                grey.expect_size(path, planes.original, &picture.path)?;
                Some(grey)
            }
            None => None,
        };
        for (candidate, tally) in &mut rows {
            let input = candidate.planes(&planes.values);
            let logits = run(planes.size, &input)?;
            let turned = run(planes.size, &mirrored(&input, planes.size.0 as usize))?;
            let middle = label.as_ref().map(|label| at_logits(label, &logits));
            tally.add(&logits, &turned, middle.as_deref());
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut rows: Vec<(Candidate, Figures)> = rows
        .into_iter()
        .map(|(candidate, tally)| (candidate, tally.figures()))
        .collect();
    if labels.is_some() && rows.iter().all(|(_, figures)| figures.miou.is_none()) {
        bail!("--labels has no pixel of the network's classes");
    }
    rows.sort_by(|(_, a), (_, b)| Figures::order(a, b));
    let ranking = Ranking {
        rows,
        pictures: some.len(),
    };
    ranking.lines().iter().for_each(note);
    Ok(ranking)
}

/// The labels in the middle of each logit.
fn at_logits(label: &Grey, logits: &Measured) -> Vec<u8> {
    let [.., rows, columns] = logits.shape[..] else {
        return vec![];
    };
    let (width, height) = (label.size.0 as usize, label.size.1 as usize);
    let place = |at: usize, of: usize, pixels: usize| (2 * at + 1) * pixels / (2 * of.max(1));
    let row = |y: usize| {
        let from = place(y, rows, height) * width;
        (0..columns).map(move |x| from + place(x, columns, width))
    };
    let all = (0..rows).flat_map(row);
    all.map(|at| label.pixels.get(at).copied().unwrap_or(255))
        .collect()
}

impl Ranking {
    /// The best.
    pub(super) fn best(&self) -> Candidate {
        match self.rows.first() {
            Some((candidate, _)) => *candidate,
            None => Candidate {
                name: "0..1",
                normalisation: Normalisation::UNIT,
                order: ChannelOrder::Rgb,
            },
        }
    }

    /// How the normalisation is known.
    pub(super) fn because(&self) -> String {
        let by = match self.rows.first() {
            Some((_, figures)) if figures.miou.is_some() => "mIoU",
            _ => "entropy and agreement with the mirrored picture, without labels",
        };
        format!("probed on {} pictures, by {by}", self.pictures)
    }

    /// The ranking for people, the best first.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |(at, (candidate, figures)): (usize, &(Candidate, Figures))| {
            let order = match candidate.order {
                ChannelOrder::Rgb => "RGB",
                ChannelOrder::Bgr => "BGR",
            };
            let miou = figures
                .miou
                .map_or(String::new(), |miou| format!("mIoU {miou:.3}, "));
            format!(
                "probe {}: {} {order}: {miou}entropy {:.3}, spread {:.3}, same in the mirror {:.3}",
                at + 1,
                candidate.name,
                figures.entropy,
                figures.spread,
                figures.agreement
            )
        };
        self.rows.iter().enumerate().map(line).collect()
    }
}
