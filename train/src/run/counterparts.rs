//! Which of the labels' eleven classes a class of somebody else's network means, by its name.

use super::export::CLASS_NAMES;

/// Usual names, in small letters without anything else, of the classes in their order.
const NAMES: [&[&str]; 11] = [
    &["sky"],
    &[
        "building",
        "buildings",
        "house",
        "skyscraper",
        "tower",
        "bridge",
        "tunnel",
        "garage",
        "construction",
    ],
    &[
        "pole",
        "poles",
        "polegroup",
        "columnpole",
        "utilitypole",
        "streetlight",
        "lamppost",
        "post",
    ],
    &[
        "road",
        "street",
        "lane",
        "lanes",
        "lanemarking",
        "roadmarking",
        "crosswalk",
        "bikelane",
        "drivable",
        "drivablearea",
        "roadsurface",
        "servicelane",
    ],
    &[
        "pavement",
        "sidewalk",
        "footpath",
        "curb",
        "kerb",
        "walkway",
        "pedestrianarea",
        "path",
    ],
    &[
        "tree",
        "trees",
        "vegetation",
        "terrain",
        "nature",
        "plant",
        "grass",
        "bush",
    ],
    &[
        "sign",
        "signs",
        "signsymbol",
        "trafficsign",
        "trafficsigns",
        "trafficsignfront",
        "trafficsignback",
        "light",
        "trafficlight",
        "trafficlights",
        "signal",
        "billboard",
        "signboard",
    ],
    &["fence", "wall", "guardrail", "barrier", "railing"],
    &[
        "car",
        "cars",
        "vehicle",
        "vehicles",
        "truck",
        "bus",
        "train",
        "van",
        "caravan",
        "trailer",
        "onrails",
        "tram",
        "othervehicle",
        "autorickshaw",
    ],
    &[
        "pedestrian",
        "pedestrians",
        "person",
        "people",
        "human",
        "humans",
        "living",
    ],
    &[
        "bicyclist",
        "rider",
        "bicycle",
        "bike",
        "cyclist",
        "motorcycle",
        "motorbike",
        "motorcyclist",
        "twowheeler",
    ],
];

/// What is labelled in more ways than one: none of them is a failure.
const ALSO: [(&str, u8); 6] = [
    ("wall", 1),
    ("terrain", 4),
    ("grass", 4),
    ("rider", 9),
    ("living", 10),
    ("autorickshaw", 10),
];

/// The labels' classes that a name means; none where it is not known.
pub(super) fn counterparts(name: &str) -> Vec<u8> {
    let letters = name.chars().filter(|c| c.is_ascii_alphabetic());
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let found = NAMES
        .iter()
        .position(|names| names.contains(&name.as_str()));
    let also = ALSO.iter().filter(|(other, _)| *other == name).map(|a| a.1);
    found
        .map(|class| class as u8)
        .into_iter()
        .chain(also)
        .collect()
}

/// What was found for the classes of a network, for people.
pub(super) fn describe(names: &[&str]) -> Vec<String> {
    let mut lines = vec![];
    let mut without = vec![];
    for name in names {
        let ours: Vec<&str> = counterparts(name)
            .iter()
            .map(|&class| CLASS_NAMES[usize::from(class)].0)
            .collect();
        match ours[..] {
            [] => without.push(*name),
            [same] if same == *name => {}
            _ => lines.push(format!("{name} is {}", ours.join(" or "))),
        }
    }
    let mut all = vec![];
    if !lines.is_empty() {
        all.push(format!(
            "its classes, in those of the labels: {}",
            lines.join(", ")
        ));
    }
    if !without.is_empty() {
        all.push(format!(
            "without a counterpart in the labels, and so never counted as wrong: {}",
            without.join(", ")
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_cityscapes_have_their_counterparts() {
        let pairs = [
            ("road", 3),
            ("sidewalk", 4),
            ("building", 1),
            ("wall", 7),
            ("fence", 7),
            ("pole", 2),
            ("Traffic Light", 6),
            ("traffic_sign", 6),
            ("vegetation", 5),
            ("terrain", 5),
            ("sky", 0),
            ("person", 9),
            ("rider", 10),
            ("car", 8),
            ("truck", 8),
            ("bus", 8),
            ("train", 8),
            ("motorcycle", 10),
            ("bicycle", 10),
        ];
        for (name, class) in pairs {
            assert_eq!(counterparts(name).first(), Some(&class), "{name}");
        }
        assert_eq!(counterparts("rider"), [10, 9]);
        assert!(counterparts("aeroplane").is_empty());
    }

    #[test]
    fn what_was_found_is_said() {
        let lines = describe(&["sky", "sidewalk", "aeroplane"]);
        assert_eq!(
            lines[0],
            "its classes, in those of the labels: sidewalk is pavement"
        );
        assert!(lines[1].ends_with("never counted as wrong: aeroplane"));
        assert_eq!(lines.len(), 2);
    }
}
