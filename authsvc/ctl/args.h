// The command line of one command: flags with and without value in any place ("-o yaml", "-oyaml",
// "--output=yaml"), the rest positional.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::authsvc::ctl {

struct FlagSpec {
  absl::string_view name;   // "--file"
  absl::string_view alias;  // "-f"; empty: none
  bool takes_value = true;  // else "=true" and "=false" may follow; the last counts
  absl::string_view help;
  absl::string_view bare = "";  // its value where none is given; then one comes behind "=" alone
};

class Args {
 public:
  // InvalidArgument with "did you mean".
  [[nodiscard]] static absl::StatusOr<Args> Parse(const std::vector<std::string>& words,
                                                  const std::vector<FlagSpec>& flags);

  [[nodiscard]] bool Has(absl::string_view flag) const;
  // The last one given; empty when none is.
  [[nodiscard]] std::string Get(absl::string_view flag) const;
  // All of them, each split at commas.
  [[nodiscard]] std::vector<std::string> GetList(absl::string_view flag) const;
  // All of them, as they are written.
  [[nodiscard]] std::vector<std::string> GetAll(absl::string_view flag) const;
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

 private:
  std::map<std::string, std::vector<std::string>> flags_;
  std::vector<std::string> words_;
};

}  // namespace sallyport::authsvc::ctl
