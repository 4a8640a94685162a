#include "checkpoint/formats.h"

#include <cstring>
#include <new>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_legacy.h"
#include "checkpoint/torch_zip.h"
#include "checkpoint/zip.h"

namespace drypoint {
namespace {

bool starts_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

// What people pass by mistake, worth a better word than "unknown".
constexpr std::pair<std::string_view, std::string_view> mistakes[] = {
    {"version https://git-lfs", "a Git LFS pointer (the file itself has yet to be downloaded)"},
    {"<!DOCTYPE", "a web page"},
    {"<html", "a web page"},
    {"GGUF", "a GGUF file"},
    {"\x89PNG", "a picture"},
    {"\xff\xd8\xff", "a picture"},
    {"GIF8", "a picture"}};

TensorFile read_by_content(const FileBytes& file) {
  if (file.bytes.empty()) fail(ErrorKind::bad_file, "{}: is empty", file.name);
  if (is_safetensors(file.bytes)) return {"safetensors", read_safetensors(file)};
  if (is_zip(file.bytes)) return {"PyTorch zip", read_torch_zip(file)};
  if (is_torch_legacy(file.bytes)) return {"PyTorch legacy", read_torch_legacy(file)};
  for (const auto& [start, what] : mistakes)
    if (starts_with(file.bytes, start))
      fail(ErrorKind::bad_file, "{}: is {}, expected a checkpoint", file.name, what);
  fail(ErrorKind::bad_file,
       "{}: is neither a safetensors file nor a PyTorch file, or it is damaged at its start",
       file.name);
}

}  // namespace

TensorFile read_tensor_file(const std::filesystem::path& path) {
  const auto mapped = std::make_shared<const MappedFile>(path);
  try {
    TensorFile result = read_by_content({path.string(), mapped->bytes(), mapped});
    result.tensors.files.push_back(mapped);
    return result;
  } catch (const std::bad_alloc&) {
    fail(ErrorKind::out_of_memory, "{}: not enough memory to read its directory of tensors",
         path.string());
  }
}

}  // namespace drypoint
