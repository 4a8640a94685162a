#include "image.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <array>
#include <span>
#include <string>

#include "drypoint/edges.h"
#include "drypoint/error.h"
#include "drypoint/fields.h"
#include "drypoint/score.h"

namespace drypoint::python {
namespace {

[[noreturn]] void refuse(const char* name, const std::string& found) {
  throw Error(
      ErrorKind::bad_argument,
      std::string(name) + ": " + found +
          ", expected an Image, a path, bytes of a file, a picture of Pillow, or an array of "
          "uint8 [height, width] or [height, width, 1, 3 or 4]");
}

Image with_notices(const ReadImage& read) {
  for (const std::string& notice : read.notices)
    if (PyErr_WarnEx(PyExc_UserWarning, notice.c_str(), 1) != 0) throw nb::python_error();
  return read.image;
}

void check_size(const char* name, size_t height, size_t width) {
  if (height < size_t(smallest_side) || width < size_t(smallest_side) ||
      height > size_t(most_pixels) / width)
    throw Error(ErrorKind::bad_argument,
                std::string(name) + ": has " + std::to_string(width) + "x" +
                    std::to_string(height) +
                    " pixels, expected sides of at least 16, and 100 megapixels at most");
}

/// As files are read: over white, in float32, cut to 8 bits.
void compose_over_white(const uint8_t* rgba, uint8_t* rgb) {
  const float alpha = float(rgba[3]) / 255.0f, white = 255.0f * (1.0f - alpha);
  for (int c = 0; c < 3; ++c) {
    const float value = float(rgba[c]) * alpha + white;
    rgb[c] = static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
}

using Array = nb::ndarray<nb::ro>;

Image from_array(const Array& array, const char* name) {
  if (array.device_type() != nb::device::cpu::value)
    refuse(name, "an array on a device (DLPack's type " + std::to_string(array.device_type()) +
                     "), not in the host's memory");
  if (array.dtype() != nb::dtype<uint8_t>())
    refuse(name, "an array whose elements are no uint8, but of " +
                     std::to_string(array.dtype().bits) + " bits (DLPack's code " +
                     std::to_string(array.dtype().code) + ")");
  const size_t channels = array.ndim() == 3 ? array.shape(2) : 1;
  if (array.ndim() < 2 || array.ndim() > 3 || (channels != 1 && channels != 3 && channels != 4))
    refuse(name, "an array of " + std::to_string(array.ndim()) + " dimensions" +
                     (array.ndim() == 3 ? ", the last of " + std::to_string(channels) : ""));
  check_size(name, array.shape(0), array.shape(1));
  Image image{static_cast<int>(array.shape(1)),
              static_cast<int>(array.shape(0)),
              channels == 1 ? 1 : 3,
              {}};
  image.pixels.resize(array.shape(0) * array.shape(1) * size_t(image.channels));
  const auto* data = static_cast<const uint8_t*>(array.data());
  const int64_t step = channels == 1 ? 0 : array.stride(2);
  uint8_t* out = image.pixels.data();
  for (size_t y = 0; y < array.shape(0); ++y)
    for (size_t x = 0; x < array.shape(1); ++x, out += image.channels) {
      const uint8_t* in = data + int64_t(y) * array.stride(0) + int64_t(x) * array.stride(1);
      std::array<uint8_t, 4> pixel{};
      for (size_t c = 0; c < channels; ++c) pixel[c] = in[int64_t(c) * step];
      if (channels == 4)
        compose_over_white(pixel.data(), out);
      else
        std::copy_n(pixel.data(), image.channels, out);
    }
  return image;
}

/// Of Pillow.
bool is_pillow(nb::handle source) {
  const nb::dict modules = nb::cast<nb::dict>(nb::module_::import_("sys").attr("modules"));
  return modules.contains("PIL.Image") &&
         nb::isinstance(source, modules["PIL.Image"].attr("Image"));
}

Image from_pillow(nb::handle picture, const char* name) {
  const std::string mode = nb::str(picture.attr("mode")).c_str();
  if (mode.starts_with("I") || mode == "F")
    refuse(name, "a picture of Pillow of mode \"" + mode + "\", which has more than 8 bits");
  const bool has_alpha = mode.find_first_of("Aa") != mode.npos ||
                         nb::cast<nb::dict>(picture.attr("info")).contains("transparency");
  const char* wanted = has_alpha ? "RGBA" : mode == "L" || mode == "1" ? "L" : "RGB";
  const nb::object converted =
      mode == wanted ? nb::borrow(picture) : picture.attr("convert")(wanted);
  const nb::bytes bytes = nb::cast<nb::bytes>(converted.attr("tobytes")());
  const auto [width, height] = nb::cast<std::tuple<size_t, size_t>>(converted.attr("size"));
  const size_t channels = has_alpha ? 4 : std::string_view(wanted) == "L" ? 1 : 3;
  const size_t shape[] = {height, width, channels};
  return from_array(
      Array(bytes.data(), 3, shape, bytes, nullptr, nb::dtype<uint8_t>(), nb::device::cpu::value),
      name);
}

using Viewed = nb::ndarray<uint8_t, nb::array_api>;

/// [height, width] or [height, width, channels], of the same memory.
template <class Framework>
nb::object view(Image& image, nb::handle owner) {
  const size_t shape[] = {size_t(image.height), size_t(image.width), size_t(image.channels)};
  return nb::cast(nb::ndarray<uint8_t, Framework>(image.pixels.data(), image.channels == 1 ? 2 : 3,
                                                  shape, owner));
}

nb::object to_pillow(nb::handle self) {
  Image& image = nb::cast<Image&>(self);
  const nb::module_ pillow = nb::module_::import_("PIL.Image");
  const char* mode = image.channels == 1 ? "L" : "RGB";
  return pillow.attr("frombuffer")(mode, nb::make_tuple(image.width, image.height),
                                   view<nb::array_api>(image, self), "raw", mode, 0, 1);
}

nb::bytes to_png(const Image& image) {
  const std::string png = encode_png(image);
  return nb::bytes(png.data(), png.size());
}

}  // namespace

nb::object to_array(Image& image, nb::handle owner) { return view<nb::numpy>(image, owner); }

Image to_image(nb::handle source, const char* name) {
  if (nb::isinstance<Image>(source)) return nb::cast<const Image&>(source);
  if (nb::isinstance<nb::bytes>(source)) {
    const nb::bytes bytes = nb::borrow<nb::bytes>(source);
    return with_notices(
        read_image({static_cast<const std::byte*>(bytes.data()), bytes.size()}, name));
  }
  std::filesystem::path path;
  if (nb::isinstance<nb::str>(source) || nb::hasattr(source, "__fspath__")) {
    if (!nb::try_cast(source, path)) refuse(name, nb::repr(source).c_str());
    return with_notices(read_image(path));
  }
  if (is_pillow(source)) return from_pillow(source, name);
  Array array;
  if (!nb::try_cast(source, array, false))
    refuse(name, "found " + std::string(nb::repr(source.type()).c_str()));
  return from_array(array, name);
}

Image to_rgb(nb::handle source, const char* name) {
  Image image = to_image(source, name);
  if (image.channels == 3) return image;
  Image rgb{image.width, image.height, 3, {}};
  rgb.pixels.reserve(3 * image.pixels.size());
  for (const uint8_t value : image.pixels) rgb.pixels.insert(rgb.pixels.end(), 3, value);
  return rgb;
}

void add_image(nb::module_& module) {
  nb::class_<Image>(
      module, "Image", nb::is_weak_referenceable(),
      R"(8-bit pixels: RGB (sRGB values) or grey, at least 16 a side, 100 megapixels at most.

Made of a path (PNG, JPEG, WebP, PBM, PGM, PPM, PAM), a file's bytes, a picture of Pillow, or an
array of uint8 in the host's memory: [height, width] or [height, width, 1, 3 or 4]. Alpha is composed
over white. NumPy, PyTorch and others see its memory without a copy: `numpy()`, `numpy.asarray(image)`,
`torch.from_dlpack(image)`.

Raises BadArgument, BadFile, Unsupported.)")
      .def(
          "__init__",
          [](Image* self, nb::handle source) { new (self) Image(to_image(source, "source")); },
          nb::arg("source"),
          nb::sig("def __init__(self, source: drypoint._types.ImageLike) -> None"))
      .def_ro("width", &Image::width, "In pixels.")
      .def_ro("height", &Image::height, "In pixels.")
      .def_ro("channels", &Image::channels, "3 (RGB) or 1 (grey).")
      .def_prop_ro(
          "shape",
          [](const Image& image) {
            return image.channels == 1 ? nb::make_tuple(image.height, image.width)
                                       : nb::make_tuple(image.height, image.width, image.channels);
          },
          nb::sig("def shape(self) -> tuple[int, ...]"), "(height, width), or (height, width, 3).")
      .def(
          "numpy", [](nb::handle self) { return to_array(nb::cast<Image&>(self), self); },
          nb::sig("def numpy(self) -> drypoint._types.Bytes"),
          "An array of `shape` in the same memory, which it keeps alive.")
      .def("pil", &to_pillow, nb::sig("def pil(self) -> PIL.Image.Image"), "A picture of Pillow.")
      .def(
          "save",
          [](const Image& image, const std::filesystem::path& path, const std::string& parameters) {
            const nb::gil_scoped_release release;
            write_image(path, image, parameters);
          },
          nb::arg("path"), nb::arg("parameters") = "",
          nb::sig("def save(self, path: str | os.PathLike[str], parameters: str = '') -> None"),
          R"(Writes .png, .jpg or .webp, whole or not at all, with `parameters` as the text that web UIs read.

Raises BadArgument, WriteFailed.)")
      .def("png", &to_png, "As a PNG file's bytes.")
      .def("_repr_png_", &to_png)
      .def(
          "__array__",
          [](nb::handle self, nb::handle dtype, nb::handle copy) {
            nb::object array = to_array(nb::cast<Image&>(self), self);
            if (!dtype.is_none()) array = array.attr("astype")(dtype, nb::arg("copy") = false);
            return nb::cast<bool>(nb::bool_(copy)) ? array.attr("copy")() : array;
          },
          nb::arg("dtype") = nb::none(), nb::arg("copy") = nb::none(),
          nb::sig("def __array__(self, dtype: object = None, copy: bool | None = None) -> "
                  "drypoint._types.Array"))
      .def(
          "__dlpack__",
          [](nb::handle self, const nb::kwargs& options) {
            return view<nb::array_api>(nb::cast<Image&>(self), self).attr("__dlpack__")(**options);
          },
          nb::sig("def __dlpack__(self, **kwargs: typing.Any) -> typing.Any"))
      .def(
          "__dlpack_device__",
          [](const Image&) { return nb::make_tuple(nb::device::cpu::value, 0); },
          nb::sig("def __dlpack_device__(self) -> tuple[int, int]"))
      .def(
          "__eq__", [](const Image& a, const Image& b) { return a == b; }, nb::is_operator(),
          nb::sig("def __eq__(self, other: object, /) -> bool"))
      .def("__repr__",
           [](const Image& image) {
             return "<drypoint.Image " + std::to_string(image.width) + "x" +
                    std::to_string(image.height) + (image.channels == 1 ? " grey>" : " RGB>");
           })
      .def(
          "__getstate__",
          [](const Image& image) {
            return nb::make_tuple(image.width, image.height, image.channels,
                                  nb::bytes(image.pixels.data(), image.pixels.size()));
          },
          nb::sig("def __getstate__(self) -> object"))
      .def(
          "__setstate__",
          [](Image& image, const std::tuple<int, int, int, nb::bytes>& state) {
            const auto& [width, height, channels, bytes] = state;
            if (width < 0 || height < 0 || channels < 0 ||
                size_t(width) * size_t(height) * size_t(channels) != bytes.size())
              throw Error(ErrorKind::bad_argument,
                          "Image: its state has other sizes than its bytes");
            const auto* data = static_cast<const uint8_t*>(bytes.data());
            new (&image) Image{width, height, channels, {data, data + bytes.size()}};
          },
          nb::sig("def __setstate__(self, state: object, /) -> None"));
  module.def(
      "edges",
      [](nb::handle source, int resolution, const std::string& size, double low, double high) {
        const Image image = to_rgb(source, "image");
        Request request;
        find_field(request_fields(), "size")->set(request, size);
        const nb::gil_scoped_release release;
        return control_edges(image, {resolution, low, high, request.size});
      },
      nb::arg("image"), nb::arg("resolution") = 512, nb::arg("size") = "auto",
      nb::arg("low_threshold") = 100.0, nb::arg("high_threshold") = 200.0,
      nb::sig(
          "def edges(image: drypoint._types.ImageLike, resolution: int = 512, size: str = 'auto', "
          "low_threshold: float = 100, high_threshold: float = 200) -> Image"),
      R"(Canny's edges of a picture, at the size at which it would be drawn: grey, 255 on an edge.

`resolution` (64 to 4096) is the shorter side, about; `size` the very size instead, "256x384" (height
x width), cut from the middle. Thresholds are 0 to 1000, the low one not above the high one. Raises
BadArgument, OutOfMemory.)");
  const auto compare = [](double (*metric)(const Image&, const Image&)) {
    return [metric](nb::handle a, nb::handle b) {
      const Image first = to_rgb(a, "a"), second = to_rgb(b, "b");
      const nb::gil_scoped_release release;
      return metric(first, second);
    };
  };
  module.def(
      "psnr", compare(psnr), nb::arg("a"), nb::arg("b"),
      nb::sig("def psnr(a: drypoint._types.ImageLike, b: drypoint._types.ImageLike) -> float"),
      "Peak signal-to-noise ratio of two pictures of equal size in dB. Raises BadArgument.");
  module.def(
      "ssim", compare(ssim), nb::arg("a"), nb::arg("b"),
      nb::sig("def ssim(a: drypoint._types.ImageLike, b: drypoint._types.ImageLike) -> float"),
      "Structural similarity of two pictures' luma, 1 for equal ones. Raises BadArgument.");
}

}  // namespace drypoint::python
