// What the stand-in's NVRTC makes and its driver loads in place of PTX or a cubin.
#pragma once
#include <string>

namespace standin {

// An image of a source: a text that looks like PTX, with the source's hash and the names of its kernels.
std::string make_image(const std::string& source, const std::string& architecture);

// Whether a driver would load this. Puts the kernels of an image of ours into `names`, each within '\n';
// leaves it empty for a real cubin or PTX, whose kernels are not looked for.
bool image_names(const void* image, std::string& names);

} // namespace standin
