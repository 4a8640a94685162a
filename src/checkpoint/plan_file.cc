#include "checkpoint/plan_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "checkpoint/safetensors.h"

namespace drypoint {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view format_version = "1";
constexpr const char* version_key = "drypoint.plan";
constexpr const char* header_key = "drypoint.plan.header";
constexpr std::string_view packed_prefix = "packed ";
constexpr std::string_view vocabulary_name = "tokenizer vocab.json";
constexpr std::string_view merges_name = "tokenizer merges.txt";
constexpr std::string_view checksums_name = "checksums";
constexpr size_t alignment = 64;   // of packed weights
constexpr size_t page = 4096;      // where the data begin
constexpr size_t block = 4 << 20;  // of data with a checksum of its own

uint32_t checksum(std::span<const std::byte> bytes, uint32_t before = 0) {
  return static_cast<uint32_t>(
      crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

size_t aligned(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size()};
}

DType dtype_of(const std::string& text) {
  if (const auto dtype = dtype_named(text)) return *dtype;
  fail(ErrorKind::bad_file, "unknown dtype \"{}\"", printable(text));
}

ordered_json header_of(const PlanContents& contents) {
  const PlanInfo& info = contents.info;
  ordered_json json;
  json["producer"] = info.producer;
  json["device"] = {{"kind", info.device.kind},
                    {"hardware", info.device.hardware},
                    {"name", info.device.name},
                    {"precision", info.device.precision.name()},
                    {"code", info.device.code}};
  json["model"] = info.model;
  json["control"] = info.control;
  json["model_hash"] = info.model_hash;
  json["controls"] = ordered_json::array();
  for (size_t i = 0; i < info.controls.size(); ++i)
    json["controls"].push_back(
        {{"name", info.controls[i].name},
         {"file", info.controls[i].file.string()},
         {"hash", i < info.control_hashes.size() ? info.control_hashes[i] : ""},
         {"source", contents.checkpoint.controlnets.at(i).source}});
  json["sizes"] = ordered_json::array();
  for (const ImageSize size : info.sizes) json["sizes"].push_back({size.width, size.height});
  json["samples"] = info.samples;
  json["any_size"] = info.any_size;
  json["layout"] = contents.checkpoint.layout;
  for (const auto& [part, source] : contents.checkpoint.sources)
    json["sources"][name_of(part)] = source;
  json["metadata"] = contents.checkpoint.tensors.metadata;
  json["choices"] = contents.choices;
  json["tensors"] = ordered_json::object();
  for (const auto& tensor : contents.tensors) {
    const TensorType& type = contents.checkpoint.tensors.at(tensor).type();
    json["tensors"][tensor] = {name(type.dtype), type.shape};
  }
  return json;
}

/// Writes the data, and takes their checksums.
class DataWriter {
 public:
  DataWriter(SafetensorsWriter& writer, size_t all, const std::function<void(double)>& written)
      : writer_(writer), all_(all), written_(written), sums_{checksum(writer.header())} {}

  void append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), block - done_ % block));
      sum_ = checksum(part, sum_);
      writer_.append(part);
      done_ += part.size();
      if (done_ % block == 0) finish_block();
      bytes = bytes.subspan(part.size());
      written_(static_cast<double>(done_) / static_cast<double>(all_));
    }
  }
  void append_padding(size_t bytes) {
    static constexpr std::array<std::byte, alignment> zeros{};
    append(std::span(zeros).first(bytes));
  }
  void append_checksums() {
    if (done_ % block != 0) finish_block();
    writer_.append(std::as_bytes(std::span(sums_)));
  }

 private:
  void finish_block() { sums_.push_back(std::exchange(sum_, checksum({}))); }

  SafetensorsWriter& writer_;
  size_t all_, done_ = 0;
  const std::function<void(double)>& written_;
  std::vector<uint32_t> sums_;
  uint32_t sum_ = checksum({});
};

}  // namespace

bool looks_like_plan(std::span<const std::byte> bytes) {
  if (!is_safetensors(bytes)) return false;
  // Our writer puts the metadata first.
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              std::min<size_t>(bytes.size(), 1024));
  return text.find(fmt::format("\"{}\"", version_key)) != text.npos;
}

