//! `[observer]` and `[[head]]` of a manifest: graphs that make a score of what the segmentation network gives.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::Segmentation;
use crate::score::ScoreKind;

/// A graph that reads some of image, logits and activations, and gives one plane that tells how unknown each
/// pixel is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Name, which is that of its score too.
    pub name: Spanned<ScoreKind>,
    /// ONNX file in the bundle's folder.
    pub file: Spanned<String>,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: Spanned<String>,
    /// As the segmentation graph's.
    #[serde(default)]
    pub data: BTreeMap<String, Spanned<String>>,
    /// What it reads, by the names that both graphs have for it.
    pub inputs: Spanned<Vec<String>>,
    /// Name of the output, one value a pixel, as large as the segmentation's logits.
    pub output: Spanned<String>,
    /// What the values are.
    pub kind: Spanned<HeadKind>,
    /// Of an energy: the value that is as likely known as unknown.
    pub center: Option<Spanned<f32>>,
    /// Of an energy: how far above the center the odds of unknown are e to 1; above 0.
    pub scale: Option<Spanned<f32>>,
    /// Multiplications and additions at 480x352, for people; none where nobody counted.
    pub multiply_accumulates: Option<u64>,
}

/// What the values of a head are. All of them rise with how unknown a pixel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// Log odds of unknown; even odds at 0.
    Logit,
    /// The score itself, 0..=1.
    Probability,
    /// `(value - center) / scale` is a logit.
    Energy,
}

/// `[observer]`, which says less than `[[head]]`: the rest is the same in every bundle.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Observer {
    file: Spanned<String>,
    sha256: Spanned<String>,
    #[serde(default)]
    data: BTreeMap<String, Spanned<String>>,
    output: Spanned<String>,
}

/// The observer as the head that it is. What it reads comes from the segmentation network's table, see
/// [`Head::read_all`].
pub(super) fn observer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Head>, D::Error> {
    let observer = Observer::deserialize(from)?;
    Ok(Some(Head {
        name: Spanned::new(0..0, ScoreKind::OBSERVER),
        file: observer.file,
        sha256: observer.sha256,
        data: observer.data,
        inputs: Spanned::new(0..0, Vec::new()),
        output: observer.output,
        kind: Spanned::new(0..0, HeadKind::Logit),
        center: None,
        scale: None,
        multiply_accumulates: None,
    }))
}

impl Head {
    /// The score that it gives.
    pub fn score(&self) -> ScoreKind {
        *self.name.get_ref()
    }

    /// The graph in words, for messages.
    pub fn graph_name(&self) -> String {
        format!("head {} ({})", self.score(), self.file.get_ref())
    }

    /// Center and scale: `(value - center) / scale` is a logit, whatever the kind. Scores of logits are on a
    /// scale from -12 to 12, so a probability is the logit that this scale shows as the probability.
    pub fn center_and_scale(&self) -> (f32, f32) {
        let of = |value: &Option<Spanned<f32>>, or| value.as_ref().map_or(or, |v| *v.get_ref());
        match self.kind.get_ref() {
            HeadKind::Logit => (0.0, 1.0),
            HeadKind::Probability => (0.5, 1.0 / 24.0),
            HeadKind::Energy => (of(&self.center, 0.0), of(&self.scale, 1.0)),
        }
    }

    /// Makes logits of what the graph gave. The kernels do the same on the GPU.
    pub fn to_logits(&self, plane: &mut [f32]) {
        let (center, scale) = self.center_and_scale();
        for value in plane {
            *value = (*value - center) / scale;
        }
    }

    /// Lets it read everything that the segmentation network takes and gives.
    pub(super) fn read_all(&mut self, segmentation: &Segmentation) {
        let all = segmentation.tensors().map(str::to_owned).collect();
        self.inputs = Spanned::new(self.inputs.span(), all);
    }

    /// The first thing that the form allows and the meaning does not. `others` are heads that are fine.
    pub(super) fn problem(
        &self,
        segmentation: &Segmentation,
        others: &[Head],
    ) -> Option<(Range<usize>, String)> {
        let name = self.score();
        let wrong = |span, text: String| Some((span, format!("head {name}: {text}")));
        let (at, inputs) = (self.name.span(), self.inputs.get_ref());
        if ScoreKind::ALL.contains(&name) {
            return wrong(
                at,
                "a built-in score has this name, take another".to_owned(),
            );
        }
        if others.iter().any(|other| other.score() == name) {
            return wrong(at, "another head has this name too".to_owned());
        }
        if inputs.is_empty() {
            return wrong(self.inputs.span(), "it has no inputs".to_owned());
        }
        for (i, input) in inputs.iter().enumerate() {
            if !segmentation.tensors().any(|tensor| tensor == input) {
                let all: Vec<_> = segmentation.tensors().collect();
                let text = format!(
                    "the segmentation network has no {input:?} that could be an input; there are {}",
                    all.join(", ")
                );
                return wrong(self.inputs.span(), text);
            }
            if inputs[..i].contains(input) {
                return wrong(
                    self.inputs.span(),
                    format!("it has the input {input:?} twice"),
                );
            }
        }
        self.number_problem()
            .and_then(|(span, text)| wrong(span, text))
    }

    /// What is wrong with the output's name, for an observer too: an engine tells tensors by their names.
    pub(super) fn output_problem(
        &self,
        segmentation: &Segmentation,
    ) -> Option<(Range<usize>, String)> {
        let output = self.output.get_ref();
        let taken = segmentation.tensors().any(|tensor| tensor == output);
        let text = || {
            format!(
                "head {}: the segmentation network has a tensor {output:?} already, so the output needs another name",
                self.score()
            )
        };
        taken.then(|| (self.output.span(), text()))
    }

    fn number_problem(&self) -> Option<(Range<usize>, String)> {
        let numbers = [("center", &self.center), ("scale", &self.scale)];
        let energy = *self.kind.get_ref() == HeadKind::Energy;
        for (field, number) in numbers {
            match number {
                None if energy => {
                    let text = format!("kind \"energy\" needs a {field}");
                    return Some((self.kind.span(), text));
                }
                Some(number) if !energy => {
                    let text = format!("only kind \"energy\" has a {field}, remove it");
                    return Some((number.span(), text));
                }
                Some(number) if !number.get_ref().is_finite() => {
                    let text = format!("{field} {} is not finite", number.get_ref());
                    return Some((number.span(), text));
                }
                _ => {}
            }
        }
        let scale = self.scale.as_ref()?;
        let text = || format!("scale {} is not above 0", scale.get_ref());
        (*scale.get_ref() <= 0.0).then(|| (scale.span(), text()))
    }
}
