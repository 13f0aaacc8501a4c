//! How a camera sits, from the markings of a straight road.
//!
//! Lines of paint that run along the road meet where the vehicle drives to, far away: the vanishing point is
//! the direction of travel, and its place in the picture is pitch and yaw. How steep two neighbouring lines
//! are there is the width of the lane in parts of the camera's height.

use thiserror::Error;

use crate::decide::{Camera, Mount};
use crate::frame::Frame;

/// Rows that are searched for paint: of the height, from where on and to where.
const ROWS: (f64, f64) = (0.5, 0.97);
/// Paint is so much brighter than the road on either side of it, in luma.
const CONTRAST: i32 = 14;
/// Width of paint in pixels of a picture 640 columns wide, at the first and the last row.
const PAINT: (f64, f64) = (2.0, 22.0);
/// How near a line a point of it lies, as a slope.
const NEAR_LINE: f64 = 0.003;
/// Points that a line has at least, and the height that they cover at least, as a slope.
const LEAST_POINTS: usize = 18;
const LEAST_COVER: f64 = 0.06;
/// Lines that are taken from a frame at most, and pairs of points that are tried for each.
const MOST_LINES: usize = 6;
const TRIES: usize = 220;
/// How near the vanishing point a line passes, as a slope: half a degree, for a nose that nods.
const NEAR_POINT: f64 = 0.008;
/// Lines whose slopes differ by less say nothing of where they meet.
const APART: f64 = 0.4;
/// The height may differ by so much of it from frame to frame.
const MOST_SPREAD: f64 = 0.15;
/// Frames that must show both sides of the lane.
const LEAST_FRAMES: usize = 10;

/// Collects the markings of frame after frame.
#[derive(Debug)]
pub struct LaneMarkings {
    camera: Camera,
    roll_deg: f64,
    frames: Vec<Vec<Line>>,
    /// The frame with most paint on lines: its paint, its number, and how much is on them.
    fullest: (Vec<Point>, usize, usize),
    luma: Vec<u8>,
}

/// Where paint is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    /// To the right and down of a camera without roll, as slopes against forward.
    right: f64,
    down: f64,
    /// In the picture.
    pixel: (u32, u32),
}

/// A line of paint: right = `at` + `slope` * down, both as slopes against forward.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    at: f64,
    slope: f64,
    points: usize,
}

/// How the camera sits, and how sure that is.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneMount {
    /// Height, pitch and yaw; the pitch's uncertainty is two standard deviations between frames.
    pub mount: Mount,
    /// How far the lines pass from the vanishing point, root mean square, in degrees.
    pub residual_deg: f64,
    /// Standard deviation of the height between frames, in metres.
    pub height_spread_m: f64,
    /// Frames that showed both sides of the lane.
    pub frames: usize,
}

/// Why the markings do not say how the camera sits.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum LanesError {
    /// No two lines of paint meet.
    #[error(
        "the recording shows no straight road with markings: of {frames} frames {with_lines} have lines of \
         paint, and {meeting} of them meet in one point"
    )]
    NoVanishingPoint {
        /// Frames that were looked at.
        frames: usize,
        /// Of them, those with at least two lines.
        with_lines: usize,
        /// Of them, those with two lines to the vanishing point.
        meeting: usize,
    },
    /// The lane is hardly seen.
    #[error(
        "only {frames} frames show a marking on either side of the camera; {LEAST_FRAMES} are needed for \
         the height"
    )]
    NoLane {
        /// Frames that do.
        frames: usize,
    },
    /// The frames do not agree on the height.
    #[error(
        "the markings give a camera {height_m:.2} m high, and {spread_m:.2} m more or less from frame to frame, over 15 %: \
         is the camera_info or --camera that of this camera, and the road straight, with markings on both sides of one lane?"
    )]
    Spread {
        /// Height that comes out, in metres.
        height_m: f64,
        /// Its standard deviation between frames, in metres.
        spread_m: f64,
    },
    /// What comes out cannot be.
    #[error("the markings give a camera {height_m:.2} m high: is the width of the lane right?")]
    Height {
        /// Height that comes out, in metres.
        height_m: f64,
    },
}

