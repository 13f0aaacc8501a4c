use super::*;
use crate::profile::machine::proc::{Ticks, cores, ticks};
use std::path::Path;
use std::time::Instant;

/// Files of a system below a folder.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        put(root.path(), path, text);
    }
    root
}

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

const STATUS: &str = "Name:\tlookout\nVmHWM:\t   90000 kB\nVmRSS:\t   80000 kB\nThreads:\t9\nvoluntary_ctxt_switches:\t5\n";

fn last(machine: &Machine, quantity: Quantity) -> Vec<(String, Option<f64>)> {
    let profile = machine.profile();
    let channels = profile.channels().iter().enumerate();
    channels
        .filter(|(_, channel)| channel.quantity == quantity)
        .map(|(i, channel)| (channel.name.clone(), profile.last(i)))
        .collect()
}

fn near(got: &[(String, Option<f64>)], want: &[(&str, Option<f64>)]) {
    assert_eq!(got.len(), want.len(), "{got:?}");
    for ((name, value), (want_name, want_value)) in got.iter().zip(want) {
        assert_eq!(name, want_name);
        match (value, want_value) {
            (Some(a), Some(b)) => assert!((a - b).abs() < 1e-9, "{name}: {a}"),
            (a, b) => assert_eq!(a, b, "{name}"),
        }
    }
}

#[test]
fn an_orin_with_jetpack_6_tells_power_heat_clocks_and_gpu() {
    let ina = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1";
    let other = "sys/bus/i2c/drivers/ina3221/1-0041/hwmon/hwmon2";
    let files: Vec<(String, &str)> = [
        ("in1_label", "VDD_GPU_SOC\n"),
        ("in1_input", "19600\n"),
        ("curr1_input", "420\n"),
        ("in2_label", "VDD_CPU_CV\n"),
        ("in2_input", "19592\n"),
        ("curr2_input", "-8\n"), // no load: rounded below nothing
        ("in3_label", "VIN_SYS_5V0\n"),
        ("in3_input", "5024\n"),
        ("curr3_input", "900\n"),
        ("in7_label", "sum of shunt voltages\n"),
        ("in7_input", "3\n"),
    ]
    .map(|(name, text)| (format!("{ina}/{name}"), text))
    .into_iter()
    .chain(
        [
            ("in1_label", "NC\n"),
            ("in1_input", "10\n"),
            ("in2_label", "VDDQ_VDD2_1V8AO\n"), // its inputs give errors: not there
        ]
        .map(|(name, text)| (format!("{other}/{name}"), text)),
    )
    .collect();
    let mut files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), *t)).collect();
    files.extend([
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
        ("sys/class/thermal/thermal_zone0/temp", "48718\n"),
        ("sys/class/thermal/thermal_zone2/type", "cv0-thermal\n"),
        ("sys/class/thermal/thermal_zone2/temp", "-256000\n"),
        ("sys/class/thermal/thermal_zone10/type", "tj-thermal\n"),
        ("sys/class/thermal/thermal_zone10/temp", "49000\n"),
        ("sys/class/thermal/cooling_device0/type", "pwm-fan\n"),
        (
            "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq",
            "2201600\n",
        ),
        (
            "sys/devices/system/cpu/cpufreq/policy4/scaling_cur_freq",
            "729600\n",
        ),
        ("sys/class/devfreq/17000000.gpu/cur_freq", "1300500000\n"),
        ("sys/devices/platform/gpu.0/load", "734\n"),
    ]);
    let root = tree(&files);
    let mut machine = Machine::at(root.path(), Instant::now());
    machine.sample();
    near(
        &last(&machine, Quantity::Power),
        &[
            ("VDD_GPU_SOC", Some(8.232)),
            ("VDD_CPU_CV", None),
            ("VIN_SYS_5V0", Some(4.5216)),
            ("VDDQ_VDD2_1V8AO", None),
        ],
    );
    near(
        &last(&machine, Quantity::Temperature),
        &[
            ("cpu-thermal", Some(48.718)),
            ("cv0-thermal", None),
            ("tj-thermal", Some(49.0)),
        ],
    );
    near(
        &last(&machine, Quantity::Frequency),
        &[
            ("cpu policy0", Some(2201.6)),
            ("cpu policy4", Some(729.6)),
            ("17000000.gpu", Some(1300.5)),
        ],
    );
    near(&last(&machine, Quantity::GpuLoad), &[("gpu", Some(73.4))]);
}

