#include "server/journal.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <initializer_list>
#include <string_view>

#include "drypoint/error.h"

namespace drypoint::server {

/// For values that outlive its steps.
class Journal::Statement {
 public:
  Statement(sqlite3* database, const char* text) {
    sqlite3_prepare_v2(database, text, -1, &statement_, nullptr);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Begins anew, and goes to the first row or, where there are none, to the end.
  int run(std::initializer_list<std::string_view> values) {
    if (!statement_) return SQLITE_ERROR;
    sqlite3_reset(statement_);
    int place = 0;
    for (const std::string_view value : values)
      sqlite3_bind_text64(statement_, ++place, value.data(), value.size(), SQLITE_STATIC,
                          SQLITE_UTF8);
    return step();
  }
  /// The same, of one that has no rows; then it holds nothing of the values.
  bool do_it(std::initializer_list<std::string_view> values) {
    const bool is_done = run(values) == SQLITE_DONE;
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
    return is_done;
  }
  int step() { return statement_ ? sqlite3_step(statement_) : SQLITE_ERROR; }
  std::string text(int column) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes ? std::string(bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column)))
                 : "";
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

void Journal::cannot_write() const {
  throw Error(ErrorKind::write_failed,
              fmt::format("{}: cannot be written as a journal: {}", name_,
                          database_ ? sqlite3_errmsg(database_.get()) : "no memory"));
}

Journal::Journal(const std::filesystem::path& path) : name_(path.string()) {
  const mode_t before = ::umask(0077);
  sqlite3* database = nullptr;
  const int opened = sqlite3_open(name_.c_str(), &database);
  database_.reset(database);  // also one that could not be opened, which says why
  const bool is_good =
      opened == SQLITE_OK &&
      // With a log ahead of it, what was written outlives the process without waiting for the disk.
      sqlite3_exec(database,
                   "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                   "PRAGMA secure_delete = ON;"
                   "CREATE TABLE IF NOT EXISTS jobs (number INTEGER PRIMARY KEY,"
                   " id TEXT UNIQUE NOT NULL, client TEXT NOT NULL, body TEXT NOT NULL);"
                   "CREATE TABLE IF NOT EXISTS losses (id TEXT PRIMARY KEY, count INTEGER);",
                   nullptr, nullptr, nullptr) == SQLITE_OK;
  ::umask(before);
  if (!is_good) cannot_write();
  const auto prepared = [&](const char* text) {
    return std::make_unique<Statement>(database, text);
  };
  insert_ = prepared("INSERT OR IGNORE INTO jobs (id, client, body) VALUES (?, ?, ?)");
  remove_job_ = prepared("DELETE FROM jobs WHERE id = ?");
  remove_losses_ = prepared("DELETE FROM losses WHERE id = ?");
}

Journal::~Journal() = default;

void Journal::Close::operator()(sqlite3* database) const { sqlite3_close(database); }

void Journal::add(const Entry& entry) {
  const std::lock_guard lock(mutex_);
  if (!insert_->do_it({entry.id, entry.client, entry.body})) cannot_write();
}

void Journal::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  remove_job_->do_it({id});
  remove_losses_->do_it({id});
}

int Journal::count_loss(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Statement count(database_.get(),
                  "INSERT INTO losses VALUES (?, 1)"
                  " ON CONFLICT (id) DO UPDATE SET count = count + 1 RETURNING count");
  return count.run({id}) == SQLITE_ROW ? std::stoi("0" + count.text(0)) : 0;
}

std::vector<Journal::Entry> Journal::all() const {
  const std::lock_guard lock(mutex_);
  Statement select(database_.get(), "SELECT id, client, body FROM jobs ORDER BY number");
  std::vector<Entry> entries;
  for (int state = select.run({}); state == SQLITE_ROW; state = select.step())
    entries.push_back({select.text(0), select.text(1), select.text(2)});
  return entries;
}

}  // namespace drypoint::server
