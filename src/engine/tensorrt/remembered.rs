//! The settings that engines were built with last: whoever runs them need not repeat them.

use std::path::{Path, PathBuf};

use super::TensorRtError;
use super::cache::folder;
use super::settings::BuildSettings;

/// In the folder of the cache.
const FILE: &str = "settings.toml";
/// No settings are longer.
const MOST_BYTES: u64 = 1 << 16;

impl BuildSettings {
    /// The settings that `lookout engine build` was called with last for the usual folder, or the default.
    pub fn remembered() -> Self {
        let Ok(folder) = folder(None) else {
            return Self::default();
        };
        Self::remembered_in(&folder)
    }

    /// The same for a folder.
    pub fn remembered_in(folder: &Path) -> Self {
        let mut settings = match read(&folder.join(FILE)) {
            Ok(Some(settings)) => settings,
            Ok(None) => Self::default(),
            Err(message) => {
                let path = folder.join(FILE);
                log::warn!("{} is not used, the default is: {message}", path.display());
                Self::default()
            }
        };
        settings.cache_dir = Some(folder.to_owned());
        settings
    }

    /// Keeps the settings in a folder, for [`remembered_in`](Self::remembered_in). Paths are made absolute;
    /// to build anew is asked for once.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(super) fn remember(&self, folder: &Path) -> Result<(), TensorRtError> {
        let path = folder.join(FILE);
        let failed = |source: std::io::Error| TensorRtError::File {
            path: path.clone(),
            source,
        };
        let absolute = |path: &Option<PathBuf>| path.as_ref().map(std::path::absolute).transpose();
        let kept = Self {
            qdq: absolute(&self.qdq).map_err(failed)?,
            calibration: absolute(&self.calibration).map_err(failed)?,
            cache_dir: None,
            force: false,
            ..self.clone()
        };
        let text = toml::to_string(&kept).map_err(|e| failed(std::io::Error::other(e)))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
        file.persist(&path).map_err(|e| failed(e.error))?;
        Ok(())
    }
}

fn read(path: &Path) -> Result<Option<BuildSettings>, String> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.to_string()),
    };
    if length > MOST_BYTES {
        return Err(format!("{length} bytes are too many"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let settings: BuildSettings = toml::from_str(&text).map_err(|e| e.message().to_owned())?;
    settings.check().map_err(|e| e.to_string())?;
    Ok(Some(settings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tensorrt::Precision;

    #[test]
    fn what_was_built_last_is_what_is_run() {
        let folder = tempfile::tempdir().unwrap();
        let none = BuildSettings::remembered_in(folder.path());
        let here = Some(folder.path().to_owned());
        let expected = BuildSettings {
            cache_dir: here.clone(),
            ..BuildSettings::default()
        };
        assert_eq!(none, expected);

        let built = BuildSettings {
            precision: Precision::Fp32,
            workspace: Some(1 << 30),
            optimization_level: Some(5),
            cameras: vec![(1920, 1080)],
            min_width: Some(320),
            max_width: Some(640),
            force: true,
            ..BuildSettings::default()
        };
        built.remember(folder.path()).unwrap();
        let expected = BuildSettings {
            force: false,
            cache_dir: here,
            ..built
        };
        assert_eq!(BuildSettings::remembered_in(folder.path()), expected);
    }

    #[test]
    fn settings_that_cannot_be_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            "precision = \"fp8\"",
            "precision = \"int8\"\ncameras = [[640, 480]]\ndetailed_profile = false",
            "\u{0}",
            &"#".repeat(1 << 17),
        ] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            let settings = BuildSettings::remembered_in(folder.path());
            assert_eq!(settings.cameras, BuildSettings::default().cameras);
            assert_eq!(settings.precision, BuildSettings::default().precision);
        }
    }
}
