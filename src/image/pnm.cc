// Netpbm's formats: PBM, PGM and PPM, plain (P1 to P3) and binary (P4 to P6), and PAM (P7).
// https://netpbm.sourceforge.net/doc/#formats
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "image/formats.h"

namespace drypoint {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Header {
  uint64_t width = 0, height = 0, channels = 1, largest = 1;
  bool plain = false, packed = false;  // packed: eight pixels a byte
  bool bits = false;                   // 1 is black
};

class PnmReader {
 public:
  PnmReader(std::string_view file, std::string_view name) : file_(file), name_(name) {}

  Decoded read() {
    const Header header = file_[1] == '7' ? pam_header() : pnm_header();
    check_size(header.width, header.height, name_);
    if (header.largest < 1 || header.largest > 65535)
      fail(ErrorKind::bad_file, "{}: has a largest value of {}, expected 1 to 65535", name_,
           header.largest);
    const uint64_t row = header.width * header.channels;  // in values
    const size_t width_of_value = header.largest > 255 ? 2 : 1;
    // Plain values have a digit and a blank at least; those of PBM need no blank.
    const uint64_t least = header.plain    ? row * header.height * (header.bits ? 1 : 2) - 1
                           : header.packed ? (row + 7) / 8 * header.height
                                           : row * header.height * width_of_value;
    if (file_.size() - at_ < least)
      fail(ErrorKind::bad_file, "{}: is truncated: has {} bytes of pixels, expected {}{}", name_,
           file_.size() - at_, header.plain ? "at least " : "", least);

    Decoded picture;
    picture.width = int(header.width), picture.height = int(header.height);
    if (width_of_value == 2)
      picture.notices.push_back(fmt::format("{}: has 16 bits per channel, rounded to 8", name_));
    picture.channels = header.channels % 2 == 0 ? 4 : 3;  // with alpha or without
    picture.allocate();
    to_byte_.resize(header.largest + 1);
    for (uint64_t v = 0; v <= header.largest; ++v)
      to_byte_[v] = uint8_t((v * 255 + header.largest / 2) / header.largest);
    uint8_t* to = picture.pixels.data();
    if (header.channels > 2 && !header.plain && width_of_value == 1) {
      const auto values = file_.substr(at_, row * header.height);
      std::ranges::transform(values, to, [&](char c) { return as_byte(header, uint8_t(c)); });
      return picture;
    }
    const size_t copies = header.channels <= 2 ? 3 : 1;  // of grey
    for (uint64_t y = 0; y < header.height; ++y)
      for (uint64_t x = 0; x < header.width; ++x)
        for (uint64_t c = 0; c < header.channels; ++c) {
          const uint8_t value = next_value(header, x, width_of_value);
          for (size_t copy = 0; copy < (c == 0 ? copies : 1); ++copy) *to++ = value;
        }
    return picture;
  }

 private:
  [[noreturn]] void refuse(std::string_view why) const {
    fail(ErrorKind::bad_file, "{}: is a damaged {}: {}", name_,
         std::array{"PBM", "PGM", "PPM", "PBM", "PGM", "PPM", "PAM"}[size_t(file_[1] - '1')], why);
  }

  void skip_blanks() {
    constexpr int most_comments = 100'000;
    while (at_ < file_.size() && (is_space(file_[at_]) || file_[at_] == '#'))
      if (file_[at_] != '#')
        ++at_;
      else if (++comments_ > most_comments)
        refuse(fmt::format("it has over {} comments", most_comments));
      else
        at_ = std::min(file_.find('\n', at_), file_.size());
  }

  /// The next number, after white space and comments.
  uint64_t next_number(std::string_view of) {
    skip_blanks();
    uint64_t value = 0;
    const size_t begin = at_;
    for (; at_ < file_.size() && at_ < begin + 10 && is_digit(file_[at_]); ++at_)
      value = value * 10 + uint64_t(file_[at_] - '0');
    if (at_ == begin || (at_ < file_.size() && !is_space(file_[at_]) && file_[at_] != '#'))
      refuse(fmt::format("no number at byte {} of its {}", begin, of));
    return value;
  }

  Header pnm_header() {
    const int kind = file_[1] - '0';
    Header header;
    header.plain = kind <= 3;
    header.bits = kind == 1 || kind == 4;
    header.packed = kind == 4;
    header.channels = kind % 3 == 0 ? 3 : 1;
    at_ = 2;
    header.width = next_number("header");
    header.height = next_number("header");
    if (!header.bits) header.largest = next_number("header");
    if (at_ == file_.size()) refuse("it ends with its header");
    ++at_;  // one blank
    return header;
  }

  Header pam_header() {
    Header header{.channels = 0, .largest = 0};
    for (at_ = 2;;) {
      skip_blanks();
      const size_t end = std::min(file_.find_first_of(" \t\n\v\f\r", at_), file_.size());
      const std::string_view key = file_.substr(at_, end - at_);
      const size_t line = std::min(file_.find('\n', end), file_.size());
      at_ = end;
      if (line == file_.size()) refuse("no ENDHDR");
      if (key == "ENDHDR") break;
      if (key == "WIDTH") header.width = next_number("header");
      if (key == "HEIGHT") header.height = next_number("header");
      if (key == "DEPTH") header.channels = next_number("header");
      if (key == "MAXVAL") header.largest = next_number("header");
      at_ = line;
    }
    at_ = file_.find('\n', at_) + 1;
    if (header.channels < 1 || header.channels > 4)
      fail(ErrorKind::unsupported, "{}: is a PAM of depth {}, expected 1 to 4; {}", name_,
           header.channels, how_to_convert);
    return header;
  }

  uint8_t next_value(const Header& header, uint64_t x, size_t width_of_value) {
    uint64_t value = 0;
    if (header.packed) {
      value = uint8_t(file_[at_]) >> (7 - x % 8) & 1;
      if (x % 8 == 7 || x + 1 == header.width) ++at_;
    } else if (header.bits) {
      skip_blanks();
      if (at_ == file_.size()) refuse("it is truncated");
      value = uint64_t(file_[at_++] - '0');
      if (value > 1) refuse(fmt::format("neither 0 nor 1 at byte {}", at_ - 1));
    } else if (header.plain) {
      if (at_ == file_.size()) refuse("it is truncated");
      value = next_number("pixels");
    } else {
      value = uint8_t(file_[at_++]);
      if (width_of_value == 2) value = value << 8 | uint8_t(file_[at_++]);
    }
    if (header.bits) return value ? 0 : 255;
    return as_byte(header, value);
  }
  uint8_t as_byte(const Header& header, uint64_t value) const {
    return to_byte_[std::min(value, header.largest)];
  }

  std::string_view file_, name_;
  size_t at_ = 0;
  int comments_ = 0;
  std::vector<uint8_t> to_byte_;  // by value
};

}  // namespace

Decoded decode_pnm(Bytes bytes, std::string_view name) {
  return PnmReader(as_text(bytes), name).read();
}

}  // namespace drypoint
