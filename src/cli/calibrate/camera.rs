//! `lookout calibrate camera`: how a camera sits, from the markings of a straight road.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use lookout::bag::{BagReader, MessageBuf};
use lookout::calibration::{CameraFile, LaneMarkings};
use lookout::decide::{Calibration, Mount};
use lookout::frame::{Decoder, Frame};
use lookout::msg::{CameraInfo, RosMessage, cdr};
use lookout::shutdown::Shutdown;

use crate::cli::Ending;
use crate::cli::camera::{self, Camera};
use crate::cli::pictures::{self, Pixels, note};

/// Frames that are looked at at most, spread over the bag.
const MOST_FRAMES: u64 = 400;
/// Colour of the paint that was found, in the picture.
const FOUND: [u8; 3] = [0, 255, 80];

/// Flags of `lookout calibrate camera`.
#[derive(Debug, clap::Args)]
pub(crate) struct CameraCalibrationArgs {
    /// rosbag2 folder, or one .mcap or .db3 file, of a straight, flat road with lane markings.
    bag: PathBuf,
    /// Image or CompressedImage topic; needed where the bag has several.
    #[arg(long)]
    topic: Option<String>,
    /// YAML file of the camera, in place of the camera_info beside the images.
    #[arg(long, value_name = "FILE")]
    camera: Option<PathBuf>,
    /// Width of the lane that the vehicle is in, from the middle of one marking to that of the other.
    #[arg(long, value_name = "M", value_parser = width)]
    lane_width: f64,
    /// Roll that the camera is known to have, in degrees, right side down positive.
    #[arg(
        long,
        default_value_t = 0.0,
        value_name = "DEG",
        allow_negative_numbers = true
    )]
    roll: f64,
    /// File to write; stdout without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// PNG of the frame with most paint, and the paint that was used.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

fn width(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(m) if (0.5..=20.0).contains(&m) => Ok(m),
        _ => Err(format!("{text:?} is not a number in 0.5..=20")),
    }
}

/// Runs the command.
pub(crate) fn run(args: &CameraCalibrationArgs) -> Result<Ending> {
    ensure!(
        args.roll.abs() <= Mount::MAX_TILT,
        "--roll is {} degrees, not within {}",
        args.roll,
        Mount::MAX_TILT
    );
    let shutdown = Shutdown::on_signals()?;
    let mut reader = BagReader::open(&args.bag)?;
    let topic = camera::select(&mut reader, args.topic.as_deref())?;
    let (info, rectified) = CameraInfo::topic_beside(&topic.name);
    let mut calibration: Option<Calibration> = match &args.camera {
        Some(path) => Some(CameraFile::read(path)?.calibration),
        None => {
            reader.follow(&info);
            None
        }
    };
    let every = topic
        .message_count
        .unwrap_or(0)
        .div_ceil(MOST_FRAMES)
        .max(1);
    let bar = ProgressBar::new(topic.message_count.unwrap_or(0));
    let mut markings: Option<LaneMarkings> = None;
    let (mut message, mut decoder, mut frame) =
        (MessageBuf::new(), Decoder::default(), Frame::new());
    let mut shown = Frame::new();
    let mut number = 0;
    while reader.read_next(&mut message)? {
        if let Some(code) = shutdown.exit_code() {
            return Ok(Ending::Interrupted(code));
        }
        if message.type_name() == CameraInfo::TYPE {
            if calibration.is_none() {
                let info = cdr::from_slice::<CameraInfo>(message.data())?;
                // a file has no binning and no window
                calibration = Some(info.calibration(rectified).as_shown()?);
            }
            continue;
        }
        bar.inc(1);
        number += 1;
        // the frames before the first camera_info are not waited for
        let Some(calibration) = calibration.as_ref().filter(|_| number % every == 0) else {
            continue;
        };
        decoder.decode(&Camera::parse(&message)?.view(), &mut frame)?;
        let camera = lookout::decide::Camera::new(calibration)?;
        ensure!(
            camera.image_size() == (frame.width(), frame.height()),
            "the camera is calibrated for pictures of {:?}, and these have {:?}",
            camera.image_size(),
            (frame.width(), frame.height())
        );
        let markings = markings.get_or_insert_with(|| LaneMarkings::new(camera, args.roll));
        if markings.add(&frame) {
            shown.clone_from(&frame);
        }
    }
    bar.finish_and_clear();
    let (Some(calibration), Some(markings)) = (calibration, markings) else {
        anyhow::bail!(
            "nothing is known of the camera: the bag has no camera_info on {info} before its pictures; \
             give --camera FILE"
        );
    };
    let found = markings.mount(args.lane_width)?;
    if let Some(path) = &args.picture {
        let size = (shown.width(), shown.height());
        for (x, y) in markings.fullest_paint(&found.mount) {
            for x in x.saturating_sub(1)..=(x + 1).min(size.0 - 1) {
                let at = 3 * (y as usize * size.0 as usize + x as usize);
                if let Some(pixel) = shown.pixels_mut().get_mut(at..at + 3) {
                    pixel.copy_from_slice(&FOUND);
                }
            }
        }
        pictures::write_png(path, size, Pixels::Rgb(shown.pixels()))?;
    }
    let file = CameraFile {
        calibration,
        mount: Some(found.mount),
    };
    let text = file.to_yaml();
    match &args.out {
        Some(path) => pictures::replace_file(path, |out| Ok(out.write_all(text.as_bytes())?))?,
        None => {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes())
                .context("cannot write to stdout")?;
        }
    }
    let mount = found.mount;
    note(format_args!(
        "camera {:.2} m high (± {:.2}), pitch {:.2} ± {:.2} degrees, yaw {:.2}; lines pass the vanishing \
         point by {:.2} degrees; {} frames show the lane",
        mount.height_m,
        found.height_spread_m,
        mount.pitch_deg,
        mount.pitch_uncertainty_deg,
        mount.yaw_deg,
        found.residual_deg,
        found.frames
    ));
    note(format_args!(
        "the height takes the nearest lines on either side for markings {} m apart: if they are kerbs or another lane's \
         (--picture shows them), give their distance as --lane-width",
        args.lane_width
    ));
    Ok(Ending::Done)
}
