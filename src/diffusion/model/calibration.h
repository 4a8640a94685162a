// What calibration found, as files and plans keep it.
#pragma once

#include <filesystem>
#include <optional>
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

/// Gives a model the factors of inputs and weights that its products are smoothed by: those of the
/// calibration file, if there is one, else what its own file brought along.
void add_factors(NamedTensors& model, const Quantization& quantization,
                 const std::optional<std::filesystem::path>& calibration);

/// The mean PSNR in dB that a calibration file's modules that stay are known to give; none if it
/// does not say so. Throws bad_file.
std::optional<double> known_quality(const std::filesystem::path& file, DType eight_bits);

/// `names` of modules stay, or all that begin with what stands before a last `*`. Throws
/// bad_argument for a name that no tensor of the model's begins with.
void keep_modules(Quantization& quantization, const std::vector<std::string>& names,
                  const NamedTensors& tensors);

/// Without what counts in eight bits alone, where the precision has none.
ModelFiles files_for(ModelFiles files, Precision precision);

/// In the metadata of a model, where plans find it again; else by the ranges that its file brought
/// along (checkpoint/quantizers.h). Throws bad_file naming the file.
Quantization quantization_in(const NamedTensors& model, DType eight_bits, const std::string& file);
void write_quantization(Metadata& metadata, const Quantization& quantization);

}  // namespace drypoint
