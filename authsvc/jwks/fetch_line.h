// Fetches that nobody waits for, in line: a bounded number under way at once, of one server fewer
// still, and the servers take turns, so that one that is slow or has many key sets delays its own
// alone. Not thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::authsvc {

// Scheme, host and port as they are written: what stands before the path.
[[nodiscard]] std::string ServerOf(absl::string_view url);

class FetchLine {
 public:
  // `most` at once, of them `most_of_one` of one server.
  FetchLine(size_t most, size_t most_of_one) : most_(most), most_of_one_(most_of_one) {}

  void Add(std::string key, absl::string_view url);
  // Whose turn it is: under way until End. None: nobody's now. Each that was added has its turn,
  // also one that is under way already, and is then under way twice.
  [[nodiscard]] std::optional<std::string> Next();
  // Once for each turn. One that is not under way is of no account.
  void End(const std::string& key);
  // Those under way are not forgotten.
  void Clear() { waiting_.clear(); }

 private:
  using Waiting = std::map<std::string, std::deque<std::string>>;

  [[nodiscard]] bool MayBegin(const std::string& server) const;
  [[nodiscard]] Waiting::iterator NextServer();

  const size_t most_;
  const size_t most_of_one_;
  Waiting waiting_;                                    // keys by server, none empty
  std::map<std::string, size_t> busy_;                 // how many are under way, by server
  std::multimap<std::string, std::string> under_way_;  // key -> server
  std::string last_;                                   // the server that had its turn last
};

}  // namespace sallyport::authsvc
