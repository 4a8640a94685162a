// What calibration found, as files and plans keep it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/named_tensors.h"
#include "compile/quantization.h"
#include "drypoint/model_files.h"
#include "drypoint/precision.h"

namespace drypoint {

/// The metadata of calibration files.
inline constexpr const char* calibration_key = "drypoint.calibration";

/// The name of a calibration file's tensor [step groups] of ranges.
std::string range_name(std::string_view module, DType eight_bits);

/// Of a calibration file: each module's range is the largest of its step groups. Throws bad_file,
/// with what was found, if it is none or has no ranges for this type.
Quantization read_calibration(const std::filesystem::path& file, DType eight_bits);

/// `names` of modules stay, or all that begin with what stands before a last `*`. Throws
/// bad_argument for a name that no tensor of the model's begins with.
void keep_modules(Quantization& quantization, const std::vector<std::string>& names,
                  const NamedTensors& tensors);

/// Without what counts in eight bits alone, where the precision has none.
ModelFiles files_for(ModelFiles files, Precision precision);

/// In the metadata of a model, where plans find it again; without any there, nothing is known of
/// ranges. Throws bad_file naming the file.
Quantization quantization_in(const Metadata& metadata, DType eight_bits, const std::string& file);
void write_quantization(Metadata& metadata, const Quantization& quantization);

}  // namespace drypoint
