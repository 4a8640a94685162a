// Requests of many threads: each job ends with its own picture or its own error.
#include "drypoint/queue.h"

#include <fmt/format.h>

#include <atomic>
#include <future>
#include <random>
#include <thread>

#include "support/test_support.h"
#include "threads/devices.h"

namespace drypoint {
namespace {

using testing::fails_with;
using testing::tiny_files;

const Model& tiny_model() {
  static const Model model(tiny_files(), {.device = "cpu", .threads = 2});
  return model;
}

/// Number i of those of a side: each with prompts, guidance, seed and edges of its own.
Request request_of(int i, int side = 16) {
  Request request;
  request.prompt = fmt::format("a cat {}", i);
  if (i % 2 == 1) request.negative_prompt = "a dog";
  request.seed = 100 + i;
  request.steps = 2;
  request.guidance_scale = 5 + i;
  request.image = {side, side, 1, std::vector<uint8_t>(static_cast<size_t>(side * side))};
  for (size_t p = static_cast<size_t>(i); p < request.image.pixels.size(); p += 3 + i % 4)
    request.image.pixels[p] = 255;
  request.is_edges = true;
  return request;
}

/// What a pipeline of its own makes of it.
Result alone(const Request& request) {
  static Pipeline pipeline(tiny_model());
  return pipeline.generate(request);
}

void expect_same(const Result& found, const Result& expected) {
  EXPECT_TRUE(found.images == expected.images);
  EXPECT_EQ(found.parameters, expected.parameters);
  EXPECT_EQ(found.seed, expected.seed);
  EXPECT_TRUE(found.edges == expected.edges);
  EXPECT_EQ(found.notices, expected.notices);
}

/// The first job of a queue, which is being drawn until it is let go.
class Holdup {
 public:
  explicit Holdup(Queue& queue)
      : job_(queue.push(request_of(0, 32), {.progress = [this](const Progress&) {
                          begun_.store(true);
                          go_.get_future().wait();
                          throw std::runtime_error("held up");
                        }})) {
    while (!begun_) std::this_thread::yield();
  }
  ~Holdup() { release(); }
  void release() {
    if (!std::exchange(released_, true)) go_.set_value();
    job_.wait();
  }

