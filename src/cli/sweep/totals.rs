//! What the drives of a sweep come to together.

use serde::Serialize;

use super::rows::Row;
use crate::cli::closed_loop::End;

/// With nothing found in so many hours, the rate is under 3 an hour divided by them, with 95 %
/// confidence: `-ln 0.05`.
const NONE_FOUND: f64 = 2.996;

/// In less than this, nothing is said of a rate.
const TOO_SHORT_H: f64 = 0.1;

/// Drives of one speed with one thing on the road.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Group {
    pub(super) speed_kmh: f64,
    pub(super) with: String,
    pub(super) drives: usize,
    /// The vehicle came to a stand before the thing, and for it.
    pub(super) in_time: usize,
    pub(super) hit: usize,
    /// The flag rose before there was something to see.
    pub(super) false_stops: usize,
    /// Passed, or not decided.
    pub(super) other: usize,
    /// Metres that were left of those that stopped in time: least, a tenth, half.
    pub(super) left_m: Option<[f32; 3]>,
    /// Metres at the first warning of those that were warned: least, a tenth, half.
    pub(super) warn_at_m: Option<[f32; 3]>,
}

/// Drives with nothing on the road.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Clean {
    pub(super) drives: usize,
    pub(super) hours: f64,
    pub(super) false_stops: usize,
    pub(super) false_stops_an_hour: Option<f64>,
    /// Where no stop was false: the rate is under this with 95 % confidence.
    pub(super) under_an_hour: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Totals {
    pub(super) groups: Vec<Group>,
    pub(super) clean: Clean,
}

impl Totals {
    pub(super) fn of(rows: &[Row]) -> Self {
        let mut names: Vec<(f64, &str)> = Vec::new();
        for row in rows.iter().filter(|r| r.thing.is_some()) {
            let name = (row.speed_kmh, row.with.as_str());
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
        let group = |(speed_kmh, with): (f64, &str)| {
            let of_it = |r: &&Row| r.thing.is_some() && r.speed_kmh == speed_kmh && r.with == with;
            Group::of(
                speed_kmh,
                with,
                &rows.iter().filter(of_it).collect::<Vec<_>>(),
            )
        };
        Self {
            groups: names.into_iter().map(group).collect(),
            clean: Clean::of(rows.iter().filter(|r| r.thing.is_none())),
        }
    }

    /// In sentences.
    pub(super) fn lines(&self) -> Vec<String> {
        let groups = self.groups.iter().map(Group::line);
        groups.chain(self.clean.line()).collect()
    }
}

impl Group {
    fn of(speed_kmh: f64, with: &str, rows: &[&Row]) -> Self {
        let count = |what: &dyn Fn(&Row) -> bool| rows.iter().filter(|r| what(r)).count();
        let in_time = count(&Row::is_in_time);
        let hit = count(&|r| r.end == End::Hit);
        let false_stops = count(&|r| r.false_stop && r.end != End::Hit);
        let stopped = rows.iter().filter(|r| r.is_in_time());
        Self {
            speed_kmh,
            with: with.to_owned(),
            drives: rows.len(),
            in_time,
            hit,
            false_stops,
            other: rows.len() - in_time - hit - false_stops,
            left_m: low(stopped.filter_map(|r| r.left_m).collect()),
            warn_at_m: low(rows.iter().filter_map(|r| r.warn_at_m).collect()),
        }
    }

    /// What was on the road.
    pub(super) fn what(&self) -> String {
        match self.with.as_str() {
            "any" => "something on the road".to_owned(),
            name => format!("a {name} on the road"),
        }
    }

