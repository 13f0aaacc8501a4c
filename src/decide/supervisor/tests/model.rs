//! The rules a second time, straight from the tables of `docs/safety.md`: no running state, only
//! the list of everything that happened, searched anew for every question.

use super::*;
use past::Past;

mod past;

pub(super) struct Model {
    config: SupervisorConfig,
    past: Vec<Past>,
}

/// From `b` to `a` in ns.
fn between(a: Stamp, b: Stamp) -> i128 {
    i128::from(a.as_nanos()) - i128::from(b.as_nanos())
}

fn monotonic_between(a: Now, b: Now) -> i128 {
    a.monotonic.as_nanos() as i128 - b.monotonic.as_nanos() as i128
}

fn limit(ms: u32) -> i128 {
    i128::from(ms) * 1_000_000
}

fn has_hit(input: &str) -> bool {
    matches!(
        input,
        "hit" | "blurred-hit" | "long-blurred-hit" | "fallback-hits"
    )
}

/// A hit that no track made.
fn has_area_hit(past: &Past) -> bool {
    has_hit(past.input) && matches!(past.event, Event::Frame(o) if o.tracked.is_none())
}

fn is_good(input: &str) -> bool {
    matches!(input, "clean" | "hit")
}

impl Model {
    pub(super) fn new(config: SupervisorConfig) -> Self {
        let past = Vec::new();
        Self { config, past }
    }

    /// The row of the matrix and the state after it.
    pub(super) fn step(&mut self, event: Event, now: Now) -> (&'static str, State) {
        let stepped = self.stepped(now);
        let input = self.input(event, now);
        if input == "overdue" {
            self.take_back();
        }
        let before = self.past.last().map_or(Waiting, |last| last.after);
        let after = self.next(input, before, event);
        let kept = self.kept(event, now);
        self.past.push(Past {
            event,
            now,
            input,
            told: input,
            before,
            after,
            kept,
            stepped,
        });
        (input, after)
    }

    /// Whether the verdict on the last frame is the one that came out too late.
    fn is_overdue(&self, event: Event) -> bool {
        let Event::Failed {
            capture_stamp: Some(stamp),
            failure: Failure::Overdue,
        } = event
        else {
            return false;
        };
        let last = self.past.last().map(|last| last.event);
        matches!(last, Some(Event::Frame(o)) if o.capture_stamp == stamp)
    }

    /// History is written anew: the last frame was late from the start, unless it confirmed a STOP or
    /// made a reset void.
    fn take_back(&mut self) {
        let Some(last) = self.past.last_mut() else {
            return;
        };
        if has_hit(last.input) && last.after == Stop {
            return;
        }
        last.input = "late";
        last.after = if last.before == Stop { Stop } else { Fault };
    }

    /// The last stamp that was kept since the clock was set, and when.
    fn last(&self, now: Now) -> Option<(Stamp, Now)> {
        if self.stepped(now) {
            return None;
        }
        let since = self.past.iter().rev();
        since
            .take_while(|past| !past.stepped)
            .find_map(|past| past.kept.map(|stamp| (stamp, past.now)))
    }

    fn stepped(&self, now: Now) -> bool {
        self.past.last().is_some_and(|last| {
            let apart = between(now.stamp, last.now.stamp) - monotonic_between(now, last.now);
            apart.abs() > limit(self.config.clock_step_ms)
        })
    }

    fn kept(&self, event: Event, now: Now) -> Option<Stamp> {
        let stamp = match event {
            Event::Frame(o) => Some(o.capture_stamp),
            Event::Failed { capture_stamp, .. } => {
                capture_stamp.filter(|stamp| self.last(now).is_none_or(|(last, _)| *stamp > last))
            }
            Event::Missed { capture_stamp, .. } => {
                Some(capture_stamp).filter(|s| self.last(now).is_none_or(|(last, _)| *s > last))
            }
            Event::Tick | Event::Reset => None,
        };
        let near =
            |stamp: &Stamp| between(*stamp, now.stamp) <= limit(self.config.future_tolerance_ms);
        stamp.filter(|stamp| near(stamp) && !self.stepped(now))
    }

