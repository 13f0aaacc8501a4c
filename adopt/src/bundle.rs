//! Writing a bundle: whole, or not at all.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::AdoptError;
use crate::classes::Class;
use crate::network::Network;
use crate::normalisation::Normalisation;

const GRAPH: &str = "segmentation.onnx";
const MANIFEST: &str = "model.toml";
const CARD: &str = "card.md";
/// What an engine is held to on a quantised network: engines round its sums otherwise, and a step of rounding is often all
/// that is between two classes.
const QUANTISED_LIMITS: &str = "label_agreement = 0.95\nscore_difference = 0.5\n";
/// What stands where nobody said anything.
pub const NOT_STATED: &str = "not stated";

/// Which sizes of pictures the network gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// Rows at full and at reduced resolution.
    Rows {
        /// At full resolution.
        full: u32,
        /// At reduced resolution.
        reduced: u32,
    },
    /// One size only.
    Fixed {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// `letterbox` or `stretch`.
        fit: &'static str,
    },
}

/// All that a bundle says.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// Short name.
    pub name: String,
    /// The file that it was made of, for people.
    pub source: String,
    /// SHA-256 of that file, in hexadecimal.
    pub source_sha256: String,
    /// The network.
    pub network: &'a Network,
    /// Its classes.
    pub classes: &'a [Class],
    /// What its input is normalised with.
    pub normalisation: Normalisation,
    /// How that is known, for people.
    pub normalised_because: String,
    /// Sizes.
    pub sizes: Sizes,
    /// Licence of the weights, as the person says.
    pub licence: Option<String>,
    /// Where the weights come from, as the person says.
    pub origin: Option<String>,
    /// Further lines of the card: a ranking, a comparison.
    pub notes: Vec<String>,
    /// Files of pictures that every engine is held against the reference on before it runs the bundle.
    pub pictures: Vec<PathBuf>,
}

impl Draft<'_> {
    /// Writes everything into a new folder beside the place that it is for.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn stage(&self, out: &Path) -> Result<Staged, AdoptError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".lookout-adopt-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let parent = parent(out);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| AdoptError::Write { path, cause }
        };
        fs::create_dir_all(&parent).map_err(failed(&parent))?;
        let folder = builder.tempdir_in(&parent).map_err(failed(&parent))?;
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).map_err(failed(&path))
        };
        write(GRAPH, &self.network.graph)?;
        let mut manifest = self.manifest();
        manifest.push_str(&self.acceptance());
        for (number, picture) in self.pictures.iter().enumerate() {
            let bytes = fs::read(picture).map_err(|cause| AdoptError::Read {
                path: picture.clone(),
                cause,
            })?;
            let name = picture_name(number, picture);
            write(&name, &bytes)?;
            let _ = writeln!(
                manifest,
                "pictures.{} = \"{}\"",
                quoted(&name),
                sha256(&bytes)
            );
        }
        write(MANIFEST, manifest.as_bytes())?;
        write(CARD, self.card().as_bytes())?;
        Ok(Staged { folder })
    }

    fn manifest(&self) -> String {
        let mut text = String::new();
        let network = self.network;
        let Normalisation { mean, std } = self.normalisation;
        let stated = |text: &Option<String>| quoted(text.as_deref().unwrap_or(NOT_STATED));
        let sizes = match self.sizes {
            Sizes::Rows { full, reduced } => {
                format!("full_height = {full}\nreduced_height = {reduced}")
            }
            Sizes::Fixed { width, height, fit } => {
                format!(
                    "fixed = {{ width = {width}, height = {height}, fit = {} }}",
                    quoted(fit)
                )
            }
        };
        let names = network.activations.iter().map(|a| quoted(&a.name));
        let names: Vec<_> = names.collect();
        // a text takes all that is written to it
        let _ = write!(
            text,
            "# A lookout bundle, made by `lookout adopt`. The card beside this file says of what and how.\n\
             format = 1\n\
             name = {}\n\
             version = \"1.0.0\"\n\
             description = {}\n\
             \n\
             [input]\n\
             mean = {mean:?}\n\
             std = {std:?}\n\
             {sizes}\n\
             \n\
             [segmentation]\n\
             file = \"{GRAPH}\"\n\
             sha256 = \"{}\"\n\
             image = \"{}\"\n\
             logits = \"{}\"\n\
             stride = {}\n{}\
             activations = [{}]\n\
             \n\
             [provenance]\n\
             data = {}\n\
             licence = {}\n\
             training = {}\n",
            quoted(&self.name),
            quoted(&format!(
                "{} classes, adopted from {}",
                self.classes.len(),
                self.source
            )),
            sha256(&network.graph),
            crate::input::IMAGE,
            crate::output::LOGITS,
            network.stride,
            match network.logits.labels {
                true => "labels_only = true\n",
                false => "",
            },
            names.join(", "),
            stated(&self.origin),
            stated(&self.licence),
            quoted(&format!(
                "not by lookout; adopted from {} (sha256 {})",
                self.source, self.source_sha256
            )),
        );
        for class in self.classes {
            let _ = write!(
                text,
                "\n[[class]]\nname = {}\ncolor = {:?}\n",
                quoted(&class.name),
                class.color
            );
        }
        text
    }

    /// The table of what engines are held to, where it says more than its defaults; pictures follow.
    fn acceptance(&self) -> String {
        let mut nodes = self.network.nodes.iter();
        let limits = match nodes.any(|(_, operator)| operator == "DequantizeLinear") {
            true => QUANTISED_LIMITS,
            false => "",
        };
        match limits.is_empty() && self.pictures.is_empty() {
            true => String::new(),
            false => format!("\n[acceptance]\n{limits}"),
        }
    }

    fn card(&self) -> String {
        let network = self.network;
        let stated = |text: &Option<String>| text.clone().unwrap_or(NOT_STATED.to_owned());
        let mut text = format!(
            "# {}\nA network of somebody else, made a bundle by `lookout adopt`.\n\n\
             | | |\n|---|---|\n\
             | file | {} |\n| SHA-256 of it | {} |\n| written by | {} |\n| origin, training data | {} |\n| licence | {} |\n\
             | normalisation | {} ({}) |\n\n",
            self.name,
            self.source,
            self.source_sha256,
            match network.producer.as_str() {
                "" => NOT_STATED,
                producer => producer,
            },
            stated(&self.origin),
            stated(&self.licence),
            self.normalisation,
            self.normalised_because,
        );
        let mut list = |title: &str, lines: &[String]| {
            if !lines.is_empty() {
                let _ = writeln!(text, "## {title}");
                lines.iter().for_each(|line| {
                    let _ = writeln!(text, "- {line}");
                });
                text.push('\n');
            }
        };
        list("What was found", &self.network.found());
        list("What was put before the network", &network.front.put_in);
        list("What was changed within it", &network.changed);
        list("What was cut off behind it", &network.logits.removed);
        list("What was put behind it", &network.put_behind);
        let activations = network.activations.iter().map(|a| {
            let (name, tensor) = (&a.name, &a.tensor);
            format!(
                "{name}: {} planes at stride {}, in the graph {tensor:?}",
                a.channels, a.stride
            )
        });
        list(
            "What comes out for an observer",
            &activations.collect::<Vec<_>>(),
        );
        list("Notes", &self.notes);
        text
    }
}

