//! The flags of `lookout adopt`.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use lookout_adopt::activations::Wanted;
use lookout_adopt::input::{ChannelOrder, InputOptions, Layout};
use lookout_adopt::network::Options;
use lookout_adopt::normalisation::Normalisation;
use lookout_adopt::output::Resize;

/// Makes a bundle of a segmentation network that is an ONNX graph
///
/// It finds the input and the logits, puts before the network what it needs (another layout, bytes, half precision), cuts
/// off what is behind the logits (ArgMax, Softmax, Resize, ...), says what it found and did, and tries the bundle on every
/// engine that is there. What the graph does not tell is asked for, by the option that says it.
#[derive(Debug, clap::Args)]
pub(crate) struct AdoptArgs {
    /// The graph; its numbers may be in files of the same folder
    #[arg(value_name = "MODEL.onnx", required_unless_present = "check")]
    pub(super) model: Option<PathBuf>,
    /// Folder of the bundle; it is there whole, or not at all
    #[arg(long, value_name = "BUNDLE", required_unless_present = "check")]
    pub(super) out: Option<PathBuf>,
    /// Replace a bundle that is there
    #[arg(long)]
    pub(super) force: bool,
    /// Names of the classes in the order of the network's numbers, a line each: `name`, or `name R G B` with a colour for
    /// pictures. What is behind a # is passed over
    #[arg(long, value_name = "FILE")]
    pub(super) classes: Option<PathBuf>,
    /// Ordinary pictures of the network's world (JPEG, PNG, WebP), for --probe, for --reference, and for the rows of the input
    #[arg(long, value_name = "DIR")]
    pub(super) images: Option<PathBuf>,
    /// Labels of these pictures, PNG files of the same names whose values are the network's classes; 255 is passed over
    #[arg(long, value_name = "DIR", requires = "probe")]
    pub(super) labels: Option<PathBuf>,
    /// Try the usual normalisations, and both orders of colours, on the pictures: the best is written. With --labels by mIoU,
    /// without by how sure and how steady the network is
    #[arg(long)]
    pub(super) probe: bool,
    /// Compare with what the network's own framework gave: NAME.npy, logits or labels, for a picture NAME in this folder or
    /// in --images. A difference over 0.01 is a failure
    #[arg(long, value_name = "DIR")]
    pub(super) reference: Option<PathBuf>,
    /// Check a bundle that was written by hand, on every engine that is there, and write nothing
    #[arg(long, value_name = "BUNDLE", exclusive = true)]
    pub(super) check: Option<PathBuf>,
    /// What the colours of a picture have to be, in place of --mean and --std
    #[arg(long, value_enum, conflicts_with_all = ["mean", "std"], allow_hyphen_values = true)]
    range: Option<Range>,
    /// Mean of red, green, blue; of 0 to 1, or of 0 to 255 where a number of --mean or --std is over 1
    #[arg(long, value_name = "R,G,B", value_parser = three, requires = "std", allow_hyphen_values = true)]
    mean: Option<[f32; 3]>,
    /// Standard deviation of red, green, blue, in the same terms
    #[arg(long, value_name = "R,G,B", value_parser = three, requires = "mean")]
    std: Option<[f32; 3]>,
    /// Which colour comes first in the network's input; red without it
    #[arg(long, value_enum)]
    pub(super) channel_order: Option<Order>,
    /// Where the input has the colours: planes (nchw), or three numbers a pixel (nhwc)
    #[arg(long, value_enum)]
    input_layout: Option<LayoutName>,
    /// Width and height that a network of free size gets, and no other
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    size: Option<(u32, u32)>,
    /// How a picture of another shape comes to the one size that a network takes
    #[arg(long, value_enum, default_value_t = Fit::Letterbox)]
    pub(super) fit: Fit,
    /// Rows of the input at full resolution, for a network of free size; as the first picture has, or 512, without it
    #[arg(long, value_name = "PIXELS")]
    pub(super) full_height: Option<u32>,
    /// Rows at reduced resolution; half of them without it
    #[arg(long, value_name = "PIXELS")]
    pub(super) reduced_height: Option<u32>,
    /// The output that has the logits, or labels or probabilities that are made of them
    #[arg(long, value_name = "NAME")]
    output: Option<String>,
    /// Where that output has the classes, as --input-layout
    #[arg(long, value_enum)]
    output_layout: Option<LayoutName>,
    /// What becomes of the network's own resizing of its logits. With keep they come out as large as it makes them, and cost
    /// the more time and memory; without this it is cut off where lookout gives the same classes without it
    #[arg(long, value_enum)]
    resize: Option<ResizeName>,
    /// What comes out for an observer: last (the last tensor at each stride of 4, 8, 16, 32), none, or names of tensors with
    /// commas between them
    #[arg(long, value_name = "last|none|NAMES", default_value = "last")]
    activations: String,
    /// Short name of the bundle; that of its folder without it
    #[arg(long, value_name = "TEXT")]
    pub(super) name: Option<String>,
    /// Licence of the weights
    #[arg(long, value_name = "TEXT")]
    pub(super) licence: Option<String>,
    /// Where the weights come from, and the data that they were trained on
    #[arg(long, value_name = "TEXT")]
    pub(super) origin: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Range {
    /// 0 to 1
    #[value(name = "0..1")]
    Unit,
    /// -1 to 1
    #[value(name = "-1..1")]
    Signed,
    /// 0 to 255
    #[value(name = "0..255")]
    Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Order {
    /// Red, green, blue
    Rgb,
    /// Blue, green, red, as OpenCV has it
    Bgr,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LayoutName {
    /// A plane a colour, or a class
    Nchw,
    /// The numbers of a pixel together
    Nhwc,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ResizeName {
    /// Logits of the network's own resolution
    Cut,
    /// Logits as large as the network makes them
    Keep,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Fit {
    /// It keeps its shape, in the middle
    Letterbox,
    /// It is stretched
    Stretch,
}

impl Fit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Letterbox => "letterbox",
            Self::Stretch => "stretch",
        }
    }
}

impl LayoutName {
    fn layout(self) -> Layout {
        match self {
            Self::Nchw => Layout::Nchw,
            Self::Nhwc => Layout::Nhwc,
        }
    }
}

impl AdoptArgs {
    /// What is said of the network.
    pub(super) fn network(&self) -> Result<Options> {
        Ok(Options {
            input: InputOptions {
                layout: self.input_layout.map(LayoutName::layout),
                order: match self.channel_order {
                    Some(Order::Bgr) => ChannelOrder::Bgr,
                    Some(Order::Rgb) | None => ChannelOrder::Rgb,
                },
                size: self.size,
            },
            output: self.output.clone(),
            resize: match self.resize {
                None => Resize::WhereSame,
                Some(ResizeName::Cut) => Resize::Cut,
                Some(ResizeName::Keep) => Resize::Keep,
            },
            classes: None,
            output_layout: self.output_layout.map(LayoutName::layout),
            activations: match self.activations.as_str() {
                "last" => Wanted::Last,
                "none" => Wanted::None,
                names => Wanted::Named(names.split(',').map(|n| n.trim().to_owned()).collect()),
            },
        })
    }

    /// What is said of the normalisation, and by what.
    pub(super) fn normalisation(&self) -> Result<Option<(Normalisation, String)>> {
        let range = self.range.map(|range| match range {
            Range::Unit => Normalisation::UNIT,
            Range::Signed => Normalisation::SIGNED,
            Range::Bytes => Normalisation::BYTES,
        });
        Ok(match (range, self.mean, self.std) {
            (Some(range), ..) => Some((range, "as --range says".to_owned())),
            (None, Some(mean), Some(std)) => {
                let given = Normalisation::given(mean, std)?;
                Some((given, "as --mean and --std say".to_owned()))
            }
            _ => None,
        })
    }
}

fn three(text: &str) -> Result<[f32; 3], String> {
    let wrong = || format!("{text:?} is not three numbers with commas between them");
    let numbers = text
        .split(',')
        .map(|n| n.trim().parse().map_err(|_| wrong()));
    let numbers: Vec<f32> = numbers.collect::<Result<_, _>>()?;
    numbers.try_into().map_err(|_| wrong())
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("{text:?} is not a size such as 640x480, with sides of 1 to 2048");
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let side = |text: &str| {
        let side = text.parse().map_err(|_| wrong())?;
        (1..=2048).contains(&side).then_some(side).ok_or_else(wrong)
    };
    Ok((side(width)?, side(height)?))
}