    fn line(&self) -> String {
        let mut line = format!(
            "With {} at {} km/h, {} of {} drives ended in time before it and {} drove into it",
            self.what(),
            self.speed_kmh,
            self.in_time,
            self.drives,
            self.hit
        );
        match self.false_stops {
            0 => line.push_str("; none stopped for a false alarm"),
            n => line.push_str(&format!("; {n} stopped for a false alarm")),
        }
        if self.other > 0 {
            line.push_str(&format!("; {} passed it or were cut short", self.other));
        }
        if let Some([least, _, half]) = self.left_m {
            line.push_str(&format!(
                ". Of those in time, half had more than {half:.0} m left, the nearest {least:.1} m"
            ));
        }
        line.push('.');
        line
    }
}

impl Clean {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut clean = Self::default();
        let mut seconds = 0.0;
        for row in rows {
            clean.drives += 1;
            clean.false_stops += usize::from(row.stop_s.is_some());
            // nothing more can be counted after the stop
            seconds += row.stop_s.unwrap_or(row.driven_s);
        }
        clean.hours = seconds / 3600.0;
        if clean.hours > 0.0 {
            clean.false_stops_an_hour = Some(clean.false_stops as f64 / clean.hours);
            clean.under_an_hour = (clean.false_stops == 0).then_some(NONE_FOUND / clean.hours);
        }
        clean
    }

    fn line(&self) -> Option<String> {
        let rate = self.false_stops_an_hour?;
        let stops = match self.false_stops {
            0 => "was no false stop".to_owned(),
            1 => "was one false stop".to_owned(),
            n => format!("were {n} false stops"),
        };
        let rate = match self.under_an_hour {
            _ if self.hours < TOO_SHORT_H => "too little to tell a rate".to_owned(),
            Some(under) => format!("with 95 % confidence there are fewer than {under:.2} an hour"),
            None => format!("{rate:.2} an hour"),
        };
        Some(format!(
            "With nothing on the road, there {stops} in {} of simulated driving (drives: {}): {rate}.",
            time(self.hours),
            self.drives,
        ))
    }
}

/// Hours, or minutes where they are few.
pub(super) fn time(hours: f64) -> String {
    match hours {
        h if h >= 1.0 => format!("{h:.1} hours"),
        h => format!("{:.1} minutes", h * 60.0),
    }
}

/// The least, the value that a tenth does not exceed, and the median; `None` of nothing.
fn low(mut values: Vec<f32>) -> Option<[f32; 3]> {
    values.sort_by(f32::total_cmp);
    let at = |share: f64| {
        let rank = (share * values.len() as f64).ceil() as usize;
        values.get(rank.saturating_sub(1)).copied()
    };
    Some([at(0.0)?, at(0.1)?, at(0.5)?])
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::row;
    use super::*;

    fn clean(driven_s: f64, stop_s: Option<f64>) -> Row {
        Row {
            thing: None,
            with: "none".to_owned(),
            driven_s,
            stop_s,
            false_stop: stop_s.is_some(),
            ..row(0, End::Driving, None)
        }
    }

    #[test]
    fn every_drive_is_counted_once() {
        let mut rows: Vec<Row> = (1..=10)
            .map(|i| row(i, End::Stopped, Some(i as f32)))
            .collect();
        rows.push(row(11, End::Hit, None));
        rows.push(row(12, End::Passed, None));
        let early = Row {
            false_stop: true,
            ..row(13, End::Stopped, Some(50.0))
        };
        rows.push(early);
        // the flag rose for a fault, too late as well
        let hit = Row {
            false_stop: true,
            ..row(14, End::Hit, None)
        };
        rows.push(hit);
        let totals = Totals::of(&rows);
        let [group] = totals.groups.as_slice() else {
            panic!("{totals:?}");
        };
        let counts = (group.in_time, group.hit, group.false_stops, group.other);
        assert_eq!((group.drives, counts), (14, (10, 2, 1, 1)));
        assert_eq!(group.left_m, Some([1.0, 1.0, 5.0]));
        assert!(
            totals.lines()[0].contains("10 of 14 drives"),
            "{:?}",
            totals.lines()
        );
    }

    #[test]
    fn clean_hours_end_with_a_false_stop() {
        let rows = [
            clean(1800.0, None),
            clean(900.0, Some(600.0)),
            clean(1200.0, None),
        ];
        let clean = Totals::of(&rows).clean;
        assert_eq!((clean.drives, clean.false_stops), (3, 1));
        assert_eq!((clean.hours, clean.false_stops_an_hour), (1.0, Some(1.0)));
        assert_eq!(clean.under_an_hour, None);
        assert_eq!(Totals::of(&[]).lines(), Vec::<String>::new());
    }
}
