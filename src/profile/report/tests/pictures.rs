//! Which pictures of a drive are kept.

use super::*;

#[test]
fn the_worst_frames_are_spread_and_the_worst_is_among_them() {
    let mut pictures = Pictures::new();
    // A score that rises slowly to a peak at frame 700, then falls.
    for i in 0..1000u64 {
        let score = 1.0 - (i.abs_diff(700) as f32) / 1000.0;
        pictures.offer(score, i, None, || Some(i.to_le_bytes().to_vec()));
    }
    let shown: Vec<u64> = pictures.worst().iter().map(|p| p.index).collect();
    assert_eq!(shown.len(), 8);
    assert!(shown.contains(&700), "{shown:?}");
    assert!(
        shown.windows(2).all(|pair| pair[1] - pair[0] >= 32),
        "{shown:?}"
    );
    for picture in pictures.worst() {
        assert_eq!(picture.jpeg, picture.index.to_le_bytes());
    }
}

#[test]
fn pictures_are_made_only_when_they_are_kept() {
    let mut pictures = Pictures::new();
    pictures.offer(0.9, 3, None, || Some(vec![1]));
    pictures.offer(0.9, 4, None, || panic!("no worse than the one held"));
    pictures.offer(0.95, 5, None, || None);
    assert_eq!(
        pictures.worst()[0].index,
        3,
        "a picture that is not there replaces none"
    );
    pictures.offer(f32::NAN, 6, None, || Some(vec![2]));
    pictures.offer(1.0, 7, None, || panic!("no score is worse than any"));
    assert_eq!(pictures.worst()[0].index, 6);
}

#[test]
fn pictures_far_apart_are_held_in_fixed_memory() {
    let mut pictures = Pictures::new();
    for i in 0..64 {
        pictures.offer(0.5, 1 << i, None, || Some(Vec::new()));
    }
    pictures.offer(0.5, u64::MAX, None, || Some(Vec::new()));
    assert!(!pictures.worst().is_empty());
}
