#!/usr/bin/env python3
"""Compiles the kernels with real NVRTC and ptxas, for every GPU that each CUDA version knows.

    nvrtc_check.py SOURCES.json TOOLKITS

SOURCES.json is what the engine compiles, texts and options (written by tests/gpu_kernels/sources.rs);
TOOLKITS the folder that cuda_wheels.sh fills. Prints a table. Fails where a kernel does not compile
without a word, spills registers, or keeps memory a thread; and where a sum is contracted, which the
option against it has to prevent. Needs no GPU.
"""
import ctypes
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# The compute capabilities that each CUDA version is asked for.
TOOLKITS = {"12.6": {87, 89}, "12.9": {87, 89, 120}, "13.0": {87, 89, 110, 120}}
# An older driver refuses newer PTX: JetPack 6's takes up to this.
LAST_PTX = {"12.6": "8.5"}


class Failed(Exception):
    """What a kernel or a tool did that it must not."""


def only(folder, pattern):
    found = [path for path in folder.rglob(pattern) if ".alt." not in path.name]
    if len(found) != 1:
        raise Failed(f"{folder}: {len(found)} of {pattern}")
    return found[0]


class Nvrtc:
    """One libnvrtc."""

    def __init__(self, folder):
        # It looks for these by name, and not everywhere where it lies itself.
        self.builtins = ctypes.CDLL(str(only(folder, "libnvrtc-builtins.so.*")))
        self.library = ctypes.CDLL(str(only(folder, "libnvrtc.so.*")))
        self.library.nvrtcGetErrorString.restype = ctypes.c_char_p

    def call(self, name, *arguments):
        code = getattr(self.library, name)(*arguments)
        if code != 0:
            raise Failed(f"{name}: {self.library.nvrtcGetErrorString(code).decode()}")

    def size(self, what, program):
        size = ctypes.c_size_t()
        self.call(f"nvrtcGet{what}Size", program, ctypes.byref(size))
        return size.value

    def text(self, what, program):
        buffer = ctypes.create_string_buffer(self.size(what, program))
        self.call(f"nvrtcGet{what}", program, buffer)
        return buffer.value.decode()

    def compile(self, kernel, options):
        """PTX and size of the cubin."""
        program = ctypes.c_void_p()
        self.call("nvrtcCreateProgram", ctypes.byref(program), kernel["text"].encode(),
                  kernel["file"].encode(), 0, None, None)
        try:
            given = (ctypes.c_char_p * len(options))(*[o.encode() for o in options])
            failed = None
            try:
                self.call("nvrtcCompileProgram", program, len(options), given)
            except Failed as e:
                failed = e
            log = self.text("ProgramLog", program).strip()
            if failed or log:
                raise Failed(f"{failed or 'compiled, but not without a word'}\n{log}")
            return self.text("PTX", program), self.size("CUBIN", program)
        finally:
            self.call("nvrtcDestroyProgram", ctypes.byref(program))


def number(pattern, text, default=None):
    found = re.search(pattern, text)
    if found is None and default is None:
        raise Failed(f"ptxas does not say {pattern!r}:\n{text}")
    return int(found[1]) if found else default


def section(text, begin, end):
    """What lies between: both kernels are compiled as one text, and each is told about by itself."""
    _, found, rest = text.partition(begin)
    if not found:
        raise Failed(f"nothing begins with {begin!r}:\n{text}")
    return rest.partition(end)[0]


def assemble(folder, ptx, sm, entry):
    """Registers, bytes of shared memory, of stack, and of spills."""
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "kernel.ptx"
        source.write_text(ptx)
        done = subprocess.run(
            [only(folder, "ptxas"), "-v", f"-arch=sm_{sm}", source, "-o", source.with_suffix(".cubin")],
            capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode != 0:
        raise Failed(f"ptxas: {said}")
    said = section(said, f"Compiling entry function '{entry}'", "Compiling entry function")
    return (number(r"Used (\d+) registers", said), number(r"(\d+) bytes smem", said, 0),
            number(r"(\d+) bytes stack frame", said),
            number(r"(\d+) bytes spill stores", said) + number(r"(\d+) bytes spill loads", said))


def contracted(kernel, ptx):
    """Whether sums of products were made one operation. logf and log1pf of judge are made of such."""
    own = section(ptx, f".entry {kernel['entry']}(", "\n}")
    return kernel["entry"] == "preprocess" and "fma.rn.f32" in own


def check(nvrtc, folder, cuda, kernel, gpu):
    sm, options = gpu["sm"], gpu["options"]
    ptx, cubin = nvrtc.compile(kernel, options)
    version = re.search(r"^\.version (\S+)$", ptx, re.MULTILINE)[1]
    if version != LAST_PTX.get(cuda, version):
        raise Failed(f"PTX {version} where {LAST_PTX[cuda]} is the last that is taken")
    if contracted(kernel, ptx):
        raise Failed("sums are contracted")
    if kernel["entry"] == "preprocess":  # or nothing would be found, whatever the option did
        loose, _ = nvrtc.compile(kernel, [o for o in options if not o.startswith("--fmad")])
        if not contracted(kernel, loose):
            raise Failed("without the option against it nothing is contracted: is it still looked for?")
    registers, shared, stack, spills = assemble(folder, ptx, sm, kernel["entry"])
    print(f"| {kernel['entry']} | sm_{sm} | {cuda} | {version} | {registers} | {shared} | {stack} "
          f"| {spills} | {cubin} |")
    if stack or spills:
        raise Failed(f"{stack} bytes of stack, {spills} of spills")


def main():
    sources, toolkits = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    wanted = {gpu["sm"] for gpu in sources["gpus"]}
    missing = wanted - set().union(*TOOLKITS.values())
    if missing or len(sources["kernels"]) < 2:
        raise Failed(f"no CUDA version is asked for sm {missing}, or too few kernels")
    print("| kernel | GPU | CUDA | PTX | registers | shared, bytes | stack, bytes | spills, bytes "
          "| cubin, bytes |\n|---|---|---|---|---|---|---|---|---|")
    for cuda, known in TOOLKITS.items():
        folder = toolkits / cuda
        nvrtc = Nvrtc(folder)
        for kernel in sources["kernels"]:
            for gpu in sources["gpus"]:
                if gpu["sm"] not in known:
                    continue
                try:
                    check(nvrtc, folder, cuda, kernel, gpu)
                except Failed as e:
                    raise Failed(f"{kernel['entry']}, sm_{gpu['sm']}, CUDA {cuda}: {e}") from e


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        main()
    except Failed as e:
        sys.exit(str(e))
