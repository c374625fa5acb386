// The paths that an API lists of itself: "/orders", "/orders/{id}/items", "/files/*". A literal
// segment is compared byte by byte, {name} stands for one segment that is not empty, * at the end
// for all that follows the slash before it, also nothing. Pure; a value, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::domain {

inline constexpr size_t kMostTemplateBytes = 1024;

class PathTemplate {
 public:
  // InvalidArgument, for the operator: no '/' at its beginning, a brace or star that is not a whole
  // segment, a parameter without name or twice, an empty or dot segment, a character that no path
  // has once it is normalised.
  [[nodiscard]] static absl::StatusOr<PathTemplate> Parse(absl::string_view text);

  // `path` begins with '/', is normalised, and has no query.
  [[nodiscard]] bool Matches(absl::string_view path) const;
  // Of two that match one path, the one that is to be taken: at the first segment that differs in
  // kind a literal comes before a parameter, and that before a star.
  [[nodiscard]] bool ComesBefore(const PathTemplate& other) const;
  // Equal where two match exactly the same paths: the names of parameters are left out.
  [[nodiscard]] std::string Shape() const;

 private:
  enum class Kind : unsigned char { kLiteral, kParameter, kRest };
  struct Segment {
    Kind kind = Kind::kLiteral;
    std::string text;  // of a literal
  };
  std::vector<Segment> segments_;  // "/" has one, an empty literal
};

}  // namespace sallyport::domain