    fn input(&self, event: Event, now: Now) -> &'static str {
        let stale = limit(self.config.stale_after_ms);
        match event {
            _ if self.is_overdue(event) => "overdue",
            _ if self.stepped(now) => "clock-stepped",
            Event::Failed { .. } => "failed",
            Event::Missed { .. } => "refused",
            Event::Frame(o) => self.frame(o, now),
            Event::Tick | Event::Reset => {
                let quiet = self.last(now).is_some_and(|(stamp, told)| {
                    between(now.stamp, stamp) > stale || monotonic_between(now, told) > stale
                });
                match event {
                    _ if quiet => "missing",
                    Event::Reset => "reset",
                    _ => "tick",
                }
            }
        }
    }

    fn frame(&self, o: Observation, now: Now) -> &'static str {
        let config = &self.config;
        let stamp = o.capture_stamp;
        let gap = self.last(now).map(|(last, _)| between(stamp, last));
        let picture = |wrong: fn(Quality, &QualityLimits) -> bool| {
            o.quality.is_some_and(|q| wrong(q, &config.quality))
        };
        let faults = [
            (
                between(stamp, now.stamp) > limit(config.future_tolerance_ms),
                "future-stamp",
            ),
            (gap.is_some_and(|gap| gap <= 0), "stamp-regressed"),
            (
                gap.is_some_and(|gap| gap > limit(config.stale_after_ms)),
                "missing",
            ),
            (between(now.stamp, stamp) > limit(config.max_age_ms), "late"),
            (self.wrong_size(o), "picture-size"),
            (self.other_size(o), "picture-changed"),
            (picture(black), "black"),
            (picture(over_exposed), "over-exposed"),
            (picture(incomplete), "incomplete"),
            (picture(shifted), "shifted"),
            (self.frozen(o), "frozen"),
            (o.pixels == 0, "empty-score-map"),
            (o.non_finite != 0, "non-finite"),
            (
                !matches!(
                    (o.score_max - o.score_min).partial_cmp(&1e-6),
                    Some(std::cmp::Ordering::Greater | std::cmp::Ordering::Equal)
                ),
                "constant-score-map",
            ),
        ];
        if let Some((_, code)) = faults.iter().find(|(holds, _)| *holds) {
            return code;
        }
        let area = if self.counted_frames().next().is_some_and(has_area_hit) {
            config.area_off_ppm
        } else {
            config.area_on_ppm
        };
        let hit = match o.tracked {
            Some(tracked) => 2.0 * tracked.evidence >= tracked.level,
            None => {
                i128::from(o.corridor_pixels) * 1_000_000 >= i128::from(area) * i128::from(o.pixels)
            }
        };
        match (self.blurred_in_a_row(o), hit) {
            (run, _)
                if o.watch != Watch::Counts && run >= config.quality.blur_fault_frames as usize =>
            {
                "long-blurred"
            }
            _ if o.watch == Watch::NoStopLevel => "no-stop-level",
            _ if o.watch == Watch::WeakMode && config.weak_mode == WeakMode::Fault => "weak-mode",
            _ if o.watch == Watch::WeakMode => "weak",
            (_, true) if self.is_fallback_alone(o) => "fallback-hits",
            (0, true) => "hit",
            (0, false) => "clean",
            (run, true) if run >= config.quality.blur_fault_frames as usize => "long-blurred-hit",
            (run, false) if run >= config.quality.blur_fault_frames as usize => "long-blurred",
            (_, true) => "blurred-hit",
            (_, false) => "blurred",
        }
    }

    fn wrong_size(&self, o: Observation) -> bool {
        o.size.is_some_and(|(width, height)| {
            width < 64 || height < 48 || width.max(height) > 4 * width.min(height)
        })
    }

    fn other_size(&self, o: Observation) -> bool {
        let last = self.past.iter().rev().find_map(|past| match past.event {
            Event::Frame(o) => o.size,
            _ => None,
        });
        let both = o.size.zip(last);
        !self.config.quality.size_may_change && both.is_some_and(|(now, last)| now != last)
    }

    /// What was measured, the latest first.
    fn measured(&self) -> impl Iterator<Item = Quality> {
        self.past.iter().rev().filter_map(|past| match past.event {
            Event::Frame(o) => o.quality,
            _ => None,
        })
    }

    fn frozen(&self, o: Observation) -> bool {
        let needed = self.config.quality.frozen_frames as usize;
        o.quality.is_some_and(|quality| {
            let same = |q: &Quality| q.fingerprint == quality.fingerprint;
            needed > 0 && 1 + self.measured().take_while(same).count() >= needed
        })
    }

    fn blurred_in_a_row(&self, o: Observation) -> usize {
        let limits = &self.config.quality;
        o.quality
            .into_iter()
            .chain(self.measured())
            .filter(|q| {
                ![black, over_exposed, incomplete, shifted]
                    .iter()
                    .any(|wrong| wrong(*q, limits))
            })
            .take_while(|q| {
                q.sharpness
                    .is_some_and(|s| u32::from(s) < limits.blurred_below)
            })
            .take(if o.quality.is_some() { usize::MAX } else { 0 })
            .count()
    }

    /// Whether a hit confirms a STOP, but for that no hit in the window is of the best mode.
    fn is_fallback_alone(&self, o: Observation) -> bool {
        let window = || self.window().filter(|past| has_area_hit(past));
        let best = window().any(|past| matches!(past.event, Event::Frame(o) if !o.fallback));
        let enough = 1 + window().count() >= self.config.confirm_hits as usize;
        o.tracked.is_none() && o.fallback && !best && enough
    }

    /// The frames that counted, the latest first, since a reset went through.
    fn counted_frames(&self) -> impl Iterator<Item = &Past> {
        let since = self.past.iter().rev();
        since
            .take_while(|past| (past.before, past.after) != (Stop, Clear))
            .filter(|past| is_good(past.input) || has_hit(past.input))
    }

    /// Those of them that are in the window with one that is being told of.
    fn window(&self) -> impl Iterator<Item = &Past> {
        self.counted_frames()
            .take(self.config.confirm_window as usize - 1)
    }

    fn next(&self, input: &'static str, before: State, event: Event) -> State {
        let config = &self.config;
        let (good, hit) = (is_good(input), has_hit(input));
        let before_it = self.window().filter(|past| has_hit(past.input));
        let hits = before_it.count() + usize::from(hit);
        let area_hits = 1 + self.window().filter(|past| has_area_hit(past)).count();
        let confirms = match event {
            Event::Frame(Observation {
                tracked: Some(tracked),
                ..
            }) => tracked.in_reach && tracked.evidence >= tracked.level,
            _ => area_hits >= config.confirm_hits as usize,
        };
        match input {
            "tick" | "reset" => before,
            "clean" if before == Stop && self.clean_since_reset() >= config.reset_frames => Clear,
            _ if before == Stop => Stop,
            "fallback-hits" => Fault,
            _ if hit && confirms => Stop,
            "blurred" | "blurred-hit" | "weak" if before == Clear => Warn,
            "blurred" | "blurred-hit" | "weak" => before,
            _ if !good => Fault,
            _ if before == Waiting && self.good_in_a_row() < config.start_frames => Waiting,
            _ if before == Fault && self.good_in_a_row() < config.fault_clear_frames => Fault,
            _ if hits > 0 => Warn,
            _ => Clear,
        }
    }

    /// With the one that is being told of.
    fn good_in_a_row(&self) -> u32 {
        let row = self.past.iter().rev();
        let row = row.take_while(|p| is_good(p.input) || matches!(p.input, "tick" | "reset"));
        1 + row.filter(|past| is_good(past.input)).count() as u32
    }

    /// Clean frames in a row with the one that is being told of; 0 when no reset waits.
    fn clean_since_reset(&self) -> u32 {
        // Nothing before the last hit matters: it made a reset void, or confirmed the stop.
        let since: Vec<_> = (0..self.past.len())
            .rev()
            .take_while(|&i| self.past[i].before == Stop && !has_hit(self.past[i].input))
            .take_while(|&i| !self.makes_void(i))
            .collect();
        let accepted = |&i: &usize| self.past[i].input == "reset" && !self.unjudged_before(i);
        let Some(reset) = since.iter().rposition(accepted) else {
            return 0;
        };
        let row = since[..reset]
            .iter()
            .map(|&i| self.past[i].input)
            .take_while(|input| matches!(*input, "clean" | "tick" | "reset"));
        1 + row.filter(|input| *input == "clean").count() as u32
    }

    /// Whether the frame before this was not judged, or no frame came before.
    fn unjudged_before(&self, this: usize) -> bool {
        let before = self.past[..this].iter().rev();
        before.flat_map(Past::unjudged).next().unwrap_or(true)
    }

    fn makes_void(&self, this: usize) -> bool {
        let past = &self.past[this];
        past.ends_reset() || past.unjudged() == Some(true) && self.unjudged_before(this)
    }
}

fn black(quality: Quality, limits: &QualityLimits) -> bool {
    u32::from(quality.bright) < limits.black_below
}

fn incomplete(quality: Quality, limits: &QualityLimits) -> bool {
    u32::from(quality.repeated_rows) >= limits.incomplete_from
}

fn shifted(quality: Quality, limits: &QualityLimits) -> bool {
    u32::from(quality.shifted_rows) >= limits.shifted_from
}

fn over_exposed(quality: Quality, limits: &QualityLimits) -> bool {
    quality.clipped_ppm >= limits.over_exposed_ppm
}
