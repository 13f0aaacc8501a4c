//! The rows of one method, over the seeds.

use std::collections::BTreeSet;

use super::row::Done;

/// Engines by the names that they have here and for people.
pub(super) const ENGINES: [(&str, &str); 2] = [("ort", "ONNX Runtime"), ("rten", "rten")];

/// Of one method, over the seeds.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) first: &'a Done,
    of: Vec<&'a Done>,
}

impl<'a> Line<'a> {
    /// In the order of the rows.
    pub(super) fn all(done: &'a [Done]) -> Vec<Self> {
        let mut all: Vec<Self> = vec![];
        for d in done {
            match all.iter_mut().find(|l| l.name == d.name) {
                Some(line) => line.of.push(d),
                None => all.push(Self {
                    name: &d.name,
                    first: d,
                    of: vec![d],
                }),
            }
        }
        all
    }

    /// The mean over the seeds, and half of what lies between the least and the greatest.
    pub(super) fn mean(&self, figure: impl Fn(&Done) -> Option<f64>) -> Option<(f64, f64)> {
        let all: Option<Vec<f64>> = self.of.iter().map(|d| figure(d)).collect();
        let all = all.filter(|all| !all.is_empty())?;
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let least = all.iter().copied().fold(f64::MAX, f64::min);
        let greatest = all.iter().copied().fold(f64::MIN, f64::max);
        Some((mean, (greatest - least) / 2.0))
    }

    /// The mean AP on a set.
    pub(super) fn ap(&self, set: &str) -> Option<f64> {
        self.mean(|d| d.unknown.get(set)?.ap).map(|m| m.0)
    }

    /// In words: the mean and, where there are several seeds, how far it goes.
    pub(super) fn cell(&self, figure: impl Fn(&Done) -> Option<f64>) -> String {
        match self.mean(figure) {
            None => String::new(),
            Some((mean, spread)) if spread > 0.0 => format!("{mean:.3} ±{spread:.3}"),
            Some((mean, _)) => format!("{mean:.3}"),
        }
    }

    /// mIoU; AUROC, AUPR and FPR95 of errors; AUROC, AP and FPR95 of each set.
    pub(super) fn figures(&self, sets: &BTreeSet<&str>) -> Vec<String> {
        let mut all = vec![
            self.cell(|d| d.miou),
            self.cell(|d| d.errors.auroc),
            self.cell(|d| d.errors.aupr),
            self.cell(|d| d.errors.fpr95),
        ];
        for set in sets {
            all.push(self.cell(|d| d.unknown.get(*set)?.auroc));
            all.push(self.cell(|d| d.unknown.get(*set)?.ap));
            all.push(self.cell(|d| d.unknown.get(*set)?.fpr95));
        }
        all
    }

    /// What it costs: parameters, million multiply-accumulates, ms of the head on each engine, ms of the frame.
    pub(super) fn costs(&self) -> Vec<String> {
        let ms = |ms: Option<f64>| ms.map_or(String::new(), |ms| format!("{ms:.2}"));
        let times = |engine: &str| self.first.times.get(engine);
        let heads = ENGINES.map(|(e, _)| ms(times(e).map(|t| t.head)));
        let frames = ENGINES.map(|(e, _)| ms(times(e).map(|t| t.frame)));
        let millions = self.first.multiply_accumulates as f64 / 1e6;
        let parameters = self.first.parameters.to_string();
        let own = [parameters, format!("{millions:.1}")];
        [&own[..], &heads, &frames].concat()
    }

    /// What was spent on it: pictures, steps, seconds.
    pub(super) fn budget(&self) -> [String; 3] {
        let seconds = self.mean(|d| Some(d.seconds));
        [
            self.first.pictures.to_string(),
            self.first.steps.to_string(),
            seconds.map_or(String::new(), |(mean, _)| format!("{mean:.0}")),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Errors;
    use super::*;

    #[test]
    fn seeds_of_a_method_are_one_line_with_their_mean_and_half_their_range() {
        let row = |name: &str, miou: f64, seconds: f64| {
            let mut done = Done::named(name);
            done.miou = Some(miou);
            done.seconds = seconds;
            done.errors = Errors {
                auroc: (name == "b").then_some(0.5),
                ..Errors::default()
            };
            done
        };
        let done = [row("a", 0.5, 3.0), row("b", 0.25, 1.0), row("a", 0.75, 5.0)];
        let lines = Line::all(&done);
        let names: Vec<&str> = lines.iter().map(|l| l.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(
            lines[0].figures(&BTreeSet::new()),
            ["0.625 ±0.125", "", "", ""]
        );
        assert_eq!(
            lines[1].figures(&BTreeSet::new()),
            ["0.250", "0.500", "", ""]
        );
        assert_eq!(lines[0].budget()[2], "4");
    }
}
