//! Objects of no class that come onto the road.

mod animals;
mod encounter;
mod household;
mod medley;
mod things;

pub(crate) use encounter::{Encounter, Road};

use crate::builder::Builder;
use crate::noise::Stream;

/// Sorts of anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AnomalyKind {
    /// A cow, patched or of one colour.
    Cow,
    /// A sheep.
    Sheep,
    /// A pig.
    Pig,
    /// A mattress, lying or on edge.
    Mattress,
    /// Tyres in a stack or lying about.
    Tyres,
    /// A pile of crates.
    Crates,
    /// A boulder and smaller stones.
    Boulder,
    /// A fallen trunk with stumps of branches.
    Trunk,
    /// A wheelbarrow.
    Wheelbarrow,
    /// A fridge or washing machine.
    Fridge,
    /// A ladder.
    Ladder,
    /// A heap under a tarpaulin.
    Tarp,
    /// A big striped ball.
    Ball,
    /// Cardboard boxes.
    Cardboard,
    /// A pile of rubbish bags.
    Bags,
    /// Shapes and textures at random: like nothing in particular.
    Medley,
    /// A deer, with or without antlers.
    Deer,
    /// A dog.
    Dog,
    /// A sofa.
    Sofa,
    /// Oil barrels, standing or lying.
    Barrel,
    /// A shopping trolley.
    Trolley,
    /// A rolled carpet.
    Carpet,
    /// An upturned table.
    Table,
}

impl AnomalyKind {
    /// Kinds that training may show.
    pub const TRAINING: &'static [AnomalyKind] = &[
        AnomalyKind::Cow,
        AnomalyKind::Sheep,
        AnomalyKind::Pig,
        AnomalyKind::Mattress,
        AnomalyKind::Tyres,
        AnomalyKind::Crates,
        AnomalyKind::Boulder,
        AnomalyKind::Trunk,
        AnomalyKind::Wheelbarrow,
        AnomalyKind::Fridge,
        AnomalyKind::Ladder,
        AnomalyKind::Tarp,
        AnomalyKind::Ball,
        AnomalyKind::Cardboard,
        AnomalyKind::Bags,
        AnomalyKind::Medley,
    ];

    /// Kinds that training never shows: for the demo and for tests of what was learnt.
    pub const HELD_OUT: &'static [AnomalyKind] = &[
        AnomalyKind::Deer,
        AnomalyKind::Dog,
        AnomalyKind::Sofa,
        AnomalyKind::Barrel,
        AnomalyKind::Trolley,
        AnomalyKind::Carpet,
        AnomalyKind::Table,
    ];

    /// A name for people and for files: lower case, without spaces.
    pub const fn name(self) -> &'static str {
        match self {
            AnomalyKind::Cow => "cow",
            AnomalyKind::Sheep => "sheep",
            AnomalyKind::Pig => "pig",
            AnomalyKind::Mattress => "mattress",
            AnomalyKind::Tyres => "tyres",
            AnomalyKind::Crates => "crates",
            AnomalyKind::Boulder => "boulder",
            AnomalyKind::Trunk => "trunk",
            AnomalyKind::Wheelbarrow => "wheelbarrow",
            AnomalyKind::Fridge => "fridge",
            AnomalyKind::Ladder => "ladder",
            AnomalyKind::Tarp => "tarp",
            AnomalyKind::Ball => "ball",
            AnomalyKind::Cardboard => "cardboard",
            AnomalyKind::Bags => "bags",
            AnomalyKind::Medley => "medley",
            AnomalyKind::Deer => "deer",
            AnomalyKind::Dog => "dog",
            AnomalyKind::Sofa => "sofa",
            AnomalyKind::Barrel => "barrel",
            AnomalyKind::Trolley => "trolley",
            AnomalyKind::Carpet => "carpet",
            AnomalyKind::Table => "table",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<AnomalyKind> {
        Self::TRAINING
            .iter()
            .chain(Self::HELD_OUT)
            .copied()
            .find(|k| k.name() == name)
    }

    /// Whether it comes on its own feet (or rolls), rather than falling from a van.
    pub(crate) fn walks(self) -> bool {
        use AnomalyKind::*;
        matches!(self, Cow | Sheep | Pig | Ball | Deer | Dog)
    }

    /// Builds it standing at the builder's origin, its stride at `phase` (turns).
    pub(crate) fn build(self, b: &mut Builder<'_>, s: &mut Stream, phase: f32) {
        use AnomalyKind::*;
        match self {
            Cow | Sheep | Pig | Deer | Dog => animals::build(self, b, s, phase),
            Medley => medley::build(b, s),
            _ => things::build(self, b, s, phase),
        }
    }
}

/// What [`Drive::anomaly`](crate::Drive::anomaly) tells of a drive's anomaly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnomalyInfo {
    /// Its kind.
    pub kind: AnomalyKind,
    /// The kind's name.
    pub name: &'static str,
    /// First frame in which at least one pixel shows it; `None` where no frame does.
    pub first_visible_frame: Option<usize>,
    /// Extent across the street, upwards and along the street in metres, where it comes to rest.
    pub size_m: [f32; 3],
}
