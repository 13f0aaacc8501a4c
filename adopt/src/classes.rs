//! Names and colours of classes.

use std::collections::HashSet;
use std::path::Path;

use crate::AdoptError;

/// A class of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Name.
    pub name: String,
    /// Red, green, blue for pictures.
    pub color: [u8; 3],
}

/// The classes of a file: a line each, in the order of the network's numbers, `name` or `name R G B`. Empty lines and what
/// is behind a `#` are passed over. A name may have spaces in it.
///
/// # Errors
/// The colour of a line is not three numbers of 0 to 255, or a name stands in two lines.
pub fn parse(text: &str, path: &Path) -> Result<Vec<Class>, AdoptError> {
    let mut classes: Vec<Class> = vec![];
    let mut names = HashSet::new();
    let mut plain = vec![];
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let wrong = |cause: String| AdoptError::Classes {
            path: path.to_owned(),
            line: at + 1,
            cause,
        };
        let (name, color) = split(line).map_err(wrong)?;
        if !names.insert(name.to_owned()) {
            return Err(wrong(format!("the class {name:?} is there twice")));
        }
        plain.push(color.is_none());
        classes.push(Class {
            name: name.to_owned(),
            color: color.unwrap_or_default(),
        });
    }
    colour(&mut classes, &plain);
    Ok(classes)
}

/// Classes that nobody has named: `class-0`, ...
pub fn unnamed(count: usize) -> Vec<Class> {
    let class = |at| Class {
        name: format!("class-{at}"),
        color: [0; 3],
    };
    let mut classes: Vec<Class> = (0..count).map(class).collect();
    colour(&mut classes, &vec![true; count]);
    classes
}

/// A name, and the three numbers behind it where there are three.
fn split(line: &str) -> Result<(&str, Option<[u8; 3]>), String> {
    let mut name = line;
    let mut numbers = vec![];
    while let Some((before, last)) = name.rsplit_once(char::is_whitespace) {
        if numbers.len() == 3 || !last.bytes().all(|b| b.is_ascii_digit()) {
            break;
        }
        numbers.insert(0, last);
        name = before.trim_end();
    }
    let byte = |text: &str| {
        text.parse::<u8>()
            .map_err(|_| format!("{text} is not in 0..=255; a colour is `R G B` behind the name"))
    };
    match numbers[..] {
        // a number may be a part of a name
        [] | [_] => Ok((line, None)),
        [r, g, b] => Ok((name, Some([byte(r)?, byte(g)?, byte(b)?]))),
        _ => Err(format!(
            "{line:?} has {} numbers behind the name; a colour has three: `name R G B`",
            numbers.len()
        )),
    }
}

/// Gives colours to those that have none, far from each other and from those that are given.
fn colour(classes: &mut [Class], plain: &[bool]) {
    let mut taken: Vec<[u8; 3]> = classes
        .iter()
        .zip(plain)
        .filter(|(_, plain)| !**plain)
        .map(|(class, _)| class.color)
        .collect();
    const STEPS: [u8; 7] = [0, 43, 85, 128, 170, 213, 255];
    let all = STEPS.into_iter().flat_map(|r| {
        let green = STEPS.into_iter();
        green.flat_map(move |g| STEPS.into_iter().map(move |b| [r, g, b]))
    });
    // black and white are what masks are made of
    let all: Vec<[u8; 3]> = all.filter(|&c| c != [0; 3] && c != [255; 3]).collect();
    let away = |a: &[u8; 3], b: &[u8; 3]| -> u32 {
        let parts = a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b)));
        parts.map(|d| d * d).sum()
    };
    for (class, _) in classes.iter_mut().zip(plain).filter(|(_, plain)| **plain) {
        let nearest = |c: &[u8; 3]| taken.iter().map(|t| away(c, t)).min().unwrap_or(u32::MAX);
        // the first of equals, so that the same file always gives the same colours
        let best = all.iter().rev().max_by_key(|c| nearest(c));
        class.color = best.copied().unwrap_or([128; 3]);
        taken.push(class.color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Class>, String> {
        parse(text, Path::new("classes.txt")).map_err(|e| e.to_string())
    }

    #[test]
    fn a_line_is_a_name_and_may_have_a_colour() {
        let classes = read("road 128 64 128\n\n# of two words\ntraffic light\nlane 2\n").unwrap();
        let names: Vec<_> = classes.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["road", "traffic light", "lane 2"]);
        assert_eq!(classes[0].color, [128, 64, 128]);
    }

    #[test]
    fn colours_that_nobody_gave_differ_from_each_other() {
        let classes = unnamed(254);
        let colours: HashSet<_> = classes.iter().map(|c| c.color).collect();
        assert_eq!(colours.len(), 254);
        assert_eq!(unnamed(3)[..2], unnamed(2)[..]);
    }

    #[test]
    fn a_line_that_is_wrong_is_named_by_its_number() {
        for (text, words) in [
            (
                "road\nroad\n",
                "classes.txt:2: the class \"road\" is there twice",
            ),
            ("road 1 2 300\n", "classes.txt:1: 300 is not in 0..=255"),
            ("road 1 2\n", "classes.txt:1: \"road 1 2\" has 2 numbers"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
