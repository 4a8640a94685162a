// What a file is that is none of the pictures that are read, by its first bytes.
#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/error.h"
#include "image/formats.h"

namespace drypoint {
namespace {

using namespace std::string_view_literals;

struct Magic {
  size_t at;
  std::string_view bytes;
  std::string_view what;
};

// Where one begins like another, the longer is first.
constexpr std::array magics{
    Magic{0, "GIF8"sv, "a GIF picture"},
    Magic{8, "CR\2\0"sv, "a camera's raw picture (CR2)"},
    Magic{0, "II*\0"sv, "a TIFF picture, or a camera's raw one"},
    Magic{0, "MM\0*"sv, "a TIFF picture, or a camera's raw one"},
    Magic{0, "II+\0"sv, "a BigTIFF picture"},
    Magic{0, "MM\0+"sv, "a BigTIFF picture"},
    Magic{0, "IIRO"sv, "a camera's raw picture (ORF)"},
    Magic{0, "IIU\0"sv, "a camera's raw picture (RW2)"},
    Magic{0, "II\xbc"sv, "a JPEG XR picture"},
    Magic{0, "FUJIFILMCCD-RAW"sv, "a camera's raw picture (RAF)"},
    Magic{0, "\xff\x0a"sv, "a JPEG XL picture"},
    Magic{0, "\0\0\0\x0cJXL "sv, "a JPEG XL picture"},
    Magic{0, "\0\0\0\x0cjP  "sv, "a JPEG 2000 picture"},
    Magic{0, "\xff\x4f\xff\x51"sv, "a JPEG 2000 picture"},
    Magic{0, "8BPS"sv, "a Photoshop picture (PSD)"},
    Magic{0, "gimp xcf"sv, "a GIMP picture (XCF)"},
    Magic{0, "v/1\1"sv, "an OpenEXR picture"},
    Magic{0, "#?RADIANCE"sv, "a Radiance HDR picture"},
    Magic{0, "#?RGBE"sv, "a Radiance HDR picture"},
    Magic{0, "DDS "sv, "a DDS texture"},
    Magic{0, "qoif"sv, "a QOI picture"},
    Magic{0, "farbfeld"sv, "a farbfeld picture"},
    Magic{0, "BPG\xfb"sv, "a BPG picture"},
    Magic{0, "PF\n"sv, "a PFM picture"},
    Magic{0, "Pf\n"sv, "a PFM picture"},
    Magic{0, "\x8aMNG"sv, "an MNG animation"},
    Magic{0, "\x8bJNG"sv, "a JNG picture"},
    Magic{0, "\0\0\1\0"sv, "an icon (ICO)"},
    Magic{0, "\0\0\2\0"sv, "a cursor (CUR)"},
    Magic{0, "icns"sv, "an icon (ICNS)"},
    Magic{0, "%PDF"sv, "a PDF document"},
    Magic{0, "%!PS"sv, "a PostScript document"},
    Magic{0, "\xc5\xd0\xd3\xc6"sv, "a PostScript document"},
    Magic{0, "\xd7\xcd\xc6\x9a"sv, "a Windows metafile"},
    Magic{0, "\x1a\x45\xdf\xa3"sv, "a Matroska or WebM video"},
    Magic{8, "AVI "sv, "an AVI video"},
};

// The kinds of ISO media files, by their brand.
constexpr std::array brands{
    Magic{0, "avif", "an AVIF picture"},   Magic{0, "avis", "an AVIF picture"},
    Magic{0, "hei", "a HEIC picture"},     Magic{0, "hev", "a HEIC picture"},
    Magic{0, "mif1", "a HEIF picture"},    Magic{0, "msf1", "a HEIF picture"},
    Magic{0, "jxl ", "a JPEG XL picture"}, Magic{0, "crx ", "a camera's raw picture (CR3)"},
};

bool holds(std::string_view file, const Magic& magic) {
  return file.size() >= magic.at && file.substr(magic.at).starts_with(magic.bytes);
}

std::optional<std::string_view> iso_media(std::string_view file) {
  if (!holds(file, {4, "ftyp", ""})) return std::nullopt;
  for (const Magic& brand : brands)
    if (holds(file, {8, brand.bytes, ""})) return brand.what;
  return "a video (MP4 or its like)";
}

/// The first letters in lower case, after a byte order mark and blanks.
std::string beginning(std::string_view file) {
  if (file.starts_with("\xef\xbb\xbf")) file.remove_prefix(3);
  file.remove_prefix(std::min(file.find_first_not_of(" \t\r\n"), file.size()));
  std::string text(file.substr(0, 4096));
  for (char& c : text) c = char(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// What a picture's bytes may have been replaced by on their way here.
std::optional<std::string_view> stand_in(std::string_view file) {
  if (file.starts_with("\0\5\x16\7"sv) || file.starts_with("\0\5\x16\0"sv))
    return "what macOS keeps beside a file (its name begins with ._), take the file itself";
  if (file.starts_with("version https://git-lfs"))
    return "a pointer of Git LFS, fetch the file itself (git lfs pull)";
  const std::string text = beginning(file);
  if (text.starts_with("<!doctype html") || text.starts_with("<html"))
    return "a web page, download the picture itself and not the page that shows it";
  return std::nullopt;
}

}  // namespace

void refuse_other_format(std::string_view file, std::string_view name) {
  const auto unsupported = [&](std::string_view what) {
    fail(ErrorKind::unsupported, "{}: is {}, expected {}; {}", name, what, readable_formats,
         how_to_convert);
  };
  if (file.empty()) fail(ErrorKind::bad_file, "{}: is empty, expected a picture", name);
  for (const Magic& magic : magics)
    if (holds(file, magic)) unsupported(magic.what);
  if (const auto what = iso_media(file)) unsupported(*what);
  // Two letters are little: besides, what is reserved is 0, or the next header has few bytes.
  if (holds(file, {0, "BM", ""}) &&
      (holds(file, {6, "\0\0\0\0"sv, ""}) || holds(file, {15, "\0\0\0"sv, ""})))
    unsupported("a BMP picture");
  if (file.ends_with("TRUEVISION-XFILE.\0"sv)) unsupported("a Targa picture");
  if (const auto what = stand_in(file))
    fail(ErrorKind::bad_file, "{}: is no picture but {}", name, *what);
  const std::string text = beginning(file);
  if (text.starts_with("<svg") || (text.starts_with("<?xml") && text.find("<svg") != text.npos) ||
      (text.starts_with("<!") && text.find("<svg") != text.npos))
    unsupported("an SVG picture");
  fail(ErrorKind::bad_file, "{}: is no picture, expected {}", name, readable_formats);
}

}  // namespace drypoint
