//! What may happen to a node.

/// Where something panics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Stage,
    Segment,
    Observe,
    Upload,
    /// Where the status is handed to whoever publishes it.
    Status,
    /// Where the pictures are.
    Pictures,
}

impl Place {
    /// Round the engine, whose owner opens it again. Elsewhere nobody repairs anything.
    pub(super) const ENGINE: [Self; 4] = [Self::Stage, Self::Segment, Self::Observe, Self::Upload];
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// A frame that is so old, of a hazard or not, on which the segmentation and the handing out of the
    /// status take so long.
    Frame {
        age_ms: u64,
        hazard: bool,
        segment_ms: u64,
        publish_ms: u64,
        panic: Option<Place>,
        other_size: bool,
    },
    /// A message that cannot be read.
    Malformed,
    /// Time, in which the thread of the frames looks around or hangs.
    Time {
        ms: u64,
        hangs: bool,
    },
    /// Whether who asks still waits when it is looked at.
    Reset {
        waits: bool,
    },
    Enable(bool),
    /// The life cycle ends the judging; the thread of the frames goes on until `Activate`, as where messages wait
    /// before it.
    Deactivate,
    /// That thread ends, and the next begins.
    Activate,
    /// A panic that is nobody's.
    Lost,
}

impl What {
    /// A frame that nothing is wrong with.
    pub(super) const FRAME: Self = Self::Frame {
        age_ms: 10,
        hazard: false,
        segment_ms: 0,
        publish_ms: 0,
        panic: None,
        other_size: false,
    };

    /// The same of a hazard.
    pub(super) const HAZARD: Self = Self::Frame {
        age_ms: 10,
        hazard: true,
        segment_ms: 0,
        publish_ms: 0,
        panic: None,
        other_size: false,
    };

    /// The same, on which something panics.
    pub(super) fn with_panic(place: Place) -> Self {
        Self::Frame {
            age_ms: 10,
            hazard: false,
            segment_ms: 0,
            publish_ms: 0,
            panic: Some(place),
            other_size: false,
        }
    }
}