 private:
  std::atomic<bool> begun_ = false;
  std::promise<void> go_;
  bool released_ = false;
  Job job_;
};

void expect_batches_as_alone(const DeviceOptions& device) {
  const Model model(tiny_files(), device);
  Pipeline alone(model);
  std::vector<std::pair<const char*, std::function<void(Request&)>>> kinds{
      {"plain", [](Request&) {}},
      {"weights",
       [](Request& r) {
         r.prompt = fmt::format("a (cat:1.{0}) :0.{0}", *r.seed % 7 + 1);
         r.negative_prompt = "a [dog]";
       }},
      {"guess mode", [](Request& r) { r.guess_mode = true; }},
      {"unguided", [](Request& r) { r.guidance_scale = 1, r.eta = 0.5; }},
      {"slots and noise", [](Request& r) { r.sampler = "DPM++ 2M SDE"; }},
      {"guided at first",
       [](Request& r) {
         r.guidance_end = 0.5;
         r.guidance_rescale = 0.7;
       }},
      {"pictures",
       [](Request& r) {
         r.is_edges = false;
         r.size = {24, 16};
         r.low_threshold = 50 + static_cast<double>(*r.seed % 7);
       }},
      {"previews", [](Request& r) { r.steps = 4; }},
  };
  for (const auto& [kind, change] : kinds) {
    SCOPED_TRACE(kind);
    Queue queue(model);
    std::vector<Request> requests;
    std::vector<Job> jobs;
    std::atomic<int> most = 0;
    std::vector<Image> previews[4];
    // Of one batch the first two want them, not as often.
    const auto shown_to = [&](size_t i, std::vector<Image>& shown) {
      Callbacks callbacks{.preview_steps = 1 + static_cast<int>(i)};
      if (kind == std::string_view("previews") && i < 2)
        callbacks.preview = [&](const Image& image) { shown.push_back(image); };
      return callbacks;
    };
    {
      Holdup holdup(queue);
      for (size_t i = 0; i < 4; ++i) {
        change(requests.emplace_back(request_of(static_cast<int>(i))));
        Callbacks callbacks = shown_to(i, previews[i]);
        callbacks.progress = [&](const Progress&) {
          int denoised = 0;
          for (const Job& job : jobs) denoised += job.progress().stage == Stage::denoise;
          most = std::max(most.load(), denoised);
        };
        jobs.push_back(queue.push(requests.back(), callbacks));
      }
      EXPECT_EQ(queue.waiting(), 4u);
    }
    for (size_t i = 0; i < jobs.size(); ++i) {
      SCOPED_TRACE(i);
      std::vector<Image> expected;
      expect_same(jobs[i].result(), alone.generate(requests[i], shown_to(i, expected)));
      EXPECT_TRUE(previews[i] == expected);
      EXPECT_EQ(expected.size(), kind != std::string_view("previews") ? 0
                                 : i == 0                             ? 3
                                 : i == 1                             ? 1
                                                                      : 0);
      EXPECT_EQ(jobs[i].state(), JobState::done);
      EXPECT_EQ(jobs[i].place(), 0u);
      EXPECT_EQ(jobs[i].progress().stage, Stage::decode);
      EXPECT_EQ(jobs[i].progress().done, 1);
    }
    EXPECT_EQ(most, 4);  // by one run
  }
}

TEST(Queue, DrawsEachOfABatchAsAlone) {
  for (const DeviceOptions& device : testing::devices({"fp16", "bf16", "tf32", "fp32"})) {
    SCOPED_TRACE(fmt::format("{} {}", device.device, device.precision.name()));
    expect_batches_as_alone(device);
  }
}

TEST(Queue, DrawsPromptsOfAllKindsAsAlone) {
  std::string longest;
  for (int i = 0; i < 90; ++i) longest += "a cat ";
  const std::vector<std::pair<const char*, std::function<void(Request&)>>> kinds{
      {"schedule", [](Request& r) { r.prompt = "a [cat:dog:1]"; }},
      {"weights", [](Request& r) { r.prompt = "a (cat:1.5) and a [dog]"; }},
      {"negative schedule", [](Request& r) { r.negative_prompt = "[cat|dog]"; }},
      {"parts", [](Request& r) { r.prompt = "a cat AND a dog :0.5"; }},
      {"weight of a part", [](Request& r) { r.prompt = "a cat :0.5"; }},
      {"long", [&](Request& r) { r.prompt = longest; }},
      {"long both", [&](Request& r) { r.prompt = r.negative_prompt = longest; }},
      {"plain", [](Request&) {}},
      {"long negative", [&](Request& r) { r.negative_prompt = longest; }},
  };
  for (const bool guess_mode : {false, true}) {
    Queue queue(tiny_model(), {.together = 16});
    std::vector<Request> requests;
    std::vector<Job> jobs;
    {
      Holdup holdup(queue);
      for (int i = 0; i < 16; ++i) {
        Request& request = requests.emplace_back(request_of(i));
        kinds[static_cast<size_t>(i) % kinds.size()].second(request);
        request.guess_mode = guess_mode;
        jobs.push_back(queue.push(request));
      }
    }
    for (size_t i = 0; i < jobs.size(); ++i) {
      const std::string_view kind = kinds[i % kinds.size()].first;
      SCOPED_TRACE(fmt::format("{} {}", i, kind));
      expect_same(jobs[i].result(), alone(requests[i]));
      // All were taken from the line at once; five of them have one text of one length.
      const bool is_plain = kind == "weights" || kind == "weight of a part" || kind == "plain";
      EXPECT_EQ(jobs[i].together(), is_plain ? 5u : 1u);
    }
  }
}

TEST(Queue, ServesInOrderButForThoseOfOneShape) {
  Queue queue(tiny_model());
  std::vector<Job> jobs;
  std::vector<int> begun;  // in the queue's one thread
  Request several = request_of(1);
  several.samples = 2;
  {
    Holdup holdup(queue);
    const auto push = [&](const Request& request) {
      const int number = static_cast<int>(jobs.size());
      jobs.push_back(queue.push(request, {.progress = [&, number](const Progress& progress) {
                                  if (progress.stage == Stage::prepare) begun.push_back(number);
                                }}));
    };
    push(request_of(0, 24));
    push(request_of(1, 16));
    push(several);  // alone
    push(request_of(2, 24));
    push(request_of(3, 24));  // the third: two are drawn together, or four
    push(request_of(4, 16));
    for (size_t i = 0; i < jobs.size(); ++i) EXPECT_EQ(jobs[i].place(), i + 1);
    jobs[5].cancel();
    EXPECT_EQ(jobs[5].state(), JobState::cancelled);
    EXPECT_EQ(jobs[5].place(), 0u);
    jobs[0].cancel();
    EXPECT_EQ(jobs[1].place(), 1u);
    push(request_of(0, 24));
    EXPECT_EQ(jobs[6].place(), 5u);
    EXPECT_FALSE(jobs[6].wait_for(std::chrono::milliseconds(1)));
  }
  for (const Job& job : jobs) job.wait();
  EXPECT_EQ(begun, (std::vector<int>{1, 2, 3, 4, 6}));
  EXPECT_EQ(jobs[2].result().images.size(), 2u);
}

TEST(Queue, LetsOwnersTakeTurns) {
  Queue queue(tiny_model(), {.together = 1});
  std::vector<Job> jobs;
  std::string begun;
  {
    Holdup holdup(queue);
    for (const char owner : std::string("aaaabbc"))
      jobs.push_back(queue.push(request_of(1),
                                {.progress =
                                     [&begun, owner](const Progress& now) {
                                       if (now.stage == Stage::prepare) begun += owner;
                                     }},
                                {}, std::string(1, owner)));
    const size_t places[] = {1, 4, 6, 7, 2, 5, 3};
    for (size_t i = 0; i < jobs.size(); ++i) EXPECT_EQ(jobs[i].place(), places[i]) << i;
  }
  for (const Job& job : jobs) job.wait();
  EXPECT_EQ(begun, "abcabaa");
}

TEST(Queue, TellsPreviewsAndDrawsTheSame) {
  Queue queue(tiny_model());
  std::vector<Image> previews;
  Request request = request_of(1, 32);
  request.steps = 5;
  Callbacks callbacks{.preview = [&](const Image& image) { previews.push_back(image); },
                      .preview_steps = 2};
  expect_same(queue.push(request, callbacks).result(), alone(request));
  ASSERT_EQ(previews.size(), 2u);
  for (const Image& preview : previews)
    EXPECT_EQ((ImageSize{preview.width, preview.height}), (ImageSize{4, 4}));
  EXPECT_NE(previews[0], previews[1]);
}

TEST(Queue, TakesAlongAsManyAsItIsTold) {
  Queue queue(tiny_model(), {.together = 2});
  std::vector<Job> jobs;
  std::vector<std::pair<int, int>> seen;
  {
    Holdup holdup(queue);
    const int sides[] = {16, 24, 16, 16};
    for (int i = 0; i < 4; ++i)
      jobs.push_back(queue.push(request_of(i, sides[i]), {.progress = [&, i](const Progress& p) {
                                  if (p.stage == Stage::prepare) seen.emplace_back(i, p.done);
                                }}));
  }
  for (const Job& job : jobs) job.wait();
  EXPECT_EQ(seen, (std::vector<std::pair<int, int>>{{0, 0}, {2, 0}, {1, 0}, {3, 0}}));
  const size_t together[] = {2, 1, 2, 1};
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(jobs[i].together(), together[i]) << i;
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"pipelines: 0"},
                         [] { Queue(tiny_model(), {.pipelines = 0}); }));
  EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"together: 65"},
                         [] { Queue(tiny_model(), {.together = 65}); }));
}