#[test]
fn a_xavier_with_jetpack_4_tells_power_in_milliwatts() {
    let iio = "sys/bus/i2c/drivers/ina3221x/1-0040/iio:device0";
    let files: Vec<(String, &str)> = [
        ("rail_name_0", "GPU\n"),
        ("in_power0_input", "1376\n"),
        ("rail_name_1", "CPU\n"),
        ("in_power1_input", "917 mw\n"),
        ("rail_name_2", "SOC\n"),
        ("in_power2_input", "I/O\n"),
    ]
    .map(|(name, text)| (format!("{iio}/{name}"), text))
    .into();
    let mut files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), *t)).collect();
    files.push(("sys/devices/gpu.0/load", "1001\n"));
    let root = tree(&files);
    let mut machine = Machine::at(root.path(), Instant::now());
    machine.sample();
    near(
        &last(&machine, Quantity::Power),
        &[("GPU", Some(1.376)), ("CPU", Some(0.917)), ("SOC", None)],
    );
    near(&last(&machine, Quantity::GpuLoad), &[("gpu", None)]);
    let summary = machine.profile().summary();
    assert!(
        summary
            .channels
            .iter()
            .all(|c| c.name != "SOC" && c.name != "gpu"),
        "channels that gave nothing are left out"
    );
}

#[test]
fn a_system_without_proc_and_sys_has_the_process_alone() {
    let root = tempfile::tempdir().unwrap();
    let mut machine = Machine::at(&root.path().join("nowhere"), Instant::now());
    machine.sample();
    std::thread::sleep(Duration::from_millis(2));
    machine.sample();
    let summary = machine.profile().summary();
    assert_eq!((summary.samples, summary.cores), (2, 0));
    assert_eq!(summary.peak_resident_bytes, None);
    let names: Vec<_> = summary.channels.iter().map(|c| c.quantity).collect();
    assert_eq!(names, [Quantity::ProcessCpu]);
}

#[test]
fn rates_are_differences_between_readings() {
    let root = tree(&[
        (
            "proc/stat",
            "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\nintr 7\n",
        ),
        ("proc/self/status", STATUS),
        (
            "proc/self/task/1/status",
            "voluntary_ctxt_switches:\t10\nnonvoluntary_ctxt_switches:\t1\n",
        ),
        (
            "proc/self/task/2/status",
            "voluntary_ctxt_switches:\t20\nnonvoluntary_ctxt_switches:\t2\n",
        ),
    ]);
    let mut machine = Machine::at(root.path(), Instant::now());
    machine.sample();
    assert_eq!(machine.profile().last(1), None, "a rate needs two readings");
    near(
        &last(&machine, Quantity::Resident),
        &[("process", Some(81.92))],
    );
    near(
        &last(&machine, Quantity::Threads),
        &[("process", Some(9.0))],
    );
    put(
        root.path(),
        "proc/stat",
        "cpu  140 10 125 825 0 0 0 0 0 0\ncpu0 1\n",
    );
    put(
        root.path(),
        "proc/self/task/2/status",
        "voluntary_ctxt_switches:\t70\n",
    );
    std::thread::sleep(Duration::from_millis(20));
    machine.sample();
    // 75 of 100 ticks on four cores.
    near(
        &last(&machine, Quantity::MachineCpu),
        &[("machine", Some(3.0))],
    );
    let voluntary = last(&machine, Quantity::VoluntarySwitches)[0].1.unwrap();
    assert!(voluntary > 0.0 && voluntary <= 50.0 / 0.02, "{voluntary}");
    // A thread's counters went backwards: nothing is said.
    near(
        &last(&machine, Quantity::InvoluntarySwitches),
        &[("process", None)],
    );
    let summary = machine.into_profile().summary();
    assert_eq!(summary.peak_resident_bytes, Some(90_000 * 1024));
}

#[test]
fn processor_times_are_read_or_left_alone() {
    assert_eq!(
        ticks("cpu  1 2 3 4 5 6 7 8 9 10\n"),
        Some(Ticks {
            busy: 1 + 2 + 3 + 6 + 7,
            total: 36
        })
    );
    for odd in [
        "",
        "cpu0 1 2 3",
        "cpu  a b",
        "cpu  18446744073709551615 1 1 1",
    ] {
        assert_eq!(ticks(odd), None, "{odd}");
    }
    let at = |busy, total| Ticks { busy, total };
    assert_eq!(at(5, 20).busy_since(at(0, 10)), Some(0.5));
    assert_eq!(at(5, 10).busy_since(at(0, 10)), None);
    assert_eq!(at(5, 20).busy_since(at(6, 10)), None);
    assert_eq!(cores("cpu  1\ncpu0 1\ncpu11 1\ncpufreq\n"), 2);
}

