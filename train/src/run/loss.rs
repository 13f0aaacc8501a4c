//! What the segmentation network is trained by.

use tch::{Kind, Reduction, Tensor};

use crate::data::{CLASSES, FIRST_CHOICE, TrainingSet, VOID};

/// Weighted cross entropy, where a label may also mean "one of these classes": then it is minus the
/// logarithm of the sum of their probabilities, at the weight of the commonest of them. `logp` is
/// [N, H, W, C], classes last as in memory: that is quicker to go back through;
/// `label` [N, H, W]; the mean is over the weights. Void counts nothing.
pub(super) fn labelled_entropy(
    logp: &Tensor,
    label: &Tensor,
    weights: &Tensor,
    choices: &[&[u8]],
) -> Tensor {
    let known = label.lt(i64::from(VOID));
    let class = label.clamp_max(CLASSES - 1);
    let weight = weights.take(&class) * &known;
    let picked = logp.gather(3, &class.unsqueeze(3), false).squeeze_dim(3);
    let mut sum = -(picked * &weight).sum(Kind::Float);
    let mut total = weight.sum(Kind::Float);
    let chooses = label
        .ge(i64::from(FIRST_CHOICE))
        .flatten(1, 2)
        .any_dim(1, false);
    let rows = chooses.nonzero().squeeze_dim(1);
    if rows.size()[0] > 0 {
        let (logp, label) = (logp.index_select(0, &rows), label.index_select(0, &rows));
        for (i, classes) in choices.iter().enumerate() {
            let inside = label.eq(i64::from(FIRST_CHOICE) + i as i64);
            let classes: Vec<i64> = classes.iter().map(|&c| i64::from(c)).collect();
            let classes = Tensor::from_slice(&classes).to(logp.device());
            let weight = inside * weights.index_select(0, &classes).min();
            let any = logp.index_select(3, &classes).logsumexp([3], false);
            sum -= (any * &weight).sum(Kind::Float);
            total += weight.sum(Kind::Float);
        }
    }
    sum / total.clamp_min(1.0)
}

/// One minus the mean over the classes in the batch of the soft intersection over union: each class
/// counts alike, however few its pixels are.
pub(super) fn jaccard(probabilities: &Tensor, label: &Tensor) -> Tensor {
    let known = label.lt(i64::from(VOID)).unsqueeze(3).to_kind(Kind::Float);
    let hot = label.clamp_max(i64::from(VOID)).one_hot(CLASSES + 1);
    let hot = hot.narrow(3, 0, CLASSES).to_kind(Kind::Float);
    let over = |t: &Tensor| t.sum_dim_intlist([0i64, 1, 2].as_slice(), false, Kind::Float);
    let both = over(&(probabilities * &hot));
    let (seen, there) = (over(&(probabilities * known)), over(&hot));
    let present = there.gt(0.0).to_kind(Kind::Float);
    let share = &both / (seen + there - &both).clamp_min(1.0);
    let mean = (share * &present).sum(Kind::Float) / present.sum(Kind::Float).clamp_min(1.0);
    mean.ones_like() - mean
}

/// Cross entropy with the probabilities of a teacher, over all pixels.
pub(super) fn taught_entropy(logits: &Tensor, teacher: &Tensor) -> Tensor {
    let taught = teacher.softmax(1, Kind::Float);
    let each = taught * logits.log_softmax(1, Kind::Float);
    -each
        .sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
        .mean(Kind::Float)
}

/// ENet's class weights, 1 / ln(1.02 + share), scaled to a mean of one over the pixels; the share of
/// a class is that among the samples as they are drawn.
pub(super) fn class_weights(sets: &[TrainingSet]) -> Tensor {
    let mut share = [0f64; CLASSES as usize];
    let all: f64 = sets.iter().map(|s| s.weight).sum();
    for set in sets {
        let mut counts = [0f64; CLASSES as usize];
        let labels = set.pictures.iter().flat_map(|p| &p.label);
        for id in labels.filter(|&&id| id < VOID) {
            counts[usize::from(*id)] += 1.0;
        }
        let total: f64 = counts.iter().sum();
        for (s, c) in share.iter_mut().zip(counts) {
            *s += c / total.max(1.0) * set.weight / all;
        }
    }
    let weight = share.map(|p| 1.0 / (1.02 + p).ln());
    let mean: f64 = weight.iter().zip(share).map(|(w, p)| w * p).sum();
    Tensor::from_slice(&weight.map(|w| (w / mean) as f32))
}

