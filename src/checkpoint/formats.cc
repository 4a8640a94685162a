#include "checkpoint/formats.h"

#include <algorithm>
#include <new>

#include "base/error.h"
#include "checkpoint/gguf.h"
#include "checkpoint/quantizers.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/scaled_weights.h"
#include "checkpoint/torch_legacy.h"
#include "checkpoint/torch_zip.h"
#include "checkpoint/zip.h"

namespace drypoint {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// Whether the file starts with this text, which is lower-case, in any case.
bool starts_with(std::string_view contents, std::string_view text) {
  return std::ranges::equal(contents.substr(0, text.size()), text, {}, lower);
}

// What people pass by mistake, worth a better word than "unknown".
constexpr std::pair<std::string_view, std::string_view> mistakes[] = {
    {"version https://git-lfs", "a Git LFS pointer (the file itself has yet to be downloaded)"},
    {"<!doctype", "a web page"},
    {"<html", "a web page"},
    {"<head", "a web page"},
    {"<?xml", "a web page"},
    {"ggml", "a GGML file"},
    {"\x89png", "a picture"},
    {"\xff\xd8\xff", "a picture"},
    {"riff", "a picture"},
    {"gif8", "a picture"},
    {"%pdf", "a PDF document"},
    {"\x1f\x8b", "packed with gzip"},
    {"7z\xbc\xaf", "a 7-Zip archive"},
    {"rar!", "a RAR archive"},
    {"\x89hdf", "an HDF5 file (Keras)"}};

// The contents after what may stand before a page's first word: white space, comments, a byte order
// mark.
std::string_view beginning_of(std::span<const std::byte> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                        std::min<size_t>(bytes.size(), 4096));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    const size_t end = text.starts_with("<!--") ? text.find("-->") : text.npos;
    if (end == text.npos) return text;
    text.remove_prefix(end + 3);
  }
}

TensorFile read_by_content(const FileBytes& file) {
  if (file.bytes.empty()) fail(ErrorKind::bad_file, "{}: is empty", file.name);
  if (is_safetensors(file.bytes)) return {"safetensors", read_safetensors(file)};
  if (is_gguf(file.bytes)) return {"GGUF", read_gguf(file)};
  if (is_zip(file.bytes)) return {"PyTorch zip", read_torch_zip(file)};
  if (is_torch_legacy(file.bytes)) return {"PyTorch legacy", read_torch_legacy(file)};
  const std::string_view beginning = beginning_of(file.bytes);
  for (const auto& [start, what] : mistakes)
    if (starts_with(beginning, start))
      fail(ErrorKind::bad_file, "{}: is {}, expected a checkpoint", file.name, what);
  fail(ErrorKind::bad_file,
       "{}: is neither a safetensors file nor a PyTorch file, or it is damaged at its start",
       file.name);
}

}  // namespace

TensorFile read_tensor_file_as_it_is(const std::filesystem::path& path) {
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

void settle_eight_bits(NamedTensors& tensors, const std::string& file) {
  take_quantizers(tensors, file);  // which look at weights' types
  apply_weight_scales(tensors, file);
  fold_input_factors(tensors, file);
}

TensorFile read_tensor_file(const std::filesystem::path& path) {
  TensorFile result = read_tensor_file_as_it_is(path);
  settle_eight_bits(result.tensors, path.string());
  return result;
}

}  // namespace drypoint
