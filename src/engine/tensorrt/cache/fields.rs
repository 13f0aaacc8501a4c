//! A key as named fields, for people: what every comparison is made of.

use std::collections::BTreeMap;
use std::fmt;

use super::key::{Device, Environment, KernelRecipe, Key, Library, PlanRecipe, Recipe, ShapeRange};
use serde::Serialize;

/// A field that two keys do not have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Name of the field.
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

/// A value as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    label: String,
    value: String,
}

/// By name, ascending.
pub(super) type Fields = BTreeMap<String, Field>;

struct Writer(Fields);

impl Writer {
    fn add(&mut self, name: impl Into<String>, label: impl Into<String>, value: impl ToString) {
        let (label, value) = (label.into(), value.to_string());
        self.0.insert(name.into(), Field { label, value });
    }

    fn device(&mut self, device: &Device) {
        let Device {
            gpu,
            compute_capability: (major, minor),
            multiprocessors,
            driver,
        } = device;
        self.add("gpu", "GPU", gpu);
        let capability = format!("{major}.{minor}");
        self.add("compute_capability", "compute capability", capability);
        self.add("multiprocessors", "multiprocessors", multiprocessors);
        self.add("driver", "GPU driver", driver);
    }

    fn library(&mut self, library: &Library) {
        let Library { flavour, version } = library;
        self.add("tensorrt", "TensorRT", version);
        self.add("tensorrt_flavour", "TensorRT flavour", flavour.name());
    }

    fn nvrtc(&mut self, version: &str) {
        self.add("nvrtc", "NVRTC", version);
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
        self.add("precision", "precision", precision.name());
        if let Some(core) = dla {
            self.add("dla", "DLA core", core);
        }
        if let Some(bytes) = *workspace {
            self.add("workspace", "workspace", memory(bytes));
        }
        if let Some(level) = optimization_level {
            self.add("optimization_level", "optimisation level", level);
        }
        self.add("detailed_profile", "detailed profile", detailed_profile);
        if let Some(cache) = calibration {
            self.add("calibration", "INT8 calibration", cache.short());
        }
        for flag in flags {
            self.add(format!("flag.{flag}"), format!("flag {flag}"), true);
        }
        self.add("profiles", "number of profiles", profiles.len());
        for (i, profile) in profiles.iter().enumerate() {
            for (input, range) in profile {
                let name = format!("profile.{i}.{input}");
                let label = format!("shapes of {input} in profile {i}");
                self.add(name, label, shapes(range));
            }
        }
    }

    fn kernels(&mut self, kernels: &KernelRecipe) {
        let KernelRecipe { nvrtc, options } = kernels;
        self.nvrtc(nvrtc);
        self.add("options", "number of compiler options", options.len());
        for (i, option) in options.iter().enumerate() {
            let label = format!("compiler option {i}");
            self.add(format!("option.{i}"), label, option);
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
        to.add("artefact", "artefact", self.artefact());
        to.device(device);
        match recipe {
            Recipe::Plan(plan) => {
                to.add("source", "network", source.short());
                to.plan(plan);
            }
            Recipe::Kernels(kernels) => {
                to.add("source", "source text", source.short());
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
        if a.map(|f| &f.value) == b.map(|f| &f.value) {
            return None;
        }
        let either = a.or(b)?;
        // without these the library decides
        let absent = match name.as_str() {
            "workspace" | "optimization_level" => "default",
            _ => "none",
        };
        let shown = |f: Option<&Field>| f.map_or(absent.to_owned(), |f| f.value.clone());
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
fn shapes(range: &ShapeRange) -> String {
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
