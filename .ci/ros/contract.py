"""What `lookout node` promises to the outside: names, types, parameters. The checks hold it to this."""

# Below the node's own name.
OUTPUTS = {
    "output/safe_stop": "std_msgs/msg/Bool",
    "output/status": "diagnostic_msgs/msg/DiagnosticStatus",
    "output/anomaly_mask": "sensor_msgs/msg/Image",
    "output/anomaly_mask/compressed": "sensor_msgs/msg/CompressedImage",
    "output/score_map/compressed": "sensor_msgs/msg/CompressedImage",
    "output/regions": "vision_msgs/msg/Detection2DArray",
    "debug/overlay/compressed": "sensor_msgs/msg/CompressedImage",
    "debug/processing_time_ms": "std_msgs/msg/Float64",
    "debug/pipeline_latency_ms": "std_msgs/msg/Float64",
    "transition_event": "lifecycle_msgs/msg/TransitionEvent",
}
GLOBAL_OUTPUTS = {
    "/diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
    "/rosout": "rcl_interfaces/msg/Log",
    "/parameter_events": "rcl_interfaces/msg/ParameterEvent",
}
INPUTS = {
    "input/image": "sensor_msgs/msg/Image",
    "input/camera_info": "sensor_msgs/msg/CameraInfo",
}
SERVICES = {
    "reset": "std_srvs/srv/Trigger",
    "enable": "std_srvs/srv/SetBool",
    "get_state": "lifecycle_msgs/srv/GetState",
    "change_state": "lifecycle_msgs/srv/ChangeState",
    "get_available_states": "lifecycle_msgs/srv/GetAvailableStates",
    "get_available_transitions": "lifecycle_msgs/srv/GetAvailableTransitions",
    "get_transition_graph": "lifecycle_msgs/srv/GetAvailableTransitions",
    "list_parameters": "rcl_interfaces/srv/ListParameters",
    "get_parameters": "rcl_interfaces/srv/GetParameters",
    "set_parameters": "rcl_interfaces/srv/SetParameters",
    "set_parameters_atomically": "rcl_interfaces/srv/SetParametersAtomically",
    "describe_parameters": "rcl_interfaces/srv/DescribeParameters",
    "get_parameter_types": "rcl_interfaces/srv/GetParameterTypes",
}
# Reliability, durability, and where the endpoint tells it, depth.
QOS = {
    "output/safe_stop": ("RELIABLE", "TRANSIENT_LOCAL"),
    "output/status": ("RELIABLE", "TRANSIENT_LOCAL"),
    "output/anomaly_mask": ("RELIABLE", "VOLATILE"),
    "debug/overlay/compressed": ("BEST_EFFORT", "VOLATILE"),
}

# Name: type, default (None: it depends on the bundle), least, largest, and when it may be changed: at
# run time (R), while unconfigured (U), at the start only (S).
PARAMETERS = {
    "use_sim_time": ("bool", False, None, None, "U"),
    "autostart": ("bool", True, None, None, "S"),
    "bundle": ("string", "", None, None, "U"),
    "engine": ("string", "auto", None, None, "U"),
    "threads": ("int", 0, 0, 256, "U"),
    "score": ("string", "observer", None, None, "U"),
    "threshold": ("double", 0.0, 0.0, 1.0, "R"),
    "image_transport": ("string", "raw", None, None, "U"),
    "deadline_ms": ("int", 100, 10, 10000, "U"),
    "stale_after_ms": ("int", 500, 10, 60000, "U"),
    "heartbeat_period_ms": ("int", 100, 10, 1000, "S"),
    "diagnostics_period_ms": ("int", 1000, 100, 60000, "R"),
    "overlay_quality": ("int", 80, 1, 100, "R"),
    "overlay_max_width": ("int", 640, 64, 8192, "R"),
    "supervisor.area_on_ppm": ("int", 3780, 1, 1000000, "U"),
    "supervisor.area_off_ppm": ("int", 1890, 1, 1000000, "U"),
    "supervisor.confirm_hits": ("int", 3, 1, 64, "U"),
    "supervisor.confirm_window": ("int", 5, 1, 64, "U"),
    "supervisor.start_frames": ("int", 3, 1, 1000, "U"),
    "supervisor.fault_clear_frames": ("int", 5, 1, 1000, "U"),
    "supervisor.reset_frames": ("int", 10, 1, 1000, "U"),
    "supervisor.future_tolerance_ms": ("int", 20, 0, 1000, "U"),
    "supervisor.clock_step_ms": ("int", 50, 1, 10000, "U"),
    "supervisor.quality.black_below": ("int", 32, 0, 255, "U"),
    "supervisor.quality.over_exposed_ppm": ("int", 120000, 1, 1000001, "U"),
    "supervisor.quality.blurred_below": ("int", 280, 0, 1000, "U"),
    "supervisor.quality.blur_fault_frames": ("int", 15, 1, 1000, "U"),
    "supervisor.quality.frozen_frames": ("int", 3, 0, 1000, "U"),
    "admission.recover_frames": ("int", 15, 1, 1000, "U"),
    "admission.recover_margin_percent": ("int", 10, 0, 90, "U"),
    "admission.probe_every": ("int", 8, 1, 1000, "U"),
    "corridor.top": ("double", None, 0.0, 1.0, "U"),
    "corridor.bottom": ("double", None, 0.0, 1.0, "U"),
    "corridor.top_left": ("double", None, 0.0, 1.0, "U"),
    "corridor.top_right": ("double", None, 0.0, 1.0, "U"),
    "corridor.bottom_left": ("double", None, 0.0, 1.0, "U"),
    "corridor.bottom_right": ("double", None, 0.0, 1.0, "U"),
    "use_odometry": ("bool", False, None, None, "U"),
    "odometry_timeout_ms": ("int", 500, 10, 60000, "U"),
    "camera.height_m": ("double", 0.0, 0.0, 10.0, "U"),
    "camera.pitch_deg": ("double", 0.0, -45.0, 45.0, "U"),
    "vehicle.deceleration_mps2": ("double", 4.0, 0.1, 20.0, "U"),
    "vehicle.reaction_time_ms": ("int", 300, 0, 10000, "U"),
    "vehicle.margin_m": ("double", 3.0, 0.0, 1000.0, "U"),
    "realtime.fifo_priority": ("int", 0, 0, 98, "S"),
    "realtime.cpus": ("string", "", None, None, "S"),
    "realtime.lock_memory": ("bool", False, None, None, "S"),
    "socket_receive_buffer_bytes": ("int", 8388608, 65536, 1073741824, "S"),
}