impl Network {
    /// What was found, for people, a line each.
    pub fn found(&self) -> Vec<String> {
        let mut lines = self.front.found.clone();
        let logits = &self.logits;
        let (w, h) = logits.size;
        if logits.labels {
            lines.push(format!(
                "labels: {:?}, {w}x{h}, and no logits: the scores softmax, max-logit, entropy and energy are impossible. The \
                 bundle is for an observer alone, and runs when it has one (lookout-train observer)",
                logits.output
            ));
            return lines;
        }
        lines.push(format!(
            "logits: {:?}, {} classes, {w}x{h}, behind the output {:?}",
            logits.tensor, logits.classes, logits.output
        ));
        lines.push(format!(
            "they come out with a stride of {} pixels",
            self.stride
        ));
        if let Some(why) = logits.kept {
            lines.push(format!(
                "the network's own Resize stays in front of them: {why}; --resize cut takes it off, for fewer logits and other \
                 classes in places"
            ));
        }
        lines
    }
}

/// A bundle that is written, and not in its place yet. It goes away where it is not put there.
#[derive(Debug)]
pub struct Staged {
    folder: TempDir,
}

impl Staged {
    /// The temporary folder that holds the bundle.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds lines to the card.
    ///
    /// # Errors
    /// The card cannot be written.
    pub fn note(&self, title: &str, lines: &[String]) -> Result<(), AdoptError> {
        let path = self.path().join(CARD);
        let add = || {
            let mut text = fs::read_to_string(&path)?;
            text.push_str(&format!("## {title}\n"));
            lines
                .iter()
                .for_each(|line| text.push_str(&format!("- {line}\n")));
            fs::write(&path, text)
        };
        add().map_err(|cause| AdoptError::Write {
            path: path.clone(),
            cause,
        })
    }

    /// Puts it in its place; what was there is replaced only now.
    ///
    /// # Errors
    /// It cannot be moved; what was there is there still then.
    pub fn keep(self, out: &Path) -> Result<(), AdoptError> {
        let failed = |cause| AdoptError::Write {
            path: out.to_owned(),
            cause,
        };
        let parent = parent(out);
        let former = match out.symlink_metadata() {
            Ok(_) => {
                let aside = tempfile::Builder::new()
                    .prefix(".lookout-former-")
                    .tempdir_in(&parent)
                    .map_err(failed)?;
                fs::rename(out, aside.path().join("bundle")).map_err(failed)?;
                Some(aside)
            }
            Err(_) => None,
        };
        match fs::rename(self.path(), out) {
            Ok(()) => {
                // it is not there under its old name any more
                let _ = self.folder.keep();
                Ok(())
            }
            Err(cause) => {
                if let Some(aside) = former {
                    let _ = fs::rename(aside.path().join("bundle"), out);
                }
                Err(failed(cause))
            }
        }
    }
}

/// What a picture is called in the bundle.
fn picture_name(number: usize, picture: &Path) -> String {
    let extension = picture.extension().unwrap_or_default().to_string_lossy();
    format!("acceptance-{}.{extension}", number + 1)
}

fn parent(out: &Path) -> PathBuf {
    match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
