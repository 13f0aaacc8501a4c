//! The pictures of a set, and the files that belong to them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::pictures::note;

const EXTENSIONS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// A picture file and the name that its outputs get.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its name without the extension; in a set with folders, its path below the set.
    pub(crate) stem: OsString,
}

impl Picture {
    fn new(path: PathBuf) -> Result<Self> {
        match path.file_stem().map(OsStr::to_owned) {
            Some(stem) => Ok(Self { path, stem }),
            None => bail!("{} is not the name of a file", path.display()),
        }
    }

    /// The first folder below the set's own that it lies in; nothing where it lies in the set's own.
    pub(crate) fn set(&self) -> &Path {
        let mut parts = Path::new(&self.stem).components();
        match (parts.next(), parts.next()) {
            (Some(folder), Some(_)) => Path::new(folder.as_os_str()),
            _ => Path::new(""),
        }
    }

    /// `folder/<stem><suffix>`.
    pub(crate) fn output(&self, folder: &Path, suffix: &str) -> PathBuf {
        let mut name = self.stem.clone();
        name.push(suffix);
        folder.join(name)
    }
}

/// The given files, none with the name of another.
pub(crate) fn from_files(files: &[PathBuf]) -> Result<Vec<Picture>> {
    let pictures = files
        .iter()
        .cloned()
        .map(Picture::new)
        .collect::<Result<Vec<_>>>()?;
    apart(&pictures)?;
    Ok(pictures)
}

/// Refuses two pictures of one name.
fn apart(pictures: &[Picture]) -> Result<()> {
    let mut seen: HashMap<&OsStr, &Path> = HashMap::new();
    for picture in pictures {
        if let Some(other) = seen.insert(&picture.stem, &picture.path) {
            bail!(
                "{} and {} have one name, so what belongs to them cannot be told apart",
                other.display(),
                picture.path.display()
            );
        }
    }
    Ok(())
}

/// The flags that say which pictures of a set are meant.
#[derive(Debug, clap::Args)]
pub(crate) struct PictureArgs {
    /// What the names of pictures have at their end, before the extension, and those of masks and
    /// labels have not: `_leftImg8bit`. Pictures without it are skipped
    #[arg(long, value_name = "TEXT", default_value = "")]
    image_suffix: String,
}

/// The pictures of a folder by name. What does not have the name of a picture is skipped and
/// named on stderr; `._*`, which macOS leaves beside files, is skipped in silence.
pub(crate) fn list(folder: &Path) -> Result<Vec<Picture>> {
    let mut files = Vec::new();
    gather(folder, None, &mut files)?;
    from_files(&pictures_among(folder, files)?)
}

/// The pictures of a folder and of the folders in it but `others`, each called by its path below
/// the folder, without suffix and extension.
pub(crate) fn list_set(
    folder: &Path,
    args: &PictureArgs,
    others: &[&Path],
) -> Result<Vec<Picture>> {
    let mut files = Vec::new();
    let others = others.iter().filter_map(|other| other.canonicalize().ok());
    let real = folder.canonicalize().ok();
    let mut closed = others
        .filter(|other| Some(other) != real.as_ref())
        .collect();
    gather(folder, Some(&mut closed), &mut files)?;
    let mut pictures = Vec::new();
    for path in pictures_among(folder, files)? {
        let below = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .with_extension("");
        let stem = below.as_os_str();
        let stem = match stem.to_str().map(|s| s.strip_suffix(&args.image_suffix)) {
            Some(Some(short)) => OsString::from(short),
            None if args.image_suffix.is_empty() => stem.to_owned(),
            _ => {
                let (path, suffix) = (path.display(), &args.image_suffix);
                note(format_args!(
                    "warning: {path} does not end in {suffix}, skipped"
                ));
                continue;
            }
        };
        pictures.push(Picture { path, stem });
    }
    if pictures.is_empty() {
        let suffix = &args.image_suffix;
        bail!("no picture in {} ends in {suffix}", folder.display());
    }
    apart(&pictures)?;
    Ok(pictures)
}

/// All files of a folder; with `closed`, those below it too. Folders in `closed` are not entered,
/// nor are links to folders that they are in.
fn gather(
    folder: &Path,
    mut closed: Option<&mut Vec<PathBuf>>,
    files: &mut Vec<PathBuf>,
) -> Result<()> {
    let cannot = || format!("cannot read the folder {}", folder.display());
    if let Some(closed) = &mut closed {
        let real = folder.canonicalize().with_context(cannot)?;
        if closed.contains(&real) {
            return Ok(());
        }
        closed.push(real);
    }
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b"._") {
            continue;
        }
        match &mut closed {
            Some(closed) if path.is_dir() => gather(&path, Some(&mut **closed), files)?,
            _ => files.push(path),
        }
    }
    if let Some(closed) = closed {
        closed.pop();
    }
    Ok(())
}

/// Those that have the name of a picture, in order.
fn pictures_among(folder: &Path, mut files: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    files.sort_unstable();
    files.retain(|path| {
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        let known = EXTENSIONS.iter().any(|e| e.eq_ignore_ascii_case(extension));
        let picture = known && !path.is_dir();
        if !picture {
            let path = path.display();
            note(format_args!(
                "warning: {path} is not a picture and is skipped"
            ));
        }
        picture
    });
    if files.is_empty() {
        bail!("no pictures (jpg, png, webp) in {}", folder.display());
    }
    Ok(files)
}

/// The PNG in `folder` of each picture's name and this suffix. One that is missing is an error
/// before anything is done.
pub(crate) fn partners(
    pictures: &[Picture],
    folder: &Path,
    suffix: &str,
    what: &str,
) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    gather(folder, Some(&mut Vec::new()), &mut files)?;
    let png = |path: &PathBuf| {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("png"))
    };
    let mut there: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for path in files.into_iter().filter(png) {
        let below = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .with_extension("");
        if let Some(other) = there.insert(below, path.clone()) {
            let (path, other) = (path.display(), other.display());
            bail!("{other} and {path} differ in the case of their extension only");
        }
    }
    let partner = |picture: &Picture| {
        let wanted = picture.output(Path::new(""), suffix);
        if let Some(path) = there.get(&wanted) {
            return Ok(path.clone());
        }
        // a file that only has more to its name, or less, tells which suffix is meant
        let stem = picture.output(Path::new(""), "");
        let begins = |name: &Path| {
            let rest = name.to_str()?.strip_prefix(stem.to_str()?)?;
            (!rest.starts_with(char::is_alphanumeric)).then(|| rest.to_owned())
        };
        let option = match what {
            "mask" => "--mask-suffix",
            _ => "--label-suffix",
        };
        let hint = there.iter().find_map(|(name, path)| {
            let rest = begins(name)?;
            Some(format!(
                "; {} is there: pass {option} {rest:?} for it",
                path.display()
            ))
        });
        bail!(
            "no {what} {} for {}{}",
            picture.output(folder, &format!("{suffix}.png")).display(),
            picture.path.display(),
            hint.unwrap_or_default()
        )
    };
    pictures.iter().map(partner).collect()
}

/// Refuses outputs that would replace an input.
pub(crate) fn spare_inputs(pictures: &[Picture], outputs: &[PathBuf]) -> Result<()> {
    let inputs: HashSet<PathBuf> = pictures
        .iter()
        .filter_map(|p| p.path.canonicalize().ok())
        .collect();
    for output in outputs {
        if output
            .canonicalize()
            .is_ok_and(|path| inputs.contains(&path))
        {
            bail!("the output {} would replace that input", output.display());
        }
    }
    Ok(())
}