PlanFile::PlanFile(const std::filesystem::path& path) {
  const auto mapped = std::make_shared<const MappedFile>(path);
  checkpoint_.tensors.files.push_back(mapped);
  file_ = {path.string(), mapped->bytes(), mapped};
  read();
}

PlanFile::PlanFile(const FileBytes& file) : file_(file) { read(); }

void PlanFile::read() {
  if (!is_safetensors(file_.bytes))
    fail(ErrorKind::bad_file, "{}: is no plan, expected a file that drypoint build has written",
         name());
  NamedTensors all = read_safetensors(file_);
  const auto version = all.metadata.find(version_key), header = all.metadata.find(header_key);
  if (version == all.metadata.end())
    fail(ErrorKind::bad_file, "{}: is no plan, expected a file that drypoint build has written",
         name());
  if (version->second != format_version)
    fail(ErrorKind::bad_file, "{}: is a plan of format {}, expected {}: build it again", name(),
         printable(version->second), format_version);
  read_checksums(all.find(checksums_name));
  try {
    read_header(header == all.metadata.end() ? "" : header->second);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::bad_file, "{}: the plan's header is damaged: {}", name(), reason(error));
  }

  info_.file_bytes = static_cast<int64_t>(file_.bytes.size());
  const std::byte *begin = nullptr, *end = nullptr;
  for (const auto& [key, tensor] : all.tensors) {
    if (key == checksums_name) continue;
    if (!key.starts_with(packed_prefix)) {
      if (key == vocabulary_name || key == merges_name) {
        check(tensor.bytes());
        (key == vocabulary_name ? tokenizer_.first : tokenizer_.second) = text_of(tensor);
        info_.has_tokenizer = true;
        continue;
      }
      const auto known = checkpoint_.tensors.tensors.find(key);
      if (known == checkpoint_.tensors.tensors.end() || known->second.type() != tensor.type())
        fail(ErrorKind::bad_file, "{}: tensor {} is not as the plan's header says", name(),
             printable(key));
      known->second = tensor;
      info_.checkpoint_bytes += static_cast<int64_t>(tensor.bytes().size());
      continue;
    }
    const auto bytes = tensor.bytes();
    const size_t place = static_cast<size_t>(bytes.data() - file_.bytes.data());
    if (bytes.empty() || bytes.size() % alignment != 0 || place % alignment != 0)
      fail(ErrorKind::bad_file, "{}: {} has {} bytes at {}, expected multiples of {}", name(),
           printable(key), bytes.size(), place, alignment);
    if (!begin || bytes.data() < begin) begin = bytes.data();
    if (!end || bytes.data() + bytes.size() > end) end = bytes.data() + bytes.size();
    packed_.push_back({key.substr(packed_prefix.size()), place, bytes.size()});
    info_.packed_bytes += static_cast<int64_t>(bytes.size());
  }
  info_.packed_weights = static_cast<int64_t>(packed_.size());
  packed_bytes_ = {begin, end};
  for (PackedWeight& weight : packed_)
    weight.offset -= static_cast<size_t>(begin - file_.bytes.data());
  if (const Tensor* schedule = checkpoint_.tensors.find("alphas_cumprod")) {
    if (!schedule->defined()) fail(ErrorKind::bad_file, "{}: alphas_cumprod: missing", name());
    check(schedule->bytes());
  }
}

void PlanFile::read_checksums(const Tensor* table) {
  const auto damaged = [&](std::string_view what) {
    fail(ErrorKind::bad_file, "{}: the plan is damaged: {}", name(), what);
  };
  if (!table || table->dtype() != DType::i32) damaged("it has no checksums");
  const std::byte* first = table->bytes().data();
  uint64_t length = 0;  // little-endian; read_safetensors has checked it
  for (size_t i = 0; i < 8; ++i) length |= std::to_integer<uint64_t>(file_.bytes[i]) << 8 * i;
  const auto header = file_.bytes.first(8 + length);
  data_ = {header.data() + header.size(), first};
  if (first + table->bytes().size() != file_.bytes.data() + file_.bytes.size())
    damaged("its checksums are not at its end");
  const size_t blocks = (data_.size() + block - 1) / block;
  checksums_.resize(table->bytes().size() / sizeof(uint32_t));
  if (checksums_.size() != 1 + blocks)
    damaged(fmt::format("it has {} checksums, expected {}", checksums_.size(), 1 + blocks));
  std::memcpy(checksums_.data(), first, table->bytes().size());
  if (checksum(header) != checksums_[0]) damaged("its header does not match its checksum");
  checksums_.erase(checksums_.begin());
  checked_ = std::vector<std::atomic<bool>>(blocks);
}

