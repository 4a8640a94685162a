#include "server/journal.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "drypoint/error.h"

namespace drypoint::server {
namespace {

/// A statement, with its values put in.
class Statement {
 public:
  Statement(sqlite3* database, const char* text, const std::vector<std::string>& values = {}) {
    if (sqlite3_prepare_v2(database, text, -1, &statement_, nullptr) != SQLITE_OK) return;
    for (size_t i = 0; i < values.size(); ++i)
      sqlite3_bind_text(statement_, static_cast<int>(i) + 1, values[i].data(),
                        static_cast<int>(values[i].size()), SQLITE_TRANSIENT);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  int step() { return statement_ ? sqlite3_step(statement_) : SQLITE_ERROR; }
  std::string text(int column) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes ? std::string(bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column)))
                 : "";
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

[[noreturn]] void cannot_write(const std::string& name, sqlite3* database) {
  throw Error(ErrorKind::write_failed,
              fmt::format("{}: cannot be written as a journal: {}", name,
                          database ? sqlite3_errmsg(database) : "no memory"));
}

}  // namespace

Journal::Journal(const std::filesystem::path& path) : name_(path.string()) {
  const mode_t before = ::umask(0077);
  const int opened = sqlite3_open(name_.c_str(), &database_);
  const bool is_good =
      opened == SQLITE_OK &&
      // With a log ahead of it, what was written outlives the process without waiting for the disk.
      sqlite3_exec(database_,
                   "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                   "PRAGMA secure_delete = ON;"
                   "CREATE TABLE IF NOT EXISTS jobs (number INTEGER PRIMARY KEY,"
                   " id TEXT UNIQUE NOT NULL, client TEXT NOT NULL, body TEXT NOT NULL);"
                   "CREATE TABLE IF NOT EXISTS losses (id TEXT PRIMARY KEY, count INTEGER);",
                   nullptr, nullptr, nullptr) == SQLITE_OK;
  ::umask(before);
  if (is_good) return;
  const std::string why = database_ ? sqlite3_errmsg(database_) : "no memory";
  sqlite3_close(database_);
  throw Error(ErrorKind::write_failed,
              fmt::format("{}: cannot be written as a journal: {}", name_, why));
}

Journal::~Journal() { sqlite3_close(database_); }

void Journal::add(const Entry& entry) {
  const std::lock_guard lock(mutex_);
  Statement insert(database_, "INSERT OR IGNORE INTO jobs (id, client, body) VALUES (?, ?, ?)",
                   {entry.id, entry.client, entry.body});
  if (insert.step() != SQLITE_DONE) cannot_write(name_, database_);
}

void Journal::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Statement(database_, "DELETE FROM jobs WHERE id = ?", {id}).step();
  Statement(database_, "DELETE FROM losses WHERE id = ?", {id}).step();
}

int Journal::count_loss(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Statement count(database_,
                  "INSERT INTO losses VALUES (?, 1)"
                  " ON CONFLICT (id) DO UPDATE SET count = count + 1 RETURNING count",
                  {id});
  return count.step() == SQLITE_ROW ? std::stoi("0" + count.text(0)) : 0;
}

std::vector<Journal::Entry> Journal::all() const {
  const std::lock_guard lock(mutex_);
  Statement select(database_, "SELECT id, client, body FROM jobs ORDER BY number");
  std::vector<Entry> entries;
  while (select.step() == SQLITE_ROW)
    entries.push_back({select.text(0), select.text(1), select.text(2)});
  return entries;
}

}  // namespace drypoint::server
