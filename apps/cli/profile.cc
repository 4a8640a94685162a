#include "drypoint/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "commands.h"
#include "drypoint/output.h"
#include "options.h"
#include "size_options.h"
#include "terminal.h"
#include "workload_options.h"

namespace drypoint::cli {
namespace {

struct ProfileArguments {
  WorkloadOptions workload;
  std::optional<std::string> parts;
  SizeOptions size;
  std::string html, trace, by = "operation";
  int repeats = 8, rows = 20;
  bool json = false;
};

/// How many times the limit; where there is hardly anything to do, that says nothing.
std::string distance(double seconds, double limit) {
  if (limit <= 0) return "-";
  return seconds < 1000 * limit ? fmt::format("{:.2f}", seconds / limit) : ">999";
}

double rate(double amount, double seconds, double unit) {
  return seconds > 0 ? amount / seconds / unit : 0;
}

void print_rows(std::vector<GroupProfile> rows, double all, int most) {
  const auto shown = std::min(rows.size(), static_cast<size_t>(most));
  for (size_t i = 0; i < shown; ++i) {
    const GroupProfile& row = rows[i];
    fmt::print("{:>9.3f} {:>6.1f} {:>5} {:>9.3f} {:>8.1f} {:>7}  {}\n", row.seconds * 1e3,
               all > 0 ? 100 * row.seconds / all : 0, row.operations,
               rate(row.flops, row.seconds, 1e12), rate(row.bytes, row.seconds, 1e9),
               distance(row.seconds, row.limit_seconds), row.name);
  }
  if (shown == rows.size()) return;
  double rest = 0;
  for (size_t i = shown; i < rows.size(); ++i) rest += rows[i].seconds;
  fmt::print("{:>9.3f} {:>6.1f} {:>5} {:>9} {:>8} {:>7}  {} more (--rows 0 shows all)\n",
             rest * 1e3, all > 0 ? 100 * rest / all : 0, "", "", "", "", rows.size() - shown);
}

std::vector<GroupProfile> rows_of(const PartProfile& part, const std::string& by) {
  if (by == "module") return group(part, Grouping::module);
  if (by == "kind") return group(part, Grouping::kind);
  if (by == "shape") return group(part, Grouping::shape);
  std::vector<GroupProfile> rows;
  for (const OperationProfile& o : part.operations)
    if (!o.kernels.empty())
      rows.push_back({fmt::format("{}  {}  {}", o.module, o.attributes, o.output), 1, o.seconds,
                      o.flops, o.bytes, o.limit_seconds});
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return rows;
}

void print_gaps(const PartProfile& part) {
  std::vector<const OperationProfile*> largest;
  for (const OperationProfile& o : part.operations)
    if (o.gap > 0) largest.push_back(&o);
  std::sort(largest.begin(), largest.end(),
            [](const auto* a, const auto* b) { return a->gap > b->gap; });
  for (size_t i = 0;
       i < std::min<size_t>(largest.size(), 3) && largest[i]->gap > 0.001 * (part.busy + part.gaps);
       ++i)
    fmt::print("  gap of {:.1f} us before {} ({})\n", largest[i]->gap * 1e6, largest[i]->module,
               largest[i]->kind);
}

void print_part(const PartProfile& part, const ProfileArguments& options) {
  fmt::print("\n{}: {:.3f} ms alone, {:.3f} ms profiled ({:+.1f} %), by {}\n", part.name,
             part.alone_seconds * 1e3, part.profiled_seconds * 1e3,
             100 * (part.profiled_seconds / part.alone_seconds - 1), part.method);
  fmt::print(
      "  {:.3f} ms in operations + {:.3f} ms in gaps = {:.3f} ms, {:+.1f} % of alone; "
      "overlap {:.3f} ms\n",
      part.busy * 1e3, part.gaps * 1e3, (part.busy + part.gaps) * 1e3,
      100 * ((part.busy + part.gaps) / part.alone_seconds - 1), part.overlap * 1e3);
  print_gaps(part);
  fmt::print("{:>9} {:>6} {:>5} {:>9} {:>8} {:>7}  {}\n", "ms", "%", "times", "TFLOP/s", "GB/s",
             "x limit", options.by);
  const auto all = static_cast<int>(part.operations.size());
  print_rows(rows_of(part, options.by), part.busy, options.rows > 0 ? options.rows : all);
}

void print_tables(const ProfileResult& result, const ProfileArguments& options) {
  fmt::print("{} on {}, {}x{}, batch {}\n", result.model, result.device, result.size.height,
             result.size.width, result.batch);
  fmt::print("limits, measured: {:.3g} TFLOP/s ({}), {:.4g} GB/s ({})\n",
             result.limits.flops_per_second / 1e12, result.limits.product,
             result.limits.bytes_per_second / 1e9, result.limits.move);
  for (const PartProfile& part : result.parts) print_part(part, options);
}

void run(const ProfileArguments& options) {
  const ImageSize size = options.size.size({.width = 384, .height = 256});
  if (!options.html.empty()) check_file_output("--html", options.html, {".html"});
  if (!options.trace.empty()) check_file_output("--trace", options.trace, {".json"});
  check_files_differ({{"--html", options.html}, {"--trace", options.trace}});
  if (options.rows < 0) bad_option(fmt::format("--rows: {}, expected 0 or more", options.rows));
  ProfileOptions profile_options{.size = size, .repeats = options.repeats};
  if (options.parts) profile_options.parts = split(*options.parts, ',');
  std::vector<std::string> notices;
  profile_options.workload = options.workload.workload(notices, "profiling");
  const ProfileResult result = [&] {
    ProgressLine line;
    return profile(profile_options,
                   {[&](const std::string& doing) { line.show(doing); }, interrupted});
  }();

  OutputSet outputs;
  if (!options.html.empty()) outputs.add(options.html, to_page(result));
  if (!options.trace.empty()) outputs.add(options.trace, to_trace(result));
  outputs.commit();
  options.workload.device.note_vain(result.device, notices);
  notices.insert(notices.end(), result.notices.begin(), result.notices.end());
  for (const auto& notice : notices) print_notice(notice);
  if (options.json) {
    Json json = Json::parse(to_json(result));
    json["notices"] = notices;
    print_json(json);
  } else {
    print_tables(result, options);
  }
}

}  // namespace

void add_profile(CLI::App& program) {
  auto* command =
      program.add_subcommand("profile", "Where the time goes: every operation and every kernel");
  auto o = std::make_shared<ProfileArguments>();
  o->workload.add_to(*command);
  o->size.add_to(*command, /*several=*/false, "256x384");
  command->add_option("--parts", o->parts, "Of text,hint,step,vae; without it, all");
  command
      ->add_option("--repeats", o->repeats,
                   "Times that each part runs, 1 to 20; the faster half counts [8]")
      ->check(whole_number());
  command->add_option("--by", o->by, "What a row of the table is [operation]")
      ->check(one_of({"operation", "module", "kind", "shape"}));
  command->add_option("--rows", o->rows, "Of each table; 0: all [20]")->check(whole_number());
  command->add_option("--html", o->html, "Write a page with roofline, flame graph, table and graph")
      ->transform(path());
  command->add_option("--trace", o->trace, "Write a trace for Perfetto or chrome://tracing")
      ->transform(path());
  command->add_flag("--json", o->json, "Print all of it as JSON");
  command->footer(
      "\"x limit\" is how many times longer something took than it must at the limits measured.\n\n"
      "  drypoint profile -m sd15.safetensors --control canny=control.pth --html profile.html\n"
      "  drypoint profile --parts step --by kind\n");
  command->callback([o] { run(*o); });
}

}  // namespace drypoint::cli
