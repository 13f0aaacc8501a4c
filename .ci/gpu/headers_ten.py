#!/usr/bin/env python3
"""Puts back what TensorRT 11 took out of TensorRT 10's headers, as far as the shim uses it.

    headers_ten.py HEADERS-OF-11.4 FOLDER

TensorRT 10's own headers are in no package registry, and a Jetson has nothing else. These are not they:
they are 11.4's with version 10.3, the flags for FP16 and INT8, the calibrator, and a logger
without an interface version. They show that this half of the shim compiles, no more.
"""

import shutil
import sys
from pathlib import Path

CALIBRATOR = """
namespace v_1_0
{
class TRT_DEPRECATED IInt8EntropyCalibrator2 : public IVersionedInterface
{
public:
    InterfaceInfo getInterfaceInfo() const noexcept override
    {
        return InterfaceInfo{"IInt8EntropyCalibrator2", 1, 0};
    }
    virtual int32_t getBatchSize() const noexcept = 0;
    virtual bool getBatch(void* bindings[], char const* names[], int32_t nbBindings) noexcept = 0;
    virtual void const* readCalibrationCache(std::size_t& length) noexcept = 0;
    virtual void writeCalibrationCache(void const* ptr, std::size_t length) noexcept = 0;
};
} // namespace v_1_0
using IInt8EntropyCalibrator2 = v_1_0::IInt8EntropyCalibrator2;

"""

# File, what is there, what it becomes.
CHANGES = [
    ("NvInferVersion.h", "TRT_MAJOR_ENTERPRISE 11", "TRT_MAJOR_ENTERPRISE 10"),
    ("NvInferVersion.h", "TRT_MINOR_ENTERPRISE 4", "TRT_MINOR_ENTERPRISE 3"),
    ("NvInferRuntime.h", "class ILogger : public IVersionedInterface", "class ILogger"),
    (
        "NvInferRuntime.h",
        'InterfaceInfo getInterfaceInfo() const noexcept override\n    {\n        return {"ILogger"',
        'InterfaceInfo unused() const noexcept\n    {\n        return {"ILogger"',
    ),
    ("NvInferRuntime.h", "~ILogger() override", "virtual ~ILogger()"),
    (
        "NvInfer.h",
        "enum class BuilderFlag : int32_t\n{",
        "enum class BuilderFlag : int32_t\n{\n"
        "    kFP16 TRT_DEPRECATED_ENUM = 0,\n    kINT8 TRT_DEPRECATED_ENUM = 1,",
    ),
    (
        "NvInfer.h",
        "    virtual void setAvgTimingIterations(",
        "    TRT_DEPRECATED void setInt8Calibrator(IInt8EntropyCalibrator2*) noexcept {}\n"
        "    virtual void setAvgTimingIterations(",
    ),
]


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    for name, before, after in CHANGES:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        if before not in text:
            sys.exit(f"{path}: no {before!r}")
        path.write_text(text.replace(before, after, 1), encoding="utf-8")
    path = folder / "NvInfer.h"
    text = path.read_text(encoding="utf-8")
    at = text.index("enum class BuilderFlag : int32_t\n{")
    at = text.rindex("\n\n", 0, at)
    path.write_text(text[:at] + CALIBRATOR + text[at:], encoding="utf-8")


main()
