#include "server/sdapi_extras.h"

#include <cmath>
#include <span>

#include "drypoint/parameters.h"
#include "drypoint/picture_text.h"
#include "drypoint/preprocess.h"
#include "server/encoding.h"

namespace drypoint::server {
namespace {

HttpResponse png_info(const Context&, const HttpRequest& request) {
  const Json body = parse_object(request.body);
  std::string_view text;
  const std::string image = Fields(body).text("image");
  text = image;
  if (text.starts_with("data:")) text.remove_prefix(std::min(text.size(), text.find(',') + 1));
  const auto bytes = from_base64(text);
  if (!bytes || bytes->empty()) refuse_field(404, "image", "Invalid image");
  picture_of(*bytes, "image");  // whether it is one
  const std::string info = read_picture_text(std::as_bytes(std::span(*bytes)), "image").parameters;
  Json parameters = Json::object();
  if (!info.empty()) {
    const Parameters parsed = parse_parameters(info);
    parameters = {{"Prompt", parsed.prompt},
                  {"Negative prompt", parsed.negative_prompt},
                  {"Steps", fmt::to_string(parsed.steps)},
                  {"Sampler", parsed.sampler},
                  {"Schedule type", parsed.schedule_type},
                  {"CFG scale", fmt::to_string(parsed.cfg_scale)},
                  {"Seed", fmt::to_string(parsed.seed)},
                  {"Size-1", fmt::to_string(parsed.width)},
                  {"Size-2", fmt::to_string(parsed.height)},
                  {"Model", parsed.model},
                  {"Model hash", parsed.model_hash}};
    for (const auto& [key, value] : parsed.others) parameters[key] = value;
  }
  const Json items = info.empty() ? Json::object() : Json{{"parameters", info}};
  return json_response({{"info", info}, {"items", items}, {"parameters", parameters}});
}

/// What nothing here does with a picture: only what changes nothing is taken.
void refuse_other_extras(const Fields& fields) {
  for (const char* name : {"gfpgan_visibility", "codeformer_visibility"})
    if (fields.number(name, 0) != 0)
      refuse_field(422, name, "{}, expected 0: there are no networks for faces here",
                   fields.number(name, 0));
  const std::string second = fields.text("upscaler_2", "None");
  if (second != "None" && fields.number("extras_upscaler_2_visibility", 0) != 0)
    refuse_field(422, "upscaler_2", "\"{}\", expected None", second.substr(0, 60));
}

/// The size that a picture is to have: by a factor, or within or over a frame.
ImageSize extra_size(const Fields& fields, ImageSize from) {
  const auto times = [&](double factor) -> ImageSize {
    if (!(factor > 0 && factor <= 8))
      refuse_field(422, "upscaling_resize", "{}, expected up to 8 times as large", factor);
    return {std::max(1, static_cast<int>(from.width * factor)),
            std::max(1, static_cast<int>(from.height * factor))};
  };
  if (fields.integer("resize_mode", 0) == 0) return times(fields.number("upscaling_resize", 2));
  const auto width = static_cast<double>(fields.integer("upscaling_resize_w", 512)),
             height = static_cast<double>(fields.integer("upscaling_resize_h", 512));
  const double across = width / from.width, down = height / from.height;
  if (!fields.flag("upscaling_crop", true)) return times(std::min(across, down));
  times(std::max(across, down));
  return {static_cast<int>(width), static_cast<int>(height)};
}

std::string enlarged_picture(const Context& context, const Fields& fields, std::string_view image,
                             const std::string& field) {
  const Image picture = picture_from(image, field).image;
  const std::string upscaler = fields.text("upscaler_1", "None");
  if (upscaler == "None") return to_base64(encode_png(picture));
  if (upscaler != "Lanczos")
    refuse_field(422, "upscaler_1", "\"{}\", expected None or Lanczos", upscaler.substr(0, 60));
  const ImageSize size = extra_size(fields, {picture.width, picture.height});
  const int64_t pixels = int64_t{size.width} * size.height,
                most = std::max<int64_t>(context.desk.limits().pixels, 16'000'000);
  if (pixels > most) refuse_field(413, "pixels", "{}, expected at most {} here", pixels, most);
  return to_base64(encode_png(resize_for_control(picture, size, ResizeMode::crop)));
}

HttpResponse single(const Context& context, const HttpRequest& request) {
  const Json body = parse_object(request.body);
  const Fields fields(body);
  refuse_other_extras(fields);
  return json_response(
      {{"html_info", ""},
       {"image", enlarged_picture(context, fields, fields.text("image"), "image")}});
}

HttpResponse several(const Context& context, const HttpRequest& request) {
  const Json body = parse_object(request.body);
  const Fields fields(body);
  refuse_other_extras(fields);
  const Json& list = fields.list("imageList");
  if (list.size() > static_cast<size_t>(context.desk.limits().pictures))
    refuse_field(413, "imageList", "{} pictures, expected at most {}", list.size(),
                 context.desk.limits().pictures);
  Json images = Json::array();
  for (size_t i = 0; i < list.size(); ++i) {
    const Fields one(list[i], fmt::format("imageList[{}].", i));
    images.push_back(enlarged_picture(context, fields, one.text("data"), one.where() + "data"));
  }
  return json_response({{"html_info", ""}, {"images", images}});
}

}  // namespace

void add_sdapi_extras(Routes& routes, const Context& context) {
  const auto add = [&](const char* path, const char* summary, auto answer) {
    routes.add({"POST",
                std::string("/sdapi/v1/") + path,
                ErrorStyle::sdapi,
                summary,
                [context, answer](HttpRequest& request) { return answer(context, request); },
                true,
                {{"type", "object"}}});
  };
  add("png-info", "The settings that a picture holds", png_info);
  add("extra-single-image", "Makes a picture larger", single);
  add("extra-batch-images", "Makes pictures larger", several);
}

}  // namespace drypoint::server
