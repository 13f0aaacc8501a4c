//! What one frame shows of what stands on the ground.

use heapless::Vec as FixedVec;

use super::ground_map::FAR_M;
use super::{BoundingBox, Corridor, Footprint, GroundCorridor, MAX_REGIONS, Region, Regions};
use crate::score::ScoreMap;

/// What is so high in metres, on average over its width, counts in full. What lies flat on the road, an arrow
/// or the lid of a manhole, covers little that is upright.
const FULL_HEIGHT_M: f32 = 1.0;

/// The foot is not farther off than so many times the near side of its row.
pub(super) const FARTHEST: f32 = 1.4;

/// What one frame shows of something that stands on the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    /// Where it stands, in whole rows of the score map: on the near side.
    pub footprint: Footprint,
    /// Distance to its foot ahead, in metres, to a part of a row: not on the near side, but it changes as
    /// evenly as the distance does, and where the pitch is uncertain as fast or faster.
    pub distance_m: f32,
    /// How sure the score is that there is something strange in the corridor, 0 ..= 1: how far its pixels' scores are
    /// over the threshold, in parts of what is possible, times the part of its width that lies on the way, times the
    /// square root of its height in metres where that is less than one. Each pixel weighs as much as it is over the
    /// threshold, so faint ground that touches a thing takes little from it.
    pub strength: f32,
}

/// What is seen in one frame, the largest regions first.
pub type Sightings = FixedVec<Sighting, MAX_REGIONS>;

/// Takes what the regions of a frame show of the ground; `map` has the scores that they were found in.
pub fn sightings(
    regions: &Regions,
    map: &ScoreMap,
    threshold: f32,
    corridor: &GroundCorridor,
    out: &mut Sightings,
) {
    out.clear();
    let possible = (1.0 - threshold).max(f32::MIN_POSITIVE);
    for region in regions.largest() {
        let Some(footprint) = region.footprint else {
            continue;
        };
        let sure = (over(region, threshold) / possible).clamp(0.0, 1.0);
        // without width nothing is known of the height, and all of it counts
        let height = (footprint.height_m() / FULL_HEIGHT_M).min(1.0);
        let strength = sure * corridor.share_on_way(&footprint) * height.sqrt();
        // there is room for every region
        let _ = out.push(Sighting {
            footprint,
            distance_m: foot(region, &footprint, map, threshold, corridor),
            strength,
        });
    }
}

/// How far the pixels of a region are over the threshold, each weighed by just that: the sum of squares over the sum.
fn over(region: &Region, threshold: f32) -> f32 {
    let mean = region.mean_score - threshold;
    match mean > 0.0 {
        true => mean + region.score_variance / mean,
        // by a rounding at most
        false => 0.0,
    }
}

/// Distance to where the score falls to the threshold, between the foot's row and the one under it. Whole
/// rows are a fifth of the distance apart at 40 m: too coarse to tell what comes nearer from what does not.
fn foot(
    region: &Region,
    footprint: &Footprint,
    map: &ScoreMap,
    threshold: f32,
    corridor: &GroundCorridor,
) -> f32 {
    let nearest = footprint.distance_m;
    let BoundingBox {
        left,
        top,
        width,
        height,
    } = region.bounding_box;
    let (left, top) = (left as usize, top as usize);
    let columns = left..left + width as usize;
    let is_anomalous = |x: usize, y: usize| score(map, x, y) > threshold;
    let is_foot = |x: usize, y: usize| {
        is_anomalous(x, y) && corridor.seen(x, y).distance.total_cmp(&nearest).is_eq()
    };
    let rows = (top..top + height as usize).rev();
    let found = rows
        .flat_map(|y| columns.clone().map(move |x| (x, y)))
        .find(|(x, y)| is_foot(*x, *y));
    let Some((x, y)) = found else {
        return nearest;
    };
    // in the corridor, where the nearest lies there
    let inside = corridor.seen(x, y).inside;
    let row = columns.filter(|x| is_anomalous(*x, y) && corridor.seen(*x, y).inside == inside);
    let (over, under) = row.fold((threshold, 0.0f32), |(over, under), x| {
        (over.max(score(map, x, y)), under.max(score(map, x, y + 1)))
    });
    // what goes on in the next row has its foot at this row's lower edge
    let part = match under < threshold && over > under {
        true => (over - threshold) / (over - under),
        false => 1.0,
    };
    // as far away as the pitch may be off: so what stands comes nearer by the vehicle's way or more, whatever the
    // pitch is. Beyond the horizon that is not known.
    let beyond = f64::from(corridor.seen(x, y).farthest) >= FAR_M;
    let edge = |y: usize| {
        let seen = corridor.seen(x, y);
        if beyond { seen.given } else { seen.farthest }
    };
    let near = edge(y);
    let far = y.checked_sub(1).map_or(f32::INFINITY, edge);
    // along a row's height the reciprocal of the distance grows evenly
    let (upper, lower) = (far.recip(), near.recip());
    let distance = (upper + (lower - upper) * part).recip();
    // where the row reaches to the horizon little is known
    distance.min(FARTHEST * near).max(near)
}

/// A pixel without a score counts as 1, one outside of the map as 0.
fn score(map: &ScoreMap, x: usize, y: usize) -> f32 {
    let score = map.values().get(y * map.width() + x).copied();
    score.map_or(0.0, |score| if score.is_nan() { 1.0 } else { score })
}

#[cfg(test)]
#[path = "sightings_tests.rs"]
mod tests;
