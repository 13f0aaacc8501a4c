use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Environment, ParticipantError> {
    Environment::read(|name| {
        let found = variables.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn the_domain_is_a_number_up_to_232_or_an_error_that_names_the_variable() {
    for (value, id) in [("0", 0), ("232", 232), (" 7 ", 7), ("", 0)] {
        assert_eq!(read(&[(DOMAIN_ID, value)]).unwrap().domain_id, id);
    }
    assert_eq!(read(&[]).unwrap(), Environment::default());
    for value in ["233", "-1", "1.0", "x", "65536", "99999999999999999999"] {
        let error = read(&[(DOMAIN_ID, value)]).unwrap_err().to_string();
        assert!(error.contains(&format!("ROS_DOMAIN_ID={value}")), "{error}");
    }
}

#[test]
fn the_range_is_narrowed_never_widened_by_what_is_not_understood() {
    use DiscoveryRange::{Localhost, Subnet};
    for (variables, range, warnings) in [
        (&[(RANGE, "SUBNET")][..], Subnet, 0),
        (&[(RANGE, "SYSTEM_DEFAULT")], Subnet, 0),
        (&[(RANGE, "LOCALHOST")], Localhost, 0),
        (&[(RANGE, "OFF")], Localhost, 1),
        (&[(RANGE, "subnet")], Localhost, 1),
        (&[(LOCALHOST_ONLY, "1")], Localhost, 0),
        (&[(LOCALHOST_ONLY, "0"), (RANGE, "LOCALHOST")], Localhost, 0),
        (&[(LOCALHOST_ONLY, "1"), (RANGE, "SUBNET")], Localhost, 1),
        (&[(LOCALHOST_ONLY, "yes")], Subnet, 1),
        (&[(STATIC_PEERS, "10.0.0.2")], Subnet, 1),
    ] {
        let environment = read(variables).unwrap();
        assert_eq!(environment.range, range, "{variables:?}");
        assert_eq!(environment.warnings.len(), warnings, "{environment:?}");
    }
    let peers = read(&[(STATIC_PEERS, "10.0.0.2")]).unwrap();
    assert!(peers.warnings[0].contains("10.0.0.2"), "{peers:?}");
}

#[test]
fn a_frame_that_does_not_fit_twice_gets_a_line_to_type() {
    let frame = 1280 * 720 * 3;
    let small = ReceiveBuffer {
        requested: 8 << 20,
        granted: 212_992,
    };
    let text = small.warning(frame).unwrap();
    assert!(text.contains("net.core.rmem_max=8388608"), "{text}");
    assert!(!text.contains("socket_receive_buffer_bytes"), "{text}");

    let both = small.warning(3840 * 2160 * 3).unwrap();
    assert!(both.contains("net.core.rmem_max=50331648"), "{both}");
    assert!(both.contains("socket_receive_buffer_bytes to 50331648"));

    let asked_too_little = ReceiveBuffer {
        requested: 1 << 20,
        granted: 1 << 20,
    };
    let text = asked_too_little.warning(frame).unwrap();
    assert!(text.contains("socket_receive_buffer_bytes to 6291456"));

    let large = ReceiveBuffer {
        requested: 8 << 20,
        granted: 8 << 20,
    };
    assert_eq!(large.warning(frame), None);
    assert_eq!(large.warning(4 << 20), None);
    assert!(large.warning((4 << 20) + 1).is_some());
    assert!(large.warning(usize::MAX).is_some());
}

#[test]
fn the_kernel_grants_a_small_buffer_and_limits_a_huge_one() {
    let small = ReceiveBuffer::measure(65_536).unwrap();
    assert!(small.granted >= 65_536, "{small:?}");
    let huge = ReceiveBuffer::measure(1 << 30).unwrap();
    assert!(huge.granted >= small.granted);
    #[cfg(target_os = "linux")]
    {
        let limit = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
        let limit: usize = limit.trim().parse().unwrap();
        assert_eq!(huge.granted, limit.min(1 << 30));
    }
}

#[test]
fn security_that_is_enforced_is_refused_and_other_security_is_warned_of() {
    let enable = (SECURITY_ENABLE, "true");
    let error = read(&[enable, (SECURITY_STRATEGY, "Enforce")]).unwrap_err();
    assert!(matches!(error, ParticipantError::Security));
    assert!(
        error.to_string().contains("ROS_SECURITY_ENABLE=true"),
        "{error}"
    );
    let permissive = read(&[enable, (SECURITY_STRATEGY, "Permissive")]).unwrap();
    assert_eq!(permissive.warnings.len(), 1);
    assert_eq!(read(&[enable]).unwrap().warnings.len(), 1);
    let off = read(&[(SECURITY_ENABLE, "false"), (SECURITY_STRATEGY, "Enforce")]).unwrap();
    assert!(off.warnings.is_empty());
}

#[test]
fn a_middleware_of_another_kind_is_warned_of_by_name() {
    for (variable, value, warnings) in [
        ("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp", 0),
        ("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp", 0),
        ("RMW_IMPLEMENTATION", "rmw_zenoh_cpp", 1),
        ("ROS_DISCOVERY_SERVER", "10.0.0.1:11811", 1),
        ("FASTDDS_BUILTIN_TRANSPORTS", "LARGE_DATA", 1),
        ("FASTDDS_BUILTIN_TRANSPORTS", "UDPv4", 0),
    ] {
        let found = read(&[(variable, value)]).unwrap().warnings;
        assert_eq!(found.len(), warnings, "{found:?}");
        assert!(
            found
                .iter()
                .all(|text| text.contains(variable) && text.contains(value))
        );
    }
}
