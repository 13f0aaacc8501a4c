// NVRTC: compiles nothing, but says whether the program asked properly.
#include <cstring>
#include <set>

#include "../core/objects.h"
#include "../driver/cuda_abi.h"
#include "image.h"

using namespace standin;

namespace {

enum nvrtcResult : int {
    NVRTC_SUCCESS = 0,
    NVRTC_ERROR_OUT_OF_MEMORY = 1,
    NVRTC_ERROR_INVALID_INPUT = 3,
    NVRTC_ERROR_INVALID_PROGRAM = 4,
    NVRTC_ERROR_INVALID_OPTION = 5,
    NVRTC_ERROR_COMPILATION = 6,
    NVRTC_ERROR_INTERNAL_ERROR = 11,
};

struct Program {
    std::string source, log, image;
    bool virtual_architecture = true;
    uint64_t generation = state().generation;
};

std::set<Program*>& programs() {
    static std::set<Program*> all;
    return all;
}

Program* find(void* handle) {
    auto* program = static_cast<Program*>(handle);
    if (programs().count(program) != 0) return program;
    state().fault(kind::handle, "NVRTC with a program that does not live");
    return nullptr;
}

int text_size(void* handle, size_t* size, bool log) {
    std::lock_guard guard(lock());
    const Program* program = find(handle);
    if (program == nullptr) return NVRTC_ERROR_INVALID_PROGRAM;
    if (!log && program->image.empty()) return NVRTC_ERROR_INVALID_PROGRAM;
    *size = (log ? program->log : program->image).size() + 1;
    return NVRTC_SUCCESS;
}

int text(void* handle, char* into, bool log) {
    std::lock_guard guard(lock());
    const Program* program = find(handle);
    if (program == nullptr) return NVRTC_ERROR_INVALID_PROGRAM;
    if (!log && program->image.empty()) return NVRTC_ERROR_INVALID_PROGRAM;
    const std::string& from = log ? program->log : program->image;
    std::memcpy(into, from.c_str(), from.size() + 1);
    return NVRTC_SUCCESS;
}

} // namespace

API int nvrtcVersion(int* major, int* minor) {
    std::lock_guard guard(lock());
    if (const int code = state().calls.note(__func__)) return code;
    *major = state().settings.driver / 1000;
    *minor = state().settings.driver % 1000 / 10;
    return NVRTC_SUCCESS;
}

API const char* nvrtcGetErrorString(int code) {
    switch (code) {
    case NVRTC_SUCCESS: return "NVRTC_SUCCESS";
    case NVRTC_ERROR_OUT_OF_MEMORY: return "NVRTC_ERROR_OUT_OF_MEMORY";
    case NVRTC_ERROR_INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
    case NVRTC_ERROR_INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
    case NVRTC_ERROR_INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
    case NVRTC_ERROR_COMPILATION: return "NVRTC_ERROR_COMPILATION";
    case NVRTC_ERROR_INTERNAL_ERROR: return "NVRTC_ERROR_INTERNAL_ERROR";
    default: return "NVRTC_ERROR unknown";
    }
}

API int nvrtcCreateProgram(void** handle, const char* source, const char*, int, const char* const*,
                           const char* const*) {
    std::lock_guard guard(lock());
    if (const int code = state().calls.note(__func__)) return code;
    if (source == nullptr) return NVRTC_ERROR_INVALID_INPUT;
    auto* program = new Program;
    program->source = source;
    programs().insert(program);
    ++state().objects["NVRTC programs"];
    *handle = program;
    return NVRTC_SUCCESS;
}

API int nvrtcDestroyProgram(void** handle) {
    std::lock_guard guard(lock());
    const int code = state().calls.note(__func__);
    Program* program = find(*handle);
    if (program == nullptr) return NVRTC_ERROR_INVALID_PROGRAM;
    if (program->generation == state().generation) --state().objects["NVRTC programs"];
    programs().erase(program);
    delete program;
    *handle = nullptr;
    return code;
}

API int nvrtcCompileProgram(void* handle, int count, const char* const* options) {
    std::lock_guard guard(lock());
    State& s = state();
    if (const int code = s.calls.note(__func__)) return code;
    Program* program = find(handle);
    if (program == nullptr) return NVRTC_ERROR_INVALID_PROGRAM;
    std::string architecture = "sm_52";
    for (int i = 0; i < count; ++i) {
        const std::string option = options[i];
        if (option.empty() || option[0] != '-') {
            program->log = "nvrtc: error: invalid value for an option: " + option;
            return NVRTC_ERROR_INVALID_OPTION;
        }
        for (const char* prefix : {"--gpu-architecture=", "-arch="}) {
            if (option.compare(0, std::strlen(prefix), prefix) == 0) architecture = option.substr(std::strlen(prefix));
        }
    }
    program->virtual_architecture = architecture.compare(0, 3, "sm_") != 0;
    if (s.settings.compile_fails) {
        program->log = s.settings.compile_log;
        s.settings.compile_fails = false;
        return NVRTC_ERROR_COMPILATION;
    }
    program->image = make_image(program->source, architecture);
    return NVRTC_SUCCESS;
}

API int nvrtcGetPTXSize(void* handle, size_t* size) { return text_size(handle, size, false); }
API int nvrtcGetPTX(void* handle, char* into) { return text(handle, into, false); }
API int nvrtcGetProgramLogSize(void* handle, size_t* size) { return text_size(handle, size, true); }
API int nvrtcGetProgramLog(void* handle, char* into) { return text(handle, into, true); }

// There is a cubin for a real architecture only, one that begins with sm_.
API int nvrtcGetCUBINSize(void* handle, size_t* size) {
    std::lock_guard guard(lock());
    const Program* program = find(handle);
    if (program == nullptr) return NVRTC_ERROR_INVALID_PROGRAM;
    if (program->virtual_architecture) {
        *size = 0;
        return NVRTC_SUCCESS;
    }
    return text_size(handle, size, false);
}

API int nvrtcGetCUBIN(void* handle, char* into) { return text(handle, into, false); }
