//! A key as named fields: what its text and every comparison are made of.

use std::collections::BTreeMap;
use std::fmt;

use super::digest::Digest;
use super::key::{Device, Environment, KernelRecipe, Key, Library, PlanRecipe, Recipe, ShapeRange};
use serde::Serialize;

/// Version of the key's text and of the entries; another one is another key.
pub(super) const FORMAT: u32 = 1;

/// A field that two keys do not have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Name of the field in the key's text.
    pub field: String,
    /// The same for people.
    pub label: String,
    /// Value of the first key.
    pub was: String,
    /// Value of the second.
    pub now: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.label, self.was, self.now)
    }
}

/// A value, as the text and as people have it.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) toml: String,
    label: String,
    shown: String,
}

/// By name; the order is that of the text.
pub(super) type Fields = BTreeMap<String, Field>;

/// What the text has, and what people see.
type Value = (String, String);

fn plain(value: impl fmt::Display) -> Value {
    (value.to_string(), value.to_string())
}

fn text(text: &str) -> Value {
    (quoted(text), text.to_owned())
}

fn digest(digest: &Digest) -> Value {
    (quoted(&digest.to_string()), digest.short())
}

struct Writer(Fields);

impl Writer {
    fn add(&mut self, name: impl Into<String>, label: impl Into<String>, value: Value) {
        let (toml, shown) = value;
        let label = label.into();
        let field = Field { toml, label, shown };
        self.0.insert(name.into(), field);
    }

    fn device(&mut self, device: &Device) {
        let Device {
            gpu,
            compute_capability: (major, minor),
            multiprocessors,
            driver,
        } = device;
        self.add("gpu", "GPU", text(gpu));
        let capability = text(&format!("{major}.{minor}"));
        self.add("compute_capability", "compute capability", capability);
        self.add("multiprocessors", "multiprocessors", plain(multiprocessors));
        self.add("driver", "GPU driver", text(driver));
    }

    fn library(&mut self, library: &Library) {
        let Library { flavour, version } = library;
        self.add("tensorrt", "TensorRT", text(version));
        self.add("tensorrt_flavour", "TensorRT flavour", text(flavour.name()));
    }

    fn nvrtc(&mut self, version: &str) {
        self.add("nvrtc", "NVRTC", text(version));
    }

    fn plan(&mut self, plan: &PlanRecipe) {
        let PlanRecipe {
            graph: _, // it is the artefact
            library,
            precision,
            dla,
            workspace,
            optimization_level,
            detailed_profile,
            calibration,
            flags,
            profiles,
        } = plan;
        self.library(library);
        self.add("precision", "precision", text(precision.name()));
        if let Some(core) = dla {
            self.add("dla", "DLA core", plain(core));
        }
        if let Some(bytes) = *workspace {
            self.add("workspace", "workspace", (bytes.to_string(), memory(bytes)));
        }
        if let Some(level) = optimization_level {
            self.add("optimization_level", "optimisation level", plain(level));
        }
        let detailed = plain(detailed_profile);
        self.add("detailed_profile", "detailed profile", detailed);
        if let Some(cache) = calibration {
            self.add("calibration", "INT8 calibration", digest(cache));
        }
        for flag in flags {
            let name = format!("flag.{}", name_part(flag));
            self.add(name, format!("flag {flag}"), plain(true));
        }
        self.add("profiles", "number of profiles", plain(profiles.len()));
        for (i, profile) in profiles.iter().enumerate() {
            for (input, range) in profile {
                let name = format!("profile.{i}.{}", name_part(input));
                let label = format!("shapes of {input} in profile {i}");
                self.add(name, label, text(&shapes(range)));
            }
        }
    }

    fn kernels(&mut self, kernels: &KernelRecipe) {
        let KernelRecipe { nvrtc, options } = kernels;
        self.nvrtc(nvrtc);
        let count = plain(options.len());
        self.add("options", "number of compiler options", count);
        for (i, option) in options.iter().enumerate() {
            let label = format!("compiler option {i}");
            self.add(format!("option.{i}"), label, text(option));
        }
    }
}

impl Key {
    pub(super) fn fields(&self) -> Fields {
        let Key {
            source,
            device,
            recipe,
        } = self;
        let mut to = Writer(Fields::new());
        to.add("format", "format", plain(FORMAT));
        to.add("artefact", "artefact", text(self.artefact().name()));
        to.device(device);
        match recipe {
            Recipe::Plan(plan) => {
                to.add("source", "network", digest(source));
                to.plan(plan);
            }
            Recipe::Kernels(kernels) => {
                to.add("source", "source text", digest(source));
                to.kernels(kernels);
            }
        }
        to.0
    }

    /// What must change in this key to make it the other one, by the fields' names.
    pub fn differences(&self, other: &Key) -> Vec<Difference> {
        compare(&self.fields(), &other.fields())
    }

    /// What keeps an artefact of this key from being used on a machine; none where it fits.
    pub fn misfits(&self, machine: &Environment) -> Vec<Difference> {
        let Environment {
            device,
            library,
            nvrtc,
        } = machine;
        let (mut was, mut now) = (Writer(Fields::new()), Writer(Fields::new()));
        was.device(&self.device);
        now.device(device);
        match &self.recipe {
            Recipe::Plan(plan) => {
                was.library(&plan.library);
                if let Some(library) = library {
                    now.library(library);
                }
            }
            Recipe::Kernels(kernels) => {
                was.nvrtc(&kernels.nvrtc);
                if let Some(version) = nvrtc {
                    now.nvrtc(version);
                }
            }
        }
        compare(&was.0, &now.0)
    }
}

fn compare(was: &Fields, now: &Fields) -> Vec<Difference> {
    let difference = |name: &String| {
        let (a, b) = (was.get(name), now.get(name));
        if a.map(|f| &f.toml) == b.map(|f| &f.toml) {
            return None;
        }
        let either = a.or(b)?;
        // without these the library decides
        let absent = match name.as_str() {
            "workspace" | "optimization_level" => "default",
            _ => "none",
        };
        let shown = |f: Option<&Field>| f.map_or(absent.to_owned(), |f| f.shown.clone());
        Some(Difference {
            field: name.clone(),
            label: either.label.clone(),
            was: shown(a),
            now: shown(b),
        })
    };
    let added = now.keys().filter(|name| !was.contains_key(*name));
    was.keys().chain(added).filter_map(difference).collect()
}

/// `1x3x224x32 1x3x352x640 1x3x352x2048`: smallest, best, largest.
pub(super) fn shapes(range: &ShapeRange) -> String {
    let ShapeRange { min, opt, max } = range;
    [min, opt, max].map(|shape| dimensions(shape)).join(" ")
}

fn dimensions(shape: &[u32]) -> String {
    let sides: Vec<String> = shape.iter().map(u32::to_string).collect();
    sides.join("x")
}

fn memory(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    match bytes.is_multiple_of(MIB) {
        true => format!("{} MiB", bytes / MIB),
        false => format!("{bytes} bytes"),
    }
}

/// A part of a dotted TOML name.
fn name_part(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !name.is_empty() && name.chars().all(bare) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

/// A TOML string on one line, always spelled the same way.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
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
