//! How the process takes part in DDS: domain, networks, socket buffers.
//!
//! The environment variables are those of every ROS 2 process. RustDDS can limit which interfaces
//! it announces and sends multicast on; it cannot refuse what other hosts send to its ports, cannot
//! turn discovery off, and knows no static peers. What cannot be honoured is said in
//! [`Environment::warnings`].

use std::net::{IpAddr, Ipv4Addr};

use ros2_client::dds::rustdds::DomainParticipantBuilder;
use ros2_client::{Context, CreateError};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

/// The variables that are read.
const DOMAIN_ID: &str = "ROS_DOMAIN_ID";
const LOCALHOST_ONLY: &str = "ROS_LOCALHOST_ONLY";
const RANGE: &str = "ROS_AUTOMATIC_DISCOVERY_RANGE";
const STATIC_PEERS: &str = "ROS_STATIC_PEERS";
const SECURITY_ENABLE: &str = "ROS_SECURITY_ENABLE";
const SECURITY_STRATEGY: &str = "ROS_SECURITY_STRATEGY";

/// RMW implementations that speak DDS, as this node does.
const DDS: [&str; 6] = [
    "rmw_fastrtps_cpp",
    "rmw_fastrtps_dynamic_cpp",
    "rmw_cyclonedds_cpp",
    "rmw_connextdds",
    "rmw_connextddsmicro",
    "rmw_gurumdds_cpp",
];

/// The largest domain whose UDP ports fit into 16 bits (DDSI-RTPS 9.6.1.1).
const LAST_DOMAIN: u16 = 232;

/// Why the process cannot take part.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ParticipantError {
    /// A domain that is none.
    #[error("ROS_DOMAIN_ID={value}: expected a whole number from 0 to 232")]
    DomainId {
        /// What the variable says.
        value: String,
    },
    /// Security is demanded, and there is none.
    #[error(
        "{SECURITY_ENABLE}=true with {SECURITY_STRATEGY}=Enforce demands encrypted and authenticated \
         communication, which this node does not have: unset {SECURITY_ENABLE} for this node, or keep \
         it out of the secured network"
    )]
    Security,
    /// No sockets, no threads, no memory.
    #[error("cannot join DDS domain {domain_id}: {source}")]
    Create {
        /// The domain.
        domain_id: u16,
        /// What RustDDS says.
        source: CreateError,
    },
}

/// How far the process looks for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiscoveryRange {
    /// All interfaces, by multicast.
    #[default]
    Subnet,
    /// This machine.
    Localhost,
}

/// What the environment asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `ROS_DOMAIN_ID`, 0 ..= 232.
    pub domain_id: u16,
    /// `ROS_AUTOMATIC_DISCOVERY_RANGE` and `ROS_LOCALHOST_ONLY`.
    pub range: DiscoveryRange,
    /// What cannot be honoured or is not understood, a sentence each; to be logged as WARN.
    pub warnings: Vec<String>,
}