TEST(Queue, WhatBecomesOfOneDoesNoHarmToOthers) {
  for (const Stage when : {Stage::prepare, Stage::text, Stage::denoise, Stage::decode}) {
    SCOPED_TRACE(name(when));
    Queue queue(tiny_model());
    std::vector<Job> jobs;
    {
      Holdup holdup(queue);
      jobs.push_back(queue.push(request_of(0), {.progress = [&](const Progress& progress) {
                                  if (progress.stage == when) throw 7;
                                }}));
      jobs.push_back(queue.push(request_of(1), {.progress = [&](const Progress& progress) {
                                  if (progress.stage == when) jobs[1].cancel();
                                }}));
      Request bad = request_of(2);
      bad.negative_prompt = "\xff";
      jobs.push_back(queue.push(bad));
      jobs.push_back(queue.push(request_of(3)));
      bool stop = false;
      jobs.push_back(queue.push(request_of(4), {[&stop, when](const Progress& progress) {
                                                  stop = stop || progress.stage == when;
                                                },
                                                [&stop] { return stop; }}));
      holdup.release();
      for (const Job& job : jobs) job.wait();
    }
    EXPECT_THROW(jobs[0].result(), int);
    EXPECT_EQ(jobs[0].state(), JobState::failed);
    // Asked to stop after its last picture, a job may be done.
    if (when != Stage::decode) {
      EXPECT_TRUE(fails_with(ErrorKind::cancelled, {}, [&] { jobs[1].result(); }));
    }
    EXPECT_TRUE(fails_with(ErrorKind::bad_argument, {"UTF-8"}, [&] { jobs[2].result(); }));
    expect_same(jobs[3].result(), alone(request_of(3)));
    if (when != Stage::decode) {
      EXPECT_TRUE(fails_with(ErrorKind::cancelled, {}, [&] { jobs[4].result(); }));
    }
  }
}

TEST(Queue, LeavesABatchAtOnce) {
  Queue queue(tiny_model());
  Request longest = request_of(0);
  longest.steps = 900;
  std::vector<Job> jobs;
  {
    Holdup holdup(queue);
    for (int i = 0; i < 2; ++i) jobs.push_back(queue.push(longest));
  }
  while (jobs[0].progress().stage != Stage::denoise) std::this_thread::yield();
  EXPECT_EQ(jobs[1].state(), JobState::drawing);
  jobs[1].cancel();
  jobs[1].wait();
  EXPECT_EQ(jobs[0].state(), JobState::drawing);
  jobs[0].cancel();
  EXPECT_TRUE(fails_with(ErrorKind::cancelled, {}, [&] { jobs[0].result(); }));
}

