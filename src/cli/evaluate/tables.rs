//! The report for people.

use std::fmt::Write as _;

use lookout::evaluate::ThingClass;

use super::report::Report;

/// A share in per cent, or a dash.
fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{:.2}", v * 100.0))
}

/// Things found: a share and the numbers behind it.
fn found(class: &ThingClass) -> String {
    format!(
        "{} ({}/{})",
        percent(class.share),
        class.found,
        class.things
    )
}

/// A size class, as the head of a column.
fn sides(class: &ThingClass) -> String {
    match class.to {
        Some(to) => format!("{} to {to}", class.from),
        None => format!("{} and more", class.from),
    }
}

// writing to a string does not fail
impl Report {
    pub(super) fn tables(&self) -> String {
        let mut text = self.head();
        self.anomalies(&mut text);
        self.components(&mut text);
        self.things(&mut text);
        self.flagged(&mut text);
        self.segmentation(&mut text);
        self.errors(&mut text);
        text
    }

    fn head(&self) -> String {
        let (s, c) = (&self.settings, &self.convention);
        let hash = s.bundle_hash.get(..12).unwrap_or(&s.bundle_hash);
        let sizes: Vec<_> = s
            .input_sizes
            .iter()
            .map(|(w, h)| format!("{w}x{h}"))
            .collect();
        let mut text = format!(
            "bundle {} {} ({hash})\nengine {}, mode {}, input {}\n{} pictures of {}; figures in \
             per cent\n",
            s.bundle,
            s.bundle_version,
            s.engine,
            s.mode,
            sizes.join(", "),
            s.pictures,
            s.images
        );
        for (name, what) in [
            ("positive", c.positive),
            ("truth", c.truth.as_str()),
            ("pooled", c.pooled),
            ("resolution", c.resolution),
            ("mask", c.mask),
        ] {
            let _ = writeln!(text, "{name}: {what}");
        }
        text
    }

    fn anomalies(&self, text: &mut String) {
        let Some(anomaly) = &self.anomaly else {
            return;
        };
        *text += "\nAnomalies (positive: the anomalous pixel)\n";
        let _ = writeln!(
            text,
            "  {:<10} {:>7} {:>7} {:>7}",
            "score", "AUROC", "AP", "FPR95"
        );
        for (name, m) in anomaly {
            let (a, p, f) = (percent(m.auroc), percent(m.ap), percent(m.fpr95));
            let _ = writeln!(text, "  {name:<10} {a:>7} {p:>7} {f:>7}");
        }
        if let Some(m) = anomaly.values().next() {
            let _ = writeln!(
                text,
                "  {} anomalous, {} known pixels",
                m.positives, m.negatives
            );
        }
    }

    fn components(&self, text: &mut String) {
        let (Some(components), c) = (&self.components, &self.convention) else {
            return;
        };
        let _ = writeln!(
            text,
            "\nComponents (SegmentMeIfYouCan's; detections under {} px dropped, things under {} px \
             ignored)\n  {:<10} {:<32} {:>7} {:>7} {:>7} {:>7} {:>10}",
            c.min_component,
            c.min_thing_of_components,
            "score",
            "threshold",
            "sIoU",
            "PPV",
            "F1",
            "things",
            "detections"
        );
        for (name, of) in components {
            for (rule, at) in [
                ("the bundle's", &of.calibration),
                ("best pixel F1 on this set", &of.benchmark),
            ] {
                let Some(at) = at else { continue };
                let m = &at.metrics;
                let (s, p, f) = (percent(m.siou), percent(m.ppv), percent(m.f1));
                let _ = writeln!(
                    text,
                    "  {name:<10} {:<6.4} {rule:<25} {s:>7} {p:>7} {f:>7} {:>7} {:>10}",
                    at.threshold, m.things, m.detections
                );
            }
        }
    }

    fn things(&self, text: &mut String) {
        let Some(things) = self.things.as_ref().filter(|things| !things.is_empty()) else {
            return;
        };
        *text += "\nThings found (a fifth of their pixels in the mask at the bundle's threshold), \
                  by their longer side in pixels\n";
        let heads = things.values().next().map(|at| &at.metrics.classes);
        let heads = heads.into_iter().flatten().map(sides);
        let _ = write!(text, "  {:<10} {:>9}", "score", "threshold");
        for head in heads.chain(["all".to_owned()]) {
            let _ = write!(text, " {head:>17}");
        }
        *text += "\n";
        for (name, at) in things {
            let _ = write!(text, "  {name:<10} {:>9.4}", at.threshold);
            for class in at.metrics.classes.iter().chain([&at.metrics.all]) {
                let _ = write!(text, " {:>17}", found(class));
            }
            *text += "\n";
        }
    }

    fn flagged(&self, text: &mut String) {
        if self.flagged.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "\nKnown pixels flagged (in the mask at the bundle's threshold), share of each \
             picture\n  {:<10} {:>9} {:>7} {:>7} {:>9}",
            "score", "threshold", "mean", "p90", "pictures"
        );
        for (name, at) in &self.flagged {
            let (m, p) = (percent(at.metrics.mean), percent(at.metrics.p90));
            let _ = writeln!(
                text,
                "  {name:<10} {:>9.4} {m:>7} {p:>7} {:>9}",
                at.threshold, at.metrics.pictures
            );
        }
    }

    fn segmentation(&self, text: &mut String) {
        let Some(segmentation) = &self.segmentation else {
            return;
        };
        let m = &segmentation.metrics;
        *text += "\nSegmentation\n";
        let names = segmentation.classes.iter().map(|n| n.chars().count());
        let width = names.max().unwrap_or(0).max(14);
        for (name, iou) in segmentation.classes.iter().zip(&m.iou) {
            let _ = writeln!(text, "  {name:<width$} {:>7}", percent(*iou));
        }
        let _ = writeln!(text, "  {:<width$} {:>7}", "mIoU", percent(m.miou));
        let _ = writeln!(
            text,
            "  {:<width$} {:>7}",
            "pixel accuracy",
            percent(m.pixel_accuracy)
        );
    }

    fn errors(&self, text: &mut String) {
        let Some(errors) = &self.error_detection else {
            return;
        };
        *text += "\nError detection (ObsNet's convention; positive: the correctly classified \
                  pixel)\n";
        let _ = writeln!(
            text,
            "  {:<10} {:>7} {:>7} {:>7}",
            "score", "AUROC", "AUPR", "FPR95"
        );
        for (name, m) in errors {
            let (a, p, f) = (percent(m.auroc), percent(m.aupr), percent(m.fpr95));
            let _ = writeln!(text, "  {name:<10} {a:>7} {p:>7} {f:>7}");
        }
        if let Some(m) = errors.values().next() {
            let _ = writeln!(text, "  {} correct, {} wrong pixels", m.correct, m.wrong);
        }
    }
}
