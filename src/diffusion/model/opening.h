// What a model is made of when it is opened, from its files, or from a plan and what that holds.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "checkpoint/plan_file.h"
#include "diffusion/model/open_device.h"
#include "diffusion/schedules/noise_schedule.h"
#include "drypoint/model.h"
#include "models/assemble.h"
#include "text/tokenizer.h"

namespace drypoint {

/// The plan, or the base model's file or folder.
const std::filesystem::path& main_file(const ModelFiles& files);

/// A file's or a folder's name without its ending, as UTF-8.
std::string file_name(const std::filesystem::path& path);

/// Null where there is none. Throws bad_argument for files given beside it, and bad_file for one of
/// another version of this program.
std::unique_ptr<const PlanFile> open_plan(const ModelFiles& files);

/// The files', or the plan's (null: none). Throws bad_file, unsupported.
Checkpoint checkpoint_for(const ModelFiles& files, const PlanFile* plan);

/// `given`, or else a device of the model's own; null: none was given. Throws for one that the plan
/// was not built for: its weights and choices hold for nothing else.
std::shared_ptr<OpenDevice> device_for(const PlanFile* plan, const DeviceOptions& options,
                                       std::shared_ptr<OpenDevice> given);

/// The plan's, the folder's or the one that comes with the library; `name`: what messages call the
/// model.
Tokenizer tokenizer_for(const Checkpoint& checkpoint, const PlanFile* plan,
                        const std::string& name);

/// A single file's own noise levels, those of a folder's scheduler, or the usual ones. Fails now
/// rather than with the first picture if they make no sense.
NoiseSchedule noise_schedule_of(const Checkpoint& checkpoint, const std::string& model);

/// What pictures take for granted: three channels, and latents an eighth as wide and high. Throws
/// unsupported.
void check_proportions(const Checkpoint& checkpoint, const ModelConfig& config);

/// What is loaded.
ModelDescription describe(const ModelFiles& files, const PlanFile* plan,
                          const Checkpoint& checkpoint, const Backend& backend);

}  // namespace drypoint
