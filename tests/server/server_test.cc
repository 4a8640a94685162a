// The server's parts, and the whole of it over a socket. The clients that people have try it in
// `make test-server`.
#include "server/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include "checkpoint/formats.h"
#include "checkpoint/safetensors.h"
#include "drypoint/image.h"
#include "drypoint/picture_text.h"
#include "server/auth.h"
#include "server/catalog.h"
#include "server/desk.h"
#include "server/encoding.h"
#include "server/json.h"
#include "server/metrics.h"
#include "server/requests.h"
#include "server/routes.h"
#include "support/test_support.h"

namespace drypoint::server {
namespace {

namespace fs = std::filesystem;
using testing::fails_with;
using ::testing::HasSubstr;
using testing::tiny_files;

/// The status with which something is refused, and the field it names; 0 if it is not.
template <class Body>
std::pair<int, std::string> refusal_by(Body body) {
  try {
    body();
  } catch (const Refusal& refusal) {
    return {refusal.status, refusal.field};
  }
  return {0, ""};
}

HttpRequest request_with(std::map<std::string, std::string> headers,
                         const std::string& method = "POST") {
  return {.method = method, .path = "/", .headers = std::move(headers), .client = "somebody"};
}

TEST(JsonText, IsAsTheLibraryPrints) {
  const std::string long_text(10'000, 'A');
  for (const char* special : {"", "\"", "\\", "\n", "\x7f", "\xc3\xa9", "\xff", "\x01"})
    for (const std::string& text :
         {std::string(special), long_text + special, special + long_text}) {
      const Json json{{text + "k", Json::array({text, 1, -2.5, true, nullptr})},
                      {"empty", {{"list", Json::array()}, {"object", Json::object()}}},
                      {"limits", {1e300, 0.1, ~uint64_t{0}}}};
      EXPECT_EQ(dumped(json), json.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
}

TEST(Access, TakesKeysAsBearerOrBasic) {
  const Access access(
      {.keys = parse_keys("# a\n\n 0123456789abcdef \nanna:fedcba9876543210\n", "")});
  const auto status = [&](const std::string& header) {
    HttpRequest request = request_with({{"authorization", header}});
    const int found = refusal_by([&] { access.check_key(request); }).first;
    return found == 0 ? request.client : fmt::to_string(found);
  };
  EXPECT_EQ(status("Bearer 0123456789abcdef"), "key 1");
  EXPECT_EQ(status("bearer  fedcba9876543210"), "key 2");
  EXPECT_EQ(status("Basic " + to_base64("x:0123456789abcdef")), "key 1");
  EXPECT_EQ(status("Basic " + to_base64("anna:fedcba9876543210")), "key 2");
  for (const std::string& wrong :
       {std::string(""), std::string("Bearer"), std::string("Bearer 0123456789abcde"),
        "Basic " + to_base64("berta:fedcba9876543210"), "Basic " + to_base64("0123456789abcdef"),
        std::string("Basic !"), std::string("0123456789abcdef")})
    EXPECT_EQ(status(wrong), "401") << wrong;
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"keys.txt: key 1 has 6 letters"},
                         [] { parse_keys("secret", "keys.txt"); }));
}

TEST(Access, LetsNoOtherPagesIn) {
  const Access access({.host_names = {"Draw.Example.org"}, .origins = {"https://example.org"}});
  const auto status = [&](const std::string& host, const std::string& origin,
                          const std::string& method = "POST") {
    HttpRequest request = request_with({{"host", host}}, method);
    if (!origin.empty()) request.headers["origin"] = origin;
    return refusal_by([&] { access.check_browser(request); }).first;
  };
  EXPECT_EQ(status("localhost:7860", "http://localhost:7860"), 0);
  EXPECT_EQ(status("127.0.0.1", ""), 0);
  EXPECT_EQ(status("[::1]:7860", "http://[::1]:7860"), 0);
  EXPECT_EQ(status("draw.example.org", "https://example.org"), 0);
  EXPECT_EQ(status("localhost:7860", "http://localhost:7861"), 403);
  EXPECT_EQ(status("localhost", "null"), 403);
  EXPECT_EQ(status("localhost", "https://example.org.evil.org"), 403);
  EXPECT_EQ(status("evil.org", ""), 403);
  EXPECT_EQ(status("evil.org", "", "GET"), 403);
  EXPECT_EQ(status("", ""), 403);
  EXPECT_EQ(status("localhost", "https://evil.org", "GET"), 0);  // which it cannot read
}

TEST(Base64, ComesBackAndKnowsPictures) {
  for (const std::string& text : {std::string(), std::string("a"), std::string("\0\xff", 2)})
    EXPECT_EQ(from_base64(to_base64(text)), text);
  EXPECT_EQ(from_base64("YQ"), std::nullopt);
  EXPECT_EQ(from_base64("Y Q\n=="), "a");
  // Of each place in four, and behind letters that are decoded at once.
  EXPECT_EQ(from_base64("YWJj\nZGVm Z2hp"), "abcdefghi");
  for (size_t place = 0; place < 12; ++place)
    for (const char wrong : {'-', '=', '\0', '\xff'}) {
      std::string text = "YWJjZGVmZ2hpamts";
      text[place] = wrong;
      EXPECT_EQ(from_base64(text), std::nullopt) << place << wrong;
    }
  const Image image{16, 16, 3, std::vector<uint8_t>(16 * 16 * 3, 7)};
  const std::string png = encode_image(image, ImageFormat::png, "a caf\xc3\xa9\nSteps: 3");
  const auto parameters_in = [](std::string_view file) {
    return read_picture_text(std::as_bytes(std::span(file)), "a").parameters;
  };
  EXPECT_EQ(parameters_in(png), "a caf\xc3\xa9\nSteps: 3");
  const std::string wide = encode_image(image, ImageFormat::png, "\xe7\x8c\xab");  // iTXt
  EXPECT_EQ(parameters_in(wide), "\xe7\x8c\xab");
  for (size_t size = 0; size < png.size(); ++size) try {
      parameters_in(std::string_view(png).substr(0, size));
    } catch (const Error&) {  // refused
    }
  EXPECT_TRUE(picture_from(to_base64(png), "a").image == image);
  EXPECT_TRUE(picture_from("data:image/png;base64," + to_base64(png), "a").image == image);
  for (const char* wrong : {"", "!", "YQ==", "http://localhost/a.png", "file:///etc/passwd",
                            "data:image/png,abc", "/etc/passwd"})
    EXPECT_EQ(refusal_by([&] { picture_from(wrong, "a"); }), (std::pair(422, std::string("a"))));
}

TEST(Bodies, AreReadAsTheLibraryDoes) {
  for (const std::string& good :
       {std::string("{}"), std::string(" { } \n"), std::string("\xEF\xBB\xBF{}"),
        std::string(R"({"a": [1, -2.5e3, true, null, [], {}, "b"], "a": 3, "\"\u00e9": "\\"})"),
        std::string("{\"\xc3\xa9\":\t\"\xe7\x8c\xab \\n\",\r\"\": 18446744073709551615}"),
        "{\"a\": " + std::string(31, '[') + std::string(31, ']') + "}",
        "{\"a\": \"" + std::string(10000, 'a') + "\", \"b\": \"\\\\\"}"})
    EXPECT_EQ(parse_object(good), Json::parse(good)) << good;
}

TEST(Bodies, AreRefusedByName) {
  for (const std::string& wrong : {std::string("["),
                                   std::string("[]"),
                                   std::string("\"\xff\""),
                                   std::string(100000, '['),
                                   "{\"a\": " + std::string(32, '[') + std::string(32, ']') + "}",
                                   std::string("{} {}"),
                                   std::string("{\"a\": 1,}"),
                                   std::string("{\"a\" 1}"),
                                   std::string("{a: 1}"),
                                   std::string("{\"a\": [1,]}"),
                                   std::string("{\"a\": 1 2}"),
                                   std::string("{\"a\": 01}"),
                                   std::string("{\"a\": \"\n\"}"),
                                   std::string("{\"a\": \"\\\"}"),
                                   std::string("{\"a\": \"\\x\"}"),
                                   std::string("{\"a\": \"b}"),
                                   std::string("{}\0", 3),
                                   std::string("{\"a\": 1\0}", 9),
                                   std::string("{\"a\": \xEF\xBB\xBF"
                                               "1}"),
                                   std::string("{\"a\": \"\xff\"}")})
    EXPECT_EQ(refusal_by([&] { parse_object(wrong); }).first, 400) << wrong;
  std::string many = "{";
  for (int i = 0; i < 1001; ++i) many += fmt::format("\"{}\": {},", i, i);
  many.back() = '}';
  EXPECT_EQ(refusal_by([&] { parse_object(many); }).first, 400);
  std::string long_list = "{\"a\": [";
  for (int i = 0; i < 100'000; ++i) long_list += "1,";
  long_list.back() = ']';
  EXPECT_EQ(refusal_by([&] { parse_object(long_list + "}"); }).first, 400);
  EXPECT_EQ(refusal_by([] { parse_object("{\"" + std::string(201, 'a') + "\": 1}"); }).first, 400);
  const Json json = parse_object(R"({"a": 1.5, "b": "x", "c": null, "d": 3.0, "e": 1e300})");
  const Fields fields(json, "here.");
  EXPECT_EQ(fields.number("a", 0), 1.5);
  EXPECT_EQ(fields.integer("d", 0), 3);
  EXPECT_EQ(fields.text("c", "usual"), "usual");
  const auto named = std::pair(422, std::string("here.a"));
  EXPECT_EQ(refusal_by([&] { fields.integer("a", 0); }), named);
  EXPECT_EQ(refusal_by([&] { fields.text("a"); }), named);
  EXPECT_EQ(refusal_by([&] { fields.flag("a", false); }), named);
  EXPECT_EQ(refusal_by([&] { fields.integer("e", 0); }).second, "here.e");
}

TEST(Catalogs, FindNamesAndNoPaths) {
  const fs::path folder = fs::path(::testing::TempDir()) / "catalog";
  for (const char* name : {"Stable-diffusion/Photo.safetensors", "ControlNet/control_canny.pth",
                           "ControlNet/control_canny_small.pth", "secret.txt"}) {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << "x";
  }
  Catalog catalog(folder);
  using enum FileKind;
  EXPECT_EQ(catalog.find(checkpoint, "photo.safetensors [0123456789]", "m").name, "Photo");
  EXPECT_EQ(catalog.find(control, "canny", "m").name, "control_canny");
  EXPECT_EQ(catalog.all(checkpoint).size(), 1u);
  for (const char* wrong : {"", "../catalog/Stable-diffusion/Photo", "secret.txt", "/etc/passwd",
                            "Stable-diffusion/Photo.safetensors", "canny"})
    EXPECT_EQ(refusal_by([&] { catalog.find(checkpoint, wrong, "m"); }).first, 422) << wrong;
  try {
    catalog.find(checkpoint, std::string(1'000'000, 'x'), "m");
    ADD_FAILURE();
  } catch (const Refusal& refusal) {
    EXPECT_LT(std::string_view(refusal.what()).size(), 200u);
  }
  std::ofstream(folder / "Later.ckpt") << "x";
  EXPECT_EQ(refusal_by([&] { catalog.find(checkpoint, "later", "m"); }).first, 422);
  catalog.refresh();
  EXPECT_EQ(catalog.find(checkpoint, "later", "m").title, "Later.ckpt");
  fs::remove_all(folder);
}

TEST(Catalogs, NoRequestNamesWeightsOfPreprocessors) {
  Request request;
  request.controls.resize(2);
  const auto refusal = [&] {
    return refusal_by([&] { check_files(request, Catalog(::testing::TempDir())); });
  };
  EXPECT_EQ(refusal().first, 0);
  request.controls[1].preprocessor = "hed:/etc/passwd";
  EXPECT_EQ(refusal(), std::pair(422, std::string("controls[1].preprocessor")));
}

TEST(Catalogs, HaveTheAdaptersThatPromptsCall) {
  const fs::path folder = fs::path(::testing::TempDir()) / "adapters";
  fs::create_directories(folder / "Lora");
  std::ofstream(folder / "Lora/ink.safetensors") << "x";
  const Catalog catalog(folder);
  const auto refusal = [&](const std::string& prompt) {
    Request request;
    request.prompt = prompt;
    return refusal_by([&] { check_files(request, catalog); });
  };
  for (const char* good :
       {"", "<", "a <b", "a <b: c", "<lora:ink:0.5>", "<lyco:te=1:ink>, <lora:ink>"})
    EXPECT_EQ(refusal(good).first, 0) << good;
  const std::pair named(422, std::string("prompt"));
  for (const char* wrong :
       {"<lora:/etc/ink>", "<lora:ink> <lora:../ink", "< LoRA :other>", "<lora:>", "<lora:te=1>",
        "<lora:te=1:/etc/ink>", "<LORA:ink:<lora:/etc/ink>"})
    EXPECT_EQ(refusal(wrong), named) << wrong;
  // In time that grows as the prompt does.
  for (const char* part : {"<", "<lora", "<a:"}) {
    std::string prompt;
    while (prompt.size() < 4'000'000) prompt += part;
    EXPECT_EQ(refusal(prompt).first, 0) << part;
  }
  fs::remove_all(folder);
}

TEST(Desk, RefusesPromptsThatNobodyReads) {
  const Catalog catalog;
  Metrics metrics;
  Desk desk({}, catalog, metrics);
  for (std::string Request::*field :
       {&Request::prompt, &Request::added_prompt, &Request::negative_prompt}) {
    Order order;
    order.requests.emplace_back().*field = std::string(100'001, 'a');
    EXPECT_EQ(refusal_by([&] { desk.accept(std::move(order)); }).first, 413);
  }
}

TEST(Desk, AnswersAtOnceOnlyWhileSomebodyWaits) {
  const Catalog catalog;
  Metrics metrics;
  Desk desk({.time = std::chrono::seconds(1)}, catalog, metrics);
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  HttpRequest request = request_with({});
  request.socket = ends[0];
  const auto status = [&] {
    return refusal_by([&] {
             desk.answer_at_once(request, [](const std::function<bool()>& stop) {
               while (!stop()) std::this_thread::yield();
               throw Error(ErrorKind::cancelled, "cancelled");
             });
           })
        .first;
  };
  EXPECT_EQ(status(), 503);
  ::close(ends[1]);
  EXPECT_EQ(status(), 499);
  ::close(ends[0]);
}

TEST(Counts, ArePrometheusText) {
  Metrics metrics;
  metrics.add(Metric::jobs, "state=\"done\"", 2);
  for (const double value : {0.0005, 0.001, 0.3, 1000.0})
    metrics.observe(Metric::wait_seconds, "", value);
  metrics.show("lamps", "Of the house.", [] { return 3; });
  const std::string text = metrics.text();
  for (const char* line : {"drypoint_pictures_total{state=\"done\"} 2\n",
                           "drypoint_wait_seconds_bucket{le=\"0.001\"} 2\n",
                           "drypoint_wait_seconds_bucket{le=\"0.2\"} 2\n",
                           "drypoint_wait_seconds_bucket{le=\"0.5\"} 3\n",
                           "drypoint_wait_seconds_bucket{le=\"+Inf\"} 4\n",
                           "drypoint_wait_seconds_count 4\n", "# TYPE lamps gauge\nlamps 3\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Errors, AreInEachApisStyle) {
  const Refusal refusal(429, "queue: full", "n");
  EXPECT_EQ(error_response(ErrorStyle::sdapi, refusal).body,
            R"({"error":"HTTPException","detail":"queue: full","body":"","errors":"queue: full"})");
  EXPECT_EQ(error_response(ErrorStyle::openai, refusal).body,
            R"({"error":{"message":"queue: full","type":"rate_limit_error","param":"n",)"
            R"("code":"rate_limit_exceeded"}})");
  EXPECT_EQ(error_response(ErrorStyle::own, refusal).body,
            R"({"error":{"status":429,"message":"queue: full","field":"n"}})");
  const Error wrong(ErrorKind::bad_argument, "steps: 0, expected 1 to 999");
  EXPECT_EQ(refusal_of(wrong, ErrorStyle::sdapi).status, 422);
  EXPECT_EQ(refusal_of(wrong, ErrorStyle::openai).status, 400);
  EXPECT_EQ(refusal_of(wrong, ErrorStyle::openai).field, "steps");
  EXPECT_EQ(refusal_of(Error(ErrorKind::out_of_memory, "x"), ErrorStyle::own).status, 503);
}

/// What comes back for a request of one connection.
std::string asked(const std::string& url, const std::string& method, const std::string& path,
                  const std::string& body = "") {
  const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return "";
  const std::string text = fmt::format(
      "{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}",
      method, path, body.size(), body);
  EXPECT_EQ(::send(connection, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  std::string answer(1 << 16, '\0');
  size_t size = 0;
  for (ssize_t got = 1; got > 0; size += static_cast<size_t>(std::max<ssize_t>(got, 0))) {
    if (size == answer.size()) answer.resize(2 * size);
    got = ::recv(connection, answer.data() + size, answer.size() - size, 0);
  }
  ::close(connection);
  answer.resize(size);
  return answer;
}

/// The body of an answer, whose head has a date.
std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n")); }

TEST(Server, DrawsAndDrains) {
  std::vector<std::string> told;
  Server server({.files = tiny_files(),
                 .device = {.device = "cpu", .threads = 2},
                 .port = 0,
                 .most_steps = 999,
                 .drain_seconds = 0},
                [&](const std::string& line) { told.push_back(line); });
  EXPECT_THAT(asked(server.url(), "GET", "/health"), HasSubstr("{\"status\":\"ok\"}"));
  EXPECT_THAT(asked(server.url(), "GET", "/nothing"), HasSubstr("HTTP/1.1 404"));
  const Image ring{32, 32, 1, std::vector<uint8_t>(32 * 32, 255)};
  const auto body = [&](int steps) {
    return fmt::format(
        R"({{"id": "job-{0}", "prompt": "a", "edges": "{1}", "steps": {0}, "seed": 1}})", steps,
        to_base64(encode_png(ring)));
  };
  EXPECT_THAT(asked(server.url(), "POST", "/api/v1/jobs", body(2)), HasSubstr("HTTP/1.1 202"));
  EXPECT_THAT(asked(server.url(), "POST", "/api/v1/jobs", body(2)), HasSubstr("HTTP/1.1 409"));
  EXPECT_THAT(asked(server.url(), "GET", "/api/v1/jobs/job-2/events"), HasSubstr("event: done"));
  EXPECT_THAT(asked(server.url(), "GET", "/api/v1/jobs/job-2/images/0"), HasSubstr("PNG"));
  // One that would take long is given up at the end, and whoever watches is told.
  EXPECT_THAT(asked(server.url(), "POST", "/api/v1/jobs", body(900)), HasSubstr("HTTP/1.1 202"));
  std::string seen;
  std::thread watching([&] { seen = asked(server.url(), "GET", "/api/v1/jobs/job-900/events"); });
  while (asked(server.url(), "GET", "/api/v1/jobs/job-900").find("denoise") == std::string::npos) {
  }
  EXPECT_EQ(server.drain([] { return false; }), 1u);
  watching.join();
  EXPECT_THAT(seen, HasSubstr("event: cancelled"));
}

/// The tiny VAE of the golden tensors, as a file.
fs::path tiny_vae(const testing::TemporaryFolder& folder) {
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const auto& [name, tensor] :
       read_tensor_file(testing::data("golden/taesd.safetensors")).tensors.tensors)
    if (name.starts_with("taesd.")) tensors[name.substr(6)] = tensor;
  write_safetensors(folder / "taesd.safetensors", tensors);
  return folder / "taesd.safetensors";
}

/// Previews are an eighth of its sides, but of a tiny VAE's.
TEST(Server, PartialImagesHaveThePicturesSize) {
  const testing::TemporaryFolder folder;
  for (const bool is_tiny : {false, true}) {
    ServerOptions options{.files = tiny_files(),
                          .device = {.device = "cpu", .threads = 2},
                          .port = 0,
                          .preview_every = 1};
    if (is_tiny) options.files.vae = tiny_vae(folder);
    options.at_progress = [](const Progress& now) {  // so that somebody can watch
      if (now.stage == Stage::denoise) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    };
    Server server(options, [](const std::string&) {});
    const std::string events = asked(
        server.url(), "POST", "/v1/images/generations",
        R"({"prompt": "a", "size": "48x32", "steps": 6, "stream": true, "partial_images": 1})");
    const size_t partial = events.find("event: image_generation.partial_image");
    ASSERT_NE(partial, events.npos) << events.substr(0, 400);
    EXPECT_THAT(events.substr(partial), HasSubstr(R"("size":"48x32","background")"));
    EXPECT_THAT(events.substr(events.find("event: image_generation.completed")),
                HasSubstr(R"("size":"48x32","background")"));
    size_t sizes = 0;
    for (size_t at = 0; (at = events.find("\"size\"", at)) != events.npos; ++at) ++sizes;
    EXPECT_EQ(sizes, 2u);
  }
}

TEST(Server, KeepsAcceptedJobsWhenTheDeviceIsLost) {
  const fs::path journal = fs::path(::testing::TempDir()) / "lost.sqlite";
  fs::remove(journal);
  const auto options = [&](std::function<void(const Progress&)> at_progress) {
    ServerOptions all{.files = tiny_files(),
                      .device = {.device = "cpu", .threads = 2},
                      .port = 0,
                      .journal = journal,
                      .drain_seconds = 0};
    all.at_progress = std::move(at_progress);
    return all;
  };
  const auto body = [](const std::string& id, int steps) {
    return fmt::format(R"({{"id": "{}", "prompt": "a", "size": "32x32", "steps": {}, "seed": 1}})",
                       id, steps);
  };
  const auto silent = [](const std::string&) {};
  std::string expected;
  {
    Server good(options({}), silent);
    asked(good.url(), "POST", "/api/v1/jobs", body("good", 3));
    EXPECT_THAT(asked(good.url(), "GET", "/api/v1/jobs/good/events"), HasSubstr("event: done"));
    expected = body_of(asked(good.url(), "GET", "/api/v1/jobs/good/images/0"));
  }
  const auto fails = [](const Progress& now) {
    if (now.stage == Stage::denoise && now.done == 1)
      throw Error(ErrorKind::device_failure, "device cuda: fails for a test");
  };
  {
    Server lost(options(fails), silent);
    EXPECT_FALSE(lost.has_lost_device());
    // The second is drawn after the first, as it is of another shape.
    asked(lost.url(), "POST", "/api/v1/jobs", body("first", 3));
    asked(lost.url(), "POST", "/api/v1/jobs", body("second", 4));
    EXPECT_THAT(asked(lost.url(), "GET", "/api/v1/jobs/first/events"), HasSubstr("event: failed"));
    while (!lost.has_lost_device()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_THAT(asked(lost.url(), "POST", "/api/v1/jobs", body("third", 3)),
                HasSubstr("HTTP/1.1 503"));
    EXPECT_THAT(asked(lost.url(), "GET", "/ready"), HasSubstr("HTTP/1.1 503"));
    lost.drain([] { return true; });
  }
  {
    Server again(options({}), silent);
    for (const char* id : {"first", "second"})
      EXPECT_THAT(asked(again.url(), "GET", fmt::format("/api/v1/jobs/{}/events", id)),
                  HasSubstr("event: done"));
    EXPECT_EQ(body_of(asked(again.url(), "GET", "/api/v1/jobs/first/images/0")), expected);
    asked(again.url(), "POST", "/api/v1/jobs", body("third", 3));
  }
  fs::remove(journal);
  // One with which the device is lost each time is given up at last.
  for (int time = 0; time < 4; ++time) {
    Server lost(options(fails), silent);
    if (time == 0) asked(lost.url(), "POST", "/api/v1/jobs", body("bad", 3));
    const std::string status = asked(lost.url(), "GET", "/api/v1/jobs/bad");
    EXPECT_THAT(status, HasSubstr(time < 3 ? "HTTP/1.1 200" : "HTTP/1.1 404")) << time;
    while (time < 3 && !lost.has_lost_device())
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    lost.drain([] { return true; });
  }
}

TEST(Server, NeedsKeysWhereOthersReachIt) {
  const auto serve = [](ServerOptions options) {
    options.files = tiny_files();
    options.device.device = "cpu";
    options.port = 0;
    Server(options, [](const std::string&) {});
  };
  EXPECT_TRUE(
      fails_with(ErrorKind::bad_argument, {"host: 0.0.0.0"}, [&] { serve({.host = "0.0.0.0"}); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"host: 192.0.2.1"},
                         [&] { serve({.host = "192.0.2.1", .insecure = true}); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"certificate"},
                         [&] { serve({.certificate = "cert.pem"}); }));
}

}  // namespace
}  // namespace drypoint::server
