use thiserror::Error;

use super::realtime::LAST_CPU;

/// A text that is no list of processors.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{list:?} is not a list of processors such as 0,2-3: {part:?} is not in 0 ..= 1023")]
pub struct CpuListError {
    /// The whole text.
    pub list: String,
    /// The part of it that is wrong.
    pub part: String,
}

/// The processors of a list such as `0,2-3`, ascending and each once; none for an empty text.
///
/// # Errors
/// A part is neither a processor number nor a range of them.
pub fn parse_cpus(list: &str) -> Result<Vec<u16>, CpuListError> {
    let mut cpus = Vec::new();
    if list.trim().is_empty() {
        return Ok(cpus);
    }
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|n| *n <= LAST_CPU);
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => {
                cpus.extend(first..=last);
                cpus.sort_unstable();
                cpus.dedup();
            }
            _ => {
                return Err(CpuListError {
                    list: list.to_owned(),
                    part: part.to_owned(),
                });
            }
        }
    }
    Ok(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_what_is_none_is_named() {
        let cases: &[(&str, &[u16])] = &[
            ("", &[]),
            (" ", &[]),
            ("3", &[3]),
            ("0,2-4", &[0, 2, 3, 4]),
            ("2-3, 3,1", &[1, 2, 3]),
            ("1023", &[1023]),
        ];
        for (list, expected) in cases {
            assert_eq!(parse_cpus(list).unwrap(), *expected, "{list}");
        }
        for (list, part) in [
            ("1,x", "x"),
            ("1024", "1024"),
            ("4-2", "4-2"),
            ("1,,2", ""),
            ("1-2-3", "1-2-3"),
            ("-1", "-1"),
        ] {
            assert_eq!(parse_cpus(list).unwrap_err().part, part, "{list}");
        }
    }
}