void PlanFile::read_header(const std::string& text) {
  const auto json = parse_json(text);
  if (!json.is_object()) fail(ErrorKind::bad_file, "{}: the plan has no header", name());
  // What may be shown on a terminal.
  const auto text_of = [](const auto& value) {
    return printable(value.template get<std::string>());
  };
  const auto number_of = [&](const auto& value) {
    if (!value.is_number_unsigned() || value.template get<uint64_t>() > 1'000'000)
      fail(ErrorKind::bad_file, "{}: the plan's header has {}, expected a whole number", name(),
           printable(value.dump()));
    return value.template get<int>();
  };
  const auto precision_of = [&](const auto& value) {
    try {
      return Precision(value.template get<std::string>());
    } catch (const Error& error) {
      fail(ErrorKind::bad_file, "{}: the plan's header: {}", name(), error.what());
    }
  };
  info_.producer = text_of(json.at("producer"));
  const auto& device = json.at("device");
  info_.device = {text_of(device.at("kind")), text_of(device.at("hardware")),
                  text_of(device.at("name")), precision_of(device.at("precision")),
                  printable(device.value("code", "none"))};
  info_.model = text_of(json.at("model"));
  info_.control = text_of(json.at("control"));
  info_.model_hash = printable(json.value("model_hash", std::string()));
  for (const auto& size : json.at("sizes"))
    info_.sizes.push_back({number_of(size.at(0)), number_of(size.at(1))});
  info_.samples = number_of(json.at("samples"));
  info_.any_size = json.at("any_size").get<bool>();
  checkpoint_.layout = json.at("layout").get<std::string>();
  choices_ = json.at("choices").get<std::string>();
  for (const auto& [key, value] : json.at("metadata").items())
    checkpoint_.tensors.metadata[key] = value.get<std::string>();
  // Shapes without bytes shape graphs too: nobody may claim more than a file could stand for.
  uint64_t listed = 0;
  for (const auto& [key, value] : json.at("tensors").items()) {
    TensorType type{dtype_of(value.at(0).get<std::string>()), value.at(1).get<Shape>()};
    uint64_t values = 0;
    if (!checked_bytes(type.shape, DType::u8, values) ||
        (listed += values) > 8 * static_cast<uint64_t>(file_.bytes.size()))
      fail(ErrorKind::bad_file, "{}: tensor {} of shape {} is too large for this file", name(),
           printable(key), to_string(type.shape));
    checkpoint_.tensors.tensors[key] = Tensor(std::move(type), nullptr, nullptr);
  }
  for (const auto& [part, prefix, part_name] : part_names) {
    if (!checkpoint_.tensors.has_prefix(prefix)) continue;
    checkpoint_.sources[part] = name();
    const std::string part_text(part_name);
    add_part(part_text, text_of(json.at("sources").at(part_text)), prefix);
  }
  read_controls(json.value("controls", ordered_json::array()));
  if (!choices_.empty()) {
    const auto choices = parse_json(choices_);
    if (choices.is_object() && choices.contains("choices"))
      info_.choices = static_cast<int64_t>(choices["choices"].size());
  }
}

void PlanFile::add_part(std::string part, std::string source, std::string_view prefix) {
  PlanPart described{.name = std::move(part), .source = std::move(source)};
  const auto& tensors = checkpoint_.tensors.tensors;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix);
       ++it) {
    ++described.tensors;
    described.parameters += it->second.type().elements();
  }
  info_.parts.push_back(std::move(described));
}

/// Names of the ControlNets whose tensors there are.
void PlanFile::read_controls(const ordered_json& controls) {
  const auto text_of = [](const auto& value) {
    return printable(value.template get<std::string>());
  };
  size_t count = 0;
  while (checkpoint_.tensors.has_prefix(control_prefix(count))) ++count;
  if (controls.size() != count)
    fail(ErrorKind::bad_file, "{}: the plan's header names {} ControlNets, expected {}", name(),
         controls.size(), count);
  for (size_t i = 0; i < count; ++i) {
    const auto& control = controls[i];
    info_.controls.push_back({text_of(control.at("name")), text_of(control.at("file"))});
    info_.control_hashes.push_back(printable(control.value("hash", std::string())));
    checkpoint_.controlnets.push_back({info_.controls[i].name, name()});
    if (i > 0)
      add_part("ControlNet " + info_.controls[i].name, text_of(control.at("source")),
               control_prefix(i));
  }
}

