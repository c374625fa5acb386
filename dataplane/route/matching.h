// What a request must have beside host and listen path to be a route's. A route without methods and
// conditions is never asked: it takes whatever gets there. Values; immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace re2 {
class RE2;
}

namespace sallyport::dataplane {

struct AddressRange;

struct MatchCondition {
  enum class Variable : uint8_t { kHeader, kQuery, kCookie, kPath, kClientAddress };
  enum class Operator : uint8_t { kIn, kMatches, kAddressIn };
  Variable variable = Variable::kHeader;
  Operator op = Operator::kIn;
  std::string name;                                         // of a header in lower case
  std::vector<std::string> values;                          // kIn
  std::shared_ptr<const re2::RE2> regex;                    // kMatches
  std::shared_ptr<const std::vector<AddressRange>> ranges;  // kAddressIn
  bool negate = false;
};

struct MatchRules {
  // kSegments: at segment borders, or as Route::loose_prefix says; kPrefix: by bytes.
  enum class Path : uint8_t { kSegments, kExact, kPrefix };
  Path path = Path::kSegments;
  std::vector<std::string> methods;  // upper case; empty: all
  int32_t priority = 0;              // of several at one path: the highest first
  std::vector<MatchCondition> conditions;
  uint8_t host_tier = 0;  // 1, 2: asked after what is written for the host itself

  [[nodiscard]] bool conditional() const { return !methods.empty() || !conditions.empty(); }
  // Of two at one path, whether this one is asked first, apart from their ids.
  [[nodiscard]] int Compare(const MatchRules& other) const;
};

}  // namespace sallyport::dataplane
