//! `lookout adopt`: a bundle of a network that somebody has as an ONNX graph.

mod check;
mod compare;
mod engines;
mod options;
mod pictures;
mod ranking;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use lookout::model::Bundle;
use lookout_adopt::bundle::{Draft, Sizes, sha256};
use lookout_adopt::classes::{self, Class};
use lookout_adopt::input::ChannelOrder;
use lookout_adopt::load;
use lookout_adopt::network::{Network, Options};
use lookout_adopt::normalisation::Normalisation;

use self::engines::Runner;
pub(crate) use self::options::AdoptArgs;
use self::pictures::Pictures;
use super::pictures::note;

/// Rows of the input where no picture says how many.
const ROWS: u32 = 512;
/// Pictures that come into the bundle to hold engines to: each start takes their time on two engines.
const HELD_ON: usize = 3;
/// Rows that follow from a picture end here: more are too slow on most machines.
const MOST_ROWS: u32 = 1024;

/// Runs the command.
pub(crate) fn run(args: &AdoptArgs) -> Result<()> {
    if let Some(bundle) = &args.check {
        return check::run(bundle);
    }
    let (Some(model), Some(out)) = (&args.model, &args.out) else {
        bail!("a graph and --out are needed, or --check");
    };
    if is_taken(out) {
        spare(args, model, out)?;
    }
    adopt(args, model, out).with_context(|| format!("cannot adopt {}", model.display()))
}

/// Refuses to replace what is no bundle, or has something in it that is read.
fn spare(args: &AdoptArgs, model: &Path, out: &Path) -> Result<()> {
    let name = out.display();
    if !args.force {
        bail!("{name} already has something in it (--force replaces a bundle)");
    }
    if !out.join("model.toml").is_file() {
        bail!(
            "{name} has something in it and is no bundle, since it has no model.toml: it is not replaced, choose another folder"
        );
    }
    let out = out
        .canonicalize()
        .with_context(|| format!("cannot read {name}"))?;
    let read = [&args.classes, &args.images, &args.labels, &args.reference];
    let read = read.into_iter().flatten().map(PathBuf::as_path);
    for path in read.chain([model]) {
        if path.canonicalize().is_ok_and(|path| path.starts_with(&out)) {
            bail!(
                "{} is in {name}, which would be replaced: choose another folder",
                path.display()
            );
        }
    }
    Ok(())
}

fn is_taken(out: &Path) -> bool {
    match fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => out.symlink_metadata().is_ok(),
    }
}

fn adopt(args: &AdoptArgs, path: &Path, out: &Path) -> Result<()> {
    let named = named_classes(args)?;
    let pictures = args.images.as_deref().map(Pictures::of).transpose()?;
    let mut options = args.network()?;
    options.classes = named.as_ref().map(Vec::len);
    let model = load::read(path)?;
    let source_sha256 = sha256(&fs::read(path)?);
    let mut network = fit(&model, &options)?;
    if let (Some(named), Some(file)) = (&named, &args.classes)
        && named.len() != network.logits.classes
    {
        bail!(
            "{} has {} classes, and the network gives logits of {}; a line is a class, in the order of the network's \
             numbers, the background too",
            file.display(),
            named.len(),
            network.logits.classes
        );
    }
    let named = named.unwrap_or_else(|| {
        note("classes: no --classes, so they are called class-0, class-1, ...");
        classes::unnamed(network.logits.classes)
    });
    for line in network.found() {
        note(format_args!("found: {line}"));
    }

    let sizes = sizes(args, &network, pictures.as_ref())?;
    let mut notes = vec![];
    let known = known(args, &network)?;
    let normalised = match (args.probe, known) {
        (false, Some(known)) => known,
        (false, None) => bail!(
            "the graph does not tell what the colours of a picture have to be (0 to 1, -1 to 1, ImageNet's means, ...); say it \
             with --range, or with --mean and --std, or let --probe with --images DIR find it"
        ),
        (true, known) => {
            let Some(pictures) = &pictures else {
                bail!(
                    "--probe needs pictures: give --images DIR, and --labels DIR if there are labels"
                );
            };
            // the candidates put the colours in order themselves
            let mut red_first = options.clone();
            red_first.input.order = ChannelOrder::Rgb;
            let red_first = match options.input.order {
                ChannelOrder::Rgb => None,
                ChannelOrder::Bgr => Some(fit(&model, &red_first)?),
            };
            let normalisation = known.as_ref().map(|(normalisation, _)| *normalisation);
            let order = args.channel_order.map(|_| options.input.order);
            let ranking = ranking::rank(
                red_first.as_ref().unwrap_or(&network),
                (normalisation, order),
                pictures,
                args.labels.as_deref(),
                pictures::input_size(&sizes),
            )?;
            notes.extend(ranking.lines());
            let best = ranking.best();
            if best.order != options.input.order {
                options.input.order = best.order;
                network = fit(&model, &options)?;
            }
            (best.normalisation, ranking.because())
        }
    };
    drop(model);
    let (normalisation, because) = normalised;
    note(format_args!("normalisation: {normalisation} ({because})"));
    if options.input.order == Default::default() && !args.probe && args.channel_order.is_none() {
        note(
            "colours: assumed to be red, green, blue; --channel-order bgr is for networks that were trained with OpenCV's order",
        );
    }
    for (title, lines) in [
        ("put before", &network.front.put_in),
        ("changed within", &network.changed),
        ("cut off behind", &network.logits.removed),
        ("put behind", &network.put_behind),
    ] {
        for line in lines {
            note(format_args!("{title}: {line}"));
        }
    }
    for activation in &network.activations {
        note(format_args!(
            "comes out for an observer: {} ({:?}, {} planes, stride {})",
            activation.name, activation.tensor, activation.channels, activation.stride
        ));
    }
    if let Some(text) = network.differs() {
        note(format_args!("note: {text}"));
        notes.push(text);
    }
    if args.licence.is_none() || args.origin.is_none() {
        note(
            "licence and origin: not stated where --licence and --origin do not say them; whoever uses the bundle will ask",
        );
    }

    let draft = Draft {
        name: name(args, out),
        source: file_name(path),
        source_sha256,
        network: &network,
        classes: &named,
        normalisation,
        normalised_because: because,
        sizes,
        licence: args.licence.clone(),
        origin: args.origin.clone(),
        notes,
        pictures: match &pictures {
            Some(pictures) => pictures.some(HELD_ON).into_iter().map(|p| p.path).collect(),
            None => vec![],
        },
    };
    if !draft.pictures.is_empty() {
        note(format_args!(
            "put into the bundle: pictures that an engine is held against the reference on before it is used ({})",
            draft.pictures.len()
        ));
    }
    let staged = draft.stage(out)?;
    let bundle = Bundle::load(staged.path()).context("what was made is no bundle")?;
    let tried = engines::try_all(&bundle, &network.nodes);
    tried.print();
    staged.note("Engines", &tried.lines())?;
    if !tried.any() {
        bail!("no engine that is there can run the network, so nothing was written");
    }
    if let Some(folder) = &args.reference {
        let lines = compare::compare(&network, normalisation, folder, pictures.as_ref())?;
        staged.note("Compared with the framework's own output", &lines)?;
    }
    staged.keep(out)?;
    note(format_args!("written: {}", out.display()));
    note(match network.logits.labels {
        true => "next: lookout-train observer, since no score is possible without one",
        false => {
            "next: lookout calibrate for thresholds, or --threshold X --score max-logit to try it"
        }
    });
    Ok(())
}