impl LaneMarkings {
    /// Of a camera that is calibrated, with the roll that it is known to have, in degrees.
    pub const fn new(camera: Camera, roll_deg: f64) -> Self {
        Self {
            camera,
            roll_deg,
            frames: Vec::new(),
            fullest: (Vec::new(), 0, 0),
            luma: Vec::new(),
        }
    }

    /// Looks for lines of paint in a frame of the camera's size. Whether it shows more of them than any
    /// before.
    pub fn add(&mut self, frame: &Frame) -> bool {
        let mut points = self.paint(frame);
        let all = points.clone();
        let mut lines = Vec::new();
        let mut random = Lcg(1);
        while lines.len() < MOST_LINES {
            let Some(line) = best_line(&points, &mut random) else {
                break;
            };
            points.retain(|p| line.off(p).abs() > 2.0 * NEAR_LINE);
            lines.push(line);
        }
        let on_lines = lines.iter().map(|line| line.points).sum();
        let fuller = on_lines > self.fullest.2;
        if fuller {
            self.fullest = (all, self.frames.len(), on_lines);
        }
        self.frames.push(lines);
        fuller
    }

    fn paint(&mut self, frame: &Frame) -> Vec<Point> {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        self.luma.clear();
        let luma = frame.pixels().chunks_exact(3).map(|p| {
            let [r, g, b] = [p[0], p[1], p[2]].map(u32::from);
            ((77 * r + 150 * g + 29 * b) >> 8) as u8
        });
        self.luma.extend(luma);
        let (sin, cos) = self.roll_deg.to_radians().sin_cos();
        let rows = [ROWS.0, ROWS.1].map(|part| (part * height as f64) as usize);
        let mut points = Vec::new();
        for y in rows[0]..rows[1].min(height) {
            let Some(row) = self.luma.get(y * width..(y + 1) * width) else {
                break;
            };
            let part = (y - rows[0]) as f64 / (rows[1] - rows[0]).max(1) as f64;
            let paint = (PAINT.0 + (PAINT.1 - PAINT.0) * part) * width as f64 / 640.0;
            let paint = (paint.round() as usize).max(2);
            // how bright, and from where to where
            let mut best: Option<(i32, usize, usize)> = None;
            for x in paint..width.saturating_sub(paint) {
                let [left, here, right] = [row[x - paint], row[x], row[x + paint]].map(i32::from);
                let over = here - left.max(right);
                if over >= CONTRAST {
                    best = match best {
                        Some((most, from, _)) if most == over => Some((most, from, x)),
                        Some(brighter) if brighter.0 > over => Some(brighter),
                        _ => Some((over, x, x)),
                    };
                } else if let Some((_, from, to)) = best.take() {
                    let middle = f64::midpoint(from as f64, to as f64);
                    let ray = self.camera.ray(middle, y as f64);
                    if let Some([right, down, ahead]) = ray.filter(|ray| ray[2] > 0.1) {
                        let (right, down) = (right / ahead, down / ahead);
                        points.push(Point {
                            right: right * cos - down * sin,
                            down: right * sin + down * cos,
                            pixel: (middle as u32, y as u32),
                        });
                    }
                }
            }
        }
        points
    }

