//! Hard negatives: rendered frames without anything unknown in which an observer sees something all the same.

use lookout_scene::Anomaly;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor, no_grad};

use super::observed::{Observed, observe};
use crate::data::{Picture, Rendering, VOID, rendered};
use crate::nets::OWN_LOGIT;
use crate::torch::{Mode, Network};

/// `[observer.mined]`: how many frames are looked through, and how many of them are learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mining {
    /// What is rendered to be looked through, by the observer that training begins with.
    pub rendering: Rendering,
    /// How many frames are kept: those that mislead it most.
    pub keep: usize,
    /// Of all samples, those that are of these frames. Nothing unknown is pasted into them.
    pub share: f64,
}

/// Drives that are in memory at once.
const AT_ONCE: usize = 50;
/// Classes that a vehicle drives on or behind: what is seen there is what it stops for.
const ON_THE_WAY: [u8; 2] = [3, 8];
/// A frame is as misleading as so many of its pixels on average, the most misleading ones.
const PIXELS: usize = 400;

/// Renders drives of consecutive seeds and keeps the frames that mislead the observer most.
///
/// # Errors
/// Where the renderer or libtorch refuses.
pub(super) fn mine(
    first_seed: u64,
    mining: &Mining,
    observed: &Observed,
    observer: &Network,
    device: Device,
) -> anyhow::Result<Vec<Picture>> {
    let mut kept: Vec<(f64, Picture)> = vec![];
    let all = mining.rendering.drives;
    for first in (0..all).step_by(AT_ONCE) {
        let rendering = Rendering {
            drives: AT_ONCE.min(all - first),
            ..mining.rendering
        };
        for picture in rendered(first_seed + first as u64, rendering, Anomaly::None)? {
            let view = observed.view(&picture, device)?;
            let z = no_grad(|| -> anyhow::Result<Tensor> {
                let seen = observed.see(&view.image)?;
                let out = observe(observer, &seen, Mode::Evaluate)?;
                Ok(view.at_picture(&out[OWN_LOGIT]).sigmoid())
            })?;
            let scores: Vec<f32> = z.flatten(0, -1).try_into()?;
            kept.push((misleads(&scores, &picture.label), picture));
        }
        // one that is equally misleading is kept by its seed, so that a run that is resumed has the same
        kept.sort_by(|a, b| b.0.total_cmp(&a.0));
        kept.truncate(mining.keep);
        log::debug!("{} drives are looked through", first + rendering.drives);
    }
    let range = kept.first().zip(kept.last()).map(|(a, b)| (a.0, b.0));
    let (most, least) = range.unwrap_or_default();
    log::info!(
        "{} of {} rendered frames mislead the observer by {least:.3} to {most:.3}",
        kept.len(),
        all * mining.rendering.frames
    );
    Ok(kept.into_iter().map(|(_, picture)| picture).collect())
}

/// The mean of the highest scores on the way, 0 to 1.
fn misleads(scores: &[f32], label: &[u8]) -> f64 {
    debug_assert!(ON_THE_WAY.iter().all(|&class| class < VOID));
    let on_the_way = scores
        .iter()
        .zip(label)
        .filter(|(_, class)| ON_THE_WAY.contains(class));
    let mut scores: Vec<f32> = on_the_way.map(|(&score, _)| score).collect();
    if scores.len() > PIXELS {
        scores.select_nth_unstable_by(PIXELS, |a, b| b.total_cmp(a));
    }
    let highest = scores.iter().take(PIXELS);
    highest.map(|&s| f64::from(s)).sum::<f64>() / PIXELS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_misleads_by_what_is_seen_on_the_road_and_on_cars() {
        let label = |class: u8| vec![class; 2 * PIXELS];
        let half: Vec<f32> = (0..2 * PIXELS).map(|i| (i % 2) as f32 * 0.5).collect();
        assert_eq!(misleads(&half, &label(3)), 0.5);
        assert_eq!(misleads(&half, &label(8)), 0.5);
        assert_eq!(misleads(&half, &label(1)), 0.0);
        // a spot of a quarter of the pixels counts for a quarter
        let spot: Vec<f32> = (0..2 * PIXELS).map(|i| f32::from(i < PIXELS / 4)).collect();
        assert_eq!(misleads(&spot, &label(3)), 0.25);
    }
}
