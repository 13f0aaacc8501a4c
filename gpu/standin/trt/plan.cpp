#include "plan.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace standin::trt {
namespace {

constexpr char magic[] = "lookout stand-in plan\n";

uint64_t hash(const std::string& text) {
    uint64_t value = 0xcbf29ce484222325u;
    for (const char c : text) value = (value ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    return value;
}

void put(std::string& out, uint64_t value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); }

void put(std::string& out, const std::string& text) {
    put(out, text.size());
    out += text;
}

void put(std::string& out, const Dims& dims) {
    put(out, static_cast<uint64_t>(dims.nbDims));
    for (int32_t i = 0; i < dims.nbDims; ++i) put(out, static_cast<uint64_t>(dims.d[i]));
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}
    uint64_t number() {
        uint64_t value = 0;
        if (text_.size() - at_ < sizeof value) throw std::string("it is too short");
        std::memcpy(&value, text_.data() + at_, sizeof value);
        at_ += sizeof value;
        return value;
    }
    std::string text() {
        const uint64_t size = number();
        if (text_.size() - at_ < size) throw std::string("it is too short");
        at_ += size;
        return std::string(text_.substr(at_ - size, size));
    }
    Dims dims() {
        Dims out{};
        const uint64_t rank = number();
        if (rank > Dims::MAX_DIMS) throw std::string("a shape has too many dimensions");
        out.nbDims = static_cast<int32_t>(rank);
        for (int32_t i = 0; i < out.nbDims; ++i) out.d[i] = static_cast<int64_t>(number());
        return out;
    }

private:
    std::string_view text_;
    size_t at_ = 0;
};

} // namespace

const Tensor* Plan::find(const char* name) const {
    for (const Tensor& tensor : tensors) {
        if (name != nullptr && tensor.name == name) return &tensor;
    }
    return nullptr;
}

namespace {

// The value of a symbol, or of a symbol divided by a number ("height/4"), which is how graphs name what
// their strides make of an input; -1 if it is not known.
int64_t value_of(const std::string& expression, const std::map<std::string, int64_t>& symbols) {
    const auto known = symbols.find(expression);
    if (known != symbols.end()) return known->second;
    const size_t slash = expression.rfind('/');
    if (slash == std::string::npos) return -1;
    const auto whole = symbols.find(expression.substr(0, slash));
    const long divisor = std::strtol(expression.c_str() + slash + 1, nullptr, 10);
    return whole == symbols.end() || divisor <= 0 ? -1 : whole->second / divisor;
}

} // namespace

std::map<std::string, Dims> Plan::shapes(const std::map<std::string, Dims>& inputs) const {
    std::map<std::string, int64_t> symbols;
    for (const onnx::Value& value : model.inputs) {
        const auto it = inputs.find(value.name);
        if (it == inputs.end()) continue;
        for (size_t i = 0; i < value.dims.size() && i < static_cast<size_t>(std::max(it->second.nbDims, 0)); ++i) {
            if (!value.dims[i].symbol.empty()) symbols[value.dims[i].symbol] = it->second.d[i];
        }
    }
    std::map<std::string, Dims> found;
    for (const onnx::Value& value : model.outputs) {
        Dims dims = dims_of(value.dims);
        for (size_t i = 0; i < value.dims.size() && i < Dims::MAX_DIMS; ++i) {
            if (dims.d[i] < 0) dims.d[i] = value_of(value.dims[i].symbol, symbols);
        }
        found[value.name] = dims;
    }
    return found;
}

size_t Plan::io_bytes(size_t profile) const {
    std::map<std::string, Dims> inputs;
    for (const Tensor& tensor : tensors) {
        if (!tensor.input) continue;
        const auto it = profiles[profile].find(tensor.name);
        inputs[tensor.name] = it == profiles[profile].end() ? tensor.dims : it->second.max;
    }
    const auto outputs = shapes(inputs);
    size_t sum = 0;
    for (const Tensor& tensor : tensors) {
        const Dims& dims = tensor.input ? inputs.at(tensor.name) : outputs.at(tensor.name);
        sum += static_cast<size_t>(std::max<int64_t>(volume(dims), 1)) * bytes_of(tensor.type);
    }
    return sum;
}

