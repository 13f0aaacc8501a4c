//! The classes that a rendered pixel can have.

/// CamVid's eleven classes (Brostow et al. 2009, in the grouping of SegNet) and `Void`.
///
/// The numeric value is the id written to [`Rendered::class`](crate::Rendered::class).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// Sky and clouds.
    Sky = 0,
    /// Buildings, walls, roofs, chimneys.
    Building = 1,
    /// Lamp posts, sign posts, bollards.
    Pole = 2,
    /// Carriageway with its markings.
    Road = 3,
    /// Pavement with its kerb.
    Pavement = 4,
    /// Trees, hedges, grass.
    Tree = 5,
    /// Signs, shop signs, traffic lights.
    SignSymbol = 6,
    /// Railings and panel fences.
    Fence = 7,
    /// Cars, vans, buses.
    Car = 8,
    /// People on foot.
    Pedestrian = 9,
    /// People on bicycles, with the bicycle.
    Bicyclist = 10,
    /// None of the above: the anomaly.
    Void = 11,
}

impl Class {
    /// Every class, in the order of the ids.
    pub const ALL: [Class; 12] = [
        Class::Sky,
        Class::Building,
        Class::Pole,
        Class::Road,
        Class::Pavement,
        Class::Tree,
        Class::SignSymbol,
        Class::Fence,
        Class::Car,
        Class::Pedestrian,
        Class::Bicyclist,
        Class::Void,
    ];

    /// The id, 0 to 11.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The name as CamVid's tools write it.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Sky => "Sky",
            Class::Building => "Building",
            Class::Pole => "Pole",
            Class::Road => "Road",
            Class::Pavement => "Pavement",
            Class::Tree => "Tree",
            Class::SignSymbol => "SignSymbol",
            Class::Fence => "Fence",
            Class::Car => "Car",
            Class::Pedestrian => "Pedestrian",
            Class::Bicyclist => "Bicyclist",
            Class::Void => "Void",
        }
    }
}
