//! Anomaly masks: which file belongs to which picture, and what its values mean.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use lookout::evaluate::{ANOMALOUS, IGNORE, NORMAL};

use super::grey::{Grey, place, read_grey};
use super::listing::{Picture, PictureArgs, partners};

/// What the values of masks mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Convention {
    /// 0 known, 255 anomalous, 128 ignored
    Lookout,
    /// 0 known, 1 anomalous, 255 ignored
    Fishyscapes,
    /// The same as fishyscapes
    SegmentMeIfYouCan,
}

impl Convention {
    fn name(self) -> &'static str {
        match self {
            Self::Lookout => "lookout",
            Self::Fishyscapes => "fishyscapes",
            Self::SegmentMeIfYouCan => "segment-me-if-you-can",
        }
    }

    /// Values of anomalous and of ignored pixels.
    fn values(self) -> (u8, u8) {
        match self {
            Self::Lookout => (255, 128),
            Self::Fishyscapes | Self::SegmentMeIfYouCan => (1, 255),
        }
    }
}

/// The flags that say how masks are read.
#[derive(Debug, clap::Args)]
pub(crate) struct MaskArgs {
    /// What the values of masks mean. Told by the whole set where a 1 or a 128 in it leaves no
    /// doubt; a set of 0 and 255 only is refused without this, since 255 is the anomaly in some
    /// sets and what is not judged in others
    #[arg(long, value_name = "NAME", value_enum)]
    mask_convention: Option<Convention>,
    /// What the names of masks have after the picture's, before `.png`: `_labels_semantic`
    #[arg(long, value_name = "TEXT", default_value = "")]
    mask_suffix: String,
    #[command(flatten)]
    pub(crate) pictures: PictureArgs,
}

/// The masks of a set.
pub(crate) struct Masks {
    files: Vec<PathBuf>,
    convention: Convention,
    /// How the convention is known, for people.
    because: &'static str,
}

impl Masks {
    /// Finds a mask for every picture, and what their values mean.
    pub(crate) fn open(pictures: &[Picture], folder: &Path, args: &MaskArgs) -> Result<Self> {
        let files = partners(pictures, folder, &args.mask_suffix, "mask")?;
        let (convention, because) = match args.mask_convention {
            Some(given) => (given, "given"),
            None => detect_convention(&files).with_context(|| {
                format!("cannot tell what the masks in {} mean", folder.display())
            })?,
        };
        Ok(Self {
            files,
            convention,
            because,
        })
    }

    /// Name of the convention.
    pub(crate) fn convention(&self) -> &'static str {
        self.convention.name()
    }

    /// What the values mean and how that is known, for people.
    pub(crate) fn meaning(&self) -> String {
        let (anomalous, ignored) = self.convention.values();
        format!(
            "0 known, {anomalous} anomalous, {ignored} ignored (--mask-convention {}, {})",
            self.convention.name(),
            self.because
        )
    }

    /// The labels of one picture in the terms of the histograms, and their size, which is that of
    /// the picture if one is given.
    pub(crate) fn labels(
        &self,
        at: usize,
        picture: Option<(&Path, (u32, u32))>,
    ) -> Result<(Vec<u8>, (u32, u32))> {
        let path = self.files.get(at).context("a mask is missing")?;
        let mask = read_grey(path)?;
        if let Some((picture, size)) = picture {
            mask.expect_size(path, size, picture)?;
        }
        let (anomalous, ignored) = self.convention.values();
        let label = |(at, &value): (usize, &u8)| match value {
            0 => Ok(NORMAL),
            1 if mask.one_bit => Ok(ANOMALOUS),
            value if value == anomalous => Ok(ANOMALOUS),
            value if value == ignored => Ok(IGNORE),
            value => bail!(
                "{}: value {value} at {}; masks have {}",
                path.display(),
                place(at, mask.size),
                self.meaning()
            ),
        };
        let labels = mask.pixels.iter().enumerate().map(label);
        Ok((labels.collect::<Result<_>>()?, mask.size))
    }
}

/// First files with something in them.
#[derive(Default)]
struct Seen<'a> {
    one: Option<&'a Path>,
    half: Option<&'a Path>,
    white: Option<&'a Path>,
    one_bit: Option<&'a Path>,
}

impl<'a> Seen<'a> {
    fn add(&mut self, path: &'a Path, mask: &Grey) -> Result<()> {
        if mask.one_bit {
            self.one_bit.get_or_insert(path);
            return Ok(());
        }
        for (at, value) in mask.pixels.iter().enumerate() {
            let first = match value {
                0 => continue,
                1 => &mut self.one,
                128 => &mut self.half,
                255 => &mut self.white,
                _ => bail!(
                    "{}: value {value} at {}; a mask has 0, 255 and 128, or 0, 1 and 255",
                    path.display(),
                    place(at, mask.size)
                ),
            };
            first.get_or_insert(path);
        }
        Ok(())
    }
}

/// The convention of a set, and what tells it.
fn detect_convention(files: &[PathBuf]) -> Result<(Convention, &'static str)> {
    let mut seen = Seen::default();
    for path in files {
        seen.add(path, &read_grey(path)?)?;
    }
    match seen {
        Seen {
            one: Some(one),
            half: Some(half),
            ..
        } => bail!(
            "{} has the value 1 and {} the value 128, which no one convention has: keep sets of \
             different origin in different folders",
            one.display(),
            half.display()
        ),
        Seen {
            one: Some(one),
            one_bit: Some(bit),
            ..
        } => bail!(
            "{} has 0, 1 and 255, {} one bit a pixel, in which 255 (ignored) may have become 1: \
             write it in 8 bits, or pass --mask-convention fishyscapes where its 1 is anomalous",
            one.display(),
            bit.display()
        ),
        Seen { one: Some(_), .. } => Ok((Convention::Fishyscapes, "told by the value 1 in them")),
        Seen { half: Some(_), .. } => Ok((Convention::Lookout, "told by the value 128 in them")),
        Seen {
            white: Some(white), ..
        } => bail!(
            "they have no values but 0 and 255, as in {}, and 255 is anomalous in some sets and \
             ignored in others: pass --mask-convention lookout where it is anomalous, \
             --mask-convention fishyscapes where it is ignored (and 1 anomalous)",
            white.display()
        ),
        Seen {
            one_bit: Some(_), ..
        } => Ok((Convention::Fishyscapes, "of one bit a pixel")),
        Seen { .. } => Ok((Convention::Lookout, "no value but 0 in them")),
    }
}