TEST(Queue, EndsAllItsJobsWhenItEnds) {
  std::vector<Job> jobs;
  {
    Queue queue(tiny_model(), {.pipelines = 2});
    Request longest = request_of(0);
    longest.steps = 900;
    for (int i = 0; i < 3; ++i) jobs.push_back(queue.push(longest));
    jobs.push_back(queue.push(request_of(1, 24)));
    while (jobs[0].progress().stage != Stage::denoise) std::this_thread::yield();
    queue.stop();
    EXPECT_TRUE(fails_with(ErrorKind::cancelled, {"queue"}, [&] { queue.push(request_of(0)); }));
    queue.stop();
    EXPECT_EQ(queue.waiting(), 0u);
  }
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(
        fails_with(ErrorKind::cancelled, {}, [&] { jobs[static_cast<size_t>(i)].result(); }));
  jobs[3].cancel();
  EXPECT_TRUE(jobs[3].wait_for(std::chrono::milliseconds(0)));
}

TEST(Queue, TellsEachEndOnce) {
  std::array<std::atomic<int>, 5> told{};
  std::vector<Job> jobs;
  {
    Queue queue(tiny_model(), {.together = 1});
    Holdup holdup(queue);
    for (size_t i = 0; i < told.size(); ++i) {
      Request request = request_of(static_cast<int>(i));
      if (i == 1) request.steps = 0;  // fails
      jobs.push_back(queue.push(request, {}, [&queue, &told, i] {
        queue.waiting();  // nothing is locked
        ++told[i];
      }));
    }
    jobs[2].cancel();
    jobs[2].cancel();
    EXPECT_EQ(told[2], 1);
    EXPECT_EQ(jobs[0].together(), 0u);
    holdup.release();
    jobs[1].wait();
    jobs[0].wait();
    jobs[3].cancel();
    queue.stop();  // the rest
  }
  for (size_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i], 1) << i;
}

TEST(Queue, MayBeStoppedByACallback) {
  Queue queue(tiny_model());
  const Job job = queue.push(request_of(0), {.progress = [&](const Progress&) { queue.stop(); }});
  EXPECT_TRUE(fails_with(ErrorKind::cancelled, {}, [&] { job.result(); }));
}

TEST(Queue, ServesManyThreads) {
  constexpr int threads = 8, rounds = 6, kinds = 3;
  std::vector<Request> requests;
  std::vector<Result> expected;
  for (int i = 0; i < kinds; ++i)
    for (const int side : {16, 24}) {
      requests.push_back(request_of(i, side));
      expected.push_back(alone(requests.back()));
    }
  Queue queue(tiny_model(), {.pipelines = 2});
  std::atomic<int> done = 0, thrown = 0, refused = 0, cancelled = 0;
  std::vector<std::thread> pushing;
  for (int t = 0; t < threads; ++t)
    pushing.emplace_back([&, t] {
      std::minstd_rand random(static_cast<unsigned>(t + 1));
      for (int round = 0; round < rounds; ++round) {
        const size_t which = random() % requests.size();
        switch (random() % 4) {
          case 0: {  // a callback that throws, at some time
            std::atomic<int> calls = 0;
            const int last = static_cast<int>(random() % 5);
            const Job job = queue.push(requests[which], {.progress = [&](const Progress&) {
                                         if (calls++ == last) throw std::runtime_error("own");
                                       }});
            EXPECT_THROW(job.result(), std::runtime_error);
            ++thrown;
            break;
          }
          case 1: {  // a bad request
            Request bad = requests[which];
            bad.steps = 0;
            EXPECT_TRUE(
                fails_with(ErrorKind::bad_argument, {"steps"}, [&] { queue.push(bad).result(); }));
            ++refused;
            break;
          }
          case 2: {  // given up, if there is still time
            Job job = queue.push(requests[which]);
            job.wait_for(std::chrono::milliseconds(random() % 40));
            job.cancel();
            try {
              expect_same(job.result(), expected[which]);
            } catch (const Error& error) {
              EXPECT_EQ(error.kind(), ErrorKind::cancelled);
              ++cancelled;
            }
            break;
          }
          default: {
            const Job job = queue.push(requests[which]);
            job.place(), job.progress(), queue.waiting();
            expect_same(job.result(), expected[which]);
            ++done;
          }
        }
      }
    });
  for (std::thread& thread : pushing) thread.join();
  EXPECT_GT(done, 0);
  EXPECT_GT(thrown, 0);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(queue.waiting(), 0u);
}

}  // namespace
}  // namespace drypoint
