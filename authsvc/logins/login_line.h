// Checks in line: whose turn it is, and who finds a place. User names of nobody cost a check like
// others and are never the same one twice, so they have bounds of their own and leave a thread to
// names that somebody has. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc {

class Snapshot;
struct LoginOptions;

struct LoginJob {
  [[nodiscard]] bool IsNobodys() const { return key_id.empty(); }

  std::string digest;  // of what is checked
  std::string key_id;  // empty: a user name of nobody
  std::string org_id;
  std::string name;  // organisation and user name
  absl::Duration since;
  std::shared_ptr<const Snapshot> snapshot;
  base::Secret password;
};

class LoginLine {
 public:
  explicit LoginLine(const LoginOptions& options);

  [[nodiscard]] bool HasPlaceFor(const LoginJob& job) const;
  // One that has a place.
  void Add(LoginJob job);
  // In the order in which they came, of nobodies' by organisations in turn. Under way until End.
  // None: nobody may begin now.
  [[nodiscard]] std::optional<LoginJob> Next();
  // One that Next gave.
  void End(const LoginJob& job);

 private:
  struct Place {
    uint64_t number = 0;
    LoginJob job;
  };
  using Places = std::deque<Place>;
  using Count = absl::flat_hash_map<std::string, size_t>;

  [[nodiscard]] std::map<std::string, Places>::iterator NextNobodies();
  LoginJob TakeNobodys(std::map<std::string, Places>::iterator of_org);

  const size_t most_;
  const size_t most_of_one_;
  const size_t most_nobodies_;
  const size_t most_nobodies_of_org_;
  const bool alone_;                  // one thread
  const size_t most_nobodies_begun_;  // at once
  uint64_t came_ = 0;
  Places waiting_;                          // names that somebody has
  std::map<std::string, Places> nobodies_;  // by organisation, none empty
  std::string last_;                        // the organisation that had its turn last
  size_t nobodies_waiting_ = 0;
  size_t nobodies_begun_ = 0;
  Count of_name_;          // waiting or under way
  Count nobodies_of_org_;  // waiting or under way
};

}  // namespace sallyport::authsvc