/// Plain cross entropy, for tests and attacks.
pub(super) fn plain_entropy(logits: &Tensor, target: &Tensor) -> Tensor {
    logits.cross_entropy_loss::<Tensor>(target, None, Reduction::Mean, -100, 0.0)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::data::{LabelKind, Picture};

    const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

    fn set(weight: f64, label: Vec<u8>) -> TrainingSet {
        let n = label.len();
        TrainingSet {
            weight,
            scale: (1.0, 1.0),
            kind: LabelKind::Plain,
            pictures: vec![Picture {
                width: n,
                height: 1,
                rgb: vec![0; 3 * n],
                label,
                outlier: vec![0; n],
            }],
        }
    }

    fn weights(sets: &[TrainingSet]) -> Vec<f32> {
        class_weights(sets).try_into().unwrap()
    }

    #[test]
    fn rare_classes_weigh_more_and_the_mean_pixel_weighs_one() {
        let w = weights(&[set(1.0, [vec![0; 60], vec![1; 30], vec![2; 10]].concat())]);
        assert_eq!(w.len(), CLASSES as usize);
        assert!(w[0] < w[1] && w[1] < w[2] && w[2] < w[3]);
        assert!(w.iter().all(|w| w.is_finite() && *w > 0.0));
        let mean = 0.6 * w[0] + 0.3 * w[1] + 0.1 * w[2];
        assert!((mean - 1.0).abs() < 1e-5, "{mean}");
    }

    #[test]
    fn void_and_choices_count_for_no_class_and_sets_count_by_their_weight() {
        let known = [vec![0; 60], vec![1; 40]].concat();
        let with_void = [known.clone(), vec![VOID; 500], vec![FIRST_CHOICE; 9]].concat();
        assert_eq!(weights(&[set(1.0, known)]), weights(&[set(1.0, with_void)]));
        let mixed = weights(&[set(3.0, vec![0; 7]), set(1.0, vec![1; 900])]);
        let same = weights(&[set(1.0, [vec![0; 3], vec![1; 1]].concat())]);
        assert_eq!(mixed, same);
    }

    #[test]
    fn a_choice_of_one_class_is_plain_cross_entropy() {
        tch::manual_seed(4);
        let logits = Tensor::randn([3, CLASSES, 8, 6], FLOAT) * 3.0;
        let logp = logits.permute([0, 2, 3, 1]).log_softmax(3, Kind::Float);
        let label = Tensor::randint(CLASSES, [3, 8, 6], (Kind::Int64, Device::Cpu));
        let ones = Tensor::ones([CLASSES], FLOAT);
        let plain = plain_entropy(&logits, &label).double_value(&[]);
        let direct = labelled_entropy(&logp, &label, &ones, &[]).double_value(&[]);
        assert!((plain - direct).abs() < 1e-5, "{plain} {direct}");
        // the same labels, every class written as a choice of itself
        let singles: Vec<[u8; 1]> = (0..CLASSES as u8).map(|c| [c]).collect();
        let choices: Vec<&[u8]> = singles.iter().map(<[u8; 1]>::as_slice).collect();
        let as_choice = &label + i64::from(FIRST_CHOICE);
        let chosen = labelled_entropy(&logp, &as_choice, &ones, &choices).double_value(&[]);
        assert!((plain - chosen).abs() < 1e-5, "{plain} {chosen}");
    }

    #[test]
    fn a_choice_of_two_classes_sums_their_probabilities() {
        // p = .5, .3, .2: one of the last two has -ln(.5)
        let mut p = vec![1e-9f32; CLASSES as usize];
        p[..3].copy_from_slice(&[0.5, 0.3, 0.2]);
        let logp = Tensor::from_slice(&p).log().reshape([1, 1, 1, CLASSES]);
        let label = Tensor::from_slice(&[i64::from(FIRST_CHOICE)]).reshape([1, 1, 1]);
        let ones = Tensor::ones([CLASSES], FLOAT);
        let loss = labelled_entropy(&logp, &label, &ones, &[&[1, 2]]).double_value(&[]);
        assert!((loss - 2f64.ln()).abs() < 1e-5, "{loss}");
    }

    #[test]
    fn the_jaccard_loss_is_zero_for_a_perfect_answer_and_counts_classes_alike() {
        // nine pixels of class 0, one of class 1, one void
        let label = Tensor::from_slice(&[0i64, 0, 0, 0, 0, 0, 0, 0, 0, 1, 11]).reshape([1, 1, 11]);
        let answer = |classes: [i64; 11]| {
            let hot = Tensor::from_slice(&classes).one_hot(CLASSES);
            hot.reshape([1, 1, 11, CLASSES]).to_kind(Kind::Float)
        };
        let loss = |classes| jaccard(&answer(classes), &label).double_value(&[]);
        assert!(loss([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 5]).abs() < 1e-6);
        // all of it called class 0: IoU .9 and 0
        assert!((loss([0; 11]) - 0.55).abs() < 1e-6);
    }
}