impl Environment {
    /// Of this process.
    ///
    /// # Errors
    /// `ROS_DOMAIN_ID` is no domain, or security is demanded.
    pub fn of_process() -> Result<Self, ParticipantError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// From a function that knows the variables. An empty variable is as good as none.
    ///
    /// # Errors
    /// `ROS_DOMAIN_ID` is no domain, or security is demanded.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ParticipantError> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let mut environment = Self::default();
        if let Some(value) = variable(DOMAIN_ID) {
            environment.domain_id = match value.trim().parse() {
                Ok(id) if id <= LAST_DOMAIN => id,
                _ => return Err(ParticipantError::DomainId { value }),
            };
        }
        if variable(SECURITY_ENABLE).as_deref() == Some("true") {
            if variable(SECURITY_STRATEGY).as_deref() == Some("Enforce") {
                return Err(ParticipantError::Security);
            }
            environment.warn(format!(
                "{SECURITY_ENABLE}=true: this node does not encrypt or authenticate anything; nodes \
                 that enforce security do not hear it"
            ));
        }
        environment.read_middleware(&variable);
        let peers = variable(STATIC_PEERS);
        match variable(LOCALHOST_ONLY).as_deref() {
            // As rcl has it: the old variable wins where it is on.
            Some("1") => {
                environment.range = DiscoveryRange::Localhost;
                if variable(RANGE).is_some() {
                    environment.warn(format!("{LOCALHOST_ONLY}=1: {RANGE} is ignored"));
                }
            }
            Some("0") | None => environment.read_range(variable(RANGE)),
            Some(other) => {
                environment.warn(format!(
                    "{LOCALHOST_ONLY}={other} is neither 0 nor 1: ignored"
                ));
                environment.read_range(variable(RANGE));
            }
        }
        if let Some(peers) = peers {
            environment.warn(format!(
                "{STATIC_PEERS}={peers} is not supported: peers are found by multicast and on this \
                 machine only"
            ));
        }
        Ok(environment)
    }

    /// Variables of middlewares that this node is not built on.
    fn read_middleware(&mut self, variable: &impl Fn(&'static str) -> Option<String>) {
        if let Some(rmw) = variable("RMW_IMPLEMENTATION").filter(|rmw| !DDS.contains(&rmw.as_str()))
        {
            self.warn(format!(
                "RMW_IMPLEMENTATION={rmw}: this node speaks DDS only; nodes of an RMW that does not \
                 speak DDS do not hear it"
            ));
        }
        if let Some(server) = variable("ROS_DISCOVERY_SERVER") {
            self.warn(format!(
                "ROS_DISCOVERY_SERVER={server}: this node does not use a discovery server; nodes that \
                 use one do not find it"
            ));
        }
        if let Some(transports) =
            variable("FASTDDS_BUILTIN_TRANSPORTS").filter(|all| all.starts_with("LARGE_DATA"))
        {
            self.warn(format!(
                "FASTDDS_BUILTIN_TRANSPORTS={transports}: this node does not speak that transport; \
                 images of a camera that uses it do not arrive here"
            ));
        }
    }

    fn read_range(&mut self, value: Option<String>) {
        self.range = match value.as_deref() {
            None | Some("SUBNET" | "SYSTEM_DEFAULT") => DiscoveryRange::Subnet,
            Some("LOCALHOST") => DiscoveryRange::Localhost,
            Some("OFF") => {
                self.warn(format!(
                    "{RANGE}=OFF: discovery cannot be turned off here, it is kept to this machine"
                ));
                DiscoveryRange::Localhost
            }
            Some(other) => {
                self.warn(format!(
                    "{RANGE}={other} is not one of SUBNET, LOCALHOST, OFF and SYSTEM_DEFAULT: kept to \
                     this machine"
                ));
                DiscoveryRange::Localhost
            }
        };
    }

    fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// Joins the domain. `receive_buffer` is what is asked of the kernel for every socket that
    /// receives, in bytes.
    ///
    /// # Errors
    /// What RustDDS says.
    pub fn join(&self, receive_buffer: usize) -> Result<Context, ParticipantError> {
        let domain_id = self.domain_id;
        let mut builder = DomainParticipantBuilder::new(domain_id)
            .socket_receive_buffer_size(receive_buffer)
            .same_host_loopback(true);
        if self.range == DiscoveryRange::Localhost {
            builder = builder.with_only_networks([IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        }
        builder
            .build()
            .map_err(CreateError::from)
            .and_then(Context::from_domain_participant)
            .map_err(|source| ParticipantError::Create { domain_id, source })
    }
}

/// How much a receiving socket really holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveBuffer {
    /// What was asked for, in bytes.
    pub requested: usize,
    /// What there is for messages, in bytes.
    pub granted: usize,
}

impl ReceiveBuffer {
    /// Opens a socket as RustDDS does and asks the kernel what it got. Linux limits the request
    /// to `net.core.rmem_max` without a word and reports twice what it grants, the half being for
    /// its bookkeeping (socket(7)).
    ///
    /// # Errors
    /// No socket.
    pub fn measure(requested: usize) -> std::io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_recv_buffer_size(requested)?;
        let reported = socket.recv_buffer_size()?;
        let granted = if cfg!(target_os = "linux") {
            reported / 2
        } else {
            reported
        };
        Ok(Self { requested, granted })
    }

    /// What to tell people when a frame of `frame_bytes` with one more in flight does not fit: part
    /// of the frames is lost then.
    pub fn warning(&self, frame_bytes: usize) -> Option<String> {
        let needed = frame_bytes.saturating_mul(2);
        if needed <= self.granted {
            return None;
        }
        const STEP: usize = 1 << 20;
        let wanted = needed.div_ceil(STEP).saturating_mul(STEP);
        let mut text = format!(
            "the sockets hold {} bytes, but a frame of {frame_bytes} bytes and one in flight need \
             {needed}: frames will be lost.",
            self.granted
        );
        if self.granted < wanted.min(self.requested) {
            let limit = wanted.max(self.requested);
            text.push_str(&format!(" Type: sudo sysctl -w net.core.rmem_max={limit}"));
            if self.requested < wanted {
                text.push_str(&format!(
                    " and set the parameter socket_receive_buffer_bytes to {wanted}"
                ));
            }
        } else {
            text.push_str(&format!(
                " Set the parameter socket_receive_buffer_bytes to {wanted} and type: sudo sysctl \
                 -w net.core.rmem_max={wanted}"
            ));
        }
        text.push_str(", then start the node again.");
        Some(text)
    }
}

#[cfg(test)]
#[path = "participant_tests.rs"]
mod tests;