    /// How the camera sits, where the lane is so wide from marking to marking, in metres.
    ///
    /// # Errors
    /// The markings do not say.
    pub fn mount(&self, lane_width_m: f64) -> Result<LaneMount, LanesError> {
        let (point, residual) = self.vanishing_point()?;
        let meets = |line: &&Line| (line.at + line.slope * point.1 - point.0).abs() < NEAR_POINT;
        let (right, down) = point;
        let pitch = -down.atan();
        let yaw = -(right * pitch.cos()).atan();
        // a line so far to the right has the slope right / height * cos(pitch) / cos(yaw), and some that
        // all lines have
        let steeper = pitch.cos() / yaw.cos();
        let mut heights = Vec::new();
        let mut pitches = Vec::new();
        for lines in &self.frames {
            let there: Vec<&Line> = lines.iter().filter(meets).collect();
            // the nearest on either side of the camera; the slope is right over down from the vanishing
            // point on
            let side = |left: bool| {
                let sides = there
                    .iter()
                    .map(|l| l.slope)
                    .filter(move |s| (*s < 0.0) == left);
                sides.min_by(|a, b| a.abs().total_cmp(&b.abs()))
            };
            if let (Some(left), Some(right)) = (side(true), side(false))
                && right - left > APART
            {
                heights.push(lane_width_m * steeper / (right - left));
                let meet = meeting(&there, point.0);
                pitches.extend(meet.map(|down| -down.atan().to_degrees()));
            }
        }
        if heights.len() < LEAST_FRAMES {
            return Err(LanesError::NoLane {
                frames: heights.len(),
            });
        }
        let height_m = median(&mut heights.clone());
        let uncertain = 2.0 * deviation(&pitches, median(&mut pitches.clone()));
        let mount = Mount {
            height_m,
            // what is above the axis of the lens is where a nose that looks down drives to
            pitch_deg: pitch.to_degrees(),
            roll_deg: self.roll_deg,
            yaw_deg: yaw.to_degrees(),
            pitch_uncertainty_deg: uncertain.min(Mount::MAX_UNCERTAINTY),
        };
        if mount.validate().is_err() {
            return Err(LanesError::Height { height_m });
        }
        let spread_m = deviation(&heights, height_m);
        if spread_m > MOST_SPREAD * height_m {
            return Err(LanesError::Spread { height_m, spread_m });
        }
        Ok(LaneMount {
            mount,
            residual_deg: residual.to_degrees(),
            height_spread_m: spread_m,
            frames: heights.len(),
        })
    }

    /// Columns and rows of the paint that lies on lines to a mount's vanishing point, in the frame that
    /// shows most of it. For drawing.
    pub fn fullest_paint(&self, mount: &Mount) -> Vec<(u32, u32)> {
        let pitch = mount.pitch_deg.to_radians();
        let (right, down) = (
            -mount.yaw_deg.to_radians().tan() / pitch.cos(),
            -pitch.tan(),
        );
        let (paint, number, _) = &self.fullest;
        let lines = self.frames.get(*number).into_iter().flatten();
        let meeting = lines.filter(|l| (l.at + l.slope * down - right).abs() < NEAR_POINT);
        let lines: Vec<&Line> = meeting.collect();
        let on_one = |p: &&Point| lines.iter().any(|l| l.is_near(p));
        paint.iter().filter(on_one).map(|p| p.pixel).collect()
    }

    /// Where the lines of all frames meet, right and down, and how far off they pass, root mean square; as
    /// slopes.
    fn vanishing_point(&self) -> Result<((f64, f64), f64), LanesError> {
        let all: Vec<Line> = self.frames.iter().flatten().copied().collect();
        let near = |point: (f64, f64)| {
            let off = move |l: &Line| l.at + l.slope * point.1 - point.0;
            all.iter().filter(move |l| off(l).abs() < NEAR_POINT)
        };
        let mut best: (usize, _) = (0, (0.0, 0.0));
        for lines in &self.frames {
            for (i, a) in lines.iter().enumerate() {
                for b in lines
                    .iter()
                    .skip(i + 1)
                    .filter(|b| (a.slope - b.slope).abs() > APART)
                {
                    let down = (b.at - a.at) / (a.slope - b.slope);
                    let point = (a.at + a.slope * down, down);
                    let points = near(point).map(|l| l.points).sum();
                    if points > best.0 {
                        best = (points, point);
                    }
                }
            }
        }
        let mut point = best.1;
        let with_two = |lines: &&Vec<Line>| lines.len() > 1;
        let meeting = |point: (f64, f64)| {
            let close = move |l: &&Line| (l.at + l.slope * point.1 - point.0).abs() < NEAR_POINT;
            self.frames
                .iter()
                .filter(move |lines| lines.iter().filter(close).count() > 1)
                .count()
        };
        if best.0 == 0 || meeting(point) < LEAST_FRAMES {
            return Err(LanesError::NoVanishingPoint {
                frames: self.frames.len(),
                with_lines: self.frames.iter().filter(with_two).count(),
                meeting: if best.0 == 0 { 0 } else { meeting(point) },
            });
        }
        for _ in 0..4 {
            let lines: Vec<&Line> = near(point).collect();
            point = least_squares(&lines).unwrap_or(point);
        }
        let off: Vec<f64> = near(point)
            .map(|l| l.at + l.slope * point.1 - point.0)
            .collect();
        Ok((point, deviation(&off, 0.0)))
    }
}

