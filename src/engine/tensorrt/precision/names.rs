use std::collections::HashSet;

/// Names that are taken, of tensors and of nodes.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    pub(super) fn take(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    /// A name that is not taken yet: `base`, or `base` and a number.
    pub(super) fn fresh(&mut self, base: String) -> String {
        let mut name = base.clone();
        // of as many numbers as there are names, and one more, one is free
        for number in 1..=self.0.len() {
            if !self.0.contains(&name) {
                break;
            }
            name = format!("{base}.{number}");
        }
        self.0.insert(name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_name_is_nobody_elses() {
        let mut names = Names::default();
        for name in ["a", "b", "b.1"] {
            names.take(name);
        }
        assert_eq!(names.fresh("c".into()), "c");
        assert_eq!(names.fresh("b".into()), "b.2");
        assert_eq!(names.fresh("b".into()), "b.3");
        assert_eq!(names.fresh("c".into()), "c.1");
    }
}
