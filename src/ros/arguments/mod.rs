//! What ROS 2 passes to a node on its command line, and the files of parameters that it names.
//!
//! ```
//! use lookout::ros::arguments::Arguments;
//!
//! let line = ["--ros-args", "-p", "threshold:=0.6", "--log-level", "debug", "--", "more"];
//! let arguments = Arguments::parse(&line.map(str::to_owned))?;
//! assert_eq!(arguments.parameters.len(), 1);
//! assert_eq!(arguments.rest, ["more"]);
//! # Ok::<(), lookout::ros::arguments::ArgumentError>(())
//! ```

use std::path::PathBuf;
use std::slice::Iter;
use std::str::FromStr;

use thiserror::Error;

mod params_file;
mod rule;
mod yaml;

pub use params_file::{Override, Overrides, ParameterOrigin, ParamsFile, ParamsFileError};
pub use rule::{Remap, RemapFrom};

use super::parameters::Value;

/// Everything that the arguments say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// Remap rules, in their order.
    pub remaps: Vec<Remap>,
    /// Files of parameters and single ones, in their order: what comes later counts.
    pub parameters: Vec<ParameterArgument>,
    /// Where log messages go.
    pub log: LogArguments,
    /// The security enclave, which nothing here uses.
    pub enclave: Option<String>,
    /// What is not for ROS: all that is outside of `--ros-args ... --`.
    pub rest: Vec<String>,
}

/// An argument that sets parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterArgument {
    /// `--params-file FILE`
    File(PathBuf),
    /// `-p [node:]name:=value`
    One {
        /// The node that it is for, by its name without namespace; all without it.
        node: Option<String>,
        /// Full name of the parameter.
        name: String,
        /// Its value.
        value: Value,
    },
}

/// Where log messages go, and from which level on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogArguments {
    /// `--log-level LEVEL`
    pub level: Option<LogLevel>,
    /// `--log-level LOGGER:=LEVEL`, in their order.
    pub loggers: Vec<(String, LogLevel)>,
    /// Whether they are published on `/rosout`.
    pub rosout: bool,
    /// Whether they are written to the terminal.
    pub stdout: bool,
}

impl Default for LogArguments {
    fn default() -> Self {
        Self {
            level: None,
            loggers: Vec::new(),
            rosout: true,
            stdout: true,
        }
    }
}

named! {
    /// Severity of a log message.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum LogLevel {
        /// For developers.
        Debug => "debug",
        /// For whoever is interested.
        Info => "info",
        /// Something to look at.
        Warn => "warn",
        /// Something does not work.
        Error => "error",
        /// The node cannot go on.
        Fatal => "fatal",
    }
}

impl FromStr for LogLevel {
    type Err = ArgumentError;

    /// In upper or lower case.
    fn from_str(text: &str) -> Result<Self, ArgumentError> {
        let same = |level: &Self| level.name().eq_ignore_ascii_case(text);
        let found = Self::ALL.into_iter().find(same);
        found.ok_or_else(|| ArgumentError::LogLevel(text.to_owned()))
    }
}

impl From<LogLevel> for log::LevelFilter {
    /// `log` has nothing above an error.
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::Debug,
            LogLevel::Info => Self::Info,
            LogLevel::Warn => Self::Warn,
            LogLevel::Error | LogLevel::Fatal => Self::Error,
        }
    }
}

/// An argument that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArgumentError {
    /// A flag at the end, or before another flag.
    #[error("{flag} needs a value")]
    MissingValue {
        /// Which.
        flag: String,
    },
    /// A flag that ROS 2 does not have.
    #[error("unknown ROS argument {0:?}")]
    Unknown(String),
    /// A flag that ROS 2 has, for something that there is none of here.
    #[error("{0} is not supported: log messages go to stderr and /rosout only")]
    NotSupported(String),
    /// A rule without its flag, as ROS 2 took them before Foxy.
    #[error("{argument:?} is a form of old: write {instead}")]
    Deprecated {
        /// The argument.
        argument: String,
        /// What to write.
        instead: String,
    },
    /// A rule that is none.
    #[error("{flag} {text:?}: {reason}")]
    Rule {
        /// The flag before it.
        flag: String,
        /// The rule.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Not a severity.
    #[error("{0:?} is not a log level; the levels are debug, info, warn, error and fatal")]
    LogLevel(String),
}

impl Arguments {
    /// Reads what follows the program's own command.
    ///
    /// # Errors
    /// The first argument within `--ros-args` that cannot be used. Files are not opened.
    pub fn parse(arguments: &[String]) -> Result<Self, ArgumentError> {
        let mut parsed = Self::default();
        let mut arguments = arguments.iter();
        let mut for_ros = false;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--ros-args" => for_ros = true,
                "--" if for_ros => for_ros = false,
                flag if for_ros => parsed.take(flag, &mut arguments)?,
                _ => parsed.rest.push(argument.clone()),
            }
        }
        Ok(parsed)
    }

    fn take(&mut self, flag: &str, rest: &mut Iter<'_, String>) -> Result<(), ArgumentError> {
        let mut value = || {
            let value = rest.next().filter(|value| !value.starts_with("--"));
            value.ok_or_else(|| ArgumentError::MissingValue {
                flag: flag.to_owned(),
            })
        };
        let refused = |text: &str| {
            let (flag, text) = (flag.to_owned(), text.to_owned());
            |reason| ArgumentError::Rule { flag, text, reason }
        };
        match flag {
            "-r" | "--remap" => {
                let text = value()?;
                self.remaps.push(rule::remap(text).map_err(refused(text))?);
            }
            "-p" | "--param" => {
                let text = value()?;
                let one = rule::parameter(text).map_err(refused(text))?;
                self.parameters.push(one);
            }
            "--params-file" => {
                let path = PathBuf::from(value()?);
                self.parameters.push(ParameterArgument::File(path));
            }
            "--log-level" => {
                let text = value()?;
                match text.split_once(":=") {
                    None => self.log.level = Some(text.parse()?),
                    Some(("", _)) => return Err(refused(text)("names no logger".to_owned())),
                    Some((logger, level)) => {
                        self.log.loggers.push((logger.to_owned(), level.parse()?));
                    }
                }
            }
            "-e" | "--enclave" => self.enclave = Some(value()?.clone()),
            "--enable-rosout-logs" => self.log.rosout = true,
            "--disable-rosout-logs" => self.log.rosout = false,
            "--enable-stdout-logs" => self.log.stdout = true,
            "--disable-stdout-logs" => self.log.stdout = false,
            // there is no external library of logging here
            "--enable-external-lib-logs" | "--disable-external-lib-logs" => {}
            "--log-config-file" | "--log-file-name" => {
                return Err(ArgumentError::NotSupported(flag.to_owned()));
            }
            _ => return Err(without_flag(flag)),
        }
        Ok(())
    }
}

/// What is wrong with an argument that is no flag.
fn without_flag(argument: &str) -> ArgumentError {
    let instead = match argument.split_once(":=") {
        None => return ArgumentError::Unknown(argument.to_owned()),
        Some(("__params", file)) => format!("--params-file {file}"),
        Some(("__log_level", level)) => format!("--log-level {level}"),
        Some(("__log_config_file", _)) => {
            return ArgumentError::NotSupported(argument.to_owned());
        }
        Some((from, to)) => match from.strip_prefix('_') {
            Some(name) if !name.starts_with('_') => format!("-p {name}:={to}"),
            _ => format!("-r {argument}"),
        },
    };
    ArgumentError::Deprecated {
        argument: argument.to_owned(),
        instead,
    }
}

#[cfg(test)]
#[path = "arguments_tests.rs"]
mod tests;