impl Line {
    /// How far beside it a point is, as a slope.
    fn off(&self, point: &Point) -> f64 {
        point.right - self.at - self.slope * point.down
    }

    /// Whether a point lies on it; far down a line is wider.
    fn is_near(&self, point: &Point) -> bool {
        self.off(point).abs() < NEAR_LINE * (1.0 + 4.0 * point.down.max(0.0))
    }

    /// Through points, by least squares.
    fn through(points: &[Point]) -> Option<Self> {
        let n = points.len() as f64;
        let right = points.iter().map(|p| p.right).sum::<f64>() / n;
        let down = points.iter().map(|p| p.down).sum::<f64>() / n;
        let spread: f64 = points.iter().map(|p| (p.down - down).powi(2)).sum();
        let both = points.iter().map(|p| (p.down - down) * (p.right - right));
        let slope = both.sum::<f64>() / spread;
        slope.is_finite().then_some(Self {
            at: right - slope * down,
            slope,
            points: points.len(),
        })
    }
}

/// The line with most points, of those through pairs of them.
fn best_line(points: &[Point], random: &mut Lcg) -> Option<Line> {
    if points.len() < LEAST_POINTS {
        return None;
    }
    let near = |line: Line| -> Vec<Point> {
        let near = points.iter().filter(|p| line.is_near(p));
        near.copied().collect()
    };
    let mut best: Vec<Point> = Vec::new();
    for _ in 0..TRIES {
        let pair = [(); 2].map(|()| points[random.below(points.len())]);
        if (pair[0].down - pair[1].down).abs() < LEAST_COVER / 2.0 {
            continue;
        }
        let there = Line::through(&pair).map(near).unwrap_or_default();
        if there.len() > best.len() {
            best = there;
        }
    }
    let best = near(Line::through(&best)?);
    let ends = best.iter().map(|p| p.down);
    let long = ends.clone().fold(f64::NEG_INFINITY, f64::max) - ends.fold(f64::INFINITY, f64::min)
        >= LEAST_COVER;
    let line = Line::through(&best)?;
    (long && line.points >= LEAST_POINTS).then_some(line)
}

/// The point that lines pass nearest to.
fn least_squares(lines: &[&Line]) -> Option<(f64, f64)> {
    // right - slope * down = at, weighed by points
    let mut sums = [0.0; 5];
    for line in lines {
        let w = line.points as f64;
        let terms = [
            1.0,
            line.slope,
            line.slope * line.slope,
            line.at,
            line.slope * line.at,
        ];
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += w * term;
        }
    }
    let [one, slope, square, at, both] = sums;
    let determinant = one * square - slope * slope;
    let down = (slope * at - one * both) / determinant;
    let right = (at + slope * down) / one;
    (down.is_finite() && right.is_finite()).then_some((right, down))
}

/// How far down the lines of one frame meet, at a direction to the right that is known.
fn meeting(lines: &[&Line], right: f64) -> Option<f64> {
    let steep = lines.iter().filter(|l| l.slope.abs() > APART / 2.0);
    let mut downs: Vec<f64> = steep.map(|l| (right - l.at) / l.slope).collect();
    (!downs.is_empty()).then(|| median(&mut downs))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Root mean square of the distances from a value.
fn deviation(values: &[f64], from: f64) -> f64 {
    let sum: f64 = values.iter().map(|v| (v - from).powi(2)).sum();
    (sum / values.len().max(1) as f64).sqrt()
}

/// Numbers that look random and are the same each time (Knuth's MMIX generator).
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
