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
    /// Said of a key without this field.
    absent: &'static str,
}

/// By name; the order is that of the text.
pub(super) type Fields = BTreeMap<String, Field>;

struct Writer(Fields);

impl Writer {
    fn put(&mut self, name: impl Into<String>, label: impl Into<String>, toml: String) {
        let shown = toml.clone();
        self.shown(name, label, toml, shown);
    }

    fn text(&mut self, name: impl Into<String>, label: impl Into<String>, text: &str) {
        self.shown(name, label, quoted(text), text.to_owned());
    }

    fn digest(&mut self, name: &str, label: &str, digest: &Digest) {
        self.shown(name, label, quoted(&digest.to_string()), digest.short());
    }

    fn shown(
        &mut self,
        name: impl Into<String>,
        label: impl Into<String>,
        toml: String,
        shown: String,
    ) {
        let label = label.into();
        let absent = "none";
        let field = Field {
            toml,
            label,
            shown,
            absent,
        };
        self.0.insert(name.into(), field);
    }

    /// Says of the field that without it the library decides.
    fn or_default(&mut self, name: &str) {
        if let Some(field) = self.0.get_mut(name) {
            field.absent = "default";
        }
    }

    fn device(&mut self, device: &Device) {
        let Device {
            gpu,
            compute_capability: (major, minor),
            multiprocessors,
            driver,
        } = device;
        self.text("gpu", "GPU", gpu);
        let capability = format!("{major}.{minor}");
        self.text("compute_capability", "compute capability", &capability);
        let count = multiprocessors.to_string();
        self.put("multiprocessors", "multiprocessors", count);
        self.text("driver", "GPU driver", driver);
    }

    fn library(&mut self, library: &Library) {
        let Library { flavour, version } = library;
        self.text("tensorrt", "TensorRT", version);
        self.text("tensorrt_flavour", "TensorRT flavour", flavour.name());
    }

    fn nvrtc(&mut self, version: &str) {
        self.text("nvrtc", "NVRTC", version);
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
        self.text("precision", "precision", precision.name());
        if let Some(core) = dla {
            self.put("dla", "DLA core", core.to_string());
        }
        if let Some(bytes) = workspace {
            self.shown("workspace", "workspace", bytes.to_string(), memory(*bytes));
            self.or_default("workspace");
        }
        if let Some(level) = optimization_level {
            let name = "optimization_level";
            self.put(name, "optimisation level", level.to_string());
            self.or_default(name);
        }
        let detailed = detailed_profile.to_string();
        self.put("detailed_profile", "detailed profile", detailed);
        if let Some(digest) = calibration {
            self.digest("calibration", "INT8 calibration", digest);
        }
        for flag in flags {
            let name = format!("flag.{}", name_part(flag));
            self.put(name, format!("flag {flag}"), "true".to_owned());
        }
        self.put("profiles", "number of profiles", profiles.len().to_string());
        for (i, profile) in profiles.iter().enumerate() {
            for (input, range) in profile {
                let name = format!("profile.{i}.{}", name_part(input));
                self.text(
                    name,
                    format!("shapes of {input} in profile {i}"),
                    &shapes(range),
                );
            }
        }
    }

    fn kernels(&mut self, kernels: &KernelRecipe) {
        let KernelRecipe { nvrtc, options } = kernels;
        self.nvrtc(nvrtc);
        self.put(
            "options",
            "number of compiler options",
            options.len().to_string(),
        );
        for (i, option) in options.iter().enumerate() {
            self.text(
                format!("option.{i}"),
                format!("compiler option {i}"),
                option,
            );
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
        to.put("format", "format", FORMAT.to_string());
        to.text("artefact", "artefact", self.artefact().name());
        to.device(device);
        match recipe {
            Recipe::Plan(plan) => {
                to.digest("source", "network", source);
                to.plan(plan);
            }
            Recipe::Kernels(kernels) => {
                to.digest("source", "source text", source);
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
        let shown = |f: Option<&Field>| f.map_or(either.absent.to_owned(), |f| f.shown.clone());
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
