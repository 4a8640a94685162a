#include "checkpoint/pickle.h"

#include "support/test_support.h"

namespace drypoint::pickle {
namespace {

using testing::fails_with;

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// String literals with embedded zeros.
template <size_t N>
std::string raw(const char (&text)[N]) {
  return std::string(text, N - 1);
}

auto refuses(const std::string& program, const std::string& message) {
  return fails_with(ErrorKind::bad_file, {"f.pt", message},
                    [&] { Pickle(bytes(program), "f.pt"); });
}

TEST(Pickle, ReadsContainersAndNumbers) {
  // pickle.dumps({"a": (1, -2, 2.5, None, True), "b": [b"x", 2**40, -1]}, 4), then something else
  const std::string program =
      raw("\x80\x04\x95\x32\0\0\0\0\0\0\0}\x94(\x8c\x01"
          "a\x94(K\x01J\xfe\xff\xff\xffG@\x04\0\0\0\0\0\0N\x88t\x94\x8c\x01"
          "b\x94](C\x01x\x94\x8a\x06\0\0\0\0\0\x01J\xff\xff\xff\xff"
          "eu.rest");
  const Pickle pickle(bytes(program), "f");
  EXPECT_EQ(pickle.length(), program.size() - 4);
  const Value* a = pickle.root().find("a");
  ASSERT_TRUE(a && a->is(Kind::tuple));
  ASSERT_EQ(a->items.size(), 5u);
  EXPECT_EQ(a->items[0]->integer, 1);
  EXPECT_EQ(a->items[1]->integer, -2);
  EXPECT_EQ(a->items[2]->real, 2.5);
  EXPECT_TRUE(a->items[3]->is(Kind::none));
  EXPECT_TRUE(a->items[4]->is(Kind::boolean) && a->items[4]->integer == 1);
  const Value* b = pickle.root().find("b");
  ASSERT_TRUE(b && b->is(Kind::list));
  EXPECT_EQ(b->items[0]->text, "x");
  EXPECT_EQ(b->items[1]->integer, int64_t{1} << 40);
  EXPECT_EQ(b->items[2]->integer, -1);
  EXPECT_EQ(pickle.root().find("c"), nullptr);
}

TEST(Pickle, ReadsTheTextProtocol) {
  // pickle.dumps({"a": [1, True, 3.5, "t"], "n": -7}, 0)
  const std::string program = "(dp0\nVa\np1\n(lp2\nI1\naI01\naF3.5\naVt\np3\nasVn\np4\nL-7L\ns.";
  const Pickle pickle(bytes(program), "f");
  const Value* a = pickle.root().find("a");
  ASSERT_TRUE(a);
  ASSERT_EQ(a->items.size(), 4u);
  EXPECT_EQ(a->items[0]->integer, 1);
  EXPECT_TRUE(a->items[1]->is(Kind::boolean));
  EXPECT_EQ(a->items[2]->real, 3.5);
  EXPECT_EQ(a->items[3]->text, "t");
  EXPECT_EQ(pickle.root().find("n")->integer, -7);
}

TEST(Pickle, NeverCallsWhatItNames) {
  // What an attack looks like: os.system("exit 1"), in three spellings.
  for (const std::string& program :
       {std::string("cos\nsystem\n(S'exit 1'\ntR."), std::string("(S'exit 1'\nios\nsystem\n."),
        raw("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x06"
            "exit 1\x85R.")}) {
    const Pickle pickle(bytes(program), "f");
    ASSERT_TRUE(pickle.root().is(Kind::object));
    EXPECT_EQ(describe(pickle.root()), "an object made by os.system");
    EXPECT_EQ(pickle.root().items[1]->items[0]->text, "exit 1");
  }
}

TEST(Pickle, OrderedDictionariesAreDictionariesAndStateIsIgnored) {
  // OrderedDict([["a", 1]]) with b = 2 set, and attributes; then an unknown class's items are
  // dropped
  const Pickle pickle(
      bytes("ccollections\nOrderedDict\n((lp0\n(lp1\nVa\naI1\naatRVb\nI2\ns(dVx\nI3\nsb."), "f");
  ASSERT_TRUE(pickle.root().is(Kind::dictionary));
  EXPECT_EQ(pickle.root().find("a")->integer, 1);
  EXPECT_EQ(pickle.root().find("b")->integer, 2);
  EXPECT_EQ(pickle.root().find("x"), nullptr);
  const Pickle unknown(bytes("cmy\nDict\n(tRVb\nI2\ns."), "f");
  EXPECT_EQ(describe(unknown.root()), "an object made by my.Dict");
}

TEST(Pickle, RefusesWhatIsDamaged) {
  EXPECT_TRUE(refuses("", "ends too early"));
  EXPECT_TRUE(refuses("N", "ends too early"));
  EXPECT_TRUE(refuses(".", "not there"));
  EXPECT_TRUE(refuses("a.", "not there"));
  EXPECT_TRUE(refuses("Na.", "not there"));
  EXPECT_TRUE(refuses("NNa.", "not a list"));
  EXPECT_TRUE(refuses("NNNs.", "not a dictionary"));
  EXPECT_TRUE(refuses("t.", "mark"));
  EXPECT_TRUE(refuses("N(R.", "not there"));  // a mark protects what lies below
  EXPECT_TRUE(refuses("(Nd.", "no value"));
  EXPECT_TRUE(refuses("h\x05.", "never stored"));
  EXPECT_TRUE(refuses("Xabc", "too early"));
  EXPECT_TRUE(refuses("X\xff\xff\xff\xff", "too early"));
  EXPECT_TRUE(refuses("\x8e\xff\xff\xff\xff\xff\xff\xff\xff", "too early"));
  EXPECT_TRUE(refuses("I12", "does not end"));
  EXPECT_TRUE(refuses("Iabc\n.", "not a number"));
  EXPECT_TRUE(refuses("L99999999999x\n.", "not a number"));
  EXPECT_TRUE(refuses("NN\x93.", "no name"));
  EXPECT_TRUE(refuses("(o.", "no class"));
  EXPECT_TRUE(refuses("\xff.", "opcode 0xff"));
  EXPECT_TRUE(refuses("\x80\x09.", "protocol 9"));
  EXPECT_TRUE(refuses(std::string("c").append(1000, 'm') + "\nn\n.", "too long"));
}

TEST(Pickle, BoundsNestingAndSize) {
  EXPECT_TRUE(refuses(std::string(300, '(') + ".", "nested deeper"));
  EXPECT_TRUE(refuses(std::string(300, ']') + std::string(299, 'a') + ".", "nested deeper"));
  std::string tuples = "N";
  for (int i = 0; i < 300; ++i) tuples += '\x85';
  EXPECT_TRUE(refuses(tuples + ".", "nested deeper"));
  const Pickle deep(bytes(std::string(150, ']') + std::string(149, 'a') + "."), "f");
  EXPECT_EQ(deep.root().depth, 149);
  // A list that holds itself
  std::string itself = raw("]q\0");
  for (int i = 0; i < 300; ++i) itself += raw("h\0a");
  EXPECT_TRUE(refuses(itself + ".", "nested deeper"));
  EXPECT_TRUE(refuses(std::string(3'000'000, 'N') + ".", "values"));
  // Doubling: each tuple holds the one before twice. It stays small, for values are shared.
  std::string doubling = "N";
  for (int i = 0; i < 100; ++i) doubling += "2\x86";
  EXPECT_EQ(Pickle(bytes(doubling + "."), "f").root().items.size(), 2u);
}

}  // namespace
}  // namespace drypoint::pickle