#[test]
fn odd_files_are_left_out_of_the_channels() {
    let long = "x".repeat(500);
    let root = tree(&[
        ("sys/class/thermal/thermal_zone0/type", "a\u{7}b\n"),
        ("sys/class/thermal/thermal_zone0/temp", "40000\n"),
        ("sys/class/thermal/thermal_zone1/type", &long),
        ("sys/class/thermal/thermal_zone1/temp", "nan\n"),
        ("sys/class/thermal/thermal_zone2/type", "acpitz\n"),
        (
            "sys/class/thermal/thermal_zone2/temp",
            "999999999999999999999999\n",
        ),
        ("sys/class/thermal/thermal_zone3/type", "acpitz\n"),
        ("sys/class/thermal/thermal_zone3/temp", "27800\n"),
        ("sys/class/thermal/thermal_zone4/type", ""),
        ("sys/class/devfreq/odd/cur_freq/is_a_folder", "1"),
        ("proc/stat", "\u{fffd}"),
    ]);
    std::fs::write(
        root.path().join("sys/class/thermal/thermal_zone4/type"),
        [0xff, 0xfe],
    )
    .unwrap();
    let mut machine = Machine::at(root.path(), Instant::now());
    machine.sample();
    let temperatures = last(&machine, Quantity::Temperature);
    assert!(temperatures[0].0.len() < 100);
    near(
        &temperatures[1..],
        &[("acpitz", None), ("acpitz (thermal_zone3)", Some(27.8))],
    );
    near(&last(&machine, Quantity::Frequency), &[("odd", None)]);
}

#[test]
fn too_many_sensors_are_counted() {
    let files: Vec<(String, &str)> = (0..60)
        .flat_map(|i| {
            let zone = format!("sys/class/thermal/thermal_zone{i}");
            [
                (format!("{zone}/type"), "cpu\n"),
                (format!("{zone}/temp"), "1000\n"),
            ]
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), *t)).collect();
    let root = tree(&files);
    let mut machine = Machine::at(root.path(), Instant::now());
    machine.sample();
    let summary = machine.profile().summary();
    assert_eq!(summary.channels_left_out, 6 + 60 - MAX_CHANNELS);
    assert_eq!(machine.profile().channels().len(), MAX_CHANNELS);
}

#[test]
fn a_long_run_keeps_its_extremes_and_its_mean() {
    let channels = vec![Channel {
        name: "cpu-thermal".to_owned(),
        quantity: Quantity::Temperature,
    }];
    let mut profile = MachineProfile::new(channels, 0, 8);
    for i in 0..10_000u32 {
        let mut values = [None; MAX_CHANNELS];
        values[0] = (i % 4 != 3).then_some(if i == 6180 { 104.0 } else { 50.0 });
        profile.add(Duration::from_secs(i.into()), &values);
    }
    assert!(profile.steps().len() <= STEPS);
    let summary = profile.summary();
    let heat = &summary.channels[0];
    assert_eq!((heat.samples, heat.min, heat.max), (7500, 50.0, 104.0));
    assert!((heat.mean - (50.0 + 54.0 / 7500.0)).abs() < 1e-9);
    let step = profile.steps()[3];
    assert_eq!((step.value(0), step.value(1)), (Some(50.0), None));
    assert!(step.at() > profile.steps()[2].at());
}

#[test]
fn this_machine_is_read_by_a_thread_that_ends() {
    let origin = Instant::now();
    let sampler = MachineSampler::start(Machine::new(origin), Duration::from_millis(100)).unwrap();
    let busy = Instant::now();
    let mut x = 1u64;
    while sampler.profile().samples() < 3 {
        assert!(busy.elapsed() < Duration::from_secs(60), "nothing is read");
        for _ in 0..1_000_000 {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
    }
    let summary = sampler.stop().summary();
    assert!(summary.samples >= 4, "the last is read at the end");
    let cpu = &summary.channels[0];
    assert_eq!(cpu.quantity, Quantity::ProcessCpu);
    assert!(cpu.max > 0.05, "{}", cpu.max);
    if Path::new("/proc/self/status").exists() {
        assert!(
            summary
                .channels
                .iter()
                .any(|c| c.quantity == Quantity::Resident && c.min > 1.0)
        );
        assert!(summary.cores > 0 && summary.peak_resident_bytes > Some(1 << 20));
    }
}

#[test]
fn a_sampler_that_is_dropped_ends_its_thread() {
    let machine = Machine::new(Instant::now());
    let sampler = MachineSampler::start(machine, Duration::from_secs(3600)).unwrap();
    let began = Instant::now();
    drop(sampler);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "does not wait for the next reading"
    );
}