bool PlanFile::holds(const Tensor& tensor) const {
  const auto bytes = tensor.bytes();
  return std::greater_equal<>()(bytes.data(), data_.data()) &&
         std::less<>()(bytes.data(), data_.data() + data_.size());
}

void PlanFile::check(std::span<const std::byte> part) const {
  if (part.empty()) return;
  DRYPOINT_EXPECT(
      part.data() >= data_.data() && part.data() + part.size() <= data_.data() + data_.size(),
      "bytes outside {}", name());
  const auto begin = static_cast<size_t>(part.data() - data_.data());
  for (size_t i = begin / block; i * block < begin + part.size(); ++i) {
    if (checked_[i]) continue;
    const auto whole = data_.subspan(i * block, std::min(block, data_.size() - i * block));
    if (checksum(whole) != checksums_[i])
      fail(ErrorKind::bad_file,
           "{}: the plan is damaged: its bytes from {} on do not match their checksum", name(),
           whole.data() - file_.bytes.data());
    checked_[i] = true;
  }
}

PlanInfo write_plan(const std::filesystem::path& path, const PlanContents& contents,
                    const std::function<void(double)>& written) {
  PlanInfo info = contents.info;
  std::vector<SafetensorsWriter::Entry> entries;
  size_t bytes = 0;
  const auto add = [&](std::string entry, TensorType type) {
    bytes += type.bytes();
    entries.emplace_back(std::move(entry), std::move(type));
  };
  const auto add_text = [&](std::string_view entry, const std::string& text) {
    add(std::string(entry), {DType::u8, {static_cast<int64_t>(text.size())}});
  };
  for (const auto& [key, size] : contents.packed) {
    add(std::string(packed_prefix) + key, {DType::u8, {static_cast<int64_t>(aligned(size))}});
    info.packed_bytes += static_cast<int64_t>(aligned(size));
  }
  info.packed_weights = static_cast<int64_t>(contents.packed.size());
  // The schedule is read when the plan is opened.
  std::vector<std::string> kept;
  for (const auto& tensor : contents.tensors)
    if (contents.keep_tensors || tensor == "alphas_cumprod") kept.push_back(tensor);
  for (const auto& tensor : kept) {
    add(tensor, contents.checkpoint.tensors.at(tensor).type());
    info.checkpoint_bytes += static_cast<int64_t>(entries.back().second.bytes());
  }
  if (info.has_tokenizer) {
    add_text(vocabulary_name, contents.tokenizer.first);
    add_text(merges_name, contents.tokenizer.second);
  }
  const size_t data = bytes, blocks = (data + block - 1) / block;
  add(std::string(checksums_name), {DType::i32, {static_cast<int64_t>(1 + blocks)}});

  const auto header = header_of(contents);
  SafetensorsWriter writer(
      path, entries,
      {{version_key, std::string(format_version)},
       {header_key, header.dump(-1, ' ', false, ordered_json::error_handler_t::replace)}},
      page);
  DataWriter to(writer, data, written);
  for (size_t i = 0; i < contents.packed.size(); ++i) {
    const auto packed = contents.bytes_of(i);
    to.append(packed);
    to.append_padding(aligned(packed.size()) - packed.size());
  }
  for (const auto& tensor : kept) {
    const Tensor& values = contents.checkpoint.tensors.at(tensor);
    to.append(values.bytes());
    contents.checkpoint.tensors.release_pages(values);
  }
  if (info.has_tokenizer) {
    to.append(bytes_of(contents.tokenizer.first));
    to.append(bytes_of(contents.tokenizer.second));
  }
  to.append_checksums();
  contents.checkpoint.tensors.check_files_unchanged();
  writer.commit();
  info.file_bytes = static_cast<int64_t>(writer.header().size() + bytes);
  return info;
}

}  // namespace drypoint