Dims dims_of(const std::vector<onnx::Dim>& dims) {
    Dims out{};
    out.nbDims = static_cast<int32_t>(std::min<size_t>(dims.size(), Dims::MAX_DIMS));
    for (int32_t i = 0; i < out.nbDims; ++i) out.d[i] = dims[static_cast<size_t>(i)].value;
    return out;
}

bool type_of(int onnx_type, DataType& type) {
    switch (onnx_type) {
    case onnx::f32: type = DataType::kFLOAT; return true;
    case onnx::f16: type = DataType::kHALF; return true;
    case onnx::bf16: type = DataType::kBF16; return true;
    case onnx::i8: type = DataType::kINT8; return true;
    case onnx::u8: type = DataType::kUINT8; return true;
    case onnx::i32: type = DataType::kINT32; return true;
    case onnx::i64: type = DataType::kINT64; return true;
    case onnx::boolean: type = DataType::kBOOL; return true;
    default: return false;
    }
}

std::string read_model(Plan& plan, int& node) {
    std::string wrong = onnx::read(plan.onnx.data(), plan.onnx.size(), plan.model, node);
    if (!wrong.empty()) return wrong;
    for (const bool input : {true, false}) {
        for (const onnx::Value& value : input ? plan.model.inputs : plan.model.outputs) {
            Tensor tensor;
            tensor.name = value.name;
            tensor.input = input;
            tensor.dims = dims_of(value.dims);
            if (!type_of(value.type, tensor.type)) return "The type of \"" + value.name + "\" is not supported.";
            plan.tensors.push_back(tensor);
        }
    }
    return "";
}

std::string write_plan(const std::string& onnx, const std::vector<Profile>& profiles, uint64_t options, bool detailed) {
    std::string body;
    put(body, static_cast<uint64_t>(NV_TENSORRT_VERSION));
    put(body, options);
    put(body, static_cast<uint64_t>(detailed));
    put(body, profiles.size());
    for (const Profile& profile : profiles) {
        put(body, profile.size());
        for (const auto& [name, range] : profile) {
            put(body, name);
            put(body, range.min);
            put(body, range.opt);
            put(body, range.max);
        }
    }
    put(body, onnx);
    std::string plan = magic;
    put(plan, hash(body));
    return plan + body;
}

std::string read_plan(const void* data, size_t size, Plan& plan) {
    const std::string all(static_cast<const char*>(data), size);
    const size_t head = std::strlen(magic);
    if (all.compare(0, head, magic) != 0) return "the magic tag does not match";
    try {
        const std::string rest = all.substr(head);
        if (rest.size() < sizeof(uint64_t)) return "it is too short";
        const std::string body = rest.substr(sizeof(uint64_t));
        if (Reader(rest).number() != hash(body)) return "the checksum does not match";
        Reader reader(body);
        const uint64_t version = reader.number();
        if (version != NV_TENSORRT_VERSION) return "it was built by version " + std::to_string(version);
        plan.options = reader.number();
        plan.detailed = reader.number() != 0;
        const uint64_t profiles = reader.number();
        for (uint64_t i = 0; i < profiles; ++i) {
            Profile profile;
            for (uint64_t count = reader.number(); count > 0; --count) {
                const std::string name = reader.text();
                Range& range = profile[name];
                range.min = reader.dims();
                range.opt = reader.dims();
                range.max = reader.dims();
            }
            plan.profiles.push_back(std::move(profile));
        }
        plan.onnx = reader.text();
    } catch (const std::string& wrong) {
        return wrong;
    }
    int node = -1;
    return read_model(plan, node);
}

} // namespace standin::trt