/// The network, and if it needs one, its edited graph.
fn fit(model: &lookout_adopt::proto::Model, options: &Options) -> Result<Network> {
    Ok(Network::adopt(model.clone(), options, &mut Runner)?)
}

fn named_classes(args: &AdoptArgs) -> Result<Option<Vec<Class>>> {
    let Some(path) = &args.classes else {
        return Ok(None);
    };
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(classes::parse(&text, path)?))
}

/// The normalisation where the person or the graph says it, and how it is known.
fn known(args: &AdoptArgs, network: &Network) -> Result<Option<(Normalisation, String)>> {
    let given = args.normalisation()?;
    if network.front.takes_bytes() {
        if given.is_some() {
            bail!(
                "the network takes the bytes of a picture as they are, and normalises them itself: leave --range, --mean and --std out"
            );
        }
        let because = "the network takes the bytes of a picture as they are".to_owned();
        return Ok(Some((Normalisation::BYTES, because)));
    }
    if let Some((given, because)) = given {
        if let Some((told, node)) = &network.hint
            && *told != given
        {
            note(format_args!(
                "note: by {node} the network wants {told}, and not what is given"
            ));
        }
        return Ok(Some((given, because)));
    }
    Ok(network.hint.as_ref().map(|(normalisation, node)| {
        (
            *normalisation,
            format!("assumed, by {node}; --range, --mean and --std say it otherwise"),
        )
    }))
}

fn sizes(args: &AdoptArgs, network: &Network, pictures: Option<&Pictures>) -> Result<Sizes> {
    if let Some((width, height)) = network.front.fixed {
        if args.full_height.is_some() || args.reduced_height.is_some() {
            bail!(
                "the network takes {width}x{height} only: --full-height and --reduced-height are for networks of free size"
            );
        }
        note(
            "modes: the network takes one size only, so the modes at reduced resolution are left out",
        );
        let fit = args.fit.name();
        return Ok(Sizes::Fixed { width, height, fit });
    }
    for (option, rows) in [
        ("--full-height", args.full_height),
        ("--reduced-height", args.reduced_height),
    ] {
        if let Some(rows) = rows
            && (rows == 0 || rows % 32 != 0)
        {
            bail!("{option} {rows} is no multiple of 32, and heights of the input are");
        }
    }
    let step = |rows: u32| (rows.saturating_add(16) / 32 * 32).clamp(64, MOST_ROWS);
    let first = match pictures {
        Some(pictures) => Some(pictures.first_size()?.1),
        None => None,
    };
    let full = args
        .full_height
        .unwrap_or_else(|| step(first.unwrap_or(ROWS)));
    let reduced = args
        .reduced_height
        .unwrap_or_else(|| step(full / 2).min(full));
    Ok(Sizes::Rows { full, reduced })
}

fn name(args: &AdoptArgs, out: &Path) -> String {
    args.name.clone().unwrap_or_else(|| file_name(out))
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().map(PathBuf::from);
    name.unwrap_or_else(|| path.to_owned())
        .display()
        .to_string()
}
