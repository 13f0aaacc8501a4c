//! The live ROS 2 node.

use std::sync::Arc;

use anyhow::Context;
use log::LevelFilter;
use lookout::ros::arguments::Arguments;
use lookout::ros::node;
use lookout::ros::rosout::RosLogger;
use lookout::shutdown::Shutdown;

/// Arguments of `lookout node`.
#[derive(Debug, clap::Args)]
pub(crate) struct NodeArgs {
    /// As ROS 2 passes them: --ros-args -p name:=value --params-file FILE -r from:=to
    /// -r __ns:=/name -r __node:=name --log-level LEVEL.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ROS_ARGS"
    )]
    arguments: Vec<String>,
}

/// Runs the node until SIGINT or SIGTERM. `level` is that of the command line's own flags.
pub(crate) fn run(args: &NodeArgs, level: LevelFilter) -> anyhow::Result<()> {
    let shutdown = Shutdown::on_signals().context("cannot catch signals");
    let arguments = Arguments::parse(&args.arguments);
    let logger = arguments.as_ref().map_or_else(
        |_| RosLogger::new(level),
        |arguments| logger(arguments, level),
    );
    let rosout = logger.install().context("cannot log")?;
    let (shutdown, arguments) = (shutdown?, arguments?);
    if let Some(unknown) = arguments.rest.first() {
        anyhow::bail!(
            "{unknown:?} is not an argument of the node: ROS arguments follow --ros-args"
        );
    }
    warn_of_what_is_not_done(&arguments);
    let open = Arc::new(lookout::engine::open);
    Ok(node::run(&arguments, open, &rosout, &shutdown)?)
}

/// The log as the arguments ask for it. There is one level for all of the node.
fn logger(arguments: &Arguments, level: LevelFilter) -> RosLogger {
    RosLogger::new(arguments.log.level.map_or(level, LevelFilter::from))
}

/// Says what of the arguments has no effect.
fn warn_of_what_is_not_done(arguments: &Arguments) {
    for (name, _) in &arguments.log.loggers {
        log::warn!("--log-level {name}:=... has no effect: the whole node has one level");
    }
    if !arguments.log.stdout {
        log::warn!("--disable-stdout-logs has no effect: the log goes to stderr");
    }
    if let Some(enclave) = &arguments.enclave {
        log::warn!(
            "--enclave {enclave} has no effect: the node neither encrypts nor authenticates"
        );
    }
}
